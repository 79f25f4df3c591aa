"""What every process of a session must know: one file in the session's folder, written by who starts them."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from hdl.config import GBE, NicConfig
from hdl.registers import RegisterMap
from hdl.venue import SIMULATED, VenueSpec
from host import contracts as options
from host.bus.inprocess import FaultHandler
from host.bus.node import BusError, Node
from host.bus.router import LISTEN
from host.contracts import Contract
from host.risk.control import Control
from host.risk.limits import Limits, load
from host.risk.registers import Write
from host.universe import Universe

TRANSPORTS, MARKETS = ("shared", "zenoh"), ("compiled", "direct")
#: Files and folders of a session's folder.
FILE, LIMITS, CONTRACTS, BUS, LOGS, SUMMARY = ("up.json", "limits.toml", "contracts.toml", "bus", "logs",
                                               "up-summary.json")


@dataclass(frozen=True)
class Setting:
    """One session.

    Parameters
    ----------
    run : its folder.
    bus : transport. connect, config : of zenoh: endpoint of the router, or its configuration.
    market : "compiled", the NIC, or "direct", the exchange without one.
    seed : of the order flow. duration : simulated ns of trading. day : the session's, since the epoch.
    state : folder of limits and audit log. page : HOST:PORT of the live page; empty: there is none.
    kills : those in force as it begins: who, why, and masks of venues and strategies (both 0: everything).
    """

    run: str
    bus: str = "shared"
    connect: str = LISTEN
    config: str = ""
    market: str = "compiled"
    seed: int = 1
    duration: int = 0
    day: int = 0
    state: str = ""
    page: str = ""
    kills: tuple[tuple[str, str, int, int], ...] = ()

    @classmethod
    def read(cls, run: Path) -> "Setting":
        told = json.loads((run / FILE).read_text())
        return cls(**told | {"kills": tuple(tuple(one) for one in told["kills"])})

    def write(self, limits_text: str, contracts_text: str = "") -> None:
        """What all processes shall have alike: this, the limits, and the options."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / LIMITS).write_text(limits_text)
        (self.folder / CONTRACTS).write_text(contracts_text)
        self.write_self()

    def write_self(self) -> None:
        (self.folder / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n")

    def join(self, name: str, clock: Callable[[], int] | None = None, on_fault: FaultHandler | None = None) -> Node:
        """This process's end of the session's bus. Raises `BusError`."""
        if self.bus == "shared":
            from host.bus.shared import Shared
            return Shared(self.folder / BUS, name, clock=clock, on_fault=on_fault)
        if self.bus == "zenoh":
            from host.bus.zenoh import Zenoh
            return Zenoh(self.folder / BUS, name, connect=self.connect,
                         config=Path(self.config) if self.config else None, clock=clock, on_fault=on_fault)
        raise BusError(f"there is no bus called {self.bus!r}; there is {', '.join(TRANSPORTS)}")

    @property
    def folder(self) -> Path:
        return Path(self.run)

    @property
    def state_folder(self) -> Path:
        return Path(self.state)

    @property
    def nic(self) -> NicConfig:
        return GBE

    @property
    def venues(self) -> tuple[VenueSpec, ...]:
        return SIMULATED

    @cached_property
    def registers(self) -> RegisterMap:
        return RegisterMap(self.nic)

    @cached_property
    def limits(self) -> Limits:
        return load(self.folder / LIMITS)

    @cached_property
    def contracts(self) -> tuple[Contract, ...]:
        return options.load(self.folder / CONTRACTS)

    def hold(self, control: Control) -> list[Write]:
        """What is killed from the start: `control` knows it, and these register writes make it so in the NIC."""
        return [write for who, why, venues, strategies in self.kills
                for write in control.kill(who, why, 0, venues=venues, strategies=strategies)]

    @cached_property
    def universe(self) -> Universe:
        return Universe.grid(tuple(self.limits.symbols), tuple(venue.target_comp_id for venue in self.venues))
