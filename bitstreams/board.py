"""What a board file says, and which boards there are."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from amaranth.build import Platform
from amaranth.lib import wiring

from bitstreams.errors import BitstreamError
from bitstreams.tools import Device
from hdl.config import NicConfig

#: Every board has a module of its name in this package, with its `BOARD`.
NAMES = ("versa_ecp5_5g", "versa_ecp5_5g_bringup", "ecpix5_85")


@dataclass(frozen=True)
class Board:
    """A board: its device, its platform, and the NIC with everything around it.

    Parameters
    ----------
    name : the board's name, of its folder under build/bitstreams/ and on the command line.
    config : the NIC's variant, where none is asked for.
    device : what nextpnr calls it.
    platform : makes the Amaranth platform.
    top : makes the top level.
    clocks : every clock of the design and the frequency it must reach, in MHz. Each is the name of the signal that
        carries a constraint (`platform.add_clock_constraint`); a clock of the design that is not here is an error.
    """
    name: str
    config: NicConfig
    device: Device
    platform: Callable[[], Platform]
    top: Callable[[NicConfig], wiring.Elaboratable]
    clocks: Mapping[str, float]


def find(name: str) -> Board:
    """The board called `name`."""
    if name not in NAMES:
        raise BitstreamError(f"{name}: no such board; there is: {', '.join(NAMES)}")
    return importlib.import_module(f"bitstreams.{name}").BOARD
