"""No frame starts without a decision that passed, none of an order under a kill, and each decision ends in one way.

On the NIC itself, `hdl.nic`: arbiter, gate and order entry, the wires between them and to the MAC are the real ones.
Market data, clock, host, MAC and venues do what they like in any cycle. A frame starts in a cycle with a valid beat on
`tx` while no frame is open; it is open from there until its last beat is taken. Claims, from reset and by induction:

- a frame starts in the cycle of a decision without any reason, and then alone;
- the host is told in that cycle (`sent`);
- if it is an order's, neither it, its venue nor its strategy is killed in that cycle (here by the order entry alone:
  of the gate's checks only one that has nothing to do with kills is there);
- as long as it is open, it is the frame of that intent;
- a decision that passed comes only when what became of the one before it is settled: its frame has ended well, or it
  was given back (`unsent`); nothing is given back that did not pass, or twice.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

from hdl.layouts import Action
from hdl.messages import Intent
from hdl.risk.checks.quantity import Quantity
from sim.formal.flow import Proof
from sim.formal.surgery import Fault, claim
from sim.formal.top import FIGURES, frame_start, parts, top


def claims(nic: wiring.Component, m: Module):
    gate, entry = nic.gate, nic.entry
    first, opened = frame_start(m, nic)
    passes, passed, pending = Signal(), Signal(), Signal()
    intent, last = Signal(Intent), Signal(Intent)
    beat, ends_well = nic.tx.payload, Signal()
    m.d.comb += [passes.eq(gate.o.valid & (gate.o.payload.reasons == 0)),
                 ends_well.eq(nic.tx.valid & nic.tx.ready & beat.last & ~beat.error)]
    m.d.sync += [passed.eq(passes), pending.eq(passes | pending & ~ends_well & ~entry.unsent.valid), last.eq(intent)]
    m.d.comb += intent.eq(Mux(passes, gate.o.payload.intent, last))
    killed = (gate.killed | gate.venue_killed.bit_select(intent.venue, 1)
              | gate.strategy_killed.bit_select(intent.strategy, 1))
    claim(m, "passed", passes & ~beat.last, when=first)
    claim(m, "told", entry.sent.valid == first)
    claim(m, "alive", ~killed, when=first & (intent.action != Action.CANCEL))
    claim(m, "whole", nic.tx.valid, when=opened)
    claim(m, "of_the_intent", (passes | pending) & (entry.unsent.payload == intent),
          when=nic.tx.valid | entry.unsent.valid)
    claim(m, "one_at_a_time", ~pending & ~opened, when=passes)
    claim(m, "ends_one_way", passed | opened | entry.unsent.valid, when=pending)


PROOF = Proof(
    name="one_way_out", doc=__doc__.split("\n")[0], design=top, parts={**parts(claims, checks=(Quantity,)), **FIGURES},
    depth=7, search=16, short=True,
    mutants={
        "reasons_ignored": Fault("hdl.nic", "entry.passed.eq(gate.passed)", "entry.passed.eq(gate.o.valid)"),
        "kills_ignored": Fault("hdl.order.entry", "allowed.eq(~killed & ", "allowed.eq("),
        "two_at_once": Fault("hdl.intents", "self.free & (deciding == 0)", "self.free"),
    })
