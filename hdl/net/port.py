"""One Ethernet port of a board: PHY pins on one side, frames in the core clock on the other."""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.net.crossing import Crossing
from hdl.net.mac import WIDTH, RxMac, TxMac
from hdl.net.rgmii import LinkStatus, Rgmii, RgmiiPins
from hdl.streams import axis, axis_rx


class EthernetPort(wiring.Component):
    """RGMII, MAC and clock crossing.

    Sending is clocked by `sync`, which must be 125 MHz, so it crosses nothing; receiving is clocked by the PHY.

    Latency: received, from the RGMII cycle that holds a byte to `rx`: the pins (2 receive clocks), the FCS delay
    (`RxMac.LATENCY` receive clocks) and the crossing (`Crossing.LATENCY` core clocks, or one more). Sent, from the
    first beat's `valid` to its byte on the pins: `TxMac.LATENCY` and 1 at the pins, of which 8 are the preamble.

    Ports
    -----
    rx_clk : In, the PHY's receive clock.
    rx : Out(axis_rx(8))
    tx : In(axis(8))
    status : Out(LinkStatus), for an indicator: its bits are synchronised one by one.
    """

    def __init__(self, pins: RgmiiPins):
        self.pins = pins
        super().__init__({"rx_clk": In(1), "rx": Out(axis_rx(WIDTH)), "tx": In(axis(WIDTH)), "status": Out(LinkStatus)})

    def elaborate(self, platform):
        m = Module()
        m.domains.rx = ClockDomain(local=True)
        m.d.comb += ClockSignal("rx").eq(self.rx_clk)
        m.submodules.reset = ResetSynchronizer(ResetSignal("sync", allow_reset_less=True), domain="rx")
        m.submodules.rgmii = rgmii = Rgmii(self.pins, "rx")
        m.submodules.rx_mac = rx_mac = DomainRenamer("rx")(RxMac())
        m.submodules.crossing = crossing = Crossing("rx", WIDTH)
        m.submodules.tx_mac = tx_mac = TxMac()
        m.submodules.status = FFSynchronizer(rgmii.status.as_value(), self.status.as_value())
        m.d.comb += [rx_mac.i.eq(rgmii.rx), rgmii.tx.eq(tx_mac.o)]
        connect(m, rx_mac.o, crossing.i)
        connect(m, crossing.o, flipped(self.rx))
        connect(m, flipped(self.tx), tx_mac.i)
        return m
