"""Every accepted intent has exactly one decision record in the host's ring, in order and with what was decided.

On the NIC itself (`sim.formal.top`) with the host's end of the rings real; only the queue of book records is anything.
Claims, whatever the host, the market and the venues do, however late the host is:

- an intent that the gate accepts is decided exactly 3 cycles later, as it was, and nothing else is decided;
- no decision comes while the record of the one before it is still to be written: none is lost or overwritten;
- a DECISION record that is written is that of the last decision, with its order id, reasons, quantity, price, figures
  and time, and is written once;
- it is written while the ring has room.
"""

from amaranth.asserts import AnySeq
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from hdl.intents import GATE_LATENCY
from hdl.layouts import DECISION
from hdl.messages import Decision
from hdl.rings import DEPTH
from hdl.risk.checks.kill import Kill
from hdl.risk.pipeline import Stage
from sim.formal.flow import Proof
from sim.formal.surgery import Fault, anything, claim, watched
from sim.formal.top import FIGURES, parts, top

#: What a record says by the name that the decision, or its intent, has for it.
SAID = {"intent": ("order_id", "price", "qty", "side", "origin", "action", "strategy", "venue", "symbol"),
        "decision": ("reasons", "reference", "notional", "exposure", "rate_slack", "time")}


def gate_to_ring(nic: wiring.Component, m: Module):
    """From the intent to its decision."""
    gate = nic.gate
    stages = [Signal(Stage, name=f"stage{n}") for n in range(GATE_LATENCY)]
    comes = Signal(Stage)
    m.d.comb += [comes.valid.eq(gate.i.valid & gate.i.ready), comes.intent.eq(gate.i.payload)]
    for before, stage in zip([comes, *stages], stages, strict=False):
        m.d.sync += stage.eq(before)
    claim(m, "one_decision", gate.o.valid == stages[-1].valid)
    claim(m, "told", nic.up.decision.valid == gate.o.valid)
    claim(m, "told_as_it_is", nic.up.decision.payload == gate.o.payload, when=gate.o.valid)
    claim(m, "as_it_was", gate.o.payload.intent == stages[-1].intent, when=gate.o.valid)


def in_the_ring(up: wiring.Component, m: Module):
    """From the decision to its record."""
    ring, orders, decision = m.submodules.ring, m.submodules.orders, up.decision
    pending, last, writes = Signal(), Signal(Decision), orders.take[0]
    held, written = DECISION.layout(orders.decided), DECISION.layout(ring.i)
    m.d.sync += pending.eq(decision.valid | pending & ~writes)
    with m.If(decision.valid):
        m.d.sync += last.eq(decision.payload)
    claim(m, "kept_until_written", ~pending, when=decision.valid)
    claim(m, "waits", pending == (orders.wants[0] & ~decision.valid | orders.take[0]))
    claim(m, "written_once", pending & ring.write & (written.kind == DECISION.kind), when=writes)
    for source, names in SAID.items():
        values = last.intent if source == "intent" else last
        for name in names:
            claim(m, f"keeps_{name}", held[name] == values[name], when=pending)
            claim(m, f"says_{name}", written[name] == held[name], when=writes)
    claim(m, "room", ring.level < DEPTH, when=writes)


def any_product(base: type) -> type:
    """A gate that rejects under a kill alone, with any notional: a multiplier is hard for a solver, and nothing here
    depends on it.
    """
    class Gate(base):
        def __init__(self, config):
            super().__init__(config, checks=(Kill,))

        def _product(self, m, intent, notional):
            m.d.comb += notional.as_value().eq(AnySeq(len(notional.as_value())))
    return Gate


PROOF = Proof(
    name="audit", doc=__doc__.split("\n")[0], design=top,
    parts={**parts(gate_to_ring, real=("HostUp",)), **FIGURES, "hdl.nic.Gate": any_product,
           "hdl.nic.HostUp": watched(in_the_ring),
           "hdl.rings.BookRecords": anything},
    depth=7, search=16,
    mutants={
        "decided_while_busy": Fault("hdl.rings", "decisions & ~orders.busy", "decisions"),
        "second_intent": Fault("hdl.intents", "self.free & (deciding == 0)", "self.free"),
        "rejected_ones_left_out": Fault("hdl.nic", "up.decision.valid.eq(gate.o.valid)",
                                       "up.decision.valid.eq(entry.passed)"),
        "figures_mixed_up": Fault("hdl.orderrecords", "with m.If(self.decision.valid & (stays == 0)):",
                                  "with m.If(self.decision.valid & (stays != 0)):"),
    })
