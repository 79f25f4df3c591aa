"""Armed triggers: the host says beforehand what it would do, the NIC does it when the market gets there."""

from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import ARM, Action, Condition, Origin
from hdl.messages import STRATEGY_BITS, VENUE_BITS, BookMessage, Intent, TopOfBook

#: Cycles from an event to its intent, by condition.
LATENCY = {Condition.CROSS: 1, Condition.TRADE_THROUGH: 1, Condition.IMBALANCE: 3}
#: Types of the messages that print a trade at a price of their own (ITCH 5.0, sections 1.4.2 and 1.5.1).
PRINTS = (ord("P"), ord("C"))
#: IMBALANCE: `threshold` is a share in 1/256.
SHARE_BITS = 8
PRICE_BITS = 32


class Armed(data.Struct):
    """What an ARM record leaves in the NIC beside its condition: what events are judged by, and what is sent, but for
    the `Series`.
    """
    side: unsigned(2)
    limit: unsigned(PRICE_BITS)     # an event's price must be here or better for us
    share: unsigned(SHARE_BITS + 1)     # of IMBALANCE
    price: unsigned(PRICE_BITS)
    qty: unsigned(32)
    tif: unsigned(8)
    strategy: unsigned(STRATEGY_BITS)
    venue: unsigned(VENUE_BITS)


class Series(data.Struct):
    """What moves each time an intent is taken."""
    order_id: unsigned(64)
    refills: unsigned(16)


class Candidate(NamedTuple):
    """An event that may fire; it does where it is `good`."""
    at: data.View
    fires: Value        # it is one that its symbol's trigger waits for
    judges: Value       # and if it is not good, an intent of its symbol is taken back
    good: Value


def _event(symbols: int) -> data.StructLayout:
    """Something a trigger may fire on, and what the intent says of its cause."""
    return data.StructLayout({"symbol": range(max(2, symbols)), "rx_time": 64, "needed": 32})


class Triggers(wiring.Component):
    """One armed trigger a symbol.

    Latency, from the cycle of `top.valid` or `trade.valid` to that of `o.valid`, constant: CROSS and TRADE_THROUGH
    1 cycle, IMBALANCE 3. Throughput: an event of each kind every cycle.

    | condition | fires on | when |
    |---|---|---|
    | CROSS | a top of book after a message | the opposite side exists, at `threshold` or better for us |
    | IMBALANCE | the same | own qty x 256 >= threshold x (own + opposite), and the opposite price is within `price` |
    | TRADE_THROUGH | a print (P, and C where printable) | buys: at `threshold` or below; sells: at it or above |

    CROSS and IMBALANCE need a book that is exact and not crossed.

    One intent waits at a time. While it waits, events of other symbols do not fire (they fire at their next event);
    a newer top of its own symbol that no longer meets the condition takes it back, and so does an ARM of its
    symbol: `o.valid` may fall without `ready`, against the stream law, because an order that should not be sent any
    more must not be. `order_id` and the refills move when the intent is taken, so nothing fires twice on one event
    and nothing taken back is used up.

    An ARM acts from the second cycle after it is taken; until then, and from the second cycle in which it is offered
    on, no event of its symbol fires. An ARM with a field that an intent cannot hold, of a symbol that is not there, or
    of anything but a new order disarms.

    What is armed lives in memories, read by the symbol of an event to judge it, and by the symbol that waits to say
    what is sent; a reset clears one bit a symbol. What a top is judged by is read in the cycle before it.

    Members
    -------
    top, trade : valid-only; the tops of book, and the messages of subscribed symbols. `top.symbol` must be there in
        the cycle before its `valid`, too; a top of which it was not is not looked at.
    arm : ARM records; taken in the second cycle in which they are offered, or the one after.
    o : intents, to the arbiter.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "top": In(stream.Signature(TopOfBook, always_ready=True)),
            "trade": In(stream.Signature(BookMessage, always_ready=True)),
            "arm": In(stream.Signature(ARM.layout)),
            "o": Out(stream.Signature(Intent)),
        })

    def elaborate(self, platform):
        m = Module()
        symbols = self.config.symbols
        self.waiting = Signal(_event(symbols))
        self.armed = {condition: Signal(symbols, name=f"armed_{condition.name.lower()}") for condition in LATENCY}
        self.rearms, self.arms, self.arm_at = Signal(), Signal(), Signal(range(max(2, symbols)))
        self.taken, self.moves, self.ends, self.used_at = Signal(), Signal(), Signal(), Signal.like(self.arm_at)
        m.d.comb += [self.taken.eq(self.o.valid & self.o.ready), self.arm_at.eq(self.arm.payload.symbol)]
        m.submodules.rows = rows = Memory(shape=Armed, depth=max(2, symbols), init=[])
        m.submodules.series = series = Memory(shape=Series, depth=max(2, symbols), init=[])
        self._arm(m, rows)
        self._send(m, rows, series)

        printed = self._print(m, rows)
        self._wait(m, [printed, *self._top(m, rows)])
        return m

    # ---- what is armed -----------------------------------------------------------------------------

    def _row(self, m: Module, memory: Memory, symbol):
        """The row of `symbol`, in the same cycle."""
        port = memory.read_port(domain="comb")
        m.d.comb += port.addr.eq(symbol)
        return port.data

    def _arm(self, m: Module, rows: Memory):
        """The record is looked at in one cycle, and taken in the next: its row replaces what was armed. The symbol is
        armed again a cycle later, when the old row is nowhere any more; one whose record does not fit stays disarmed.
        """
        record, port = self.arm.payload, rows.write_port()
        looked, exists, fits = Signal(), Signal(), Signal()
        is_share = record.condition == Condition.IMBALANCE
        m.d.sync += [
            looked.eq(self.arm.valid & ~self.arm.ready), exists.eq(record.symbol < self.config.symbols),
            fits.eq((record.action == Action.NEW) & ~_too_wide(record)
                    & ~(is_share & (record.threshold > 1 << SHARE_BITS))),
        ]
        given = {name: record[name] for name in Armed.as_shape().members if name in ARM.layout.members}
        given |= {"limit": Mux(is_share, record.price, record.threshold), "share": record.threshold}
        m.d.comb += [self.arm.ready.eq(looked & ~self.moves), self.rearms.eq(looked & exists),
                     self.arms.eq(self.rearms & ~self.moves),
                     port.addr.eq(self.arm_at), port.en.eq(self.arms),
                     *(port.data[name].eq(value) for name, value in given.items())]
        at = Signal.like(self.arm_at)
        m.d.sync += at.eq(self.arm_at)
        for condition, armed in self.armed.items():
            acts = Signal(name=f"arms_{condition.name.lower()}")
            m.d.sync += acts.eq(self.arms & fits & (record.condition == condition))
            with m.If(self.arms):
                m.d.sync += armed.bit_select(self.arm_at, 1).eq(0)
            with m.If(acts):
                m.d.sync += armed.bit_select(at, 1).eq(1)

    def _send(self, m: Module, rows: Memory, series: Memory):
        """The intent is the row of the symbol that waits. When it is taken, its `Series` moves in the next cycle, in
        which no ARM is taken. `ends`: it was the last, and nothing fires any more.
        """
        order, next_up = self._row(m, rows, self.waiting.symbol), self._row(m, series, self.waiting.symbol)
        m.d.comb += [
            *(self.o.payload[name].eq(order[name]) for name in ("price", "qty", "side", "tif", "strategy", "venue")),
            *(self.o.payload[name].eq(self.waiting[name]) for name in self.waiting.shape().members),
            self.o.payload.order_id.eq(next_up.order_id), self.o.payload.origin.eq(Origin.TRIGGER),
        ]
        moves, used, used_at = self.moves, Signal(Series, reset_less=True), self.used_at
        rearmed = self.arms & (self.arm_at == self.waiting.symbol)
        spent = Signal(self.config.symbols)     # those without a refill left
        m.d.sync += [
            moves.eq(self.taken & ~rearmed), used.eq(next_up), used_at.eq(self.waiting.symbol),
            self.ends.eq(self.taken & ~rearmed & spent.bit_select(self.waiting.symbol, 1)),
        ]
        for armed in self.armed.values():
            with m.If(self.ends):
                m.d.sync += armed.bit_select(used_at, 1).eq(0)

        write = series.write_port()
        with m.If(write.en):
            m.d.sync += spent.bit_select(write.addr, 1).eq(
                Mux(moves, used.refills == 1, self.arm.payload.refills == 0))
        m.d.comb += [write.en.eq(moves | self.arms), write.addr.eq(Mux(moves, used_at, self.arm_at))]
        for name, change in (("order_id", 1), ("refills", -1)):
            m.d.comb += write.data[name].eq(Mux(moves, used[name] + change, self.arm.payload[name]))

    # ---- conditions: an event, whether the row of its symbol asks for it, and what it says ------------

    def _asks(self, symbol, condition: Condition):
        return self.armed[condition].bit_select(symbol[:len(self.arm_at)], 1)

    def _at(self, m: Module, symbol, cause, name: str):
        event = Signal(_event(self.config.symbols), name=name)
        m.d.comb += [event.symbol.eq(symbol), event.rx_time.eq(cause.rx_time), event.needed.eq(cause.needed)]
        return event

    def _top(self, m: Module, rows: Memory) -> list[Candidate]:
        """CROSS and IMBALANCE: both look at the opposite side of the book."""
        top, row, early = self.top.payload, Signal(Armed, reset_less=True), Signal.like(self.arm_at)
        event, own, opposite = self._at(m, top.symbol, top, "crossed_at"), Signal(32), Signal(32)
        m.d.sync += [row.eq(self._row(m, rows, top.symbol)), early.eq(top.symbol)]
        sell, valid, good = row.side[0], Signal(), Signal()
        m.d.comb += [
            valid.eq(self.top.valid & (early == event.symbol)),
            own.eq(Mux(sell, top.ask.qty, top.bid.qty)), opposite.eq(Mux(sell, top.bid.qty, top.ask.qty)),
            good.eq(_early(m, (top.inexact == 0) & Mux(sell, top.bid.qty.any(), top.ask.qty.any())) & ~top.crossed
                    & _reached(sell, row.limit, sold=top.ask.price, bought=top.bid.price)),
        ]
        asks = valid & self._asks(top.symbol, Condition.CROSS)
        asked = valid & self._asks(top.symbol, Condition.IMBALANCE)
        return [Candidate(event, asks & top.event, asks, good),
                self._weigh(m, event, asked, good, own, opposite, row.share)]

    def _weigh(self, m: Module, event, asked, usable, own, opposite, share) -> Candidate:
        """IMBALANCE: two registered steps before the verdict: the products, then their comparison."""
        kept = data.StructLayout({"at": event.shape(), "event": 1, "usable": 1})
        first, second = Signal(kept, reset_less=True), Signal(kept, reset_less=True)
        asked_1, asked_2 = Signal(), Signal()       # there was a top for an IMBALANCE row, which has stood since
        quantity, total, factor = Signal(32), Signal(33), Signal(SHARE_BITS + 1)
        left, right = Signal(32 + SHARE_BITS), Signal(33 + SHARE_BITS + 1)
        m.d.sync += [
            asked_1.eq(asked & self._stands(event.symbol)), asked_2.eq(asked_1 & self._stands(first.at.symbol)),
            first.at.eq(event), first.event.eq(self.top.payload.event), first.usable.eq(usable), second.eq(first),
            quantity.eq(own), total.eq(own + opposite), factor.eq(share),
            left.eq(quantity << SHARE_BITS), right.eq(total * factor),
        ]
        return Candidate(second.at, asked_2 & second.event, asked_2, second.usable & (left >= right))

    def _print(self, m: Module, rows: Memory) -> Candidate:
        message, symbol = self.trade.payload.message, self.trade.payload.symbol
        row = self._row(m, rows, symbol)
        is_print = (message.type == PRINTS[0]) | ((message.type == PRINTS[1]) & (message.detail == ord("Y")))
        return Candidate(
            self._at(m, symbol, message, "printed_at"),
            self.trade.valid & is_print & self._asks(symbol, Condition.TRADE_THROUGH), Const(0),
            _reached(row.side[0], row.limit, sold=message.price, bought=message.price))

    # ---- the intent that waits ---------------------------------------------------------------------

    def _stands(self, symbol):
        """The row of `symbol` is not changing in this cycle, nor about to."""
        return ~((self.rearms & (self.arm_at == symbol)) | (self.taken & (self.waiting.symbol == symbol))
                 | (self.ends & (self.used_at == symbol)))

    def _wait(self, m: Module, candidates: list[Candidate]):
        """The candidates that fired together are kept together; the first of them is the intent. Prints go first."""
        free, stays = Signal(), Signal()
        kept = [Signal(one.at.shape(), name=f"kept{n}", reset_less=True) for n, one in enumerate(candidates)]
        fires, fired = ([Signal(name=f"{name}{n}") for n in range(len(candidates))] for name in ("fires", "fired"))
        broken = [_early(m, one.judges & (one.at.symbol == self.waiting.symbol)) & ~one.good for one in candidates]
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            stays.eq(_early(m, self.o.valid & ~self.o.ready & self._stands(self.waiting.symbol)) & ~Cat(broken).any()),
        ]
        m.d.sync += self.o.valid.eq(Cat(fires).any() | stays)
        symbol = Signal.like(self.waiting.symbol)   # at hand at once, since rows are read by it
        for n, one in reversed(list(enumerate(candidates))):
            asks = one.fires & self._stands(one.at.symbol)
            m.d.comb += fires[n].eq(_early(m, asks & (~self.o.valid | self.o.ready)) & one.good)
            with m.If(free):
                m.d.sync += [kept[n].eq(one.at), fired[n].eq(fires[n])]
            with m.If(fires[n]):
                m.d.sync += symbol.eq(one.at.symbol)
            with m.If(fired[n]):
                m.d.comb += self.waiting.eq(kept[n])
        m.d.comb += self.waiting.symbol.eq(symbol)


def _early(m: Module, value) -> Signal:
    """`value`, made before what is late looks at it: synthesis does not mix the two."""
    kept = Signal(Value.cast(value).shape(), attrs={"keep": 1}, name="early")
    m.d.comb += kept.eq(value)
    return kept


def _reached(sell, limit, sold, bought):
    """What is sold is at `limit` or below, which a buy wants; what is bought at it or above, for a sale.

    Two carry chains, which the bit below the last keeps from becoming one with a slow comparison for equality.
    """
    return Mux(sell, ~(bought < limit), ~(Cat(Const(1, 1), limit) < Cat(Const(1, 1), sold)))


def _too_wide(record):
    """Some field does not fit what is kept of it."""
    found = Const(0)
    for kept in (Armed, Series):
        for name, field in kept.as_shape().members.items():
            if name in record.shape().members:
                found = found | record[name][Shape.cast(field).width:].any()
    return found


__all__ = ["LATENCY", "Triggers"]
