"""Settlement: what execution reports, unsent orders and position writes do to the exposure."""

import enum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import EXECUTION, RECORD_BITS, Action, Side
from hdl.messages import SYMBOL_BITS, ExecReport, Intent
from hdl.risk.arithmetic import add
from hdl.risk.check import ADVERSE_BITS
from hdl.risk.credits import Portion
from hdl.risk.deltasettlement import Change
from hdl.risk.orders import OpenOrder

#: Strobes, by the names of the kill's causes.
FAULTS = ("unknown_fill", "overfill", "unsupported", "overrun", "overflow")

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
    """Takes one event at a time: find the order, see what moves, write it, say so.

    Members
    -------
    report, unsent, set : events. A cancel that was not sent moves nothing. Latency and spacing: `Exposure`.
    execution : valid-only EXECUTION records, one for each report, `time` being its `rx_time`.
    faults : strobes named by `FAULTS`. An unknown fill moves nothing (its symbol is not known); an
        overfill moves the position by all of it. Either way the kill is what makes it safe.
    find ... free : the open-order table.
    symbol, sell : which numbers; `settled` and `position` are the answer in the same cycle, `open_qty` and
        `open_position`, the position as that side sees it, in the next. While `pause` is high they are somebody else's.
    new_settled ... update_position : written for the same symbol and side.
    portion : what of an order was executed or released, in the cycle in which that is written.
    change : what is written to `new_settled`, as what it grows by.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "report": In(stream.Signature(ExecReport, always_ready=True)),
            "unsent": In(stream.Signature(Intent, always_ready=True)),
            "set": In(1), "set_symbol": In(SYMBOL_BITS), "set_value": In(signed(32)),
            "execution": Out(stream.Signature(RECORD_BITS, always_ready=True)), "faults": Out(len(FAULTS)),
            "find": Out(range(config.open_orders)), "order": In(OpenOrder), "filled": In(32), "live": In(1),
            "update_order": Out(1), "new_filled": Out(32), "free": Out(1),
            "symbol": Out(SYMBOL_BITS), "sell": Out(1), "pause": In(1),
            "settled": In(ADVERSE_BITS), "position": In(signed(32)),
            "open_qty": In(32), "open_position": In(signed(32)),
            "new_settled": Out(ADVERSE_BITS), "update_settled": Out(1),
            "new_position": Out(signed(32)), "update_position": Out(1), "portion": Out(Portion),
            "change": Out(Change),
        })

    def elaborate(self, platform):
        m = Module()
        self.does = {kind: Signal(name=f"does_{kind.name.lower()}") for kind in Kind}
        self.reported = Signal()    # this event is: it is owed a record
        self.row, self.known = Signal(OpenOrder, reset_less=True), Signal()
        self.steps = {name: Signal(name=name) for name in (
            "idle", "find", "match", "left", "weigh", "apply", "again", "sum", "record")}
        self.at = {name: Signal(name=f"at_{name}", init=name == "idle") for name in self.steps}
        self.fault = {name: Signal(name=name) for name in FAULTS}
        m.d.sync += self.faults.eq(Cat(self.fault.values()))
        waiting, sets = self._next_event(m)
        self._sequence(m, waiting, sets)
        fill, rest = self._weigh(m)
        self._move(m, fill, rest)
        self._record(m)
        return m

    def _sequence(self, m: Module, waiting, sets):
        """One cycle each, and more for those that need the ports while they are somebody else's: `at` says which it
        is, `on` that it is done in this cycle.
        """
        on, at, names = self.steps, self.at, list(self.steps)
        may = {"idle": waiting} | dict.fromkeys(("weigh", "apply", "again", "sum"), ~self.pause)
        for name in names:
            m.d.comb += on[name].eq(at[name] & may.get(name, 1))
        comes = {name: on[before] for name, before in zip(names, [names[-1], *names], strict=False)}
        comes["find"], comes["left"] = on["idle"] & ~sets, on["match"] | on["idle"] & sets  # no order to be found
        comes["sum"], comes["idle"] = on["again"] & self.reported, on["record"] | on["again"] & ~self.reported
        m.d.sync += [at[name].eq(comes[name] | (at[name] & ~on[name])) for name in names]

    def _next_event(self, m: Module):
        """Holds one event of each source until it is done with, and picks the next one in `idle`. Whether there is
        one, and whether it is a write of a position.
        """
        self.event, unsent_id = Signal(ExecReport), Signal(64)
        self.target, chosen = Signal(data.StructLayout({"symbol": SYMBOL_BITS, "value": signed(32)})), Signal(3)
        unsent, reports, kind = self.unsent.payload, self.steps["record"], Signal(Kind)
        done = self.steps["again"] & ~self.reported
        sources = (
            (self.report.valid, self.event.eq(self.report.payload), reports, self._kind(m, self.event.exec_type)),
            (self.unsent.valid & (unsent.action == Action.NEW), unsent_id.eq(unsent.order_id),
             done & ~self.does[Kind.SET], Kind.RELEASE),
            (self.set, [self.target.symbol.eq(self.set_symbol), self.target.value.eq(self.set_value)],
             done & self.does[Kind.SET], Kind.SET),
        )
        earlier = Const(0, 1)
        for n, (arrives, keep, finished, of) in enumerate(sources):
            held = Signal(name=f"held{n}")
            m.d.comb += chosen[n].eq(held & ~earlier)
            with m.If(chosen[n]):
                m.d.comb += kind.eq(of)
            with m.If(finished):
                m.d.sync += held.eq(0)
            with m.If(arrives):
                m.d.sync += [held.eq(1), keep]
                with m.If(held & ~finished):
                    m.d.comb += self.fault["overrun"].eq(1)
            earlier = earlier | held
        with m.If(self.at["idle"]):
            m.d.sync += [self.reported.eq(chosen[0]), *(does.eq(kind == of) for of, does in self.does.items())]
        self.order_id = Mux(self.reported, self.event.order_id, unsent_id)
        return earlier, chosen[2]

    def _kind(self, m: Module, exec_type):
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

    def _weigh(self, m: Module):
        """The order as found in `match`; one step later what was left of it, and one more what is left after this.
        Returns the quantity filled, and that rest, which is below 0 when more was filled than was left.
        """
        live, filled, left, same = Signal(), Signal(32), Signal(32), Signal()
        fill, rest = Signal(signed(33)), Signal(signed(33))
        m.d.comb += self.find.eq(self.order_id)
        with m.If(self.steps["match"]):
            m.d.sync += [self.row.eq(self.order), filled.eq(self.filled), live.eq(self.live)]
        with m.Elif(self.at["idle"]):
            m.d.sync += [self.row.symbol.eq(self.target.symbol), self.row.side.eq(int(Side.BUY))]
        m.d.sync += [left.eq(self.row.qty - filled), same.eq(self.row.order_id == self.order_id)]
        with m.If(self.steps["weigh"]):
            m.d.sync += [
                self.known.eq(live & same & ~self.does[Kind.SET]),
                fill.eq(Mux(self.does[Kind.SET], self.target.value - self.position, self.event.last_qty)),
                rest.eq(left - Mux(self.does[Kind.FILL], self.event.last_qty, 0)),
            ]
        free = self.does[Kind.RELEASE] | rest[-1] | (rest == 0)
        reached = (filled + self.event.last_qty)[:32]
        m.d.comb += [
            self.free.eq(free), self.new_filled.eq(Mux(free, 0, reached)), self.portion.fill.eq(self.does[Kind.FILL]),
            self.portion.sell.eq(self.row.side[0]), self.portion.strategy.eq(self.row.strategy),
            self.portion.price.eq(self.row.price), self.portion.first.eq(filled),
            self.portion.last.eq(Mux(free, self.row.qty, reached)),
        ]
        return fill, rest

    def _move(self, m: Module, fill, rest):
        """In `apply` a fill takes from the other side's number, a release from its own; in `again` an overfill adds
        to its own side's what was not left. To set a position is to fill what is missing, without an order.
        """
        fills, releases, sets = (self.does[kind] for kind in (Kind.FILL, Kind.RELEASE, Kind.SET))
        first, second, sell = self.steps["apply"], self.steps["again"], self.row.side[0]
        at_first, at_second = self.at["apply"], self.at["again"]     # for what matters in the step alone
        moves, minus, loses, change = Signal(), Signal(), Signal(), self.change
        amount, position = Signal(signed(ADVERSE_BITS)), Signal(signed(34))
        m.d.comb += [
            self.symbol.eq(self.row.symbol), self.sell.eq(sell ^ ((at_first & fills) | (at_second & sets))),
            moves.eq(self.known & (fills | releases)),
            amount.eq(Mux(sets | (at_first & fills), fill, rest)), minus.eq(~(at_first & sets)),
            change.amount.eq(amount ^ minus.replicate(ADVERSE_BITS)), change.carry.eq(minus),
            change.symbol.eq(self.symbol), change.sell.eq(self.sell), change.valid.eq(self.update_settled),
            self.new_settled.eq(add(self.settled, change.amount, minus)),
            self.update_settled.eq((first & moves) | (second & moves & rest[-1]) | ((first | second) & sets)),
            # not `fill ^ loses...`: exclusive or with an unsigned value is a bit wider, and no longer negative
            loses.eq(fills & sell), position.eq(self.position + Mux(loses, ~fill, fill) + loses),
            self.new_position.eq(position), self.update_position.eq(first & ((self.known & fills) | sets)),
            self.update_order.eq(first & moves), self.portion.valid.eq(first & moves),
            self.fault["unknown_fill"].eq(first & fills & ~self.known),
            self.fault["overfill"].eq(first & fills & self.known & rest[-1]),
            self.fault["unsupported"].eq(first & self.does[Kind.UNSUPPORTED]),
            self.fault["overflow"].eq(self.update_position & (position != self.new_position)),
        ]

    def _record(self, m: Module):
        """The EXECUTION record, from the report itself and from what `sum` read the cycle before."""
        event, row, record = self.event, self.row, EXECUTION.layout(self.execution.payload)
        m.d.comb += [
            self.execution.valid.eq(self.steps["record"]), record.kind.eq(EXECUTION.kind),
            record.time.eq(event.rx_time), record.known.eq(self.known),
            *(record[name].eq(event[name]) for name in (
                "order_id", "last_qty", "last_price", "leaves_qty", "cum_qty", "exec_type", "ord_status", "venue")),
        ]
        with m.If(self.known):
            m.d.comb += [
                record.symbol.eq(row.symbol), record.side.eq(row.side), record.open_qty.eq(self.open_qty),
                record.position.eq(self.open_position ^ row.side[0].replicate(32)),
            ]
