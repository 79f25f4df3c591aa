"""cocotb test of `Receiver` on real captures: production frames decode, zeroed ones are dropped and counted."""

import os
from collections import Counter
from pathlib import Path

import cocotb
from scapy.utils import PcapReader

from sim.models.receiver import Feed
from tests.hdl.net.receiver_harness import bench_of


def captured(folder: Path) -> list[bytes]:
    """Frames of every capture below `folder`."""
    found = []
    for path in sorted(folder.rglob("*.pcap")):
        with PcapReader(str(path)) as reader:
            found += [bytes(packet) for packet in reader]
    return found


@cocotb.test()
async def captures_decode(dut):
    bench = await bench_of(dut, feeds=(Feed(promiscuous=1), Feed(enable=0)))
    outcome = Counter()
    for frame in captured(Path(os.environ["CAPTURES"])):
        payload, cause = await bench.check(frame)
        outcome[cause or "good"] += 1
        if payload:
            assert not payload.error
    dut._log.info("%s", outcome)
    assert outcome["good"] == 13
    assert set(outcome) == {"good", "bad_header"}
