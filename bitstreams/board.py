"""What a board file says."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.build import Platform
from amaranth.lib import wiring

from hdl.config import NicConfig


@dataclass(frozen=True)
class Board:
    """A board: its platform, and the NIC with everything around it.

    Parameters
    ----------
    name : the board's name, of its folder under build/bitstreams/ and on the command line.
    config : the NIC's variant.
    platform : makes the Amaranth platform.
    top : makes the top level.
    clocks : every clock of the design and the frequency it must reach, in MHz. Each is the name of the signal of
        the clock; a clock of the design that is not here is an error.
    """
    name: str
    config: NicConfig
    platform: Callable[[], Platform]
    top: Callable[[NicConfig], wiring.Elaboratable]
    clocks: dict[str, float]
