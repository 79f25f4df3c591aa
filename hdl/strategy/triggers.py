"""Armed triggers: the host says beforehand what it would do, the NIC does it when the market gets there."""

from amaranth.hdl import Const, Module, Mux, Shape, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import ARM, Action, Condition, Origin
from hdl.messages import STRATEGY_BITS, VENUE_BITS, BookMessage, Intent, Level, TopOfBook

#: Cycles from an event to its intent, by condition.
LATENCY = {Condition.CROSS: 1, Condition.TRADE_THROUGH: 1, Condition.IMBALANCE: 3}
#: Types of the messages that print a trade at a price of their own (ITCH 5.0, sections 1.4.2 and 1.5.1).
PRINTS = (ord("P"), ord("C"))
#: IMBALANCE: `threshold` is a share in 1/256.
SHARE_BITS = 8
PRICE_BITS = 32


class Armed(data.Struct):
    """What an ARM record leaves in the NIC: what events are judged by, and what is sent, but for the `Series`."""
    condition: unsigned(2)          # `Condition`
    side: unsigned(2)
    threshold: unsigned(PRICE_BITS)  # of a price its eagerness, see `_eager`
    bound: unsigned(PRICE_BITS)      # the eagerness of `price`
    price: unsigned(PRICE_BITS)
    qty: unsigned(32)
    tif: unsigned(8)
    strategy: unsigned(STRATEGY_BITS)
    venue: unsigned(VENUE_BITS)


class Series(data.Struct):
    """What moves each time an intent is taken."""
    order_id: unsigned(64)
    refills: unsigned(16)


class Verdict(data.Struct):
    hit: unsigned(1)
    miss: unsigned(1)


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

    An ARM acts from the next cycle on; an event of its symbol in the same cycle does not fire. An ARM with a field
    that an intent cannot hold, of a symbol that is not there, or of anything but a new order disarms.

    What is armed lives in memories, read by the symbol of an event to judge it, and by the symbol that waits to say
    what is sent; a reset clears one bit a symbol.

    Members
    -------
    top, trade : valid-only; the tops of book, and the messages of subscribed symbols.
    arm : ARM records; taken at once, but for the cycle after an intent was taken.
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
        self.waiting, self.armed = Signal(_event(symbols)), Signal(symbols)
        self.taken, self.arms, self.arm_at = Signal(), Signal(), Signal(range(max(2, symbols)))
        m.d.comb += [
            self.taken.eq(self.o.valid & self.o.ready), self.arm_at.eq(self.arm.payload.symbol),
            self.arms.eq(self.arm.valid & self.arm.ready & (self.arm.payload.symbol < symbols)),
        ]
        m.submodules.rows = rows = Memory(shape=Armed, depth=max(2, symbols), init=[])
        m.submodules.series = series = Memory(shape=Series, depth=max(2, symbols), init=[])
        self._arm(m, rows)
        self._send(m, rows, series)

        crossed_at, crossed, weighed_at, weighed = self._top(m, rows)
        printed_at, printed = self._print(m, rows)
        self._wait(m, [(printed_at, printed.hit), (crossed_at, crossed.hit), (weighed_at, weighed.hit)],
                   broken=[(crossed_at, crossed.miss), (weighed_at, weighed.miss)])
        return m

    # ---- what is armed -----------------------------------------------------------------------------

    def _row(self, m: Module, memory: Memory, symbol):
        """The row of `symbol`, in the same cycle."""
        port = memory.read_port(domain="comb")
        m.d.comb += port.addr.eq(symbol)
        return port.data

    def _arm(self, m: Module, rows: Memory):
        """The record's row replaces what was armed; a record that does not fit leaves the symbol disarmed."""
        record, port, fits = self.arm.payload, rows.write_port(), Signal()
        sell, is_share = record.side[0], record.condition == Condition.IMBALANCE
        given = {name: record[name] for name in Armed.as_shape().members if name in ARM.layout.members}
        given |= {"threshold": Mux(is_share, record.threshold, _eager(record.threshold, sell)),
                  "bound": _eager(record.price, sell)}
        m.d.comb += [port.addr.eq(self.arm_at), port.en.eq(self.arms),
                     *(port.data[name].eq(value) for name, value in given.items()),
                     fits.eq((record.action == Action.NEW) & (record.condition != Condition.NONE) & ~_too_wide(record)
                             & ~(is_share & (record.threshold > 1 << SHARE_BITS)))]
        with m.If(self.arms):
            m.d.sync += self.armed.bit_select(self.arm_at, 1).eq(fits)

    def _send(self, m: Module, rows: Memory, series: Memory):
        """The intent is the row of the symbol that waits. When it is taken, its `Series` moves: a bit now, so that the
        last one disarms at once, and the rest in the next cycle, in which no ARM is taken.
        """
        order, next_up = self._row(m, rows, self.waiting.symbol), self._row(m, series, self.waiting.symbol)
        m.d.comb += [
            *(self.o.payload[name].eq(order[name]) for name in ("price", "qty", "side", "tif", "strategy", "venue")),
            *(self.o.payload[name].eq(self.waiting[name]) for name in self.waiting.shape().members),
            self.o.payload.order_id.eq(next_up.order_id), self.o.payload.origin.eq(Origin.TRIGGER),
        ]
        moves, used, used_at = Signal(), Signal(Series, reset_less=True), Signal.like(self.arm_at)
        rearmed = self.arms & (self.arm_at == self.waiting.symbol)
        m.d.sync += [moves.eq(self.taken & ~rearmed), used.eq(next_up), used_at.eq(self.waiting.symbol)]
        with m.If(self.taken & ~rearmed & (next_up.refills == 0)):
            m.d.sync += self.armed.bit_select(self.waiting.symbol, 1).eq(0)

        write = series.write_port()
        m.d.comb += [self.arm.ready.eq(~moves), write.en.eq(moves | self.arms),
                     write.addr.eq(Mux(moves, used_at, self.arm_at))]
        for name, change in (("order_id", 1), ("refills", -1)):
            m.d.comb += write.data[name].eq(Mux(moves, used[name] + change, self.arm.payload[name]))

    # ---- conditions: an event, and whether the row of its symbol says yes (hit) or no (miss) --------

    def _asks(self, row, symbol, condition: Condition):
        return self.armed.bit_select(symbol[:len(self.arm_at)], 1) & (row.condition == condition)

    def _at(self, m: Module, symbol, cause, name: str):
        event = Signal(_event(self.config.symbols), name=name)
        m.d.comb += [event.symbol.eq(symbol), event.rx_time.eq(cause.rx_time), event.needed.eq(cause.needed)]
        return event

    def _top(self, m: Module, rows: Memory):
        """CROSS and IMBALANCE: both look at the opposite side of the book."""
        top = self.top.payload
        row, event = self._row(m, rows, top.symbol), self._at(m, top.symbol, top, "crossed_at")
        sell, opposite = row.side[0], Signal(Level)
        eager, exists = Signal(PRICE_BITS), Signal()
        m.d.comb += [
            opposite.eq(Mux(sell, top.bid, top.ask)), eager.eq(_eager(opposite.price, sell)),
            exists.eq((top.inexact == 0) & ~top.crossed & opposite.qty.any()),
        ]
        verdict, good = Signal(Verdict, name="crossed"), Signal()
        asks = self.top.valid & self._asks(row, top.symbol, Condition.CROSS)
        m.d.comb += [good.eq(exists & (eager >= row.threshold)),
                     verdict.hit.eq(asks & good & top.event), verdict.miss.eq(asks & ~good)]

        asked = self.top.valid & self._asks(row, top.symbol, Condition.IMBALANCE)
        own = Mux(sell, top.ask.qty, top.bid.qty)
        return event, verdict, *self._weigh(m, event, asked, exists & (eager >= row.bound), own, opposite.qty,
                                            row.threshold[:SHARE_BITS + 1])

    def _weigh(self, m: Module, event, asked, usable, own, opposite, share):
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
        verdict, enough = Signal(Verdict, name="weighed"), Signal()
        m.d.comb += [enough.eq(second.usable & (left >= right)), verdict.hit.eq(asked_2 & second.event & enough),
                     verdict.miss.eq(asked_2 & ~enough)]
        return second.at, verdict

    def _print(self, m: Module, rows: Memory):
        message, symbol = self.trade.payload.message, self.trade.payload.symbol
        row, event = self._row(m, rows, symbol), self._at(m, symbol, message, "printed_at")
        verdict = Signal(Verdict, name="printed")
        is_print = (message.type == PRINTS[0]) | ((message.type == PRINTS[1]) & (message.detail == ord("Y")))
        met = _eager(message.price, row.side[0]) >= row.threshold
        m.d.comb += verdict.hit.eq(self.trade.valid & is_print & met
                                   & self._asks(row, symbol, Condition.TRADE_THROUGH))
        return event, verdict

    # ---- the intent that waits ---------------------------------------------------------------------

    def _stands(self, symbol):
        """The row of `symbol` is not changing in this cycle."""
        return ~((self.arms & (self.arm_at == symbol)) | (self.taken & (self.waiting.symbol == symbol)))

    def _wait(self, m: Module, candidates, broken):
        for event, missed in broken:
            with m.If(missed & (event.symbol == self.waiting.symbol)):
                m.d.sync += self.o.valid.eq(0)
        with m.If(~self._stands(self.waiting.symbol)):
            m.d.sync += self.o.valid.eq(0)
        with m.If(~self.o.valid | self.taken):
            m.d.sync += self.waiting.eq(candidates[-1][0])      # of no account where nothing fires
            for event, hit in reversed(candidates):     # the last assignment wins: prints go first
                with m.If(hit & self._stands(event.symbol)):
                    m.d.sync += [self.o.valid.eq(1), self.waiting.eq(event)]


def _eager(price, sell):
    """How good a price of the opposite side is for us: higher is better, for a buy as for a sale."""
    return price ^ (~sell).replicate(len(price))


def _too_wide(record):
    """Some field does not fit what is kept of it."""
    found = Const(0)
    for kept in (Armed, Series):
        for name, field in kept.as_shape().members.items():
            if name in record.shape().members:
                found = found | record[name][Shape.cast(field).width:].any()
    return found


__all__ = ["LATENCY", "Triggers"]
