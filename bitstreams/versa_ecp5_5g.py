"""Lattice Versa ECP5-5G: both gigabit RGMII ports, host over port 1.

Port 0 carries market data (A) and the order sessions, port 1 market data (B) and the host bridge. The core and
everything sent runs on 125 MHz from a PLL on the board's 100 MHz oscillator, so that it does not stop when a link
goes down; what is received runs on the clock of its PHY. The PHYs (Marvell 88E1512) delay both RGMII clocks by
default, so nothing is delayed here. The image has been placed and routed, and not yet tried on the board.
"""

from amaranth.hdl import ClockDomain, ClockSignal, Const, Elaboratable, Instance, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import connect
from amaranth_boards.versa_ecp5_5g import VersaECP55GPlatform

from bitstreams.board import Board
from hdl.config import GBE, NicConfig
from hdl.net.bridge import Bridge
from hdl.net.port import EthernetPort
from hdl.net.rgmii import RgmiiPins
from hdl.nic import Nic

CORE_MHZ = GBE.clock_hz / 1e6
#: The PLL: 100 MHz / 4 x 5 = 125 MHz, from a VCO of 5 x 125 = 625 MHz (400 to 800 are allowed, FPGA-DS-02012).
REFERENCE_DIV, FEEDBACK_DIV, OUTPUT_DIV = 4, 5, 5
#: 88E1512 data sheet: reset at least 10 ms after power and clock are stable; 2**21 / 125 MHz is 16.8 ms.
PHY_RESET_BITS = 21
#: Ours until the board's own is known; locally administered.
MAC = 0x02_54_47_00_00_01
#: The second port's resource calls its control pins differently.
CONTROL = {0: ("rx_ctl", "tx_ctl"), 1: ("rx_ctrl", "tx_ctrl")}


class CoreClock(Elaboratable):
    """Domain `sync` at 125 MHz, in reset until the PLL has locked and while the board's reset button is down."""

    def elaborate(self, platform):
        m = Module()
        reference, button = (platform.request(name, dir="-") for name in (platform.default_clk, platform.default_rst))
        m.submodules.clock_pin = clock_pin = io.Buffer("i", reference)
        m.submodules.reset_pin = reset_pin = io.Buffer("i", button)
        core_clk, locked = Signal(), Signal()
        m.domains.sync = ClockDomain()
        m.d.comb += ClockSignal("sync").eq(core_clk)
        m.submodules.pll = Instance(
            "EHXPLLL", a_FREQUENCY_PIN_CLKI="100", a_FREQUENCY_PIN_CLKOP="125",
            p_CLKI_DIV=REFERENCE_DIV, p_CLKFB_DIV=FEEDBACK_DIV, p_CLKOP_DIV=OUTPUT_DIV, p_CLKOP_CPHASE=OUTPUT_DIV - 1,
            p_CLKOP_ENABLE="ENABLED", p_FEEDBK_PATH="CLKOP", p_PLLRST_ENA="ENABLED",
            i_CLKI=clock_pin.i, i_CLKFB=core_clk, i_RST=reset_pin.i, i_STDBY=Const(0), i_ENCLKOP=Const(1),
            i_PHASESEL0=Const(0), i_PHASESEL1=Const(0), i_PHASEDIR=Const(0), i_PHASESTEP=Const(0),
            i_PHASELOADREG=Const(0), i_PLLWAKESYNC=Const(0), o_CLKOP=core_clk, o_LOCK=locked)
        m.submodules.reset = ResetSynchronizer(~locked, domain="sync")
        platform.add_clock_constraint(core_clk, GBE.clock_hz)
        return m


class Top(Elaboratable):
    """The NIC between two Ethernet ports, with the host bridge on the last one."""

    def __init__(self, config: NicConfig, core=Nic):
        self.config, self.core = config, core

    def elaborate(self, platform):
        m = Module()
        m.submodules.clock = CoreClock()
        m.submodules.core = core = self.core(self.config)
        m.submodules.bridge = bridge = Bridge(MAC)
        ports = [self._port(m, platform, number) for number in range(self.config.ports)]
        first, last = ports[0], ports[-1]

        for port, rx in zip(ports, core.rx, strict=True):
            connect(m, port.rx, rx)
        connect(m, core.tx, first.tx)
        m.d.comb += [bridge.i.payload.eq(last.rx.payload), bridge.i.valid.eq(last.rx.valid)]
        connect(m, bridge.o, last.tx)
        connect(m, bridge.host_i, core.host_i)
        connect(m, core.host_o, bridge.host_o)
        for number, port in enumerate(ports):
            m.submodules[f"led{number}"] = led = io.Buffer("o", platform.request("led", number, dir="-"))
            m.d.comb += led.o.eq(port.status.up)
        return m

    def _port(self, m: Module, platform, number: int) -> EthernetPort:
        """MAC and pins of one PHY, which is let out of reset once the clock is stable."""
        pins = platform.request("eth_rgmii", number, dir="-")
        rx_ctl, tx_ctl = (getattr(pins, name) for name in CONTROL[number])
        rgmii = RgmiiPins(rx_ctl=rx_ctl, rx_data=pins.rx_data, tx_clk=pins.tx_clk, tx_ctl=tx_ctl, tx_data=pins.tx_data)
        m.submodules[f"port{number}"] = port = EthernetPort(rgmii)
        m.submodules[f"rx_clk{number}"] = clock = io.Buffer("i", pins.rx_clk)
        rx_clk = Signal(name=f"rx_clk{number}")
        m.d.comb += [rx_clk.eq(clock.i), port.rx_clk.eq(rx_clk)]
        platform.add_clock_constraint(rx_clk, GBE.clock_hz)

        held = Signal(PHY_RESET_BITS + 1)       # the last bit says that the time is over
        m.submodules[f"phy_reset{number}"] = reset = io.Buffer("o", pins.rst)
        m.d.sync += held.eq(held + ~held[-1])
        m.d.comb += reset.o.eq(~held[-1])
        return port


BOARD = Board("versa_ecp5_5g", GBE, VersaECP55GPlatform, Top,
              clocks={"core_clk": CORE_MHZ, "rx_clk0": CORE_MHZ, "rx_clk1": CORE_MHZ})
