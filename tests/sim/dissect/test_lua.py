"""The Wireshark dissector, in a real tshark where there is one; its tables in any case."""

import re
import shutil
import struct
import subprocess

import pytest

from hdl.feed.spec import MESSAGES
from hdl.layouts import BY_KIND, RECORD_BYTES
from hdl.venue import SIMULATED
from sim import frames, itch
from sim.dissect.__main__ import main
from sim.dissect.lua import script

VENUE = SIMULATED[0]
_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 1)


def pcap(path, *sent):
    path.write_bytes(_PCAP + b"".join(struct.pack("<IIII", 0, 0, len(one), len(one)) + one for one in sent))


def test_every_field_of_every_table_is_there():
    text = script()
    found = dict(re.findall(r'^  \[(\d+)\] = \{name = "[^"]*", length = (\d+)', text, re.MULTILINE))
    assert {int(code): int(length) for code, length in found.items()} == {
        spec.code: spec.length for spec in MESSAGES.values()}
    for spec in MESSAGES.values():
        line = next(line for line in text.splitlines() if line.startswith(f"  [{spec.code}] ") and "length" in line)
        assert re.findall(r'\{"(\w+)", (\d+), (\d+),', line) == [
            (item.name, str(item.offset), str(item.width)) for item in spec.items]


def test_the_command_writes_it(tmp_path, monkeypatch, capsys):
    path = tmp_path / "new" / "tickgate.lua"
    monkeypatch.setattr("sys.argv", ["dissect", str(path)])
    assert main() == 0
    assert path.read_text() == script()
    monkeypatch.setattr("sys.argv", ["dissect", "/proc/none.lua"])
    assert main() == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.fixture
def tshark(tmp_path):
    """Fields of frames as tshark reads them."""
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed (Debian, Ubuntu: apt-get install tshark)")
    (tmp_path / "tickgate.lua").write_text(script())

    def read(sent, *fields):
        pcap(tmp_path / "frames.pcap", *sent)
        done = subprocess.run(
            ["tshark", "-X", f"lua_script:{tmp_path / 'tickgate.lua'}", "-r", str(tmp_path / "frames.pcap"),
             "-T", "fields", "-E", "separator=;", *(word for name in fields for word in ("-e", name))],
            capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert "Lua" not in done.stderr, done.stderr
        return [line.split(";") for line in done.stdout.splitlines()]
    return read


def frame(*messages):
    return frames.udp_frame(itch.datagram(VENUE.mold_session, 77, messages), source_ip=VENUE.remote_ip, source=1,
                            destination_ip=VENUE.feed_ip, destination=VENUE.feed_port)


def test_tshark_reads_messages(tshark):
    sent = [frame(itch.encode(spec.type, locate=5, timestamp=6)) for spec in MESSAGES.values()]
    rows = tshark(sent, "tgmold.sequence", "tgitch.type", "tgitch.locate", "tgitch.timestamp")
    assert rows == [["77", spec.type, "5", "6"] for spec in MESSAGES.values()]
    add = itch.encode("A", ref=2**63 + 1, side="S", shares=300, stock="AAPL", price=1_850_000)
    assert tshark([frame(add)], "tgitch.ref", "tgitch.side", "tgitch.shares", "tgitch.stock", "tgitch.price") == [
        [str(2**63 + 1), "S", "300", "AAPL    ", "1850000"]]


def test_tshark_reads_records_and_survives_damage(tshark):
    records = b"".join(record.make(symbol=3, time=9).tobytes() for record in BY_KIND.values())
    kinds = ",".join(str(kind) for kind in BY_KIND)
    count = len(records) // RECORD_BYTES
    whole = frame(itch.encode("A", ref=1), b"?12")
    sent = [frames.host_frame(records), *(whole[:size] for size in range(42, len(whole)))]
    rows = tshark(sent, "tgrecord.kind", "tgrecord.time")
    assert rows[0] == [kinds, ",".join(["9"] * count)]
