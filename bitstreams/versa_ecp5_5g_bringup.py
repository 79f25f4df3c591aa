"""The Versa with its core at half the clock, for bring-up.

The pins, PHYs and clocks of the line are those of `bitstreams.versa_ecp5_5g`; the whole NIC runs at 62.5 MHz, which its
placement reaches; docs/bitstreams.md says how far routing is. Every check and every limit is the same gateware.

What is different: it takes half a gigabit on each port, in frames up to 2,048 bytes; what comes faster loses the end
of a frame, is counted with the bad ones, and makes the books it touches inexact. Frames leave whole, so an order is
later by its own length, and a kill stops those that have not left the core. Latencies in cycles are the same, in
nanoseconds twice as long.
"""

from dataclasses import replace
from functools import partial

from bitstreams import versa_ecp5_5g as full
from bitstreams.rgmii import LINE_HZ, RgmiiTop, clocks
from hdl.config import BRINGUP

#: The core's clock from the PLL's second output: 625 MHz / 10.
PLL = replace(full.PLL, slower=LINE_HZ // BRINGUP.clock_hz)

BOARD = replace(full.BOARD, name="versa_ecp5_5g_bringup", config=BRINGUP,
                top=partial(RgmiiTop, pll=PLL, phys=full.PHYS), clocks=clocks(BRINGUP))
