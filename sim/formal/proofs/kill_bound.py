"""No order frame starts later than 2 cycles after a kill: by the firm, a venue or a strategy, from any source.

On the NIC itself (`sim.formal.top`). A kill is a write to GATE.kill, GATE.venue_kill or GATE.strategy_kill, counted
from its strobe on the gate's bus; a fault that settlement finds; or `trip`. A fault stops what would start in the next
cycle, `trip` in its own. What lifts a kill is a write to GATE.resume with the key, from 3 cycles after its strobe on,
and nothing else. The kills are followed here from the bus, by their definition in `hdl.registers`; the claim is about
`tx`, and it holds without the gate's own check.
"""

from amaranth.hdl import Assume, Module, Mux, Signal
from amaranth.lib import wiring

from hdl.layouts import Action
from hdl.messages import Intent
from hdl.registers import GATE, RESUME_KEY, RegisterMap
from sim.formal.flow import Proof
from sim.formal.surgery import Fault, claim
from sim.formal.top import FIGURES, frame_start, parts, top

#: Cycles from the strobe of a write to the first one in which no order frame starts: the third.
ACTS = 3
#: The field of GATE.resume that lifts what a register kills.
LIFTED_BY = {"kill": "all", "venue_kill": "venues", "strategy_kill": "strategies"}


def following_kills(base: type) -> type:
    """The gate, and what must be dead in each cycle: `dead`, `dead_venues`, `dead_strategies`."""
    class Following(base):
        def __init__(self, config):
            super().__init__(config, checks=())
            self.dead, self.dead_venues = Signal(), Signal(config.venues)
            self.dead_strategies = Signal(config.strategies)

        def elaborate(self, platform):
            m = super().elaborate(platform)
            fault, trip = m.submodules.exposure.faults.any(), Signal()
            m.d.sync += trip.eq(self.trip)
            for target, name, soon, held in (
                    (self.dead, "kill", fault | self.trip, self.killed),
                    (self.dead_venues, "venue_kill", 0, self.venue_killed),
                    (self.dead_strategies, "strategy_kill", 0, self.strategy_killed)):
                kills, lifts = self._written(m, name, len(target))
                m.d.sync += target.eq(target & ~lifts | kills | soon)
                claim(m, f"{name}_held", (target & ~held) == 0)
            return m

        def _written(self, m, name, width):
            """What the bus kills and lifts, as of `ACTS` - 1 cycles ago."""
            bus = self.bus
            fields = GATE["resume"].split(bus.wdata)
            writes = {reg: bus.write & (bus.addr == RegisterMap(self.config).address(GATE, reg))
                      for reg in (name, "resume")}
            kills = Mux(writes[name], bus.wdata[:width], 0)
            lifts = Mux(writes["resume"] & (fields["key"] == RESUME_KEY), fields[LIFTED_BY[name]][:width], 0)
            for n in range(ACTS - 1):
                later = [Signal(width, name=f"{name}_{kind}{n}") for kind in ("kills", "lifts")]
                m.d.sync += [later[0].eq(kills), later[1].eq(lifts)]
                kills, lifts = later
            return kills, lifts
    return Following


def claims(nic: wiring.Component, m: Module):
    gate, before, intent, last = nic.gate, Signal(), Signal(Intent), Signal(Intent)
    first, _ = frame_start(m, nic)
    strobe = nic.down.bus.write | nic.down.bus.read
    m.d.sync += before.eq(strobe)
    m.d.comb += Assume(~(strobe & before))      # `HostDown`: at most one access every 7 cycles
    m.d.comb += intent.eq(Mux(gate.o.valid, gate.o.payload.intent, last))
    m.d.sync += last.eq(intent)
    dead = (gate.dead | gate.trip | gate.dead_venues.bit_select(intent.venue, 1)
            | gate.dead_strategies.bit_select(intent.strategy, 1))
    claim(m, "nothing_starts", ~dead, when=first & (intent.action != Action.CANCEL))


PROOF = Proof(
    name="kill_bound", doc=__doc__.split("\n")[0], design=top,
    parts={**parts(claims), **FIGURES, "hdl.nic.Gate": following_kills}, depth=5, search=18,
    mutants={
        "a_cycle_late": Fault("hdl.risk.killswitch", "m.d.sync += [held.eq(self.next_killed), ",
                              "late = Signal()\n        m.d.sync += [late.eq(self.next_killed), held.eq(late), "),
        "lifted_by_any_key": Fault("hdl.risk.killswitch", ' & (fields["key"] == RESUME_KEY)', ""),
        "venue_forgotten": Fault("hdl.order.entry", "| self.venue_killed.bit_select(current.venue, 1)", ""),
        "faults_ignored": Fault("hdl.risk.killswitch", "happens = [kill, self.trip, *self.faults]",
                                "happens = [kill, self.trip]"),
    })
