"""The gate in software: the same verdicts as the NIC's, bit for bit, from the same events.

For venues that no NIC guards, and for back-tests. It takes the register writes, the market-data and execution records
that a NIC takes or gives, and answers INTENT records with DECISION records. Like `sim.models.risk`, to which it is
held, it knows no pipeline: events act in the order in which they are given.
"""

from collections.abc import Iterable

import numpy as np
from numba import njit

from hdl.config import NicConfig
from hdl.intents import INTENT_FIELDS
from hdl.layouts import BOOK_TOP, DECISION, EXECUTION, MARKET_EVENT, ORDER_SENT, Action
from hdl.messages import Intent
from hdl.registers import EXPOSURE, GATE, LIMITS, RESUME_KEY, STRATEGY, is_staged
from hdl.risk.checks import CHECKS as HARDWARE
from hdl.risk.recent import SHORTEST
from host.risk import gatestate
from host.risk.checks import CHECKS, LEAST, MOST, NEW, UNIT_BITS, Order, Seen, all_of
from host.risk.fields import FIELDS, SYMBOL
from host.risk.journal import TRADING_ACTION
from host.risk.registers import SWITCH, Write

FEMTO_PER_NANO = 10**6
#: Time to spare of a rate limit that never has a token.
NEVER = LEAST
_ROW_BITS = {name: Intent.as_shape()[name].width for name in INTENT_FIELDS}
_SYMBOL, _SIDE, _ACTION, _STRATEGY, _VENUE = (
    (1 << _ROW_BITS[name]) - 1 for name in ("symbol", "side", "action", "strategy", "venue"))
_KIND = DECISION.kind
_FILL, _RELEASE, _NEUTRAL = (np.frombuffer(kinds, np.uint8) for kinds in (b"F", b"438BC", b"0A6E79I"))
_UNKNOWN, _OVERFILL, _UNSUPPORTED, _OVERFLOW, _WATCHDOG = (
    gatestate.CAUSES[name] for name in ("unknown_fill", "overfill", "unsupported", "overflow", "watchdog"))

_reasons = all_of([check.reason for check in HARDWARE if check.reason in CHECKS])
_LACKS = sum(1 << check.reason for check in HARDWARE if check.reason not in CHECKS)


@njit
def _cut(value):
    """What 32 bits say of it."""
    return max(LEAST, min(MOST, value))


@njit
def _slack(state, strategy, cycle):
    """Of the tighter of the session's bucket and the strategy's."""
    if strategy >= state.strategies:
        return NEVER
    session, own = state.buckets[state.strategies], state.buckets[strategy]
    if session.closed or own.closed:
        return NEVER
    return min(session.depth - max(0, session.due - cycle), own.depth - max(0, own.due - cycle))


@njit
def _order(intent):
    symbol, side, action = np.int64(intent.symbol), np.int64(intent.side), np.int64(intent.action)
    strategy, venue = np.int64(intent.strategy), np.int64(intent.venue)
    invalid = (symbol > _SYMBOL or side > _SIDE or action > _ACTION or strategy > _STRATEGY or venue > _VENUE)
    return Order(intent.order_id, symbol & _SYMBOL, side & _SIDE, np.int64(intent.price), np.int64(intent.qty),
                 action & _ACTION, strategy & _STRATEGY, venue & _VENUE, invalid)


@njit
def _see(state, order, now, cycle):
    row, sell = order.symbol & (len(state.limits) - 1), order.side & 1
    top = state.tops[row]
    ask = top.bid_qty == 0 if sell else top.ask_qty != 0
    reference = top.ask_price if ask else top.bid_price
    usable = top.inexact == 0 and top.crossed == 0 and (top.bid_qty != 0 or top.ask_qty != 0)
    worst = (state.position[row] - state.open[row, 1] - order.qty if sell
             else state.position[row] + state.open[row, 0] + order.qty)
    return Seen(row, sell, reference, usable, now - top.rx_time, worst, _slack(state, order.strategy, cycle),
                np.uint64(order.price) * np.uint64(order.qty), cycle)


@njit
def charge(price, qty):
    """What so many shares count of notional, in units."""
    return np.int64(np.uint64(price) * np.uint64(qty) >> UNIT_BITS) + 1 if qty else 0


@njit
def _credit(state, slot, qty, fill):
    """So many of the shares that are left were executed, or never will be."""
    done = slot.qty - slot.left
    amount = charge(slot.price, done + qty) - charge(slot.price, done)
    side = slot.side & 1
    for which in (state.strategies, slot.strategy):
        account = state.accounts[which]
        if fill:
            account.net[1 - side] -= amount
        else:
            account.gross -= amount
            account.net[side] -= amount


@njit
def _tilt(state, row, sell, qty):
    """The adverse position of a side grows: so does the use of the delta limit."""
    delta = state.deltas[row]
    state.delta_use[sell ^ (delta < 0)] += qty * abs(delta)


@njit
def _remember(state, order, seen, cycle):
    """For duplicates: what is over goes, and this one comes last; it is not forgotten before the one ahead of it."""
    kept = 0
    for at in range(state.remembered):
        if state.recent[at].end > cycle:
            state.recent[kept] = state.recent[at]
            kept += 1
    if state.window:
        end = cycle + max(state.window, SHORTEST)
        if kept:
            end = max(end, state.recent[kept - 1].end + 1)
        one = state.recent[kept]
        one.symbol, one.sell, one.price, one.qty, one.end = order.symbol, seen.sell, order.price, order.qty, end
        kept += 1
    state.remembered = kept


@njit
def _reserve(state, order, seen, cycle):
    state.open[seen.row, seen.sell] += order.qty
    _tilt(state, seen.row, seen.sell, order.qty)
    slot = state.orders[order.order_id & np.uint64(len(state.orders) - 1)]
    slot.live, slot.order_id, slot.symbol = 1, order.order_id, order.symbol
    slot.side, slot.left, slot.qty = order.side, order.qty, order.qty
    slot.strategy, slot.price = order.strategy, order.price
    value = charge(order.price, order.qty)
    for which in (state.strategies, order.strategy):
        account = state.accounts[which]
        account.gross += value
        account.net[seen.sell] += value
    for which in (state.strategies, order.strategy):
        bucket = state.buckets[which]
        bucket.due = max(bucket.due, cycle) + bucket.pace


@njit
def _fault(state, cause):
    state.killed, state.cause = 1, state.cause | cause


@njit
def _pass_time(state, cycle):
    """What has happened by itself when the verdict of `cycle` is given."""
    if state.alive and cycle >= state.silent_at:
        state.alive = 0
        _fault(state, _WATCHDOG)


@njit
def beat(states, cycle):
    """The host's heartbeat, for verdicts from `cycle` on."""
    state = states[0]
    _pass_time(state, cycle - 1)
    state.silent_at = cycle + state.patience
    state.alive = state.patience > 0


@njit
def decide(states, intents, at, now, cycle, decisions):
    """Decide on `intents[at]` into `decisions[at]`; returns the reasons. 64-bit numbers; `states` is one."""
    state, intent, out = states[0], intents[at], decisions[at]
    _pass_time(state, np.int64(cycle))
    order = _order(intent)
    seen = _see(state, order, np.uint64(now), np.int64(cycle))
    reasons = _reasons(state, order, seen)
    if order.action == NEW:
        reasons |= _LACKS
        if reasons == 0:
            _reserve(state, order, seen, np.int64(cycle))
            _remember(state, order, seen, np.int64(cycle))
    out.kind, out.symbol, out.time, out.order_id, out.reasons = _KIND, order.symbol, now, order.order_id, reasons
    out.price, out.qty, out.reference, out.notional = order.price, order.qty, seen.reference, seen.notional
    out.exposure, out.rate_slack = _cut(seen.worst), _cut(seen.slack)
    out.side, out.action, out.strategy, out.venue = order.side, order.action, order.strategy, order.venue
    out.serial_limits = state.serial & 0xFF
    return reasons


@njit
def decide_all(states, intents, now, cycle, decisions):
    """Decide on a whole array, `now` and `cycle` being arrays too."""
    for at in range(len(intents)):
        decide(states, intents, at, now[at], cycle[at], decisions)


@njit
def _release(state, slot, qty):
    state.open[slot.symbol, slot.side & 1] -= qty
    _tilt(state, slot.symbol, slot.side & 1, -qty)
    slot.left -= qty
    slot.live = slot.left != 0


@njit
def _among(kind, kinds):
    found = False
    for one in kinds:
        found |= one == kind
    return found


@njit
def report(states, exec_type, order_id, last_qty):
    """An ExecutionReport; whether its order is followed. `order_id` is a `numpy.uint64`."""
    state = states[0]
    slot = state.orders[np.uint64(order_id) & np.uint64(len(state.orders) - 1)]
    known = slot.live != 0 and slot.order_id == np.uint64(order_id)
    if _among(exec_type, _FILL):
        if not known:
            _fault(state, _UNKNOWN)
            return known
        if last_qty > slot.left:
            _fault(state, _OVERFILL)
        moved = state.position[slot.symbol] + (-last_qty if slot.side & 1 else last_qty)
        if moved < LEAST or moved > MOST:
            _fault(state, _OVERFLOW)
            moved = ((moved - LEAST) & 0xFFFFFFFF) + LEAST
        state.position[slot.symbol] = moved
        _tilt(state, slot.symbol, slot.side & 1, last_qty)
        _tilt(state, slot.symbol, 1 - (slot.side & 1), -last_qty)
        _credit(state, slot, min(last_qty, slot.left), True)
        _release(state, slot, min(last_qty, slot.left))
    elif _among(exec_type, _RELEASE):
        if known:
            _credit(state, slot, slot.left, False)
            _release(state, slot, slot.left)
    elif not _among(exec_type, _NEUTRAL):
        _fault(state, _UNSUPPORTED)
    return known


@njit
def unsent(states, order_id):
    """A new order that passed and whose frame did not leave. `order_id` is a `numpy.uint64`."""
    state = states[0]
    slot = state.orders[np.uint64(order_id) & np.uint64(len(state.orders) - 1)]
    if slot.live != 0 and slot.order_id == np.uint64(order_id):
        _credit(state, slot, slot.left, False)
        _release(state, slot, slot.left)


class SoftwareGate:
    """One gate. All limits are zero at first, which rejects every order; `apply` takes the writes a NIC would get.

    Members
    -------
    state : the record that the compiled functions work on.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        self.state = gatestate.new_state(config)
        self._rates: dict[tuple[int, str], int] = {}
        self._staged: dict[tuple[str, str, int], Write] = {}
        self._words = 0     # written since the last switch was asked for

    def cycle(self, now: int) -> int:
        """The clock period in which `now` (ns) is."""
        return now * FEMTO_PER_NANO // self.config.clock_fs

    def decide(self, intents: np.ndarray, now: int, at: int = 0, decisions: np.ndarray | None = None) -> np.ndarray:
        """Decide on one INTENT record at `now` (ns); its DECISION record."""
        decisions = np.zeros(len(intents), DECISION.dtype) if decisions is None else decisions
        decide(self.state, intents, at, now, self.cycle(now), decisions)
        return decisions[at:at + 1]

    def apply(self, writes: Iterable[Write], now: int = 0) -> None:
        """Register writes of the blocks GATE, LIMITS and STRATEGY, and of EXPOSURE.delta, in order; limits act when
        switched to. `now` (ns): for the watchdog.
        """
        for write in writes:
            if is_staged(write.block, write.register):
                self._staged[write.block.name, write.register, write.index] = write
                self._words += 1
            elif write.block is EXPOSURE:
                if write.register == "delta":
                    self._delta(write)
            elif write.register == "delta":
                self.state["most_delta"] = write.value
            elif write.register == SWITCH:
                self._switch(GATE[SWITCH].unpack(write.value))
            elif write.register == "duplicate":
                self.state["window_given"] = write.value != 0
                self.state["window"] = write.value * FEMTO_PER_NANO // self.config.clock_fs
            elif write.register in ("watchdog", "heartbeat"):
                self._beat(write, self.cycle(now))
            elif write.block is GATE:
                self._gate(write)

    def on_top(self, symbol: int, **top: int) -> None:
        """A top of book, by the names of `gatestate.TOP`."""
        if symbol < self.config.symbols:
            for name in gatestate.TOP.names or ():
                self.state["tops"][name][0, symbol] = top.get(name, 0)

    def on_records(self, raw: np.ndarray) -> None:
        """What a NIC told of market, executions and orders that did not leave: (n, 64) bytes, in order. Other records
        are passed over.
        """
        for one in raw:
            kind = int(one[0])
            if kind == BOOK_TOP.kind:
                top = one.view(BOOK_TOP.dtype)[0]
                self.on_top(int(top["symbol"]), rx_time=int(top["time"]), **{
                    name: int(top[name]) for name in gatestate.TOP.names or () if name != "rx_time"})
            elif kind == EXECUTION.kind:
                done = one.view(EXECUTION.dtype)[0]
                report(self.state, int(done["exec_type"]), np.uint64(done["order_id"]), int(done["last_qty"]))
            elif kind == ORDER_SENT.kind:
                sent = one.view(ORDER_SENT.dtype)[0]
                if sent["flags"] & 1 and sent["action"] == Action.NEW:
                    unsent(self.state, np.uint64(sent["order_id"]))
            elif kind == MARKET_EVENT.kind:
                event = one.view(MARKET_EVENT.dtype)[0]
                if event["type"] == TRADING_ACTION and event["symbol"] < self.config.symbols:
                    self.state["halted"][0, event["symbol"]] = event["detail"] != ord("T")

    def set_position(self, symbol: int, shares: int) -> None:
        """At start of day."""
        moves = shares - int(self.state["position"][0, symbol])
        self._tilt(symbol, moves, -moves)
        self.state["position"][0, symbol] = shares

    def _switch(self, asked: dict[str, int]) -> None:
        """As the gateware: a set of which a word was lost does not come in force."""
        if asked["words"] == self._words:
            for write in self._staged.values():
                if write.block is LIMITS:
                    self._limit(write)
                elif write.register in ("entered", "net"):
                    at = write.index if write.block is STRATEGY else self.config.strategies
                    self.state["accounts"][f"most_{write.register}"][0, at] = write.value >> int(UNIT_BITS)
                else:
                    self._rate(write)
            self._staged.clear()
            self.state["serial"] = asked["serial"]
        self._words = 0

    def _tilt(self, symbol: int, buy: int, sell: int) -> None:
        """The adverse positions of both sides grow by so much."""
        delta, use = int(self.state["deltas"][0, symbol]), self.state["delta_use"]
        for side, grows in enumerate((buy, sell)):
            use[0, side ^ (delta < 0)] += grows * abs(delta)

    def _delta(self, write: Write) -> None:
        """What is held counts at the new one."""
        state, at, value = self.state, write.index, EXPOSURE["delta"].unpack(write.value)
        position, (buy, sell) = int(state["position"][0, at]), state["open"][0, at].tolist()
        self._tilt(at, -position - buy, position - sell)
        half = 1 << EXPOSURE["delta"].bits[0].width - 1
        state["deltas"][0, at] = (value["per_share"] ^ half) - half if value["known"] else 0
        state["delta_known"][0, at] = value["known"]
        self._tilt(at, position + buy, sell - position)

    def _limit(self, write: Write) -> None:
        word = write.value
        for one in FIELDS[SYMBOL].values():
            if one.reg and one.reg.name == write.register:
                value = one.reg.unpack(word)[one.bits] if one.bits else word
                self.state["limits"][one.name][0, write.index] = value

    def _rate(self, write: Write) -> None:
        """Interval and burst as the gateware makes a bucket of them (`hdl.risk.rates`)."""
        at = write.index if write.block is STRATEGY else self.config.strategies
        self._rates[at, write.register] = write.value
        interval, burst = (self._rates.get((at, name), 0) for name in ("rate_interval", "rate_burst"))
        pace = max(2, -(-interval * FEMTO_PER_NANO // self.config.clock_fs))
        depth = (burst - 1) * pace
        longest = ((1 << GATE["rate_interval"].width) * FEMTO_PER_NANO // self.config.clock_fs - 1).bit_length()
        closed = (not 0 < interval < 1 << GATE["rate_interval"].width or not 0 < burst < 1 << GATE["rate_burst"].width
                  or depth >> longest != 0)
        bucket = self.state["buckets"]
        for name, value in (("closed", closed), ("pace", 0 if closed else pace), ("depth", 0 if closed else depth)):
            bucket[name][0, at] = value

    def _beat(self, write: Write, cycle: int) -> None:
        if write.register == "watchdog":
            (timeout,) = GATE["watchdog"].unpack(write.value).values()
            self.state["patience"] = timeout * FEMTO_PER_NANO // self.config.clock_fs
        beat(self.state, cycle)

    def _gate(self, write: Write) -> None:
        state, value = self.state, write.value
        if write.register == "kill" and value & 1:
            state["killed"], state["cause"] = 1, state["cause"] | gatestate.CAUSES["host"]
        elif write.register in ("venue_kill", "strategy_kill"):
            state[write.register + "ed"] |= value
        elif write.register == "loss":
            state["loss"] |= value & 1
        elif write.register == "strategy_loss":
            state["strategy_loss"] |= value
        elif write.register == "release":
            self._release(GATE["release"].unpack(value))
        elif write.register == "resume":
            key = GATE["resume"].unpack(value)
            if key["key"] == RESUME_KEY:
                state["venue_killed"] &= ~key["venues"]
                state["strategy_killed"] &= ~key["strategies"]
                if key["all"]:
                    state["killed"], state["cause"] = 0, 0

    def _release(self, key: dict[str, int]) -> None:
        if key["key"] == RESUME_KEY:
            self.state["loss"] &= 1 - key["loss"]
            self.state["strategy_loss"] &= ~key["strategy_loss"]


__all__ = ["SoftwareGate", "beat", "decide", "decide_all", "report", "unsent"]
