"""The NIC on the bus: its records become messages, and what services want sent is collected for it."""

from collections.abc import Callable

import numpy as np

from fixparse.stream import Framer
from hdl.layouts import BY_KIND, CHUNK_BYTES, HEADER_DTYPE, RECORD_BYTES, SESSION_BYTES
from host.bus import Bus, Hop
from host.bus.topics import ARMS, BY_RECORD, FAULTS, INTENTS, VENUE_REPORTS

_NO_RECORDS = np.zeros((0, RECORD_BYTES), np.uint8)


class NicPort:
    """Splits batches of records by kind, in order; a jump of the serial number or of a session's bytes is told.

    Parameters
    ----------
    venues : order sessions of the NIC.
    settle : called after each batch and before anything leaves; nothing leaves while it returns False.
    """

    def __init__(self, bus: Bus, venues: int, settle: Callable[[], bool] = lambda: True):
        self.bus, self.settle = bus, settle
        self.lost = 0
        self._serial: int | None = None
        self._outbox: list[np.ndarray] = []
        self._framers = [Framer() for _ in range(venues)]
        self._next_byte: list[int | None] = [None] * venues
        for topic in (INTENTS, ARMS):
            bus.subscribe(topic, lambda message: self._outbox.append(message.payload), name="nic")

    def on_records(self, raw: np.ndarray) -> None:
        """Records as they came up: (n, 64) bytes. Runs of one kind are published as one batch."""
        if not len(raw):
            return
        headers = raw.reshape(-1, RECORD_BYTES).view(HEADER_DTYPE).reshape(-1)
        self._check_serial(headers["serial"])
        kinds = headers["kind"]
        edges = np.flatnonzero(np.diff(kinds)) + 1
        for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(kinds)], strict=True):
            self._run(int(kinds[start]), raw[start:end])
        self.settle()

    def take(self) -> np.ndarray:
        """What services want sent since last asked: (n, 64) bytes, in order."""
        if not self.settle() or not self._outbox:
            return _NO_RECORDS
        records = np.concatenate([one.view(np.uint8).reshape(-1, RECORD_BYTES) for one in self._outbox])
        self._outbox.clear()
        return records

    def _run(self, kind: int, raw: np.ndarray) -> None:
        if kind == SESSION_BYTES.kind:
            for record in raw.view(SESSION_BYTES.dtype).reshape(-1):
                self._session(record)
        elif topic := BY_RECORD.get(kind):
            records = raw.view(BY_KIND[kind].dtype).reshape(-1)
            self.bus.publish(topic, records, key=int(records["symbol"][-1]))

    def _session(self, record: np.void) -> None:
        venue, count, at = int(record["venue"]), int(record["count"]), int(record["tcp_seq"])
        expected = self._next_byte[venue]
        if expected is not None and at != expected:
            self._fault(f"venue {venue}: session bytes {expected} to {at} are missing")
            self._framers[venue] = Framer()
        self._next_byte[venue] = (at + count) & 0xFFFF_FFFF
        data = b"".join(int(record[f"b{n}"]).to_bytes(8, "little") for n in range(CHUNK_BYTES // 8))[:count]
        for message in self._framers[venue].feed(data):
            self.bus.publish(VENUE_REPORTS, message, key=venue, hops=(Hop("nic.rx", int(record["time"])),))

    def _check_serial(self, serials: np.ndarray) -> None:
        first = serials[0] if self._serial is None else self._serial
        steps = np.diff(np.concatenate([[first], serials + 1]).astype(np.uint32))
        jumps = steps[steps != 1]
        if len(jumps):
            missing = int((jumps - np.uint32(1)).astype(np.uint32).sum())
            self.lost += missing
            self._fault(f"{missing} records of the NIC are missing")
        self._serial = int(serials[-1] + np.uint32(1))

    def _fault(self, what: str) -> None:
        self.bus.publish(FAULTS, {"service": "nic", "what": what})
