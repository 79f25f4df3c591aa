"""RGMII: GMII on half the wires, both clock edges.

Source: Reduced Gigabit Media Independent Interface, version 2.0 (Hewlett-Packard, 2002): signals in table 1,
timing in 3.3, in-band status in 3.4. At 1 Gb/s the rising edge has bits 3:0 and VALID, the falling edge bits 7:4
and VALID xor ERROR. Only 1 Gb/s is spoken: at 10 and 100 Mb/s no frame would have a good FCS.

The PHY is expected to delay both clocks (RGMII-ID): here they are aligned with the data. What a PHY that does not, or
the clock tree of a device, needs instead is for the board to bring: `RgmiiPins.clock_output` and `ddr_input`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, io, wiring
from amaranth.lib.wiring import In, Out

from hdl.net.gmii import Gmii

NIBBLE = 4


@dataclass
class RgmiiPins:
    """The I/O ports of one PHY, without the receive clock, which is the clock of the receive domain.

    `ddr_input` makes the input registers of a port in a domain: `DdrInput`, or what a device has in its place.
    `clock_output` makes the register of the transmit clock: `DdrOutput`, or one that delays it.
    """
    rx_ctl: io.PortLike
    rx_data: io.PortLike
    tx_clk: io.PortLike
    tx_ctl: io.PortLike
    tx_data: io.PortLike
    ddr_input: Callable[[io.PortLike, str], wiring.Component] | None = None
    clock_output: Callable[[io.PortLike], wiring.Component] | None = None


class LinkStatus(data.Struct):
    """What the PHY says on RXD between frames; optional in the standard, 0 where it does not."""
    up: unsigned(1)
    speed: unsigned(2)      # 0: 10, 1: 100, 2: 1000 Mb/s
    full_duplex: unsigned(1)


class Rgmii(wiring.Component):
    """The double-data-rate side of a PHY.

    Latency: in the simulation model one cycle each way; IDDRX1F and ODDRX1F of the device add their own pipeline
    (FPGA-TN-02035, ECP5 high-speed I/O, section 5).

    Parameters
    ----------
    pins : RgmiiPins
    rx_domain : clock domain of what is received; `sync` sends.

    Ports
    -----
    rx : Out(Gmii), in `rx_domain`.
    tx : In(Gmii), in `sync`.
    status : Out(LinkStatus), in `rx_domain`.
    """

    def __init__(self, pins: RgmiiPins, rx_domain: str):
        self.pins, self.rx_domain = pins, rx_domain
        super().__init__({"rx": Out(Gmii), "tx": In(Gmii), "status": Out(LinkStatus)})

    def elaborate(self, platform):
        m = Module()
        pins = self.pins
        ddr_input = pins.ddr_input or DdrInput
        m.submodules.rx_data = rx_data = ddr_input(pins.rx_data, self.rx_domain)
        m.submodules.rx_ctl = rx_ctl = ddr_input(pins.rx_ctl, self.rx_domain)
        m.d.comb += [
            self.rx.data.eq(Cat(rx_data.rise, rx_data.fall)),
            self.rx.valid.eq(rx_ctl.rise), self.rx.error.eq(rx_ctl.rise ^ rx_ctl.fall),
        ]
        with m.If(~self.rx.valid & ~self.rx.error):
            m.d[self.rx_domain] += self.status.eq(self.rx.data[:NIBBLE])

        m.submodules.tx_data = tx_data = DdrOutput(pins.tx_data)
        m.submodules.tx_ctl = tx_ctl = DdrOutput(pins.tx_ctl)
        m.submodules.tx_clk = tx_clk = (pins.clock_output or DdrOutput)(pins.tx_clk)
        m.d.comb += [
            tx_data.rise.eq(self.tx.data[:NIBBLE]), tx_data.fall.eq(self.tx.data[NIBBLE:]),
            tx_ctl.rise.eq(self.tx.valid), tx_ctl.fall.eq(self.tx.valid ^ self.tx.error),
            tx_clk.rise.eq(1), tx_clk.fall.eq(0),
        ]
        return m


class DdrInput(wiring.Component):
    """Samples `port` on both edges of `domain`: `rise`, then `fall`, of one cycle, together in a later one."""

    def __init__(self, port: io.PortLike, domain: str):
        self.port, self.domain = port, domain
        super().__init__({"rise": Out(len(port)), "fall": Out(len(port))})

    def elaborate(self, platform):
        m = Module()
        if isinstance(self.port, io.SimulationPort):
            m.domains.falling = ClockDomain(clk_edge="neg", reset_less=True, local=True)
            rise, fall = Signal(len(self.port)), Signal(len(self.port))
            m.d.comb += ClockSignal("falling").eq(ClockSignal(self.domain))
            m.d.falling += fall.eq(self.port.i)
            m.d[self.domain] += [rise.eq(self.port.i), self.rise.eq(rise), self.fall.eq(fall)]
        else:
            m.submodules.buffer = buffer = io.DDRBuffer("i", self.port, i_domain=self.domain)
            m.d.comb += [self.rise.eq(buffer.i[0]), self.fall.eq(buffer.i[1])]
        return m


class DdrOutput(wiring.Component):
    """Drives `port` with `rise` while the clock is high and then with `fall` while it is low, in a later cycle."""

    def __init__(self, port: io.PortLike):
        self.port = port
        super().__init__({"rise": In(len(port)), "fall": In(len(port))})

    def elaborate(self, platform):
        m = Module()
        if isinstance(self.port, io.SimulationPort):
            rise, fall = Signal(len(self.port)), Signal(len(self.port))
            m.d.sync += [rise.eq(self.rise), fall.eq(self.fall)]
            m.d.comb += [self.port.o.eq(Mux(ClockSignal(), rise, fall)), self.port.oe.eq(Const(1).replicate(len(rise)))]
        else:
            m.submodules.buffer = buffer = io.DDRBuffer("o", self.port)
            m.d.comb += [buffer.o[0].eq(self.rise), buffer.o[1].eq(self.fall)]
        return m
