"""A component with the ports of a NIC, for the tests of the virtual NIC alone."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.streams import axis, axis_rx, records


class Loopback(wiring.Component):
    """Port 0 comes back on `tx` (latency 2 cycles, the frame poisoned where it was bad); a record is sent up
    for every record posted (its complement) and, before that, for each frame of the last port: the cycle of its
    last beat, its beats, and its last beat."""

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"rx": In(axis_rx(config.data_width)).array(config.ports), "tx": Out(axis(config.data_width)),
                          "host_i": In(records), "host_o": Out(records)})

    def elaborate(self, platform):
        m = Module()
        back = self.rx[0]
        m.submodules.frames = frames = fifo.SyncFIFOBuffered(width=len(back.payload.as_value()), depth=2048)
        m.d.comb += [frames.w_data.eq(back.payload), frames.w_en.eq(back.valid), frames.r_en.eq(self.tx.ready),
                     self.tx.payload.eq(frames.r_data), self.tx.valid.eq(frames.r_rdy)]

        cycle, beats, port = Signal(64), Signal(64), self.rx[-1]
        m.d.sync += cycle.eq(cycle + 1)
        note = Cat(cycle, (beats + 1)[:64], port.payload.as_value())
        with m.If(port.valid):
            m.d.sync += beats.eq(beats + 1)
        with m.If(port.valid & port.payload.last):
            m.d.sync += beats.eq(0)

        m.submodules.up = up = fifo.SyncFIFOBuffered(width=512, depth=64)
        ended = port.valid & port.payload.last
        m.d.comb += [self.host_i.ready.eq(up.w_rdy & ~ended), up.w_en.eq(ended | self.host_i.valid),
                     up.w_data.eq(~self.host_i.payload), up.r_en.eq(self.host_o.ready),
                     self.host_o.payload.eq(up.r_data), self.host_o.valid.eq(up.r_rdy)]
        with m.If(ended):
            m.d.comb += up.w_data.eq(note)
        return m
