"""The Versa's pins, clocks and I/O registers, with an echo in the NIC's place."""

import re
from dataclasses import replace

import pytest

from bitstreams import board, netlist, versa_ecp5_5g_bringup
from bitstreams.ecp5 import LOOP_FILTER, Pll
from bitstreams.errors import BitstreamError
from bitstreams.rgmii import LINE_HZ, PHY_RESET_BITS
from bitstreams.versa_ecp5_5g import BOARD, PLL
from hdl.config import GBE, TINY
from tests.bitstreams.small import cells, net_clocks, with_echo

#: RGMII of both PHYs: FPGA-EB-02021, ECP5 Versa development board, appendix A.
RX_CLK, TX_CLK, RESET = {"L20", "J19"}, {"P19", "C20"}, {"U17", "F20"}
RX = {"U19", "T20", "U20", "T19", "R18"} | {"F19", "G18", "G16", "H18", "H17"}
TX = {"R20", "N19", "N20", "P18", "P20"} | {"E19", "J17", "J16", "D19", "D20"}


@pytest.fixture(scope="module")
def elaborated(new_folder):
    """Folder with the netlist's source and the constraints."""
    folder = new_folder()
    netlist.elaborate(with_echo(BOARD), TINY, folder)
    return folder


def test_every_clock_is_constrained(elaborated):
    ports = re.findall(r'FREQUENCY PORT "[^"]+" ([\d.]+) HZ;', (elaborated / "top.lpf").read_text())
    assert net_clocks(elaborated) == BOARD.clocks == {
        "core_clk": 125.0, "pll_clk": 125.0, "rx_clk0": 125.0, "rx_clk1": 125.0}
    assert [float(hz) for hz in ports] == [100e6]


def test_both_phys_are_on_their_pins(elaborated):
    sites = set(re.findall(r'SITE "(\w+)"', (elaborated / "top.lpf").read_text()))
    assert sites >= RX_CLK | TX_CLK | RESET | RX | TX
    assert "P3" in sites, "oscillator"


def test_registers_of_the_pins(elaborated):
    text = (elaborated / "top.il").read_text()
    inputs, delays = cells(text, "IDDRX1F"), cells(text, "DELAYG")
    assert len(inputs) == len(delays) == len(RX)
    assert all('"SCLK_CENTERED"' in cell for cell in delays)
    assert len(cells(text, "ODDRX1F")) == len(TX | TX_CLK)


def test_the_pll(elaborated):
    (cell,) = cells((elaborated / "top.il").read_text(), "EHXPLLL")
    assert PLL.mhz * 1e6 == LINE_HZ == GBE.clock_hz
    for name, value in {"CLKI_DIV": PLL.reference, "CLKFB_DIV": PLL.feedback, "CLKOP_DIV": PLL.output}.items():
        assert re.search(rf"parameter(?: signed)? \\{name} {value}\b", cell), name
    for name, value in LOOP_FILTER.items():
        assert f'\\{name} "{value}"' in cell


@pytest.mark.parametrize("dividers", [(4, 5, 3), (4, 5, 7), (20, 25, 5)])
def test_a_pll_out_of_its_limits_is_refused(dividers):
    with pytest.raises(ValueError, match="must be"):
        Pll(100, *dividers)


def test_the_core_has_a_gated_clock_and_no_reset(elaborated):
    """A reset of every flip-flop would be the slowest path of the core."""
    text = (elaborated / "top.il").read_text()
    (gate,) = cells(text, "DCCA")
    assert "connect \\CE" in gate
    assert not re.search(r"wire .*\\rst\b", text)


def test_the_phy_reset_is_long_enough():
    assert 2**PHY_RESET_BITS / LINE_HZ >= 10e-3


def test_the_clocks_keep_their_names_in_the_netlist(elaborated):
    """A constraint on a net that synthesis renamed would be ignored."""
    netlist.synthesize(BOARD, elaborated, "this")
    names = netlist.made(elaborated, "this")
    assert {"rx_clk0", "rx_clk1"} <= names.keys()
    assert set(names.values()) == set(BOARD.clocks)
    with pytest.raises(BitstreamError, match="no clock moon_clk"):
        netlist.clock_names(elaborated / "top.json", [*BOARD.clocks, "moon_clk"])


def test_bring_up_has_a_slower_core_and_the_same_line(new_folder):
    slow, folder = versa_ecp5_5g_bringup, new_folder()
    small = with_echo(slow.BOARD)
    netlist.elaborate(small, replace(TINY, clock_hz=slow.BOARD.config.clock_hz), folder)
    text = (folder / "top.il").read_text()
    assert net_clocks(folder) == slow.BOARD.clocks == {**BOARD.clocks, "core_clk": 62.5, "line_clk": 125.0}
    (cell,) = cells(text, "EHXPLLL")
    assert re.search(rf"parameter(?: signed)? \\CLKOS_DIV {PLL.output * 2}\b", cell)
    assert len(cells(text, "DCCA")) == 2
    assert slow.BOARD.config.clock_hz * 2 == LINE_HZ


def test_boards_by_name():
    assert board.find("versa_ecp5_5g") is BOARD
    with pytest.raises(BitstreamError, match="icebreaker: no such board; there is: versa_ecp5_5g, versa_ecp5_5g_bring"):
        board.find("icebreaker")
