"""Settlement: what execution reports, unsent orders and position writes do to the exposure."""

import enum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import EXECUTION, RECORD_BITS, Action, Side
from hdl.messages import SYMBOL_BITS, ExecReport, Intent
from hdl.risk.check import ADVERSE_BITS
from hdl.risk.killswitch import CAUSES
from hdl.risk.orders import OpenOrder

#: Strobes, in the order of the kill's causes that are not the host's or the trip's.
FAULTS = CAUSES[2:]

#: ExecType (150) of FIX 4.4, volume 4: trade.
FILLS = "F"
#: Canceled, done for day, rejected, calculated, expired: what is left is no longer open.
RELEASES = "438BC"
#: New, pending new, pending cancel, pending replace, stopped, suspended, order status: nothing moves.
NEUTRAL = "0A6E79I"


class Kind(enum.IntEnum):
    """What an event does."""
    NOTHING = 0
    FILL = 1
    RELEASE = 2
    SET = 3
    UNSUPPORTED = 4


class Settlement(wiring.Component):
    """Takes one event at a time, 8 cycles each: find the order, see what moves, write it, say so.

    Members
    -------
    report, unsent, set : events. A cancel that was not sent moves nothing. Latency and spacing: `Exposure`.
    execution : valid-only EXECUTION records, one for each report, `time` being its `rx_time`.
    faults : strobes named by `FAULTS`. An unknown fill moves nothing (its symbol is not known); an
        overfill moves the position by all of it. Either way the kill is what makes it safe.
    find ... free : the open-order table.
    symbol ... update : position, settled and reserved quantities of one symbol; read data is valid in the
        cycle after `symbol`.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        sides = data.ArrayLayout(unsigned(ADVERSE_BITS), 2)
        super().__init__({
            "report": In(stream.Signature(ExecReport, always_ready=True)),
            "unsent": In(stream.Signature(Intent, always_ready=True)),
            "set": In(1), "set_symbol": In(SYMBOL_BITS), "set_value": In(signed(32)),
            "execution": Out(stream.Signature(RECORD_BITS, always_ready=True)), "faults": Out(len(FAULTS)),
            "find": Out(range(config.open_orders)), "order": In(OpenOrder), "filled": In(32), "live": In(1),
            "update_order": Out(1), "new_filled": Out(32), "free": Out(1),
            "symbol": Out(SYMBOL_BITS), "reserved": In(sides), "settled": In(sides), "position": In(signed(32)),
            "update": Out(1), "new_settled": Out(sides), "new_position": Out(signed(32)),
        })

    def elaborate(self, platform):
        m = Module()
        event, kind = Signal(ExecReport), Signal(Kind)
        reported = Signal()   # the event is a report, and is owed a record
        row, left = Signal(OpenOrder), Signal(32)
        live, same_id, known, over = Signal(), Signal(), Signal(), Signal()
        fill, release = Signal(signed(ADVERSE_BITS)), Signal(32)
        done = Signal()
        self.fault = {name: Signal(name=name) for name in FAULTS}
        m.d.sync += self.faults.eq(Cat(self.fault.values()))
        m.d.comb += [self.find.eq(event.order_id), self.symbol.eq(row.symbol)]

        idle = Signal()
        waiting, target = self._next_event(m, idle, event, kind, reported)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += idle.eq(1)
                with m.If(waiting):
                    m.next = "FIND"
            with m.State("FIND"):
                m.next = "MATCH"
            with m.State("MATCH"):
                m.d.sync += [row.eq(self.order), left.eq(self.order.qty - self.filled), live.eq(self.live),
                             same_id.eq(self.order.order_id == event.order_id)]
                with m.If(kind == Kind.SET):
                    m.d.sync += [row.symbol.eq(target.symbol), row.side.eq(int(Side.BUY))]
                m.next = "READ"
            with m.State("READ"):
                m.d.sync += [known.eq(live & same_id & (kind != Kind.SET)), over.eq(event.last_qty > left)]
                m.next = "WEIGH"
            with m.State("WEIGH"):
                with m.If(kind == Kind.SET):
                    m.d.sync += [fill.eq(target.value - self.position), release.eq(0)]
                with m.Else():
                    filled = kind == Kind.FILL
                    m.d.sync += [fill.eq(Mux(filled, event.last_qty, 0)),
                                 release.eq(Mux(filled & ~over, event.last_qty, left))]
                m.next = "APPLY"
            with m.State("APPLY"):
                moves = (kind == Kind.FILL) | (kind == Kind.RELEASE)
                m.d.comb += [
                    self.update_order.eq(known & moves), self.update.eq((known & moves) | (kind == Kind.SET)),
                    self.fault["unknown_fill"].eq(~known & (kind == Kind.FILL)),
                    self.fault["overfill"].eq(known & over & (kind == Kind.FILL)),
                    self.fault["unsupported"].eq(kind == Kind.UNSUPPORTED),
                ]
                m.next = "RECORD"
            with m.State("RECORD"):
                m.d.comb += done.eq(reported)
                m.next = "IDLE"
        self._move(m, row.side[0], left, fill, release)
        self._record(m, done, event, row, known)
        return m

    def _next_event(self, m, idle, event, kind, reported):
        """Holds one event of each source, and picks the next one in `idle`."""
        target = Signal(data.StructLayout({"symbol": SYMBOL_BITS, "value": signed(32)}))
        unsent_id = Signal(64)
        report = Signal(ExecReport)
        sources = (
            (self.report.valid, report.eq(self.report.payload), [
                event.eq(report), kind.eq(self._kind(m, report.exec_type)), reported.eq(1)]),
            (self.unsent.valid & (self.unsent.payload.action == Action.NEW),
             unsent_id.eq(self.unsent.payload.order_id), [
                event.order_id.eq(unsent_id), kind.eq(Kind.RELEASE), reported.eq(0)]),
            (self.set, [target.symbol.eq(self.set_symbol), target.value.eq(self.set_value)], [
                kind.eq(Kind.SET), reported.eq(0)]),
        )
        earlier = Const(0, 1)
        for n, (arrives, keep, load) in enumerate(sources):
            held, taken = Signal(name=f"held{n}"), Signal(name=f"taken{n}")
            m.d.comb += taken.eq(idle & held & ~earlier)
            with m.If(taken):
                m.d.sync += [held.eq(0), *load]
            with m.If(arrives):
                m.d.sync += [held.eq(1), keep]
                with m.If(held & ~taken):
                    m.d.comb += self.fault["overrun"].eq(1)
            earlier = earlier | held
        return earlier, target

    def _kind(self, m, exec_type):
        kind = Signal(Kind)
        with m.Switch(exec_type):
            with m.Case(*map(ord, FILLS)):
                m.d.comb += kind.eq(Kind.FILL)
            with m.Case(*map(ord, RELEASES)):
                m.d.comb += kind.eq(Kind.RELEASE)
            with m.Case(*map(ord, NEUTRAL)):
                m.d.comb += kind.eq(Kind.NOTHING)
            with m.Default():
                m.d.comb += kind.eq(Kind.UNSUPPORTED)
        return kind

    def _move(self, m, sell, left, fill, release):
        """What is written in APPLY. On a sale the position moves the other way."""
        position = Signal(signed(ADVERSE_BITS))
        own = Mux(sell, self.settled[1], self.settled[0]) + fill - release
        other = Mux(sell, self.settled[0], self.settled[1]) - fill
        m.d.comb += [
            self.new_settled[0].eq(Mux(sell, other, own)), self.new_settled[1].eq(Mux(sell, own, other)),
            position.eq(self.position + Mux(sell, -fill, fill)), self.new_position.eq(position),
            self.fault["overflow"].eq(self.update & (position != self.new_position)),
            self.free.eq(release == left), self.new_filled.eq(Mux(self.free, 0, self.filled + release)),
        ]

    def _record(self, m, done, event, row, known):
        """The EXECUTION record, made while `done` from what APPLY, the cycle before, left or wrote."""
        sell, moved = row.side[0], self.update
        settled, position = Signal(ADVERSE_BITS), Signal(signed(32))
        after = [Mux(moved, new, old) for new, old in zip(self.new_settled, self.settled, strict=True)]
        m.d.sync += [settled.eq(Mux(sell, after[1], after[0])),
                     position.eq(Mux(moved, self.new_position, self.position))]
        open_qty = Mux(sell, self.reserved[1], self.reserved[0]) + settled - Mux(sell, ~position, position)
        record = data.View(EXECUTION.layout, Signal(EXECUTION.layout.size, reset_less=True))
        m.d.comb += self.execution.payload.eq(record)
        m.d.sync += [
            self.execution.valid.eq(done), record.kind.eq(EXECUTION.kind), record.time.eq(event.rx_time),
            *(record[name].eq(event[name]) for name in (
                "order_id", "last_qty", "last_price", "leaves_qty", "cum_qty", "exec_type", "ord_status", "venue")),
            *(record[name].eq(Mux(known, value, 0)) for name, value in (
                ("symbol", row.symbol), ("side", row.side), ("position", position), ("open_qty", open_qty[:32]))),
            record.known.eq(known),
        ]
