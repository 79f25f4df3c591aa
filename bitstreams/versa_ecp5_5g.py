"""Lattice Versa ECP5-5G: both gigabit RGMII ports, host over port 1.

Port 0 carries market data (A) and the order sessions, port 1 market data (B) and the host bridge. Pins: FPGA-EB-02021,
ECP5 Versa development board, as `amaranth_boards` has them.

Clocks. The core, and everything sent, runs on 125 MHz from a PLL on the board's 100 MHz oscillator. A receive clock
would save its port the crossing (3 cycles), but it stops and jumps with the link of its port, and the gate must be
awake when the link is down. What is received runs on the clock of its PHY, and crosses.

RGMII delays. The PHYs (Marvell 88E1512) delay both clocks by default (88E1512 data sheet, register 21 of page 2, bits
5 and 4), so that they arrive in the middle of the data: what is sent leaves clock and data aligned, by the same kind
of register, and what is received needs no 90 degrees either, only `CenteredInput`. MDIO is left alone.

Resets. There is none: the core starts with what the bit file says, when the PLL has locked; a PHY is held in reset for
`PHY_RESET_BITS` after that. To start over, load the bit file again.

Placements are measured (docs/bitstreams.md); nothing of it has been tried on the board yet.
"""

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io
from amaranth.lib.wiring import connect
from amaranth_boards.versa_ecp5_5g import VersaECP55GPlatform

from bitstreams.board import Board
from bitstreams.ecp5 import CenteredInput, Pll, PllClock
from bitstreams.tools import LFE5UM5G_45F_8
from hdl.config import GBE, NicConfig
from hdl.net.bridge import Bridge
from hdl.net.port import EthernetPort
from hdl.net.rgmii import RgmiiPins
from hdl.nic import Nic

#: The core and the receive clocks of gigabit RGMII (HP, RGMII 2.0, 3.3).
CORE_HZ, RX_HZ = GBE.clock_hz, 125_000_000
#: 100 MHz / 4 x 5 = 125 MHz, from an oscillator at 625 MHz.
PLL = Pll(reference_mhz=100, reference=4, feedback=5, output=5)
#: 88E1512 data sheet: reset for 10 ms after power and clock are stable; 2**21 / 125 MHz is 16.8 ms.
PHY_RESET_BITS = 21
#: Ours until the board's own is known; locally administered.
MAC = 0x02_54_47_00_00_01
#: The second port's resource calls its control pins differently.
CONTROL = {0: ("rx_ctl", "tx_ctl"), 1: ("rx_ctrl", "tx_ctrl")}


class Top(Elaboratable):
    """The NIC between two Ethernet ports, with the host bridge on the last one.

    `core` makes what stands in the NIC's place, with the ports of one. `pll` with a slower output gives that to the
    core, and the full clock to what is sent.
    """

    def __init__(self, config: NicConfig, core=Nic, pll: Pll = PLL):
        self.config, self.core, self.pll = config, core, pll
        self.slow = pll.slower > 1

    def elaborate(self, platform):
        m = Module()
        self._clock(m, platform)
        m.submodules.core = core = self.core(self.config)
        m.submodules.bridge = bridge = Bridge(MAC)
        held = Signal(PHY_RESET_BITS + 1)       # the last bit says that the time is over
        m.d.sync += held.eq(held + ~held[-1])
        ports = [self._port(m, platform, number, hold=~held[-1]) for number in range(self.config.ports)]
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

    def _clock(self, m: Module, platform):
        """The core's clock, from the board's oscillator."""
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.domains.sync = ClockDomain(reset_less=True)
        clock = self._constrained(platform, "core_clk", CORE_HZ // self.pll.slower)
        made, line = self._constrained(platform, "pll_clk", CORE_HZ), None
        if self.slow:
            m.domains.wire = ClockDomain(reset_less=True)
            line = self._constrained(platform, "line_clk", CORE_HZ)
        m.submodules.clock = PllClock(self.pll, clock, made, oscillator.i, line)

    def _port(self, m: Module, platform, number: int, hold) -> EthernetPort:
        """MAC and pins of one PHY, which `hold` keeps in reset."""
        pins = platform.request("eth_rgmii", number, dir="-")
        rx_ctl, tx_ctl = (getattr(pins, name) for name in CONTROL[number])
        m.submodules[f"port{number}"] = port = EthernetPort(RgmiiPins(
            rx_ctl=rx_ctl, rx_data=pins.rx_data, tx_clk=pins.tx_clk, tx_ctl=tx_ctl, tx_data=pins.tx_data,
            ddr_input=CenteredInput), "wire" if self.slow else "sync")
        m.submodules[f"rx_clk{number}_pin"] = rx_clk = io.Buffer("i", pins.rx_clk)
        clock = self._constrained(platform, f"rx_clk{number}", RX_HZ)
        m.d.comb += [clock.eq(rx_clk.i), port.rx_clk.eq(clock)]

        m.submodules[f"phy_reset{number}"] = reset = io.Buffer("o", pins.rst)
        m.d.comb += reset.o.eq(hold)
        return port

    @staticmethod
    def _constrained(platform, name: str, hz: int) -> Signal:
        """A clock's signal; `keep` saves its name, and with it the constraint, from being optimised away."""
        clock = Signal(name=name, attrs={"keep": 1})
        platform.add_clock_constraint(clock, hz)
        return clock


BOARD = Board("versa_ecp5_5g", GBE, LFE5UM5G_45F_8, VersaECP55GPlatform, Top,
              clocks=dict.fromkeys(("core_clk", "pll_clk"), CORE_HZ / 1e6)
              | {f"rx_clk{number}": RX_HZ / 1e6 for number in range(GBE.ports)})
