"""Holds: what the host sets at once when losses are too large, and what only the key lifts."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import GATE, RESUME_KEY


class Holds(wiring.Component):
    """Keeps the holds of the firm and of each strategy until `release` lifts them.

    A hold set in the cycle of its release stays. A write acts on orders accepted from the second cycle after the
    bus's strobe on. Unlike a kill, a hold stops no frame that has passed, and says why it is there.

    Members
    -------
    loss_stb, strategy_loss_stb : strobes of writes to these registers of GATE, with `wdata`.
    release_stb : strobe of a write to GATE.release, with `wdata`.
    loss, strategy_loss : what is held.
    """

    def __init__(self, config: NicConfig):
        super().__init__({
            "loss_stb": In(1), "strategy_loss_stb": In(1), "release_stb": In(1), "wdata": In(64),
            "loss": Out(1), "strategy_loss": Out(config.strategies),
        })

    def elaborate(self, platform):
        m = Module()
        fields = GATE["release"].split(self.wdata)
        unlocked = Signal()
        m.d.comb += unlocked.eq(self.release_stb & (fields["key"] == RESUME_KEY))
        for name, strobe in (("loss", self.loss_stb), ("strategy_loss", self.strategy_loss_stb)):
            held = getattr(self, name)
            sets, lifts = Signal.like(held, name=f"set_{name}"), Signal.like(held, name=f"lift_{name}")
            m.d.sync += [sets.eq(Mux(strobe, self.wdata, 0)), lifts.eq(Mux(unlocked, fields[name], 0)),
                         held.eq((held & ~lifts) | sets)]
        return m
