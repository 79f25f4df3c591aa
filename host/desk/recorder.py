"""Everything a session did, on disk: the NIC's records, the FIX of the bus, the way of each order."""

import json
from pathlib import Path

import numpy as np

from hdl.layouts import Origin
from host.bus import InProcess, Message
from host.bus.topics import Kind
from host.desk.desk import Desk

_SOH, _SHOWN = b"\x01", b"|"


class Recorder:
    """Writes while the session runs; a full disk stops the recording, never the session.

    Files: `records.bin` (64 bytes a record, as they came up), `fix.log` (time, topic and message of each
    FIX message, `|` for SOH), `trails.jsonl` (origin and hops of each routed order).
    """

    def __init__(self, desk: Desk, folder: Path, records: str, fix: str, trails: str):
        self.desk = desk
        self.problem = ""
        self._files = {name: (folder / file).open("wb")
                       for name, file in (("records", records), ("fix", fix), ("trails", trails))}
        bus: InProcess = desk.bus
        bus.tap(self._on_message, name="recorder")

    def on_records(self, raw: np.ndarray) -> None:
        self._write("records", raw.tobytes())

    def close(self) -> None:
        for file in self._files.values():
            try:
                file.close()
            except OSError as error:
                self.problem = self.problem or str(error)

    def _on_message(self, message: Message) -> None:
        if message.topic.kind is not Kind.FIX:
            return
        self._write("fix", b"%d %b %b\n" % (message.time, message.topic.name.encode(),
                                            message.payload.replace(_SOH, _SHOWN)))
        if any(hop.place == "nic.tx" for hop in message.hops):
            self._write("trails", json.dumps(self._trail(message)).encode() + b"\n")

    @staticmethod
    def _trail(message: Message) -> dict:
        trigger = any(hop.place == "nic.needed" for hop in message.hops)
        origin = Origin.TRIGGER if trigger else Origin.HOST
        return {"origin": origin.name.lower(), "hops": [list(hop) for hop in message.hops]}

    def _write(self, name: str, data: bytes) -> None:
        if self.problem:
            return
        try:
            self._files[name].write(data)
        except OSError as error:
            self.problem = f"recording stopped: {error.strerror or error}"
