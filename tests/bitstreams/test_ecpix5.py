"""The ECPIX-5's pins, clocks and delays, with an echo in the NIC's place."""

import re
from dataclasses import replace

import pytest

from bitstreams import netlist
from bitstreams.ecp5 import DelayedOutput
from bitstreams.ecpix5_85 import BOARD
from hdl.config import TINY
from tests.bitstreams.small import cells, net_clocks, with_echo

#: The RGMII pins, and the oscillator's, as the board's schematic has them.
RX_CLK, TX_CLK, RESET, OSCILLATOR = "E11", "A12", "C13", "K23"
RX = {"A11", "B11", "A10", "B10", "A9"}
TX = {"C9", "D8", "C8", "B8", "A8"}
#: TINY on one port.
CONFIG = replace(TINY, ports=1, clock_hz=BOARD.config.clock_hz)


@pytest.fixture(scope="module")
def elaborated(new_folder):
    folder = new_folder()
    netlist.elaborate(with_echo(BOARD), CONFIG, folder)
    return folder


def test_pins_and_clocks(elaborated):
    sites = set(re.findall(r'SITE "(\w+)"', (elaborated / "top.lpf").read_text()))
    assert sites >= RX | TX | {RX_CLK, TX_CLK, RESET, OSCILLATOR}
    assert net_clocks(elaborated) == BOARD.clocks == {
        "core_clk": 62.5, "pll_clk": 125.0, "line_clk": 125.0, "rx_clk0": 125.0}


def test_the_transmit_clock_alone_is_delayed_by_2_ns(elaborated):
    """This PHY delays what it sends, not what it gets."""
    text = (elaborated / "top.il").read_text()
    delays = cells(text, "DELAYG")
    assert len([cell for cell in delays if '"SCLK_CENTERED"' in cell]) == len(RX) == len(cells(text, "IDDRX1F"))
    (clock,) = [cell for cell in delays if '"USER_DEFINED"' in cell]
    assert re.search(r"parameter(?: signed)? \\DEL_VALUE 80\b", clock)
    assert len(cells(text, "ODDRX1F")) == len(TX) + 1


@pytest.mark.parametrize("steps", [-1, 128])
def test_a_delay_out_of_its_range_is_refused(steps):
    with pytest.raises(ValueError, match="0 to 127"):
        DelayedOutput(None, steps)


def test_more_ports_than_phys_are_refused():
    with pytest.raises(ValueError, match="2 ports, and the board has 1"):
        BOARD.top(TINY)
