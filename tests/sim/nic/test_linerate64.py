"""The NIC of 64 bits at 10 Gb/s: frames back to back, as many messages as fit; nothing lost, no latency that grows.

`TICKGATE_MESSAGES` says how many messages a case plays, 1,000,000 for the figures in docs/xgbe.md. Without it these
tests are skipped: they compile a NIC that no other test needs, which takes a minute.
"""

import os
from collections import Counter
from dataclasses import replace
from itertools import cycle, islice
from random import Random

import numpy as np
import pytest

from hdl.config import XGBE
from hdl.layouts import BOOK_LEVELS, BOOK_TOP, FEED_EVENT, HEADER_DTYPE, MARKET_EVENT, REG_READ, REG_VALUE
from hdl.net.headers import ETHERNET, IPV4, MAX_FRAME, UDP
from hdl.registers import BOOK, FEED, PORT, RegisterMap
from hdl.venue import SIMULATED
from host.link.driver import Driver
from host.link.virtual import VirtualLink
from sim import capture, frames, itch
from sim.models.feed import FeedModel
from sim.nic import VirtualNic
from sim.nic.traffic import Busy

MESSAGES = int(os.environ.get("TICKGATE_MESSAGES") or 0)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not MESSAGES, reason="TICKGATE_MESSAGES is not set")]

#: A small book: nothing here fills it, and it compiles in half the time.
CONFIG = replace(XGBE, name="xsmall", order_ways=2, order_rows=64, order_stash=2, levels=4, depth=2)
#: A stock without a book, and one with: `Busy` gives the first of each feed locate 1.
OTHER, OURS = 999, 1
BATCH = 100
_MAP = RegisterMap(CONFIG)
HEADERS = ETHERNET.bytes + IPV4.bytes + UDP.bytes
MOLD, BLOCK = 20, 2


@pytest.fixture
def nic():
    with VirtualNic(CONFIG) as nic:
        nic.post(Busy(CONFIG).setup())
        nic.run(5_000)
        nic.records()
        yield nic


def message(type_: str, locate: int) -> bytes:
    return itch.encode(type_, locate=locate, timestamp=1)


def frame(port: int, seq: int, messages: list[bytes]) -> bytes:
    venue = SIMULATED[port]
    return frames.udp_frame(itch.datagram(venue.mold_session, seq, messages), source_ip=venue.remote_ip,
                            source=venue.feed_port, destination_ip=venue.feed_ip, destination=venue.feed_port)


def read(nic, block, name, index=0) -> int:
    nic.records()
    nic.post(REG_READ.make(addr=_MAP.address(block, name, index)))
    nic.run_while_busy(quiet=600)
    raw = nic.records().raw
    (value,) = raw[raw[:, 0] == REG_VALUE.kind].view(REG_VALUE.dtype)["data"].ravel()
    return int(value)


def play(nic, port: int, packets, total: int):
    """Plays `packets` (lists of messages, the last a B of our stock in some) back to back until `total` messages.

    Returns messages sent, and for each B the cycles from the beat of its last byte to its event at the host."""
    seq, sent, waits = 1, 0, []
    packets = cycle(packets)
    nic.played(port)
    while sent < total:
        batch = list(islice(packets, BATCH))
        marks = []
        for n, messages in enumerate(batch):
            data = frame(port, seq, messages)
            nic.send(port, data)
            if messages and messages[-1] == message("B", OURS):
                at = HEADERS + MOLD + sum(BLOCK + len(one) for one in messages) - 1
                marks.append((n, at // CONFIG.lanes))
            seq += len(messages)
            sent += len(messages)
        nic.run_while_busy(quiet=600)
        spans, records = nic.played(port), nic.records()
        events = records.cycles[records.raw[:, 0] == MARKET_EVENT.kind]
        assert len(events) == len(marks)
        waits += [int(event) - int(spans[n][0]) - beat for event, (n, beat) in zip(events, marks, strict=True)]
        kinds = set(np.unique(records.raw.view(HEADER_DTYPE)["kind"]).tolist())
        assert kinds <= {MARKET_EVENT.kind, BOOK_TOP.kind, BOOK_LEVELS.kind}, f"no {FEED_EVENT.name}, nothing else"
    return sent, waits


def full(*types: str) -> list[bytes]:
    """Messages of these types, over and over, as many as a frame of full size holds; the last is a B of our stock."""
    room, messages = MAX_FRAME - 4 - HEADERS - MOLD - BLOCK - len(message("B", OURS)), []
    for type_ in cycle(types):
        if room < BLOCK + len(message(type_, OTHER)):
            break
        messages.append(message(type_, OTHER))
        room -= BLOCK + len(messages[-1])
    return [*messages, message("B", OURS)]


@pytest.mark.parametrize(("name", "packets"), [
    ("the shortest that touch a book", [full("D")]),
    ("one of each that touches a book", [full(*"AFECXDU")]),
    ("every type", [full(*"AFECXDUPQBRYLVKJNIOSW")]),
    ("shortest frames", [[message("W", 0)], [], [message("B", OURS)]]),
])
def test_one_port(nic, name, packets):
    """Nothing is lost; an event comes as soon after a million messages as after the first hundred."""
    sent, waits = play(nic, 0, packets, MESSAGES)
    assert read(nic, FEED, "delivered") == sent
    assert read(nic, FEED, "gaps") == 0
    assert read(nic, PORT, "malformed") == 0
    assert read(nic, BOOK, "busy") == 0
    print(f"{name}: {sent:,} messages, {min(waits)} to {max(waits)} cycles to the host")
    assert max(waits) <= max(waits[:len(waits) // 10]) + 2
    assert max(waits) < 40


def test_two_ports_with_more_than_the_sequencer_takes(nic):
    """Both wires full of deletes are 0.72 messages a cycle: what does not fit is missed, and the feed says so."""
    packet, count = full("D"), 400
    for port in range(CONFIG.ports):
        nic.send_many(port, [frame(port, 1 + n * len(packet), packet) for n in range(count)])
    nic.run_while_busy(quiet=3_000)
    for port in range(CONFIG.ports):  # a heartbeat says how far the sequence had come
        nic.send(port, frame(port, 1 + count * len(packet), []))
    nic.run_while_busy(quiet=3_000)
    for feed in range(CONFIG.ports):
        delivered, missed = read(nic, FEED, "delivered", feed), read(nic, FEED, "missed", feed)
        assert delivered + missed == count * len(packet), "what was not delivered was noticed"
        assert missed
        assert read(nic, FEED, "gaps", feed)


@pytest.mark.data
@pytest.mark.parametrize("name", ["nasdaq_20200130_aapl_first10k", "bx_20190730_aapl_msft",
                                  "nasdaq_20191230_open_all_symbols", "nasdaq_start_of_day_directory"])
def test_real_messages(data_dir, name):
    """Every message of a real file, of as many stocks as there are books, in packets of any size: as the model's."""
    messages = [item.data for item in capture.messages(data_dir / "itch" / f"{name}.itch50")]
    stocks = Counter(itch.locate(raw) for raw in messages if itch.locate(raw)).most_common(CONFIG.symbols)
    model, venue, seq, rng = FeedModel(CONFIG), SIMULATED[0], 1, Random(1)
    with VirtualNic(CONFIG) as nic:
        driver = Driver(VirtualLink(nic))
        driver.report(events=True)
        for index, (locate, _) in enumerate(stocks):
            driver.subscribe(index, f"S{index}", feed=0, locate=locate, clear=True)
            model.subscription.subscribe(index, f"S{index}", 0, locate)
        driver.set_feed(0, venue, expected=1)
        nic.run_while_busy()
        nic.records()
        at = 0
        while at < len(messages):
            packet = messages[at:at + rng.randrange(1, 40)]
            payload = itch.datagram(venue.mold_session, seq, packet)
            nic.send(0, frames.udp_frame(payload, source_ip=1, source=1, destination_ip=venue.feed_ip,
                                         destination=venue.feed_port, tags=[7] * rng.randrange(3)))
            nic.run_while_busy()
            raw = nic.records().raw
            events = raw[raw[:, 0] == MARKET_EVENT.kind].view(MARKET_EVENT.dtype).ravel()
            expected = model.datagram(0, payload)
            fields = ("type", "side", "detail", "price", "qty", "seq", "itch_time", "ref", "new_ref")
            assert [(int(event["symbol"]), *(int(event[field]) for field in fields)) for event in events] == [
                (symbol, *(getattr(message, {"side": "sell"}.get(field, field)) for field in fields))
                for symbol, message in expected]
            at, seq = at + len(packet), seq + len(packet)
    assert seq > len(messages)
