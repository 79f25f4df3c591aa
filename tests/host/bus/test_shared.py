"""Shared memory: slow, stopped and killed processes, garbage, and what is left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hdl.layouts import BOOK_TOP
from host.bus.node import BusError
from host.bus.repeater import payloads
from host.bus.ring import DATA
from host.bus.shared import Shared, _memory, clear, sweep
from host.bus.topics import FAULTS, ORDERS, PROPOSED, REPORTS, TOPS

SMALL = 1 << 16


@pytest.fixture
def child(shared):
    """A process on the bus that answers every proposal; killed at the end."""
    process = subprocess.Popen([sys.executable, "-m", "host.bus.repeater", "shared", str(shared.folder), "child"])
    yield process
    process.kill()
    process.wait()


def test_a_slow_subscriber_misses_lossy_messages_and_is_told_which(shared):
    nic, slow = shared.node("nic", capacity=SMALL), shared.node("slow")
    seen, gaps = [], []
    slow.subscribe(TOPS, lambda message: seen.append(message.seq), on_gap=lambda *gap: gaps.append(gap))
    nic.publish(TOPS, BOOK_TOP.make(symbol=1), key=1)
    shared.until(lambda: seen == [1])
    for _ in range(5_000):
        nic.publish(TOPS, BOOK_TOP.make(symbol=1), key=1)
    slow.poll()
    nic.publish(TOPS, BOOK_TOP.make(symbol=1), key=1)
    shared.until(lambda: len(seen) > 1)
    assert gaps == [(TOPS, 2, 5_002)]
    assert seen == [1, 5_002]


def test_of_one_that_came_later_nothing_may_be_missed_unsaid(shared):
    slow = shared.node("slow")
    gaps = []
    slow.subscribe(TOPS, lambda message: None, on_gap=lambda *gap: gaps.append(gap))
    nic = shared.node("nic", capacity=SMALL)
    for _ in range(5_000):
        nic.publish(TOPS, BOOK_TOP.make(symbol=1), key=1)
    shared.poll(0.1)
    nic.publish(TOPS, BOOK_TOP.make(symbol=1), key=1)
    shared.until(lambda: gaps == [(TOPS, 1, 5_001)])


def test_a_slow_subscriber_misses_no_kept_message_however_far_behind(shared, rng):
    nic, slow = shared.node("nic", capacity=SMALL), shared.node("slow")
    orders, reports = payloads(slow, PROPOSED), payloads(slow, REPORTS)
    shared.meet()
    sent = {PROPOSED: [], REPORTS: []}
    for n in range(8_000):
        if rng.random() < 0.5:
            nic.publish(TOPS, BOOK_TOP.make(symbol=1), key=1)
        else:
            topic = rng.choice([PROPOSED, REPORTS])
            sent[topic].append(b"%d" % n)
            nic.publish(topic, sent[topic][-1])
        if rng.random() < 0.001:
            slow.poll()
    shared.until(lambda: (orders, reports) == (sent[PROPOSED], sent[REPORTS]))
    assert not slow.gaps[PROPOSED.name]


def test_without_a_handler_for_gaps_a_fault_says_so(shared):
    nic, slow = shared.node("nic", capacity=SMALL), shared.node("slow")
    payloads(slow, TOPS)
    faults = payloads(nic, FAULTS)
    shared.meet()
    nic.publish(TOPS, BOOK_TOP.make())
    shared.poll(0.01)
    for _ in range(5_000):
        nic.publish(TOPS, BOOK_TOP.make())
    slow.poll()
    nic.publish(TOPS, BOOK_TOP.make())
    shared.until(lambda: faults)
    assert faults[0]["service"] == "slow"
    assert "market.tops" in faults[0]["what"]


def test_a_message_never_comes_before_what_caused_it_whoever_wrote_it(shared, rng):
    """Everybody answers everybody; each answer carries its question."""
    nodes = [shared.node(f"node{n}") for n in range(4)]
    known = {node.name: {b"start"} for node in nodes}
    broken = []
    for node in nodes:
        def hear(message, node=node):
            own, cause = message.payload.split(b" because ")
            if cause not in known[node.name]:
                broken.append((node.name, message.payload))
            known[node.name].add(own)
            if rng.random() < 0.4 and len(known[node.name]) < 3_000:
                node.publish(PROPOSED, b"%b/%d because %b" % (node.name.encode(), len(known[node.name]), own))
        node.subscribe(PROPOSED, hear)
    shared.meet()
    for _ in range(300):
        node = rng.choice(nodes)
        if rng.random() < 0.2:
            node.publish(PROPOSED, b"%b/s%d because start" % (node.name.encode(), rng.randrange(10**9)))
        rng.choice(nodes).poll()
    assert max(map(len, known.values())) > 20
    assert not broken


def test_garbage_in_a_ring_is_a_fault_that_names_its_source_and_the_rest_still_comes(shared):
    bad, ems = shared.node("bad"), shared.node("ems")
    seen, faults = payloads(ems, PROPOSED), payloads(ems, FAULTS)
    shared.meet()
    bad.publish(PROPOSED, b"good")
    bad._ring.append(b"\x00" * 40)
    bad._ring.append(os.urandom(100))
    bad.publish(PROPOSED, b"still good")
    shared.until(lambda: len(seen) == 2)
    assert ems.garbage["bad.1"] == 2
    assert "bad.1" in faults[0]["what"]
    bad._map[DATA:DATA + 4096] = b"\x7f" * 4096
    bad._map[64:72] = (4096).to_bytes(8, "little")
    shared.until(lambda: len(faults) > 1)
    assert "damaged" in faults[1]["what"]


def test_a_killed_subscriber_stops_nobody_and_leaves_nothing_behind(shared, child):
    alpha, ems = shared.node("alpha"), shared.node("ems")
    seen, faults = payloads(ems, PROPOSED), payloads(ems, FAULTS)
    shared.until(lambda: b"here" in seen)
    child.send_signal(signal.SIGSTOP)
    for n in range(2_000):
        alpha.publish(PROPOSED, b"%d" % n)
    shared.until(lambda: b"1999" in seen)
    child.kill()
    child.wait()
    alpha.publish(PROPOSED, b"last")
    shared.until(lambda: b"last" in seen)
    assert len(seen) == 2_002
    shared.until(lambda: any("child.1 is gone" in fault["what"] for fault in faults))
    ring = _memory(shared.folder, "child.1")
    assert ring.exists()
    assert sorted(sweep(shared.folder)) == ["alpha.1", "ems.1"]
    assert not ring.exists()


def test_what_a_killed_process_said_last_is_heard(shared, child):
    ems = shared.node("ems")
    seen = payloads(ems, PROPOSED)
    shared.until(lambda: seen)
    ems.publish(PROPOSED, b"question")
    deadline = time.monotonic() + 20
    while not any(m.payload == b"heard question" for m in ems.history(PROPOSED)):  # it has answered; we have not polled
        assert time.monotonic() < deadline
    child.kill()
    child.wait()
    sweep(shared.folder)
    shared.until(lambda: b"heard question" in seen)


def test_one_that_was_born_and_killed_before_it_was_found_is_heard_from_its_log(shared):
    ems = shared.node("ems")
    seen = payloads(ems, PROPOSED)
    brief = Shared(shared.folder, "brief", clock=shared.clock)
    brief.publish(PROPOSED, b"all I had to say")
    brief.close()
    shared.until(lambda: seen == [b"all I had to say"])


def test_a_restarted_process_finds_all_that_was_kept_in_the_order_of_each_source(shared):
    nic, ems = shared.node("nic"), shared.node("ems")
    for n in range(100):
        nic.publish(REPORTS, b"nic %d" % n)
    ems.publish(REPORTS, b"ems")
    ems.publish(ORDERS, {"order_id": 1}, key=1)
    shared.leave(ems)
    again = shared.node("ems")
    history = again.history(REPORTS)
    assert again.source == "ems.2"
    assert [(m.source, m.seq, m.payload) for m in history] == [
        *(("nic.1", n + 1, b"nic %d" % n) for n in range(100)), ("ems.1", 1, b"ems")]
    assert [m.payload for m in again.history(ORDERS)] == [{"order_id": 1}]
    with pytest.raises(ValueError, match="not kept"):
        again.history(TOPS)


def test_two_processes_cannot_have_one_name_and_a_living_session_is_not_cleared(shared):
    node = shared.node("ems")
    with pytest.raises(BusError, match="already"):
        Shared(shared.folder, "ems")
    with pytest.raises(BusError, match=r"ems\.1"):
        clear(shared.folder)
    shared.leave(node)
    clear(shared.folder)
    assert shared.node("ems").source == "ems.1"


def test_a_folder_that_cannot_be_is_refused_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BusError, match="another folder"):
        Shared(tmp_path / "file" / "bus", "ems")


def test_a_full_disk_stops_kept_messages_alone_and_no_number_is_missed(shared):
    alpha, ems = shared.node("alpha"), shared.node("ems")
    seen, gaps = [], []
    ems.subscribe(PROPOSED, lambda message: seen.append(message.seq), on_gap=lambda *gap: gaps.append(gap))
    tops = payloads(ems, TOPS)
    shared.meet()
    alpha.publish(PROPOSED, b"1")
    good, alpha._log._file = alpha._log._file, os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(Exception, match="free some space"):
        alpha.publish(PROPOSED, b"lost")
    alpha.publish(TOPS, BOOK_TOP.make())
    os.close(alpha._log._file)
    alpha._log._file = good
    alpha.publish(PROPOSED, b"2")
    shared.until(lambda: seen == [1, 2] and tops)
    assert not gaps
