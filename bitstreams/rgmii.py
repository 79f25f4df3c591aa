"""The NIC behind the gigabit RGMII PHYs of an ECP5 board: clocks, MACs, host bridge, pins.

Port 0 carries market data (A) and the order sessions, the last port the host bridge and, where it is another, market
data (B).

Clocks. The core, and everything sent, runs on 125 MHz from a PLL on the board's oscillator. A receive clock would save
its port the crossing (3 cycles), but it stops and jumps with the link of its port, and the gate must be awake when the
link is down. What is received runs on the clock of its PHY, and crosses.

Resets. There is none: the core starts with what the bit file says, when the PLL has locked; a PHY is held in reset for
`PHY_RESET_BITS` after that. To start over, load the bit file again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import connect

from bitstreams.ecp5 import CenteredInput, Pll, PllClock
from hdl.config import GBE, NicConfig
from hdl.net.bridge import Bridge
from hdl.net.merge import FrameMerge
from hdl.net.port import EthernetPort
from hdl.net.rgmii import RgmiiPins
from hdl.nic import Nic

#: What is sent, and the receive clocks of gigabit RGMII (HP, RGMII 2.0, 3.3).
LINE_HZ, RX_HZ = GBE.clock_hz, 125_000_000
#: 2**21 / 125 MHz is 16.8 ms; 88E1512 data sheet: 10 ms after power and clock are stable.
PHY_RESET_BITS = 21
#: Ours until the board's own is known; locally administered.
MAC = 0x02_54_47_00_00_01


@dataclass(frozen=True)
class Phy:
    """How a board's resources call a PHY's pins, and what its own data sheet asks for.

    Parameters
    ----------
    rx_ctl, tx_ctl : the control pins of its resource `eth_rgmii`.
    led, lamp : the resource that shows its link, and the part of it that does, if it has several.
    tx_clk : makes the register of the transmit clock, for a PHY that does not delay it.
    """
    rx_ctl: str = "rx_ctl"
    tx_ctl: str = "tx_ctl"
    led: str = "led"
    lamp: str | None = None
    tx_clk: Callable[[io.PortLike], wiring.Component] | None = None


class RgmiiTop(Elaboratable):
    """The NIC with its Ethernet ports and its host bridge.

    `pll` with a slower output gives that to the core, and the full clock to what is sent. With one port, orders and
    host share it: orders go first, and wait for a frame to the host that is under way.

    Parameters
    ----------
    config : the variant.
    core : makes what stands in the NIC's place, with the ports of one.
    pll : its output is `LINE_HZ`.
    phys : those of the board; the NIC has as many ports or fewer.
    """

    def __init__(self, config: NicConfig, core=Nic, *, pll: Pll, phys: Sequence[Phy]):
        if not config.ports <= len(phys):
            raise ValueError(f"{config.name}: {config.ports} ports, and the board has {len(phys)}")
        self.config, self.core, self.pll, self.phys = config, core, pll, phys
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
        m.d.comb += [bridge.i.payload.eq(last.rx.payload), bridge.i.valid.eq(last.rx.valid)]
        if first is last:
            m.submodules.merge = merge = FrameMerge(self.config.data_width)
            connect(m, core.tx, merge.first)
            connect(m, bridge.o, merge.second)
            connect(m, merge.o, first.tx)
        else:
            connect(m, core.tx, first.tx)
            connect(m, bridge.o, last.tx)
        connect(m, bridge.host_i, core.host_i)
        connect(m, core.host_o, bridge.host_o)
        for number, (port, phy) in enumerate(zip(ports, self.phys, strict=False)):
            pin = platform.request(phy.led, number, dir="-")
            m.submodules[f"led{number}"] = led = io.Buffer("o", getattr(pin, phy.lamp) if phy.lamp else pin)
            m.d.comb += led.o.eq(port.status.up)
        return m

    def _clock(self, m: Module, platform):
        """The core's clock, from the board's oscillator."""
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.domains.sync = ClockDomain(reset_less=True)
        clock = self._constrained(platform, "core_clk", LINE_HZ // self.pll.slower)
        made, line = self._constrained(platform, "pll_clk", LINE_HZ), None
        if self.slow:
            m.domains.wire = ClockDomain(reset_less=True)
            line = self._constrained(platform, "line_clk", LINE_HZ)
        m.submodules.clock = PllClock(self.pll, clock, made, oscillator.i, line)

    def _port(self, m: Module, platform, number: int, hold) -> EthernetPort:
        """MAC and pins of one PHY, which `hold` keeps in reset."""
        pins = platform.request("eth_rgmii", number, dir="-")
        phy = self.phys[number]
        m.submodules[f"port{number}"] = port = EthernetPort(RgmiiPins(
            rx_ctl=getattr(pins, phy.rx_ctl), rx_data=pins.rx_data,
            tx_clk=pins.tx_clk, tx_ctl=getattr(pins, phy.tx_ctl), tx_data=pins.tx_data,
            ddr_input=CenteredInput, clock_output=phy.tx_clk), "wire" if self.slow else "sync")
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


def clocks(config: NicConfig) -> dict[str, float]:
    """The clocks of a `RgmiiTop`, and the frequency that each must reach, in MHz."""
    line = LINE_HZ / 1e6
    slow = {} if config.clock_hz == LINE_HZ else {"line_clk": line}
    return {"core_clk": config.clock_hz / 1e6, "pll_clk": line, **slow,
            **{f"rx_clk{number}": RX_HZ / 1e6 for number in range(config.ports)}}
