"""Lattice Versa ECP5-5G: both gigabit RGMII ports, host over port 1.

Pins: FPGA-EB-02021, ECP5 Versa development board, as `amaranth_boards` has them.

RGMII delays. The PHYs (Marvell 88E1512) delay both clocks by default (88E1512 data sheet, register 21 of page 2, bits
5 and 4), so that they arrive in the middle of the data: what is sent leaves clock and data aligned, by the same kind
of register, and what is received needs no 90 degrees either, only `CenteredInput`. MDIO is left alone.

Placements are measured (docs/bitstreams.md); nothing of it has been tried on the board yet.
"""

from functools import partial

from amaranth_boards.versa_ecp5_5g import VersaECP55GPlatform

from bitstreams.board import Board
from bitstreams.ecp5 import Pll
from bitstreams.rgmii import Phy, RgmiiTop, clocks
from bitstreams.tools import LFE5UM5G_45F_8
from hdl.config import GBE

#: 100 MHz / 4 x 5 = 125 MHz, from an oscillator at 625 MHz.
PLL = Pll(reference_mhz=100, reference=4, feedback=5, output=5)
#: The second port's resource calls its control pins differently.
PHYS = Phy(), Phy("rx_ctrl", "tx_ctrl")

BOARD = Board("versa_ecp5_5g", GBE, LFE5UM5G_45F_8, VersaECP55GPlatform, partial(RgmiiTop, pll=PLL, phys=PHYS),
              clocks=clocks(GBE))
