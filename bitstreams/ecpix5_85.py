"""LambdaConcept ECPIX-5 with the 85F: one gigabit RGMII port, which carries everything; the core at 62.5 MHz.

Pins: as `amaranth_boards` has them.

The chip has twice the logic of the Versa's. With one port there is no second line of market data, orders wait for a
frame to the host that is under way (12 us at most), and what `bitstreams.versa_ecp5_5g_bringup` says of a core at half
the clock is true here too. docs/bitstreams.md says how far routing is.

RGMII delays. The PHY (Microchip KSZ9031RNX) delays the receive clock by 1.2 ns, and expects the transmit clock to come
delayed (DS00002117F, 7.1): 2 ns of `DelayedOutput`.

Nothing of it has been tried on the board yet.
"""

from functools import partial

from amaranth_boards.ecpix5 import ECPIX585Platform

from bitstreams.board import Board
from bitstreams.ecp5 import DelayedOutput
from bitstreams.rgmii import Phy, RgmiiTop, clocks
from bitstreams.tools import LFE5UM5G_85F_8
from bitstreams.versa_ecp5_5g_bringup import PLL
from hdl.config import SOLO

PHY = Phy("rx_ctrl", "tx_ctrl", led="rgb_led", lamp="g", tx_clk=DelayedOutput)

BOARD = Board("ecpix5_85", SOLO, LFE5UM5G_85F_8, ECPIX585Platform, partial(RgmiiTop, pll=PLL, phys=(PHY,)),
              clocks=clocks(SOLO))
