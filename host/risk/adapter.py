"""Risk on the bus: checks what is proposed, follows P&L and open orders, halts at the limit."""

from collections.abc import Callable, Mapping

from hdl.layouts import Reason
from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import COMMANDS, CONTROL, ORDERS, PASSED, POSITIONS, PROPOSED, REJECTED, SAMPLES, UTILISATION
from host.messages import CancelOrder, NewOrder, Rejection, ReplaceOrder
from host.positions.positions import Positions
from host.risk.control import Control
from host.risk.gate import Book, PreTrade
from host.risk.limits import Limits
from host.risk.registers import Write
from host.risk.response import ANSWERS, REDUCE
from host.risk.utilisation import Level, OpenShares, Utilisation, utilisation

#: SenderCompID of what the NIC did by itself: it comes by for the record, and is not for us to check.
HARDWARE = "NIC"

Apply = Callable[[list[Write]], None]
#: Strategies' orders come from here; those of the EMS are risk's own while it reduces.
STRATEGIES = "ALPHA"
#: At these limits nothing can be traded back: the desk is killed.
KILLING = frozenset(("firm.loss_usd", "firm.drawdown_usd"))

#: Told of every order that is rejected here: when, the order, the reasons, and what the desk had.
OnRejected = Callable[[int, NewOrder, int, Book], object]


class RiskAdapter:
    """Step 1 to step 2 of the flow, and the kill.

    Parameters
    ----------
    apply : brings register writes to the NIC.

    Members
    -------
    levels : of each limit, as told. peaks : the most of each that was used.
    watched : what else is held against a limit (`host.risk.supervisor`).
    reducing : stocks that the EMS takes down: strategies' orders in them are rejected as restricted.
    """

    def __init__(self, bus: Bus, limits: Limits, positions: Positions, apply: Apply):
        self.bus, self.positions, self.apply = bus, positions, apply
        self.control = Control()
        self.gate = PreTrade(limits, self.control)
        self.on_rejected: OnRejected = lambda time, order, reasons, book: None
        self.levels: dict[str, Level] = {}
        self.peaks: dict[str, Utilisation] = {}
        self._told: dict[str, Utilisation] = {}
        self.watched: Callable[[], list[Utilisation]] = list
        self.reducing: set[str] = set()
        self._open: dict[int, tuple[int, int]] = {}  # notional and strategy by order
        self._to_ems = fixmap.Desk("RISK", "EMS")
        self._to_alpha = fixmap.Desk("RISK", "ALPHA")
        bus.subscribe(PROPOSED, self._on_proposed, name="risk")
        bus.subscribe(ORDERS, self._on_order, name="risk")
        bus.subscribe(POSITIONS, self.judge, name="risk")
        bus.subscribe(COMMANDS, self._on_command, name="risk")

    @property
    def limits(self) -> Limits:
        return self.gate.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self.gate.limits = limits

    def kill(self, who: str, why: str, **masks: int) -> None:
        """Stop orders in the NIC first, then tell everyone."""
        self._control(self.control.kill(who, why, self.bus.clock(), **masks))

    def resume(self, who: str, why: str, **masks: int) -> None:
        self._control(self.control.resume(who, why, self.bus.clock(), **masks))

    @property
    def gross(self) -> int:
        """Positions at their marks plus open orders, absolute (1e-4 USD)."""
        return self.positions.gross_notional + sum(notional for notional, _ in self._open.values())

    def utilisation(self, shares: Mapping[OpenShares, int] | None = None) -> list[Utilisation]:
        """Use of every limit; `shares` open on each side make positions worst cases."""
        found = utilisation(self.limits, self.positions, self.positions.net, self.gross, self._by_strategy(), shares)
        return found + self.watched()

    def _by_strategy(self) -> dict[str, int]:
        """Open orders of each strategy (1e-4 USD)."""
        names = self.limits.strategy_names
        open_ = dict.fromkeys(names.values(), 0)
        for notional, strategy in self._open.values():
            if strategy in names:
                open_[names[strategy]] += notional
        return open_

    def _control(self, writes: list[Write]) -> None:
        self.apply(writes)
        self.bus.publish(CONTROL, self.control.history[-1])

    def _on_proposed(self, message: Message) -> None:
        if fixmap.sender(message.payload) == HARDWARE:
            return
        order = fixmap.read_order(message.payload)
        if isinstance(order, CancelOrder):  # less risk: never held up here
            self.bus.publish(PASSED, self._to_ems.cancel(order), cause=message)
            return
        if isinstance(order, ReplaceOrder):  # on its new terms, as if the old ones were to stay: never too little
            order = NewOrder(order.order_id, order.stock, order.side, order.qty, order.price, order.strategy,
                             time=order.time)
        book = self._book(order)
        reasons = self.gate.check(order, book)
        if order.stock in self.reducing and fixmap.sender(message.payload) == STRATEGIES:
            reasons |= 1 << Reason.RESTRICTED
        if reasons:
            self.on_rejected(message.time, order, reasons, book)
            rejection = Rejection(order.order_id, order.stock, order.side, order.qty, order.price, order.strategy,
                                  reasons, message.time)
            self.bus.publish(REJECTED, self._to_alpha.rejection(rejection), cause=message)
        else:
            self.bus.publish(PASSED, message.payload, cause=message)

    def reasons(self, order: NewOrder) -> int:
        """What the host's gate would say of an order now; 0 passes."""
        return self.gate.check(order, self._book(order))

    def _book(self, order: NewOrder) -> Book:
        own = sum(notional for notional, strategy in self._open.values() if strategy == order.strategy)
        return Book(self.gross, own, self.positions.net)

    def _on_order(self, message: Message) -> None:
        change = message.payload
        if change["leaves"]:
            self._open[change["order_id"]] = (change["leaves"] * change["price"], change["strategy"])
        else:
            self._open.pop(change["order_id"], None)

    def _on_command(self, message: Message) -> None:
        command = message.payload
        if command["command"] == REDUCE:
            self.reducing.add(command["stock"])
        elif command["command"] in ANSWERS:
            self.reducing.discard(command["stock"])

    def judge(self, cause: Message) -> list[Utilisation]:
        """Hold what is used against every limit: tell what has changed, kill where that is what follows."""
        used = self.utilisation()
        for one in used:
            if self._told.get(one.path) != one:
                self._told[one.path] = one
                self.bus.publish(SAMPLES, one, key=one.path, cause=cause)
            peak = self.peaks.get(one.path)
            if peak is None or one.permille > peak.permille:
                self.peaks[one.path] = one
            if self.levels.get(one.path, Level.OK) != one.level:
                self.levels[one.path] = one.level
                self.bus.publish(UTILISATION, one, key=one.path, cause=cause)
                if one.level is Level.HALT and one.path in KILLING and not self.control.killed:
                    self.kill("risk", f"{one.path}: {one.used} lost at a limit of {one.limit} (1e-4 USD)")
        return used
