"""The warehouse on the bus: every topic to its table."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from fixparse.errors import FixError
from hdl.layouts import UP
from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import FAULTS, REJECTED, REPORTS, TOPICS, VENUE_REPORTS, Kind, Topic
from host.warehouse.schema import flat
from host.warehouse.writer import Warehouse

#: One row a session.
SESSIONS = "sessions"

Row = dict[str, Any]


class WarehouseAdapter:
    """Hands on what it is told; reading and writing happen in the warehouse's thread.

    Parameters
    ----------
    venues : names by index, as messages name them.
    from_bus : topics to take from the bus. What the NIC sends up comes faster as it came, through
        `Warehouse.records`; then leave those out (`DOWN_AND_DESK`).
    """

    def __init__(self, bus: Bus, warehouse: Warehouse, venues: tuple[str, ...],
                 from_bus: Iterable[Topic] = TOPICS.values()):
        self.bus, self.warehouse, self.venues = bus, warehouse, venues
        self._telling, self._failed = False, set[str]()
        handlers = {Kind.RECORDS: self._on_records, Kind.FIX: self._on_fix, Kind.STRUCT: self._on_struct}
        for topic in from_bus:
            bus.subscribe(topic, partial(self._safely, handlers[topic.kind]), name="warehouse")

    def about(self, time: int, **what: object) -> None:
        """What a session is: names that its numbers stand for."""
        self.warehouse.rows(lambda: [(SESSIONS, {"time": time, "seq": 1} | flat(what))])

    def _safely(self, handler: Callable[[Message], None], message: Message) -> None:
        """A desk stops orders when one of its services fails. For this one they need not stop: it says so instead."""
        try:
            handler(message)
        except Exception as error:
            if message.topic.name not in self._failed:
                self._failed.add(message.topic.name)
                self.warehouse.news.append(f"{message.topic.name} is not stored whole: {type(error).__name__}: {error}")
        self.tell()

    def _on_records(self, message: Message) -> None:
        records = message.payload
        if not records["time"].all():  # the host's own have none: theirs is when the bus had them
            records = records.copy()
            records["time"] = message.time
        self.warehouse.records(records.view(np.uint8).reshape(len(records), -1))

    def _on_fix(self, message: Message) -> None:
        self.warehouse.rows(lambda: [(message.topic.name, self._read(message))])

    def _on_struct(self, message: Message) -> None:
        self.warehouse.rows(lambda: [(message.topic.name, _row(message, message.payload))])

    def tell(self) -> None:
        """Publish what the warehouse has to say of itself. Called from the bus's thread."""
        if self._telling:
            return
        self._telling = True
        try:
            while self.warehouse.news:
                self.bus.publish(FAULTS, {"service": "warehouse", "what": self.warehouse.news.popleft()})
        finally:
            self._telling = False

    def _read(self, message: Message) -> Row:
        """A FIX message as a row: what cannot be read is kept as it was, with the reason."""
        row: Row = {"time": message.time, "seq": message.seq, "raw": message.payload,
                    "hops": [hop._asdict() for hop in message.hops]}
        try:
            value = _reader(message.topic)(message.payload, self.venues)
        except (FixError, ValueError) as error:
            return row | {"problem": str(error)}
        if value is None:
            return row
        return row | flat(value) | {"what": type(value).__name__}


#: What does not come up from the NIC.
DOWN_AND_DESK = tuple(topic for topic in TOPICS.values() if topic.record not in UP)


def _reader(topic: Topic) -> Callable[[bytes, tuple[str, ...]], Any]:
    if topic in (REPORTS, VENUE_REPORTS):
        return fixmap.read_report
    return (lambda raw, venues: fixmap.read_rejection(raw)) if topic is REJECTED else fixmap.read_order


def _row(message: Message, value: object) -> Row:
    """A struct as a row. Its level and share of the limit are properties, and worth a column."""
    row = {"time": message.time, "seq": message.seq} | flat(value)
    return row | {name: int(getattr(value, name)) for name in ("permille", "level") if hasattr(type(value), name)}
