"""Listens on one port for the frame that kills."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.net.control import CONTROL, CONTROL_BYTES, CONTROL_ETHERTYPE, CONTROL_MAGIC, KILL
from hdl.net.headers import ETHERNET
from hdl.registers import NIC
from hdl.streams import axis_rx

KEY_BITS = NIC["control_key"].width
assert CONTROL["key"].width == KEY_BITS, "the register holds the frame's key"


class ControlListener(wiring.Component):
    """Sees every frame of a port, beside whatever else reads it; `hdl.net.control` says what it looks for.

    Latency: `kill` or `refused` is high in the second cycle after the frame's last beat, for one cycle. Frames may
    follow each other without a gap. A frame whose FCS is bad is refused: what came is not what was sent. So is one of
    this type that is too short or has another magic, command or key, and each while there is no key (0, as after
    reset).

    Parameters
    ----------
    config : the variant.

    Ports
    -----
    i : In(axis_rx). set, key : In, strobe: this is the key from the next cycle on.
    kill : Out, a good control frame has come. refused : Out, one that is not good.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"i": In(axis_rx(config.data_width)), "set": In(1), "key": In(KEY_BITS),
                          "kill": Out(1), "refused": Out(1)})

    def elaborate(self, platform):
        m = Module()
        key, armed = Signal(KEY_BITS), Signal()
        with m.If(self.set):
            m.d.sync += [key.eq(self.key), armed.eq(self.key.any())]
        valid, beat = Signal(), Signal.like(self.i.payload, reset_less=True)
        m.d.sync += [valid.eq(self.i.valid), beat.eq(self.i.payload)]

        lanes = self.config.lanes
        beats, first = -(-CONTROL_BYTES // lanes), ETHERNET["type"].bytes.start
        at, foreign, wrong = Signal(range(beats + 1)), Signal(), Signal()   # of the beats before
        is_foreign, is_wrong = Signal(), Signal()                           # with this one
        m.d.comb += [is_foreign.eq(foreign), is_wrong.eq(wrong)]
        wanted = self._wanted(key)
        with m.Switch(at):
            for n in range(first // lanes, beats):
                with m.Case(n):
                    for target, span in ((is_foreign, ETHERNET["type"].bytes),
                                         (is_wrong, range(ETHERNET.bytes, CONTROL_BYTES))):
                        differ = [~beat.keep[place % lanes] | (beat.data.word_select(place % lanes, 8) != wanted[place])
                                  for place in span if place // lanes == n]
                        if differ:
                            m.d.comb += target.eq((wrong if target is is_wrong else foreign) | Cat(differ).any())
        with m.If(valid):
            m.d.sync += [at.eq(at + (at != beats)), foreign.eq(is_foreign), wrong.eq(is_wrong)]
            with m.If(beat.last):
                m.d.sync += [at.eq(0), foreign.eq(0), wrong.eq(0)]

        ours, good = Signal(), Signal()
        m.d.comb += [
            ours.eq(valid & beat.last & ~is_foreign & (at >= (ETHERNET.bytes - 1) // lanes)),
            good.eq(armed & ~is_wrong & (at >= beats - 1) & ~beat.error),
        ]
        m.d.sync += [self.kill.eq(ours & good), self.refused.eq(ours & ~good)]
        return m

    def _wanted(self, key) -> dict:
        """By its place in the frame, what a byte must be."""
        constant = ETHERNET.pack(type=CONTROL_ETHERTYPE) + CONTROL.pack(magic=CONTROL_MAGIC, command=KILL)
        wanted = dict(enumerate(constant))
        for n in CONTROL["key"].bytes:
            field, _ = CONTROL["key"].part(n)
            wanted[ETHERNET.bytes + n] = key[field]
        return wanted


__all__ = ["ControlListener"]
