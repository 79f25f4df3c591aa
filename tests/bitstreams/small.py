"""Designs that are built in seconds: a counter, and a board's ports without a NIC between them."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out
from amaranth_boards.versa_ecp5_5g import VersaECP55GPlatform

from bitstreams.board import Board
from bitstreams.ecp5 import Pll, PllClock
from bitstreams.tools import LFE5UM5G_45F_8
from hdl.config import TINY, NicConfig
from hdl.streams import axis, axis_rx, records

MHZ = 125.0


CLOCKS = ("core_clk", "pll_clk")


class Blinker(Elaboratable):
    """A counter on the PLL's clock, which is asked to reach `mhz`."""

    def __init__(self, mhz: float, bits: int = 24):
        self.mhz, self.bits = mhz, bits

    def elaborate(self, platform):
        m = Module()
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request("clk100", dir="-"))
        m.submodules.led = led = io.Buffer("o", platform.request("led", 0, dir="-"))
        m.domains.sync = ClockDomain(reset_less=True)
        clock, made = (Signal(name=name, attrs={"keep": 1}) for name in CLOCKS)
        for each in (clock, made):
            platform.add_clock_constraint(each, self.mhz * 1e6)
        m.submodules.clock = PllClock(Pll(100, 4, 5, 5), clock, made, oscillator.i)
        count = Signal(self.bits)
        m.d.sync += count.eq(count + 1)
        m.d.comb += led.o.eq(count[-1])
        return m


def blinker(mhz: float = MHZ, **more) -> Board:
    return Board("blinker", TINY, LFE5UM5G_45F_8, VersaECP55GPlatform, lambda config: Blinker(mhz, **more),
                 clocks=dict.fromkeys(CLOCKS, mhz))


class Echo(wiring.Component):
    """Stands in the NIC's place: sends back what port 0 receives, and what the host says."""

    def __init__(self, config: NicConfig):
        width = config.data_width
        super().__init__({"rx": In(axis_rx(width)).array(config.ports), "tx": Out(axis(width)),
                          "host_i": In(records), "host_o": Out(records)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.tx.payload.eq(self.rx[0].payload), self.tx.valid.eq(self.rx[0].valid)]
        wiring.connect(m, wiring.flipped(self.host_i), wiring.flipped(self.host_o))
        return m


def with_echo(board: Board) -> Board:
    """A board of `RgmiiTop`, with `Echo` in the NIC's place."""
    return replace(board, top=partial(board.top, core=Echo))


def cells(text: str, kind: str) -> list[str]:
    """The instances of a primitive in RTLIL, each with its parameters and connections."""
    return re.findall(rf"^  (?:attribute [^\n]*\n  )*cell \\{kind} .*?^  end$", text, re.MULTILINE | re.DOTALL)


def net_clocks(folder: Path) -> dict[str, float]:
    """Constrained nets of `top.lpf`, in MHz."""
    found = re.findall(r'NET "([^"]+)" ([\d.]+) HZ;', (folder / "top.lpf").read_text())
    return {name.rpartition(".")[2]: float(hz) / 1e6 for name, hz in found}
