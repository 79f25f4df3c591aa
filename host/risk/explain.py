"""Why an order was rejected, in words, with the figures that each check saw.

One function a check, in `SAID`: it gets a `Case` and says what was compared with what, what was wrong first. A check
that has none here is told by its declaration: its limits, and the figures of the decision.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from hdl.layouts import Action, Inexact, Reason, Side
from host.risk.direction import shown
from host.risk.fields import FIRM, STRATEGY_LEVEL, SYMBOL, USD, by_reason
from host.risk.limits import Table

FEMTO = 10**6


@dataclass
class Case:
    """One decision and what is known of its moment.

    Parameters
    ----------
    decision : fields of the DECISION record; of an order that the host rejected, what it had of them.
    tables : the limits in force, by level; missing where they are not known.
    names : path of each level's table in the limits file.
    venues : names by index. clock_fs : period of the NIC's clock.
    top, status : the last BOOK_TOP and trading action of its symbol that the host was told of before, or None.
    kills : kills in force, in words.
    host : what the desk had (`gross`, `strategy_gross`, `net`), where the host decided.
    """
    decision: dict[str, int]
    tables: dict[str, Table]
    names: dict[str, str]
    venues: list[str]
    clock_fs: int
    top: dict[str, int] | None = None
    status: str | None = None
    kills: list[str] = field(default_factory=list)
    host: dict[str, int] | None = None

    @property
    def sells(self) -> bool:
        return bool(self.decision["side"] & 1)

    def limit(self, level: str, name: str) -> int | None:
        return self.tables[level].values.get(name) if level in self.tables else None

    def cite(self, level: str, name: str) -> str:
        """`max_qty 1000 (symbols.AAPL.max_qty, set by symbol)`."""
        if level not in self.tables or name not in self.tables[level].values:
            return f"{name} (not known)"
        table = self.tables[level]
        return (f"{name} {shown(level, name, table)} ({self.names[level]}.{name}, "
                f"set by {table.sources.get(name, 'nobody')})")


def money(value: int) -> str:
    """1e-4 USD, exactly."""
    sign, value = ("-" if value < 0 else ""), abs(value)
    return f"{sign}{value // USD:,}.{value % USD:04d} USD"


def explain(case: Case) -> dict[Reason, str]:
    """What each check that said no saw, lowest bit first."""
    return {reason: says(case, reason) for reason in Reason if case.decision["reasons"] >> reason & 1}


def says(case: Case, reason: Reason) -> str:
    """What one check saw, whatever it decided."""
    return SAID.get(reason, lambda case: _declared(case, reason))(case)


def _declared(case: Case, reason: Reason) -> str:
    """A check that this page has no words for."""
    limits = [case.cite(one.level, one.name) for one in by_reason(reason) if one.level in case.tables]
    figures = ", ".join(f"{name} {case.decision[name]:,}" for name in
                        ("price", "qty", "reference", "notional", "exposure", "rate_slack") if name in case.decision)
    return f"{figures}" + (f"; limits: {', '.join(limits)}" if limits else "")


def _first(wrong: list[str], seen: str) -> str:
    return "; ".join([*wrong, seen]) if wrong else seen


def _kill(case: Case) -> str:
    return "killed: " + "; ".join(case.kills) if case.kills else (
        "a kill was in force (the NIC's own, or one of before this record begins)")


def _restricted(case: Case) -> str:
    wrong = []
    if SYMBOL not in case.tables:
        wrong.append("the stock has no limits")
    elif not case.limit(SYMBOL, "enabled"):
        wrong.append(f"the stock is closed: {case.cite(SYMBOL, 'enabled')}")
    if STRATEGY_LEVEL not in case.tables:
        wrong.append(f"strategy {case.decision['strategy']} has no limits")
    elif not case.limit(STRATEGY_LEVEL, "enabled"):
        wrong.append(f"the strategy is closed: {case.cite(STRATEGY_LEVEL, 'enabled')}")
    if case.status not in (None, "T"):
        wrong.append(f"the stock is not trading (trading action {case.status}, ITCH 5.0)")
    if case.decision["side"] not in list(Side):
        wrong.append(f"side {case.decision['side']} does not exist")
    if not wrong and case.host is not None:    # the host's own gate knows nothing of halts
        return "risk was reducing the stock, so strategies leave it alone until that is done"
    return "; ".join(wrong) or ("the stock was halted, or its limits had only just been written and were not yet in "
                                "force, or the order named a stock, strategy or venue that this NIC does not have")


def _stale(case: Case) -> str:
    oldest = case.limit(SYMBOL, "max_age_us")
    if case.top is None:
        return f"no book of this stock was known; {case.cite(SYMBOL, 'max_age_us')}"
    wrong, top = [], case.top
    causes = [cause.name.lower().replace("_", " ") for cause in Inexact if top["inexact"] >> cause & 1]
    if causes:
        wrong.append(f"the book was not exact ({', '.join(causes)})")
    if top["crossed"]:
        wrong.append(f"the book was crossed: bid {money(top['bid_price'])}, ask {money(top['ask_price'])}")
    if not top["bid_qty"] and not top["ask_qty"]:
        wrong.append("the book was empty")
    age = case.decision["time"] - top["time"]
    if oldest is not None and age > oldest * 1000:
        wrong.append("the reference was too old")
    return _first(wrong, f"the last book that the host was told of was {age / 1000:,.3f} us old; "
                         f"{case.cite(SYMBOL, 'max_age_us')}")


def _quantity(case: Case) -> str:
    qty, wrong = case.decision["qty"], []
    lot, least, most = (case.limit(SYMBOL, name) for name in ("lot", "min_qty", "max_qty"))
    if qty == 0:
        wrong.append("a quantity of zero")
    if most is not None and qty > most:
        wrong.append(f"{qty - most:,} shares too many")
    if least is not None and qty < least:
        wrong.append(f"{least - qty:,} shares too few")
    if lot and qty % lot:
        wrong.append(f"not a multiple of the lot: {qty % lot:,} shares over")
    return _first(wrong, f"{qty:,} shares; {case.cite(SYMBOL, 'max_qty')}, {case.cite(SYMBOL, 'min_qty')}, "
                         f"{case.cite(SYMBOL, 'lot')}")


def _notional(case: Case) -> str:
    value, most = case.decision["notional"], case.limit(SYMBOL, "notional_usd")
    wrong = [f"{money(value - most)} too much"] if most is not None and value > most else []
    return _first(wrong, f"{case.decision['qty']:,} shares at {money(case.decision['price'])} are {money(value)}; "
                         f"{case.cite(SYMBOL, 'notional_usd')}")


def _collar(case: Case) -> str:
    price, reference, wrong = case.decision["price"], case.decision["reference"], []
    band, tick = case.limit(SYMBOL, "collar_usd"), case.limit(SYMBOL, "tick_usd")
    away = abs(price - reference)
    if band is not None and away > band:
        wrong.append(f"{money(away - band)} beyond the band")
    if tick and price % tick:
        wrong.append(f"not a multiple of the tick: {money(price % tick)} over")
    side = "above" if price >= reference else "below"
    return _first(wrong, f"the price {money(price)} is {money(away)} {side} the reference {money(reference)}; "
                         f"{case.cite(SYMBOL, 'collar_usd')}, {case.cite(SYMBOL, 'tick_usd')}")


def _position(case: Case) -> str:
    worst, name = case.decision["exposure"], "short" if case.sells else "long"
    most, adverse = case.limit(SYMBOL, name), -worst if case.sells else worst
    wrong = [f"{adverse - most:,} shares too many"] if most is not None and adverse > most else []
    other = worst + case.decision["qty"] if case.sells else worst - case.decision["qty"]
    return _first(wrong, f"with this order and all that is open on its side filled, the position would be {worst:,} "
                         f"shares (without this order {other:,}); {case.cite(SYMBOL, name)}")


def _short_sale(case: Case) -> str:
    short, most, wrong = -case.decision["exposure"], case.limit(SYMBOL, "locates"), []
    if most is not None and short > most:
        wrong.append(f"no locate for {short - most:,} shares")
    if case.limit(SYMBOL, "short_restricted"):
        bid = f"the best bid {money(case.decision['reference'])}" if case.decision["reference"] else "no bid"
        wrong.append(f"short sales are restricted to prices above the best bid, the price was "
                     f"{money(case.decision['price'])} and the reference {bid}")
    return _first(wrong, f"with this order and all open sells filled, {max(short, 0):,} shares would be short; "
                         f"{case.cite(SYMBOL, 'locates')}, {case.cite(SYMBOL, 'short_restricted')}")


def _gross(case: Case) -> str:
    if case.host is None:
        limits = [case.cite(level, name) for level in (FIRM, STRATEGY_LEVEL) for name in ("entered_usd", "net_usd")]
        return (f"with this order of {money(case.decision['notional'])}, what was entered this day (open and executed "
                f"orders), gross or net, would pass one of: {', '.join(limits)}")
    notional, wrong = case.decision["notional"], []
    for level, held, of in ((FIRM, "gross", "the firm"), (STRATEGY_LEVEL, "strategy_gross", "the strategy")):
        most, after = case.limit(level, "gross_usd"), case.host[held] + notional
        if most is not None and after > most:
            wrong.append(f"{of} has {money(case.host[held])}, with this order {money(after)}, which is "
                         f"{money(after - most)} more than {case.cite(level, 'gross_usd')}")
    return "; ".join(wrong) or _declared(case, Reason.GROSS)


def _delta(case: Case) -> str:
    return (f"with this order of {case.decision['qty']:,} shares, at the delta of its stock, and every open one that "
            f"moves the portfolio's delta the same way filled, it would pass {case.cite(FIRM, 'delta')}; or the stock "
            f"had no delta, or one was just being changed")


def _rate(case: Case) -> str:
    slack = case.decision["rate_slack"]
    tables = [case.cite(level, f"rate.{name}") for level in (FIRM, STRATEGY_LEVEL) for name in ("burst", "interval_us")]
    limits = f"limits: {', '.join(tables)}"
    if slack == -(1 << 31):
        return f"there is never a token: a rate limit is closed, or only just written; {limits}"
    nanoseconds = abs(slack) * case.clock_fs // FEMTO
    if slack < 0:
        return f"no token left, the next one {nanoseconds:,} ns later; {limits}"
    return f"{nanoseconds:,} ns to spare; {limits}"


def _loss(case: Case) -> str:
    if case.host is None:
        return (f"the loss hold of the firm or of the strategy was set, and nobody had lifted it; "
                f"{case.cite(FIRM, 'loss_usd')}")
    return f"the day's result after fees was {money(case.host['net'])}; {case.cite(FIRM, 'loss_usd')}"


def _watchdog(case: Case) -> str:
    return (f"the NIC had not heard from the host for too long, or not once since its reset; "
            f"{case.cite(FIRM, 'watchdog_us')}")


def _duplicate(case: Case) -> str:
    return (f"an order of the same stock, side, price and quantity had passed within "
            f"{case.cite(FIRM, 'duplicate_us')}, or so many orders that no more can be told apart, or the number "
            f"{case.decision['order_id']:016X} is not above the last one that used its slot")


def _open_orders(case: Case) -> str:
    return (f"the slot that the order's number picks is taken by an order that is still live "
            f"(order {case.decision['order_id']:016X}): too many live orders, or the number was used twice")


SAID: dict[Reason, Callable[[Case], str]] = {
    Reason.KILL: _kill, Reason.RESTRICTED: _restricted, Reason.STALE: _stale, Reason.QUANTITY: _quantity,
    Reason.NOTIONAL: _notional, Reason.COLLAR: _collar, Reason.POSITION: _position, Reason.GROSS: _gross,
    Reason.DELTA: _delta,
    Reason.RATE: _rate, Reason.SHORT_SALE: _short_sale, Reason.DUPLICATE: _duplicate,
    Reason.LOSS: _loss, Reason.WATCHDOG: _watchdog,
    Reason.OPEN_ORDERS: _open_orders,
}


def order_line(case: Case, stock: str) -> str:
    """The order itself, in words."""
    one = case.decision
    if one.get("action") == Action.CANCEL:
        return f"cancel of an order in {stock}"
    side = Side(one["side"]).name.lower().replace("_", " ") if one["side"] in list(Side) else f"side {one['side']}"
    return f"{side} {one['qty']:,} {stock} at {money(one['price'])}"

