"""Services that trading can do without: "tca" and "warehouse"."""

from pathlib import Path

from host.bus.node import Node
from host.bus.topics import TOPICS
from host.cli.places import WAREHOUSE
from host.desk.desk import FEES
from host.supervise.setting import Setting
from host.tca.adapter import TcaAdapter
from host.warehouse.adapter import WarehouseAdapter
from host.warehouse.writer import Warehouse

#: How long the session's end waits for the disk.
_PATIENCE_S = 60.0


class Measuring:
    """TCA. One that is started again measures anew, from the orders that are sent from then on."""

    def __init__(self, setting: Setting, bus: Node):
        self.tca = TcaAdapter(bus, setting.universe, FEES)

    def turn(self) -> int:
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
