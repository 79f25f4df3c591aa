"""The warehouse of one session: started with the desk, closed with it, never in its way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from host.bus.topics import FAULTS
from host.desk.desk import Desk
from host.warehouse.adapter import DOWN_AND_DESK, WarehouseAdapter
from host.warehouse.store import clear
from host.warehouse.writer import Warehouse

#: How long a session's end waits for the disk.
_PATIENCE_S = 60.0


class Storage:
    """Stores everything a desk says, and the NIC's records as they come up (`on_records`).

    Where the folder cannot be used, a fault says so and nothing is stored; trading goes on.

    Parameters
    ----------
    fresh : remove what the folder holds of earlier sessions.
    about : what the session is, besides the names of its venues, strategies and stocks.
    """

    def __init__(self, desk: Desk, folder: Path, *, fresh: bool = False, **about: object):
        self.on_records: Callable[[np.ndarray], None] = lambda raw: None
        self.warehouse: Warehouse | None = None
        try:
            if fresh:
                clear(folder)
            self.warehouse = Warehouse(folder)
        except OSError as error:
            desk.bus.publish(FAULTS, {"service": "warehouse",
                                      "what": f"nothing is stored: {folder}: {error.strerror or error}"})
            return
        self.adapter = WarehouseAdapter(desk.bus, self.warehouse, desk.universe.venues, from_bus=DOWN_AND_DESK)
        self.adapter.about(desk.bus.clock(), venues=list(desk.universe.venues), stocks=list(desk.universe.stocks),
                           strategies=desk.risk.limits.strategy_names, **about)
        self.on_records = self.warehouse.records

    def poll(self) -> None:
        """Tell the desk what the warehouse has to say. From the session's own thread, now and then."""
        if self.warehouse:
            self.adapter.tell()

    def close(self) -> str:
        """Write what waits. What is lost, in one line; empty where nothing is."""
        warehouse = self.warehouse
        if warehouse is None:
            return ""
        if not warehouse.close(_PATIENCE_S):
            return f"warehouse: the disk is too slow: what it had not taken after {_PATIENCE_S:.0f} s is lost"
        return f"warehouse: {warehouse.lost:,} rows are not stored" if warehouse.lost else ""
