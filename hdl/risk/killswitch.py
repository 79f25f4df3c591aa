"""Kill: global, by venue, by strategy. Trips by itself, lifted only by the key."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import GATE, RESUME_KEY

#: What set the global kill: bits of GATE.cause.
CAUSES = tuple(bits.name for bits in GATE["cause"].bits)


class KillSwitch(wiring.Component):
    """Holds the kills until `resume` lifts them.

    A kill set in the cycle of a resume stays. The outputs are registers, but for `trip`, which acts in
    its own cycle.

    Members
    -------
    kill, venue_kill, strategy_kill : strobes of writes to these registers, with `wdata`.
    resume : strobe of a write to GATE.resume, with `wdata`.
    trip : high kills globally, from this very cycle.
    faults : the causes other than the first two that happen in this cycle.
    killed, venues, strategies : what is killed now.
    cause : why it was killed globally, since the last resume of all.
    """

    def __init__(self, config: NicConfig):
        super().__init__({
            "kill": In(1), "venue_kill": In(1), "strategy_kill": In(1), "resume": In(1), "wdata": In(64),
            "trip": In(1), "faults": In(len(CAUSES) - 2),
            "killed": Out(1), "venues": Out(config.venues), "strategies": Out(config.strategies),
            "cause": Out(len(CAUSES)),
        })

    def elaborate(self, platform):
        m = Module()
        held, lift = Signal(), Signal()
        key = GATE["resume"]
        fields, offset = {}, 0
        for bits in key.bits:
            fields[bits.name] = self.wdata[offset:offset + bits.width]
            offset += bits.width

        m.d.comb += [lift.eq(self.resume & (fields["key"] == RESUME_KEY)), self.killed.eq(held | self.trip)]
        with m.If(lift):
            m.d.sync += [self.venues.eq(self.venues & ~fields["venues"]),
                         self.strategies.eq(self.strategies & ~fields["strategies"])]
            with m.If(fields["all"]):
                m.d.sync += [held.eq(0), self.cause.eq(0)]

        with m.If(self.venue_kill):
            m.d.sync += self.venues.eq(self.venues | self.wdata)
        with m.If(self.strategy_kill):
            m.d.sync += self.strategies.eq(self.strategies | self.wdata)
        happens = [self.kill & self.wdata[0], self.trip, *self.faults]
        for bit, event in enumerate(happens):
            with m.If(event):
                m.d.sync += [held.eq(1), self.cause[bit].eq(1)]
        return m
