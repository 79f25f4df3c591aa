"""Services that trading can do without: "tca" and "warehouse"."""

import time
from pathlib import Path

from host.bus.node import Node
from host.bus.topics import MEASURES, TOPICS
from host.cli.places import WAREHOUSE
from host.desk.desk import FEES
from host.supervise.setting import Setting
from host.tca.adapter import TcaAdapter
from host.tca.report import by_venue
from host.warehouse.adapter import WarehouseAdapter
from host.warehouse.writer import Warehouse

#: How long the session's end waits for the disk.
_PATIENCE_S = 60.0
#: Between two times that TCA tells its measures.
_TELL_S = 0.2


class Measuring:
    """TCA. One that is started again measures anew, from the orders that are sent from then on."""

    def __init__(self, setting: Setting, bus: Node):
        self.bus, self.venues = bus, setting.universe.venues
        self.tca = TcaAdapter(bus, setting.universe, FEES)
        self._told: dict[str, dict[str, int]] = {}
        self._due = 0.0

    def turn(self) -> int:
        """Tell the measures of each venue that have changed."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _TELL_S
            for name, one in by_venue(self.tca.tca.cells, self.venues).items():
                if self._told.get(name) != one:
                    self._told[name] = one
                    self.bus.publish(MEASURES, {"venue": name, **one}, key=name)
        return 0

    def facts(self) -> dict[str, int]:
        return {"cells": len(self.tca.tca.cells)}

    def close(self) -> None:
        """Nothing is held."""


class Storing:
    """The warehouse: every topic to its table."""

    def __init__(self, setting: Setting, bus: Node):
        self.warehouse = Warehouse(Path(setting.run) / WAREHOUSE)
        self.adapter = WarehouseAdapter(bus, self.warehouse, setting.universe.venues, from_bus=TOPICS.values())
        self.adapter.about(bus.clock(), venues=list(setting.universe.venues), stocks=list(setting.universe.stocks),
                           strategies=setting.limits.strategy_names, seed=setting.seed)

    def turn(self) -> int:
        self.adapter.tell()
        return 0

    def facts(self) -> dict[str, int]:
        return {"lost": self.warehouse.lost}

    def close(self) -> None:
        self.warehouse.close(_PATIENCE_S)
