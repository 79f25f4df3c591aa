"""Golden model of the gate: the same verdicts and figures, bit for bit, from the same events.

Integers and lists alone, no float, nothing that depends on the machine, so that it can be compiled. It
knows no pipeline: the caller gives events in the order in which they take effect (`hdl.risk.gate.Gate`
says when that is) and the clock-cycle number where the answer depends on it, that is for tokens.
"""

from dataclasses import dataclass, field

from hdl.config import NicConfig
from hdl.layouts import Action, Reason, Side
from hdl.registers import GATE, RESUME_KEY, STRATEGY

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
FEMTO_PER_NANO = 10**6
INTERVAL_BITS, BURST_BITS = GATE["rate_interval"].width, GATE["rate_burst"].width
TIMEOUT_BITS = GATE["watchdog"].width
#: Orders remembered for duplicates, and the shortest window in clock cycles.
ENTRIES, SHORTEST = 8, 4
#: Of notional entered, in 1e-4 USD; and how many a limit may have.
UNIT = 1 << 14
MOST_UNITS = (1 << STRATEGY["entered"].width) // UNIT
#: Of a delta per share and of its limit: units in one.
DELTA_UNIT = 256
#: What a decision says of its rate limits where there is never a token.
NEVER = -(1 << 31)

FILL, RELEASE, NEUTRAL = b"F", b"438BC", b"0A6E79I"
CAUSE = {bits.name: 1 << n for n, bits in enumerate(GATE["cause"].bits)}


@dataclass
class Limits:
    """One symbol's limits, as in the LIMITS block."""
    enable: int = 0
    lot: int = 0
    tick: int = 0
    qty_min: int = 0
    qty_max: int = 0
    notional: int = 0
    band: int = 0
    long: int = 0
    short: int = 0
    max_age: int = 0
    locates: int = 0
    short_restricted: int = 0


@dataclass
class Top:
    """The gate's copy of a top of book; a quantity of 0 means that there is none."""
    bid_price: int = 0
    bid_qty: int = 0
    ask_price: int = 0
    ask_qty: int = 0
    inexact: int = 0
    crossed: int = 0
    rx_time: int = 0

    def reference(self, sell: bool) -> int:
        """Opposite best, own best where there is none."""
        use_ask = self.bid_qty == 0 if sell else self.ask_qty != 0
        return self.ask_price if use_ask else self.bid_price

    def usable(self) -> bool:
        return self.inexact == 0 and self.crossed == 0 and (self.bid_qty != 0 or self.ask_qty != 0)


@dataclass
class Bucket:
    """A token bucket in clock cycles of `period` fs. `due`: when what was taken will have been paid back."""
    period: int
    interval: int = 0
    burst: int = 0
    due: int = 0

    def cycles(self) -> int:
        """The interval, in whole cycles."""
        return max(2, -(-self.interval * FEMTO_PER_NANO // self.period))

    def depth(self) -> int:
        return (self.burst - 1) * self.cycles()

    def closed(self) -> bool:
        """No interval or burst, one that its register does not hold, or a depth that no interval may have."""
        return (not 0 < self.interval < 1 << INTERVAL_BITS or not 0 < self.burst < 1 << BURST_BITS
                or self.depth() >> (((1 << INTERVAL_BITS) * FEMTO_PER_NANO // self.period - 1).bit_length()) != 0)

    def slack(self, cycle: int) -> int:
        """Time to spare in `cycle`; there is a token where it is not below 0."""
        return self.depth() - max(0, self.due - cycle)

    def take(self, cycle: int):
        self.due = max(self.due, cycle) + self.cycles()


@dataclass
class Open:
    """A slot of the open-order table."""
    live: bool = False
    order_id: int = 0
    symbol: int = 0
    side: int = 0
    left: int = 0
    strategy: int = 0
    price: int = 0
    qty: int = 0


@dataclass
class Account:
    """Notional entered, in units of `UNIT` of 1e-4 USD: gross and, by side, net; limits in 1e-4 USD."""
    most_entered: int = 0
    most_net: int = 0
    gross: int = 0
    net: list[int] = field(default_factory=lambda: [0, 0])

    def beyond(self, value: int, sell: int) -> bool:
        return self.gross + value > self.most_entered // UNIT or self.net[sell] + value > self.most_net // UNIT


def charge(price: int, qty: int) -> int:
    """What so many shares at a price count, in units."""
    return price * qty // UNIT + 1 if qty else 0


@dataclass(frozen=True)
class Credit:
    """What is taken off gross (unless it was executed) and off net of a side."""
    strategy: int
    sell: int
    fill: bool
    amount: int


@dataclass
class Exposure:
    position: int = 0
    open: list[int] = field(default_factory=lambda: [0, 0])   # by Side.BUY, Side.SELL


@dataclass
class Order:
    """An intent; the fields of `hdl.messages.Intent` that matter here."""
    order_id: int
    symbol: int
    side: int
    price: int
    qty: int
    action: int = int(Action.NEW)
    strategy: int = 0
    venue: int = 0
    invalid: int = 0


@dataclass
class Verdict:
    """A decision and the figures it saw; `Decision` in `hdl.messages`."""
    reasons: int
    reference: int
    notional: int
    exposure: int
    rate_slack: int


class GateModel:
    """The gate's state. Methods that change it: `set_*`, `top`, `decide`, `report`, `unsent`, `kill_*`, `resume`,
    `beat`, `hold_loss`, `release`.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        rows = 1 << max(1, (config.symbols - 1).bit_length())
        self.limits = [Limits() for _ in range(rows)]
        self.tops = [Top() for _ in range(rows)]
        self.halted = [False] * rows
        self.exposure = [Exposure() for _ in range(rows)]
        self.orders = [Open() for _ in range(config.open_orders)]
        self.session = Bucket(config.clock_fs)
        self.strategies = [Bucket(config.clock_fs) for _ in range(config.strategies)]
        self.killed = False
        self.venue_killed = [False] * config.venues
        self.strategy_killed = [False] * config.strategies
        self.cause = 0
        self.firm = Account()
        self.accounts = [Account() for _ in range(config.strategies)]
        self.credits: list[Credit] = []     # settled, and not yet taken off
        self.most_delta = 0     # in shares
        self.deltas: list[int | None] = [None] * rows   # of one share, in units; None: not known
        self.delta_use = [0, 0]     # up and down, in units
        self.moves: list[tuple[int, int]] = []  # direction and how much its use falls: settled, and not yet taken off
        self.window = 0         # for duplicates, in ns
        self.recent: list[tuple[tuple, int]] = []   # orders that passed, and when each is forgotten
        self.loss = False
        self.strategy_loss = [False] * config.strategies
        self.timeout = 0        # of the watchdog, in ns
        self.silent_at = 0      # verdicts from this cycle on find no heartbeat
        self.alive = False

    # ---- verdicts

    def decide(self, order: Order, now: int, cycle: int) -> Verdict:
        """The verdict on `order`, and its reservation where it passes.

        `now`: the clock for the age of the reference. `cycle`: the number of the verdict's clock cycle.
        """
        self.pass_time(cycle)
        row = order.symbol % len(self.limits)
        sell = order.side & 1
        reference = self.tops[row].reference(bool(sell))
        worst = self._worst(row, sell, order.qty)
        slack = self._slack(order, cycle)
        reasons = self._killed(order) << Reason.KILL | self._restricted(order) << Reason.RESTRICTED
        if order.action == Action.NEW:
            reasons |= self._limit_reasons(order, reference, worst, slack, now)
            reasons |= self._again(order, cycle) << Reason.DUPLICATE
            reasons |= self._beyond(order) << Reason.GROSS | self._tilted(order, row) << Reason.DELTA
            reasons |= self._held(order) << Reason.LOSS | (cycle >= self.silent_at) << Reason.WATCHDOG
            if reasons == 0:
                self._reserve(order, row, sell)
                self._remember(order, cycle)
                for bucket in (self.session, self.strategies[order.strategy]):
                    bucket.take(cycle)
        return Verdict(reasons, reference, order.price * order.qty, _cut(worst), _cut(slack))

    def _limit_reasons(self, order: Order, reference: int, worst: int, slack: int, now: int) -> int:
        limits, top = self.limits[order.symbol % len(self.limits)], self.tops[order.symbol % len(self.tops)]
        found = 0
        if not top.usable() or (now - top.rx_time & MASK64) > limits.max_age:
            found |= 1 << Reason.STALE
        if (order.qty == 0 or not limits.qty_min <= order.qty <= limits.qty_max
                or limits.lot == 0 or order.qty % limits.lot):
            found |= 1 << Reason.QUANTITY
        if order.price * order.qty > limits.notional:
            found |= 1 << Reason.NOTIONAL
        if abs(order.price - reference) > limits.band or limits.tick == 0 or order.price % limits.tick:
            found |= 1 << Reason.COLLAR
        if not max(-limits.short, -(1 << 31)) <= worst and order.side & 1:
            found |= 1 << Reason.POSITION
        if not worst <= min(limits.long, (1 << 31) - 1) and not order.side & 1:
            found |= 1 << Reason.POSITION
        if order.side & 1 and self._short(order, -worst):
            found |= 1 << Reason.SHORT_SALE
        if slack < 0:
            found |= 1 << Reason.RATE
        if self.orders[order.order_id % len(self.orders)].live:
            found |= 1 << Reason.OPEN_ORDERS
        return found

    def _killed(self, order: Order) -> bool:
        return order.action == Action.NEW and (self.killed
                or (order.venue < len(self.venue_killed) and self.venue_killed[order.venue])
                or (order.strategy < len(self.strategy_killed) and self.strategy_killed[order.strategy]))

    def _again(self, order: Order, cycle: int) -> bool:
        """Like one that passed within the window, or none may pass; or an id that is not new to its free slot."""
        self.recent = [(key, end) for key, end in self.recent if end > cycle]
        slot = self.orders[order.order_id % len(self.orders)]
        return (self.window == 0 or len(self.recent) >= ENTRIES or any(key == _key(order) for key, _ in self.recent)
                or (not slot.live and order.order_id <= slot.order_id))

    def _remember(self, order: Order, cycle: int):
        """For the window; but no order is forgotten before, or in the same cycle as, one that came before it."""
        periods = self.window * FEMTO_PER_NANO // self.config.clock_fs
        if periods:
            end = cycle + max(periods, SHORTEST)
            self.recent.append((_key(order), max(end, self.recent[-1][1] + 1) if self.recent else end))

    def _beyond(self, order: Order) -> bool:
        """Gross or net notional above a limit; an order that is too large to be counted is above any."""
        value = order.price * order.qty // UNIT + 1
        if order.strategy >= len(self.accounts) or value > MOST_UNITS:
            return True
        return any(one.beyond(value, order.side & 1) for one in (self.firm, self.accounts[order.strategy]))

    def _tilted(self, order: Order, row: int) -> bool:
        """The portfolio's delta in the order's direction above its limit."""
        delta = self.deltas[row]
        if delta is None or self.most_delta == 0:
            return True
        down, value = _direction(order.side & 1, delta), order.qty * abs(delta)
        return self.most_delta != MASK32 and self.delta_use[down] + value > self.most_delta * DELTA_UNIT

    def _short(self, order: Order, short: int) -> bool:
        """Whether a sell that could make so many shares short may not."""
        limits, top = self.limits[order.symbol % len(self.limits)], self.tops[order.symbol % len(self.tops)]
        above = top.usable() and top.bid_qty != 0 and order.price > top.bid_price
        if limits.short_restricted and not above:
            return short > 0 or order.side == Side.SELL_SHORT
        return short > limits.locates

    def _held(self, order: Order) -> bool:
        return self.loss or (order.strategy < len(self.strategy_loss) and self.strategy_loss[order.strategy])

    def _restricted(self, order: Order) -> bool:
        config = self.config
        if (order.symbol >= config.symbols or order.strategy >= config.strategies or order.venue >= config.venues
                or order.side not in (Side.BUY, Side.SELL, Side.SELL_SHORT) or order.invalid):
            return True
        return order.action == Action.NEW and (not self.limits[order.symbol].enable or self.halted[order.symbol])

    def _worst(self, row: int, sell: int, qty: int) -> int:
        """Position if this order and every open one of its side were filled."""
        exposure = self.exposure[row]
        if sell:
            return exposure.position - exposure.open[1] - qty
        return exposure.position + exposure.open[0] + qty

    def _slack(self, order: Order, cycle: int) -> int:
        """Of the tighter bucket."""
        if order.strategy >= len(self.strategies):
            return NEVER
        buckets = (self.session, self.strategies[order.strategy])
        return NEVER if any(bucket.closed() for bucket in buckets) else min(bucket.slack(cycle) for bucket in buckets)

    def _reserve(self, order: Order, row: int, sell: int):
        self.exposure[row].open[sell] += order.qty
        self.orders[order.order_id % len(self.orders)] = Open(
            True, order.order_id, order.symbol, order.side, order.qty, order.strategy, order.price, order.qty)
        delta = self.deltas[row]
        assert delta is not None
        self.delta_use[_direction(sell, delta)] += order.qty * abs(delta)
        for account in (self.firm, self.accounts[order.strategy]):
            value = order.price * order.qty // UNIT + 1
            account.gross += value
            account.net[sell] += value

    # ---- what becomes of orders

    def report(self, exec_type: int, order_id: int, last_qty: int = 0, credit: bool = True) -> dict[str, int]:
        """Applies an ExecutionReport; returns the fields of EXECUTION that come from the exposure. Without `credit`
        what it gives back waits: of notional in `credits` for `take_credit`, of delta in `moves` for `take_moves`.
        """
        slot = self.orders[order_id % len(self.orders)]
        known = slot.live and slot.order_id == order_id
        symbol, side = slot.symbol, slot.side
        if exec_type in FILL:
            if not known:
                self._fault("unknown_fill")
            else:
                if last_qty > slot.left:
                    self._fault("overfill")
                self._portion(slot, min(last_qty, slot.left), fill=True)
                self._fill(slot, last_qty)
        elif exec_type in RELEASE:
            if known:
                self._portion(slot, slot.left)
                self._release(slot, slot.left)
        elif exec_type not in NEUTRAL:
            self._fault("unsupported")
        self._give_back(credit)
        if not known:
            return {"known": 0, "symbol": 0, "side": 0, "position": 0, "open_qty": 0}
        exposure = self.exposure[symbol]
        return {"known": 1, "symbol": symbol, "side": side, "position": exposure.position,
                "open_qty": exposure.open[side & 1]}

    def unsent(self, order_id: int, credit: bool = True):
        """A passed new order whose frame did not start."""
        slot = self.orders[order_id % len(self.orders)]
        if slot.live and slot.order_id == order_id:
            self._portion(slot, slot.left)
            self._release(slot, slot.left)
        self._give_back(credit)

    def _give_back(self, at_once: bool):
        while at_once and self.credits:
            self.take_credit()
        if at_once:
            self.take_moves()

    def _portion(self, slot: Open, qty: int, fill: bool = False):
        """So many of the shares that are left were executed, or never will be."""
        done = slot.qty - slot.left
        amount = charge(slot.price, done + qty) - charge(slot.price, done)
        self.credits.append(Credit(slot.strategy, slot.side & 1, fill, amount))

    def take_credit(self):
        """The oldest credit acts."""
        credit = self.credits.pop(0)
        for account in (self.firm, self.accounts[credit.strategy]):
            if not credit.fill:
                account.gross -= credit.amount
            account.net[credit.sell ^ credit.fill] -= credit.amount

    def take_moves(self):
        """What was settled acts on the portfolio's delta."""
        for down, fall in self.moves:
            self.delta_use[down] -= fall
        self.moves.clear()

    def _falls(self, row: int, sell: int, qty: int):
        """The adverse position of a side falls."""
        delta = self.deltas[row] or 0
        self.moves.append((_direction(sell, delta), qty * abs(delta)))

    def _fill(self, slot: Open, qty: int):
        exposure = self.exposure[slot.symbol]
        self._falls(slot.symbol, slot.side & 1, -qty)
        self._falls(slot.symbol, 1 - (slot.side & 1), qty)
        moved = exposure.position + (-qty if slot.side & 1 else qty)
        if not -(1 << 31) <= moved < 1 << 31:
            self._fault("overflow")
            moved = (moved + (1 << 31) & MASK32) - (1 << 31)
        exposure.position = moved
        self._release(slot, min(qty, slot.left))

    def _release(self, slot: Open, qty: int):
        self.exposure[slot.symbol].open[slot.side & 1] -= qty
        self._falls(slot.symbol, slot.side & 1, qty)
        slot.left -= qty
        slot.live = slot.left != 0

    # ---- set from outside

    def top(self, symbol: int, top: Top):
        if symbol < self.config.symbols:
            self.tops[symbol] = top

    def set_position(self, symbol: int, value: int):
        rises = value - self.exposure[symbol].position
        self._falls(symbol, 0, -rises)
        self._falls(symbol, 1, rises)
        self.take_moves()
        self.exposure[symbol].position = value

    def set_delta(self, symbol: int, delta: int | None):
        """Of one share, in 1/256; None: not known. What is held counts at the new one."""
        self.take_moves()
        exposure, old, new = self.exposure[symbol], self.deltas[symbol] or 0, delta or 0
        for sell, held in enumerate((exposure.position + exposure.open[0], exposure.open[1] - exposure.position)):
            self.delta_use[_direction(sell, old)] -= held * abs(old)
            self.delta_use[_direction(sell, new)] += held * abs(new)
        self.deltas[symbol] = delta

    def beat(self, cycle: int, timeout: int | None = None):
        """The host's heartbeat, or a write of its time, for verdicts from `cycle` on."""
        self.pass_time(cycle - 1)
        self.timeout = self.timeout if timeout is None else timeout & (1 << TIMEOUT_BITS) - 1
        self.silent_at = cycle + self.timeout * FEMTO_PER_NANO // self.config.clock_fs
        self.alive = self.silent_at > cycle

    def pass_time(self, cycle: int):
        """What has happened by itself when the verdict of `cycle` is given."""
        if self.alive and cycle >= self.silent_at:
            self.alive = False
            self._fault("watchdog")

    def hold_loss(self, firm: bool = False, strategies: int = 0):
        self.loss |= firm
        self.strategy_loss = [held or bool(strategies >> n & 1) for n, held in enumerate(self.strategy_loss)]

    def release(self, key: int, loss: bool = False, strategy_loss: int = 0):
        if key != RESUME_KEY:
            return
        self.loss &= not loss
        self.strategy_loss = [held and not strategy_loss >> n & 1 for n, held in enumerate(self.strategy_loss)]

    def _fault(self, name: str):
        self.kill_global(name)

    def kill_global(self, cause: str = "host"):
        self.killed = True
        self.cause |= CAUSE[cause]

    def resume(self, key: int, everything: bool = False, venues: int = 0, strategies: int = 0):
        if key != RESUME_KEY:
            return
        if everything:
            self.killed, self.cause = False, 0
        self.venue_killed = [held and not venues >> n & 1 for n, held in enumerate(self.venue_killed)]
        self.strategy_killed = [held and not strategies >> n & 1 for n, held in enumerate(self.strategy_killed)]


def _direction(sell: int, delta: int) -> int:
    """Whether more of a side moves the portfolio's delta up (0) or down (1)."""
    return sell ^ (delta < 0)


def _key(order: Order) -> tuple:
    return order.symbol, order.side & 1, order.price, order.qty


def _cut(value: int) -> int:
    """What 32 bits say of it."""
    return max(-(1 << 31), min((1 << 31) - 1, value))
