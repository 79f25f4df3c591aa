"""Two senders on one port, a frame at a time."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.streams import axis


class FrameMerge(wiring.Component):
    """Frames of two senders on one wire; between frames the first is asked first.

    Latency: none, where the wire is free. Throughput: that of the wire. Worst case: the first waits for the frame of
    the second that is under way; the second for as long as the first has frames.

    Ports
    -----
    first, second : In(axis), frames.
    o : Out(axis)
    """

    def __init__(self, width: int):
        super().__init__({"first": In(axis(width)), "second": In(axis(width)), "o": Out(axis(width))})

    def elaborate(self, platform):
        m = Module()
        open_, of_second, chosen = Signal(), Signal(), Signal()      # a frame is under way, and whose it is
        m.d.comb += [
            chosen.eq(Mux(open_, of_second, ~self.first.valid)),
            self.o.valid.eq(Mux(chosen, self.second.valid, self.first.valid)),
            self.o.payload.eq(Mux(chosen, self.second.payload, self.first.payload)),
            self.first.ready.eq(self.o.ready & ~chosen), self.second.ready.eq(self.o.ready & chosen),
        ]
        # What is offered is kept to, taken or not: a payload that has been shown may not change.
        with m.If(self.o.valid):
            m.d.sync += [open_.eq(~(self.o.ready & self.o.payload.last)), of_second.eq(chosen)]
        return m
