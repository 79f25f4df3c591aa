"""One Ethernet port of a board: PHY pins on one side, frames in the core clock on the other."""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.net.crossing import Crossing, FrameCrossing
from hdl.net.mac import WIDTH, RxMac, TxMac
from hdl.net.rgmii import LinkStatus, Rgmii, RgmiiPins
from hdl.streams import axis, axis_rx


class EthernetPort(wiring.Component):
    """RGMII, MAC and clock crossing.

    Sending is clocked by `sync`, which must be 125 MHz, so it crosses nothing; receiving is clocked by the PHY.
    A core that is slower names another domain, `line`, which then has the 125 MHz: frames are kept until they are
    whole on their way out, and as far as `SLOW_DEPTH` goes on their way in.

    Latency: received, from the RGMII cycle that holds a byte to `rx`: the pins (2 receive clocks), the FCS delay
    (`RxMac.LATENCY` receive clocks) and the crossing (`Crossing.LATENCY` core clocks, or one more). Sent, from the
    first beat's `valid` to its byte on the pins: `TxMac.LATENCY` and 1 at the pins, of which 8 are the preamble. With
    a `line`: what `Crossing` and `FrameCrossing` say.

    Ports
    -----
    rx_clk : In, the PHY's receive clock.
    rx : Out(axis_rx(8))
    tx : In(axis(8))
    status : Out(LinkStatus), for an indicator: its bits are synchronised one by one.
    """

    #: Beats that a slower core may be behind: one block RAM, for frames of 2,048 bytes at half the speed.
    SLOW_DEPTH = 1024

    def __init__(self, pins: RgmiiPins, line: str = "sync"):
        self.pins, self.line = pins, line
        super().__init__({"rx_clk": In(1), "rx": Out(axis_rx(WIDTH)), "tx": In(axis(WIDTH)), "status": Out(LinkStatus)})

    def elaborate(self, platform):
        m = Module()
        m.domains.rx = ClockDomain(local=True)
        m.d.comb += ClockSignal("rx").eq(self.rx_clk)
        m.submodules.reset = ResetSynchronizer(ResetSignal("sync", allow_reset_less=True), domain="rx")
        line = DomainRenamer(self.line)
        m.submodules.rgmii = rgmii = line(Rgmii(self.pins, "rx"))
        m.submodules.rx_mac = rx_mac = DomainRenamer("rx")(RxMac())
        slow = self.line != "sync"
        m.submodules.crossing = crossing = Crossing("rx", WIDTH, self.SLOW_DEPTH if slow else Crossing.DEPTH)
        m.submodules.tx_mac = tx_mac = line(TxMac())
        m.submodules.status = FFSynchronizer(rgmii.status.as_value(), self.status.as_value())
        m.d.comb += [rx_mac.i.eq(rgmii.rx), rgmii.tx.eq(tx_mac.o)]
        connect(m, rx_mac.o, crossing.i)
        connect(m, crossing.o, flipped(self.rx))
        sent = flipped(self.tx)
        if slow:
            m.submodules.out = out = FrameCrossing(self.line, WIDTH)
            connect(m, sent, out.i)
            sent = out.o
        connect(m, sent, tx_mac.i)
        return m
