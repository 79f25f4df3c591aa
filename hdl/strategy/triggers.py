"""Armed triggers: the host says beforehand what it would do, the NIC does it when the market gets there."""

from amaranth.hdl import Array, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import ARM, Action, Condition, Origin
from hdl.messages import STRATEGY_BITS, SYMBOL_BITS, VENUE_BITS, BookMessage, Intent, TopOfBook

#: Cycles from an event to its intent, by condition.
LATENCY = {Condition.CROSS: 1, Condition.TRADE_THROUGH: 1, Condition.IMBALANCE: 3}
#: Types of the messages that print a trade at a price of their own (ITCH 5.0, sections 1.4.2 and 1.5.1).
PRINTS = (ord("P"), ord("C"))
#: IMBALANCE: `threshold` is a share in 1/256.
SHARE_BITS = 8


class Armed(data.Struct):
    """What an ARM record leaves in the NIC; the fields are the record's, as wide as the intent has them."""
    condition: unsigned(2)      # `Condition`; NONE: not armed
    threshold: unsigned(32)
    refills: unsigned(16)
    order_id: unsigned(64)
    price: unsigned(32)
    qty: unsigned(32)
    side: unsigned(2)
    tif: unsigned(8)
    strategy: unsigned(STRATEGY_BITS)
    venue: unsigned(VENUE_BITS)


class Event(data.Struct):
    """Something a trigger may fire on, and what the intent says of its cause."""
    symbol: unsigned(SYMBOL_BITS)
    rx_time: unsigned(64)
    needed: unsigned(32)


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

    Members
    -------
    top, trade : valid-only; the tops of book, and the messages of subscribed symbols.
    arm : ARM records, always taken.
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
        self.rows = [Signal(Armed, name=f"row{n}") for n in range(self.config.symbols)]
        self.waiting = Signal(Event)
        self.taken = Signal()
        m.d.comb += self.taken.eq(self.o.valid & self.o.ready)

        crossed_at, crossed = self._cross(m)
        printed_at, printed = self._print(m)
        weighed_at, weighed = self._imbalance(m)
        self._wait(m, [(printed_at, printed.hit, self._row(printed_at.symbol)),
                       (crossed_at, crossed.hit, self._row(crossed_at.symbol)),
                       (weighed_at, weighed.hit, self._row(weighed_at.symbol))],
                   broken=[(crossed_at, crossed.miss), (weighed_at, weighed.miss)])
        self._use(m)
        self._arm(m)
        return m

    # ---- conditions: an event, and whether the row of its symbol says yes (hit) or no (miss) --------

    def _row(self, symbol):
        return data.View(Armed, Array(row.as_value() for row in self.rows)[symbol])

    def _verdict(self, m: Module, name: str):
        return Signal(data.StructLayout({"hit": 1, "miss": 1}), name=name)

    def _cross(self, m: Module):
        top = self.top.payload
        row, event, verdict = self._row(top.symbol), Signal(Event, name="crossed_at"), self._verdict(m, "crossed")
        met = Mux(row.side[0], (top.bid.price >= row.threshold) & top.bid.qty.any(),
                  (top.ask.price <= row.threshold) & top.ask.qty.any())
        good = Signal()
        m.d.comb += [
            event.symbol.eq(top.symbol), event.rx_time.eq(top.rx_time), event.needed.eq(top.needed),
            good.eq(met & (top.inexact == 0) & ~top.crossed),
            verdict.hit.eq(self.top.valid & top.event & good & (row.condition == Condition.CROSS)),
            verdict.miss.eq(self.top.valid & ~good & (row.condition == Condition.CROSS)),
        ]
        return event, verdict

    def _print(self, m: Module):
        message = self.trade.payload.message
        row = self._row(self.trade.payload.symbol)
        event, verdict = Signal(Event, name="printed_at"), self._verdict(m, "printed")
        is_print = (message.type == PRINTS[0]) | ((message.type == PRINTS[1]) & (message.detail == ord("Y")))
        met = Mux(row.side[0], message.price >= row.threshold, message.price <= row.threshold)
        m.d.comb += [
            event.symbol.eq(self.trade.payload.symbol), event.rx_time.eq(message.rx_time),
            event.needed.eq(message.needed),
            verdict.hit.eq(self.trade.valid & is_print & met & (row.condition == Condition.TRADE_THROUGH)),
        ]
        return event, verdict

    def _imbalance(self, m: Module):
        """Two registered steps before the verdict: the products, then their comparison."""
        top = self.top.payload
        row = self._row(top.symbol)
        sell = row.side[0]
        own, opposite = Mux(sell, top.ask.qty, top.bid.qty), Mux(sell, top.bid.qty, top.ask.qty)
        within = Mux(sell, top.bid.price >= row.price, top.ask.price <= row.price) & opposite.any()

        first, second = Signal(Event), Signal(Event, name="weighed_at")
        asked, usable = Signal(2), Signal(2)     # there was a top for an IMBALANCE row; it could be a hit
        event = Signal(2)
        quantity, total, share = Signal(32), Signal(33), Signal(SHARE_BITS + 1)
        left, right = Signal(33 + SHARE_BITS), Signal(33 + SHARE_BITS + 1)
        m.d.sync += [
            first.symbol.eq(top.symbol), first.rx_time.eq(top.rx_time), first.needed.eq(top.needed),
            asked[0].eq(self.top.valid & (row.condition == Condition.IMBALANCE) & self._stands(top.symbol)),
            usable[0].eq(within & (top.inexact == 0) & ~top.crossed & (row.threshold <= 1 << SHARE_BITS)),
            event[0].eq(top.event), quantity.eq(own), total.eq(own + opposite), share.eq(row.threshold),
            second.eq(first), asked[1].eq(asked[0] & self._stands(first.symbol)), usable[1].eq(usable[0]),
            event[1].eq(event[0]), left.eq(quantity << SHARE_BITS), right.eq(total * share),
        ]
        verdict, enough = self._verdict(m, "weighed"), Signal()
        m.d.comb += [enough.eq(usable[1] & (left >= right)), verdict.hit.eq(asked[1] & event[1] & enough),
                     verdict.miss.eq(asked[1] & ~enough)]
        return second, verdict

    # ---- the intent that waits ---------------------------------------------------------------------

    def _stands(self, symbol):
        """The row of `symbol` is not changing in this cycle."""
        return ~((self.arm.valid & (self.arm.payload.symbol[:SYMBOL_BITS] == symbol))
                 | (self.taken & (self.waiting.symbol == symbol)))

    def _wait(self, m: Module, candidates, broken):
        for event, verdict in broken:
            with m.If(verdict & (event.symbol == self.waiting.symbol)):
                m.d.sync += self.o.valid.eq(0)
        with m.If(~self._stands(self.waiting.symbol)):
            m.d.sync += self.o.valid.eq(0)
        with m.If(~self.o.valid | self.taken):
            for event, hit, row in reversed(candidates):    # the last assignment wins: prints go first
                with m.If(hit & self._stands(event.symbol)):
                    m.d.sync += [self.o.valid.eq(1), self.waiting.eq(event), *self._intent(event, row)]
        m.d.comb += [self.o.payload.origin.eq(Origin.TRIGGER), self.o.payload.symbol.eq(self.waiting.symbol),
                     self.o.payload.rx_time.eq(self.waiting.rx_time), self.o.payload.needed.eq(self.waiting.needed)]

    def _intent(self, event, row):
        return [self.o.payload[name].eq(row[name]) for name in
                ("order_id", "price", "qty", "side", "tif", "strategy", "venue")]

    def _use(self, m: Module):
        for n, row in enumerate(self.rows):
            with m.If(self.taken & (self.waiting.symbol == n)):
                m.d.sync += [row.order_id.eq(row.order_id + 1), row.refills.eq(row.refills - 1)]
                with m.If(row.refills == 0):
                    m.d.sync += row.condition.eq(Condition.NONE)

    def _arm(self, m: Module):
        """The record's row replaces what was armed; a record that does not fit leaves the symbol disarmed."""
        record, fits = self.arm.payload, Signal()
        widths = {name: Armed.as_shape()[name].width for name in Armed.as_shape().members}
        m.d.comb += [self.arm.ready.eq(1), fits.eq((record.action == Action.NEW) & ~_any(
            record[name][width:] for name, width in widths.items()))]
        for n, row in enumerate(self.rows):
            with m.If(self.arm.valid & (record.symbol == n)):
                m.d.sync += [row[name].eq(record[name]) for name in widths]
                with m.If(~fits):
                    m.d.sync += row.condition.eq(Condition.NONE)


def _any(values):
    found = 0
    for value in values:
        found = found | value.any()
    return found


__all__ = ["LATENCY", "Triggers"]
