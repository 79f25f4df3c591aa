"""What the ECP5 needs around a design: its clock from the PLL, and registers for RGMII.

Sources: Lattice FPGA-TN-02200, ECP5 sysCLOCK PLL/DLL design and usage guide; FPGA-TN-02035, ECP5 high-speed I/O
interface, 5 (generic DDR); FPGA-DS-02012, ECP5 family data sheet.
"""

from dataclasses import dataclass

from amaranth.hdl import ClockDomain, ClockSignal, Const, Elaboratable, Instance, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

#: Limits of the PLL, in MHz (FPGA-DS-02012, sysCLOCK PLL timing).
VCO_MHZ, PHASE_DETECTOR_MHZ = (400, 800), (10, 400)
#: Charge pump and loop filter, as Project Trellis' ecppll sets them for every frequency.
LOOP_FILTER = {"ICP_CURRENT": 12, "LPF_RESISTOR": 8, "MFG_ENABLE_FILTEROPAMP": 1, "MFG_GMCREF_SEL": 2}


@dataclass(frozen=True)
class Pll:
    """Dividers of the PLL, with its own output as feedback: output = reference / `reference` x `feedback`.

    The oscillator runs at the output's frequency x `output`. A second output, in phase, is `slower` times slower.
    """
    reference_mhz: float
    reference: int
    feedback: int
    output: int
    slower: int = 1

    def __post_init__(self):
        for what, value, (low, high) in (("VCO", self.mhz * self.output, VCO_MHZ),
                                         ("phase detector", self.reference_mhz / self.reference, PHASE_DETECTOR_MHZ)):
            if not low <= value <= high:
                raise ValueError(f"{what} at {value:g} MHz, must be {low} to {high} MHz")

    @property
    def mhz(self) -> float:
        return self.reference_mhz / self.reference * self.feedback


class PllClock(Elaboratable):
    """Drives the domain `sync`, which has no reset, from the PLL once that has locked, and `wire` where it is another.

    Before, the clock stands, and registers keep what the bit file gave them. A reset instead would have to reach some
    ten thousand flip-flops over ordinary wires within one cycle, which takes two.

    Parameters
    ----------
    dividers : Pll
    clock, made : signals that carry the clock behind the gate and before it; they are constrained by who made them.
    reference : the PLL's input clock.
    line : carries the full clock behind a gate of its own; `clock` is then the PLL's slower one.
    """

    def __init__(self, dividers: Pll, clock: Signal, made: Signal, reference, line: Signal | None = None):
        self.dividers, self.clock, self.made, self.reference, self.line = dividers, clock, made, reference, line

    def elaborate(self, platform):
        m = Module()
        made, locked, steady = self.made, Signal(), Signal()
        m.domains.made = ClockDomain(local=True, reset_less=True)
        m.d.comb += [ClockSignal("sync").eq(self.clock), ClockSignal("made").eq(made)]
        m.submodules.steady = FFSynchronizer(locked, steady, o_domain="made", stages=3)
        slower = Signal() if self.line is not None else made
        m.submodules.gate = Instance("DCCA", i_CLKI=slower, i_CE=steady, o_CLKO=self.clock)
        second = {}
        if self.line is not None:
            m.d.comb += ClockSignal("wire").eq(self.line)
            m.submodules.line_gate = Instance("DCCA", i_CLKI=made, i_CE=steady, o_CLKO=self.line)
            divider = self.dividers.output * self.dividers.slower
            second = {"p_CLKOS_DIV": divider, "p_CLKOS_CPHASE": divider - 1, "p_CLKOS_ENABLE": "ENABLED",
                      "o_CLKOS": slower}
        m.submodules.pll = Instance(
            "EHXPLLL", **{f"a_{name}": str(value) for name, value in LOOP_FILTER.items()},
            a_FREQUENCY_PIN_CLKI=f"{self.dividers.reference_mhz:g}", a_FREQUENCY_PIN_CLKOP=f"{self.dividers.mhz:g}",
            p_CLKI_DIV=self.dividers.reference, p_CLKFB_DIV=self.dividers.feedback, p_CLKOP_DIV=self.dividers.output,
            p_CLKOP_CPHASE=self.dividers.output - 1, p_CLKOP_ENABLE="ENABLED", p_FEEDBK_PATH="CLKOP",
            i_CLKI=self.reference, i_CLKFB=made, i_RST=Const(0), i_STDBY=Const(0),
            i_ENCLKOP=Const(1), i_PHASESEL0=Const(0), i_PHASESEL1=Const(0), i_PHASEDIR=Const(0),
            i_PHASESTEP=Const(0), i_PHASELOADREG=Const(0), i_PLLWAKESYNC=Const(0), o_CLKOP=made, o_LOCK=locked,
            **second)
        return m


class CenteredInput(wiring.Component):
    """Samples `port` on both edges of `domain`, whose clock arrives at its pin in the middle of the data.

    This is the interface that FPGA-TN-02035 calls GDDRX1_RX.SCLK.Centered: the data pass a fixed delay that makes up
    for the way of the clock from its pin over the primary clock network, and need 0.52 ns before and after the
    clock's edge at the pins (FPGA-DS-02012, -8). Without it the clock would be late by that way.

    Ports
    -----
    rise, fall : Out, what the two edges of one cycle sampled, together, in a later cycle.
    """

    def __init__(self, port: io.PortLike, domain: str):
        self.port, self.domain = port, domain
        super().__init__({"rise": Out(len(port)), "fall": Out(len(port))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.buffer = buffer = io.Buffer("i", self.port)
        delayed = Signal(len(self.port))
        for bit in range(len(self.port)):
            m.submodules[f"delay{bit}"] = Instance(
                "DELAYG", p_DEL_MODE="SCLK_CENTERED", i_A=buffer.i[bit], o_Z=delayed[bit])
            m.submodules[f"register{bit}"] = Instance(
                "IDDRX1F", i_SCLK=ClockSignal(self.domain), i_RST=Const(0), i_D=delayed[bit],
                o_Q0=self.rise[bit], o_Q1=self.fall[bit])
        return m


class DelayedOutput(wiring.Component):
    """`hdl.net.rgmii.DdrOutput` with a delay behind it: for the clock of a PHY that does not delay it itself.

    Parameters
    ----------
    port : one pin.
    steps : of the delay, some 25 ps each, 0 to 127 (FPGA-TN-02035, DELAYG). 80 are 2 ns, the middle of the data.
    """

    def __init__(self, port: io.PortLike, steps: int = 80):
        if not 0 <= steps <= 127:
            raise ValueError(f"a delay of {steps} steps; must be 0 to 127")
        self.port, self.steps = port, steps
        super().__init__({"rise": In(1), "fall": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.buffer = buffer = io.Buffer("o", self.port)
        aligned = Signal()
        m.submodules.register = Instance(
            "ODDRX1F", i_SCLK=ClockSignal(), i_RST=Const(0), i_D0=self.rise, i_D1=self.fall, o_Q=aligned)
        m.submodules.delay = Instance(
            "DELAYG", p_DEL_MODE="USER_DEFINED", p_DEL_VALUE=self.steps, i_A=aligned, o_Z=buffer.o)
        return m
