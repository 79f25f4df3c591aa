"""No frame starts without a decision that passed, and no order's starts under a kill.

The real gate and order entry, wired as in `hdl.nic`, with every input free: whatever host, market, clock, MAC and
venues do. The gate has the one check that the claims are about; with more of them it passes less, so what holds here
holds for all. A frame starts in a cycle with a valid beat on `o` while no frame is open; it is open from there until
its last beat is taken. Claims, in every such cycle, from reset and by induction:

- the cycle before had a decision of the gate without any reason;
- the host is told (`sent`);
- if the frame is an order's, neither it, its venue nor its strategy is killed in this very cycle.
"""

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Module, Signal
from amaranth.lib import wiring

from hdl.config import TINY
from hdl.layouts import Action
from hdl.messages import Intent
from hdl.order.entry import OrderEntry
from hdl.risk.checks.kill import Kill
from hdl.risk.gate import Gate
from sim.formal.flow import Proof


class OneWayOut(wiring.Component):
    """Gate and order entry with the claims. Mutants replace `passes`, what lets a decision through, or hide kills."""

    def __init__(self, passes=lambda decision: decision.valid & (decision.payload.reasons == 0), kills: bool = True):
        self.passes, self.kills = passes, kills
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.gate = gate = Gate(TINY, checks=(Kill,))
        m.submodules.entry = entry = OrderEntry(TINY)
        self._free(m, gate, entry)
        m.d.comb += [
            entry.i.payload.eq(gate.o.payload), entry.i.valid.eq(self.passes(gate.o)),
            gate.unsent.payload.eq(entry.unsent.payload), gate.unsent.valid.eq(entry.unsent.valid),
            gate.report.payload.eq(entry.report.payload), gate.report.valid.eq(entry.report.valid),
        ]
        if self.kills:
            m.d.comb += [entry.killed.eq(gate.killed), entry.venue_killed.eq(gate.venue_killed),
                         entry.strategy_killed.eq(gate.strategy_killed)]
        self._claims(m, gate, entry)
        return m

    def _free(self, m: Module, gate, entry):
        """Inputs that the wiring leaves over take any value in any cycle."""
        for port in (gate.i.payload, gate.i.valid, gate.now, gate.halted, gate.top.payload, gate.top.valid, gate.trip,
                     entry.bad.payload, entry.bad.valid, entry.stamp, entry.session_i.payload, entry.session_i.valid,
                     entry.o.ready, gate.bus.addr, gate.bus.wdata, gate.bus.write, gate.bus.read):
            target = port.as_value() if hasattr(port, "as_value") else port
            m.d.comb += target.eq(AnySeq(len(target)))
        m.d.comb += [getattr(entry.bus, name).eq(getattr(gate.bus, name))
                     for name in ("addr", "wdata", "write", "read")]

    def _claims(self, m: Module, gate, entry):
        opened, passed, first = Signal(), Signal(), Signal()
        beat, intent = entry.o.payload, Signal(Intent)
        m.d.comb += first.eq(entry.o.valid & ~opened)
        m.d.sync += [passed.eq(gate.o.valid & (gate.o.payload.reasons == 0)), intent.eq(gate.o.payload.intent),
                     opened.eq((opened | entry.o.valid) & ~(entry.o.valid & entry.o.ready & beat.last))]
        with m.If(first):
            m.d.comb += [Assert(passed), Assert(entry.sent.valid), Assert(~beat.last)]
            with m.If(intent.action == Action.NEW):
                m.d.comb += [Assert(~gate.killed), Assert(~gate.venue_killed.bit_select(intent.venue, 1)),
                             Assert(~gate.strategy_killed.bit_select(intent.strategy, 1))]


PROOF = Proof(
    name="one_way_out", doc=__doc__.split("\n")[0], design=OneWayOut, depth=3, search=9,
    mutants={
        "reasons_ignored": lambda: OneWayOut(passes=lambda decision: decision.valid),
        "kills_ignored": lambda: OneWayOut(kills=False),
    })
