"""The recorder writes what came; when it cannot, the session goes on."""

import json

import numpy as np

from hdl.config import GBE
from hdl.venue import SIMULATED
from host.bus import Hop
from host.bus.topics import POSITIONS, ROUTED
from host.desk.desk import Desk
from host.desk.recorder import Recorder
from host.risk.limits import load
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL", "MSFT"), tuple(venue.target_comp_id for venue in SIMULATED))
RAW = b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01"


def make(tmp_path):
    desk = Desk(GBE, UNIVERSE, load(), SIMULATED, lambda writes: None, lambda: 7, strategies={})
    return desk, Recorder(desk, tmp_path, "r.bin", "fix.log", "trails.jsonl")


def test_records_fix_and_trails(tmp_path):
    desk, recorder = make(tmp_path)
    records = np.arange(128, dtype=np.uint8).reshape(2, 64)
    recorder.on_records(records)
    desk.bus._subscriptions.clear()  # nobody else need understand the message
    desk.bus.publish(ROUTED, RAW, hops=(Hop("nic.rx", 1), Hop("nic.needed", 2), Hop("nic.tx", 3)))
    desk.bus.publish(POSITIONS, {"not": "FIX"})
    recorder.close()
    assert (tmp_path / "r.bin").read_bytes() == records.tobytes()
    assert (tmp_path / "fix.log").read_bytes() == b"7 orders.routed 8=FIX.4.4|9=5|35=0|10=163|\n"
    assert json.loads((tmp_path / "trails.jsonl").read_text()) == {
        "origin": "trigger", "hops": [["nic.rx", 1], ["nic.needed", 2], ["nic.tx", 3], ["orders.routed", 7]]}


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path):
    _, recorder = make(tmp_path)
    recorder._files["records"] = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - closed by the recorder
    recorder.on_records(np.zeros((1, 64), np.uint8))
    recorder.on_records(np.zeros((1, 64), np.uint8))
    assert "No space left" in recorder.problem
    recorder.close()
