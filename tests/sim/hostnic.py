"""The host's side of a NIC alone: rings and the NIC block, for tests of links."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.config import NicConfig
from hdl.csr import BusFanout, RegisterBank
from hdl.layouts import FeedCause
from hdl.registers import NIC
from hdl.rings import HostDown, HostUp
from hdl.streams import axis, axis_rx, records


class HostNic(wiring.Component):
    """Registers of the NIC block work; each frame of the last port causes a FEED_EVENT that counts in `received`.

    Parameters
    ----------
    ident : what NIC.ident reads.
    """

    def __init__(self, config: NicConfig, ident: int = NIC["ident"].init):
        self.config, self.ident = config, ident
        super().__init__({"rx": In(axis_rx(config.data_width)).array(config.ports), "tx": Out(axis(config.data_width)),
                          "host_i": In(records), "host_o": Out(records)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.down = down = HostDown(self.config)
        m.submodules.up = up = HostUp(self.config)
        m.submodules.fanout = fanout = BusFanout(1)
        m.submodules.bank = bank = RegisterBank(self.config, NIC)
        connect(m, flipped(self.host_i), down.i)
        connect(m, up.o, flipped(self.host_o))
        connect(m, down.bus, fanout.i)
        connect(m, fanout.o[0], bank.bus)
        connect(m, down.value, up.value)

        now, frames, wire = Signal(64), Signal(64), self.rx[-1]
        ended = wire.valid & wire.payload.last
        m.d.sync += [now.eq(now + 8), frames.eq(frames + ended)]
        with m.If(bank.time_stb):
            m.d.sync += now.eq(bank.time_wdata)
        m.d.comb += [
            bank.ident_status.eq(self.ident), bank.config_status.eq(self.config.digest),
            bank.dropped_status.eq(up.dropped), bank.time_set.eq(1), bank.time_data.eq(now), up.now.eq(now),
            up.feed_event.payload.cause.eq(FeedCause.MALFORMED), up.feed_event.payload.received.eq(frames),
            up.feed_event.valid.eq(ended),
        ]
        return m
