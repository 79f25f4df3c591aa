"""Kill: global, by venue, by strategy. Trips by itself, lifted only by the key."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import GATE, RESUME_KEY

#: What set the global kill: bits of GATE.cause.
CAUSES = tuple(bits.name for bits in GATE["cause"].bits)


class KillSwitch(wiring.Component):
    """Holds the kills until `resume` lifts them.

    A kill set in the cycle of a resume stays. A write acts 3 cycles after the bus's strobe, a fault in the next cycle,
    `trip` in its own. All other outputs are registers, and what they are going to hold is known a cycle ahead, so
    that an order can be looked up before its verdict and yet be judged by what is killed in the cycle of it.

    Members
    -------
    kill, venue_kill, strategy_kill : strobes of writes to these registers, with `wdata`.
    resume : strobe of a write to GATE.resume, with `wdata`.
    trip : high kills globally, from this very cycle.
    faults : the causes other than the first two that happen in this cycle.
    killed, venues, strategies : what is killed now.
    next_killed, next_venues, next_strategies : what is killed in the next cycle, a `trip` in it apart.
    cause : why it was killed globally, since the last resume of all.
    """

    def __init__(self, config: NicConfig):
        super().__init__({
            "kill": In(1), "venue_kill": In(1), "strategy_kill": In(1), "resume": In(1), "wdata": In(64),
            "trip": In(1), "faults": In(len(CAUSES) - 2),
            "killed": Out(1), "venues": Out(config.venues), "strategies": Out(config.strategies),
            "next_killed": Out(1), "next_venues": Out(config.venues), "next_strategies": Out(config.strategies),
            "cause": Out(len(CAUSES)),
        })

    def elaborate(self, platform):
        m = Module()
        held, kill, lift = Signal(), Signal(), Signal()
        self._asked(m, kill, lift)
        happens = [kill, self.trip, *self.faults]
        m.d.comb += [self.killed.eq(held | self.trip), self.next_killed.eq((held & ~lift) | Cat(happens).any())]
        m.d.sync += [held.eq(self.next_killed), self.venues.eq(self.next_venues),
                     self.strategies.eq(self.next_strategies)]
        with m.If(lift):
            m.d.sync += self.cause.eq(0)
        for bit, event in enumerate(happens):
            with m.If(event):
                m.d.sync += self.cause[bit].eq(1)
        return m

    def _asked(self, m: Module, kill, lift):
        """What the host has written, a cycle late: far from the bus, so that what is killed next is known early."""
        fields = GATE["resume"].split(self.wdata)
        unlocked = Signal()
        m.d.comb += unlocked.eq(self.resume & (fields["key"] == RESUME_KEY))
        m.d.sync += [kill.eq(self.kill & self.wdata[0]), lift.eq(unlocked & fields["all"])]
        for name, strobe in (("venues", self.venue_kill), ("strategies", self.strategy_kill)):
            now, after = getattr(self, name), getattr(self, f"next_{name}")
            kills, lifts = Signal.like(now, name=f"kill_{name}"), Signal.like(now, name=f"lift_{name}")
            m.d.sync += [kills.eq(Mux(strobe, self.wdata, 0)), lifts.eq(Mux(unlocked, fields[name], 0))]
            m.d.comb += after.eq((now & ~lifts) | kills)
