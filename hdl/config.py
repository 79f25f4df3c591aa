"""NIC variants: named configuration values, never flags.

Every size that the gateware, the golden models and the host must agree on is a field of
`NicConfig`. A variant is a value of it; code takes the value and asks it, and never tests a name.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class NicConfig:
    """Sizes of one NIC.

    Parameters
    ----------
    data_width : bits of the MAC-facing AXI4-Streams (8 or 64).
    clock_hz : frequency of the core clock, in Hz.
    ports : Ethernet ports. Port 0 also carries the order sessions, the last port the host bridge.
    feeds : market-data feeds (one MoldUDP64 session each), any of them on any port.
    venues : order sessions.
    symbols : books. One symbol index names one stock on one feed. At most 256.
    strategies : strategies that the gate keeps apart. At most 16.
    order_ways, order_rows : the order table: skewed ways of `order_rows` slots each (a power of two).
    order_stash : slots searched associatively beside the ways.
    levels : price levels kept for each side of a symbol.
    depth : price levels reported; `levels - depth` is the slack that hides a refill.
    open_orders : own live orders that the NIC can follow (a power of two).
    """

    name: str
    data_width: int
    clock_hz: int
    ports: int = 2
    feeds: int = 2
    venues: int = 2
    symbols: int = 8
    strategies: int = 8
    order_ways: int = 5
    order_rows: int = 2048
    order_stash: int = 4
    levels: int = 16
    depth: int = 10
    open_orders: int = 256

    def __post_init__(self):
        for field, low, high in (("ports", 1, 4), ("feeds", 1, 4), ("venues", 1, 4), ("symbols", 1, 256),
                                 ("strategies", 1, 16), ("order_ways", 1, 8), ("order_stash", 1, 64),
                                 ("depth", 1, 10)):
            if not low <= getattr(self, field) <= high:
                raise ValueError(f"{self.name}: {field} must be {low} to {high}, "
                                 f"not {getattr(self, field)}")
        if self.data_width not in (8, 64):
            raise ValueError(f"{self.name}: data_width must be 8 or 64, not {self.data_width}")
        for field in ("order_rows", "open_orders"):
            value = getattr(self, field)
            if value < 2 or value & (value - 1):
                raise ValueError(f"{self.name}: {field} must be a power of two, not {value}")
        if self.levels < self.depth:
            raise ValueError(f"{self.name}: levels ({self.levels}) must be at least depth ({self.depth})")

    @property
    def lanes(self) -> int:
        """Bytes in one beat of a MAC-facing stream."""
        return self.data_width // 8

    @property
    def clock_fs(self) -> int:
        """Period of the core clock in femtoseconds (exact for both standard clocks)."""
        return 10**15 // self.clock_hz

    @property
    def digest(self) -> int:
        """64-bit identity, readable from the NIC: host and gateware refuse to disagree on sizes."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


#: RGMII boards: one byte a cycle at 125 MHz. Two levels of slack: each costs the Versa's chip 1.5 % of its LUTs.
GBE = NicConfig("gbe", data_width=8, clock_hz=125_000_000, levels=12)

#: 10G MACs and SmartNIC shells: eight bytes a cycle at 156.25 MHz.
XGBE = NicConfig("xgbe", data_width=64, clock_hz=156_250_000)

#: Small enough for formal proofs and quick block tests; same shape as `GBE`.
TINY = NicConfig("tiny", data_width=8, clock_hz=125_000_000, symbols=2, strategies=2,
                 order_ways=2, order_rows=8, order_stash=2, levels=4, depth=2, open_orders=4)

#: `GBE` at half the clock, for a first day on a board: it keeps up with half the line rate.
BRINGUP = dataclasses.replace(GBE, name="bringup", clock_hz=GBE.clock_hz // 2)

#: `BRINGUP` on a board with one port, which carries everything.
SOLO = dataclasses.replace(BRINGUP, name="solo", ports=1)

VARIANTS = {config.name: config for config in (GBE, TINY, BRINGUP, SOLO, XGBE)}
