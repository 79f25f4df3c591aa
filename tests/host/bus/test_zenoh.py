"""zenoh: a router that dies, processes that stop, garbage, certificates, and two hosts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import zenoh

from hdl.layouts import BOOK_TOP
from host.bus import Hop, Message
from host.bus.certificates import make
from host.bus.node import BusError
from host.bus.repeater import payloads
from host.bus.router import configuration
from host.bus.topics import FAULTS, INTENTS, ORDERS, PROPOSED, TOPS, VENUES
from host.bus.wire import encode
from host.bus.zenoh import BACKLOG, Zenoh
from host.tca.scores import VenueScore


def told(faults, *words):
    return any(all(word in fault["what"] for word in words) for fault in faults)


def test_a_router_that_dies_is_told_and_nothing_kept_is_lost_when_it_is_back(over_zenoh, own_router):
    over_zenoh.router = own_router
    alpha, ems = over_zenoh.node("alpha"), over_zenoh.node("ems")
    seen, faults = payloads(ems, PROPOSED), payloads(ems, FAULTS)
    over_zenoh.meet()
    alpha.publish(PROPOSED, b"before")
    over_zenoh.until(lambda: seen == [b"before"])
    own_router.kill()
    over_zenoh.until(lambda: told(faults, "router", "gone"))
    assert not ems.linked
    for n in range(100):
        alpha.publish(PROPOSED, b"%d" % n)
    over_zenoh.poll(0.3)
    assert seen == [b"before"]
    own_router.start()
    over_zenoh.until(lambda: told(faults, "router", "back"), 40)
    over_zenoh.until(lambda: ems.linked)
    over_zenoh.until(lambda: len(seen) == 101)
    assert seen[1:] == [b"%d" % n for n in range(100)]
    assert not ems.gaps


def test_kept_messages_that_never_came_are_asked_for(over_zenoh):
    alpha, ems = over_zenoh.node("alpha"), over_zenoh.node("ems")
    seen = payloads(ems, PROPOSED)
    over_zenoh.meet()
    for n in range(50):
        alpha.publish(PROPOSED, b"%d" % n)
    over_zenoh.until(lambda: len(ems._arrived) + len(seen) >= 50 or ems.poll() < 0)
    alpha.publish(PROPOSED, b"50")
    time.sleep(0.2)
    ems._arrived.clear()  # as if the link had been cut
    over_zenoh.until(lambda: seen == [b"%d" % n for n in range(51)])


def test_a_backlog_of_lossy_messages_is_bounded_and_its_gap_told(over_zenoh, monkeypatch):
    monkeypatch.setattr("host.bus.zenoh.BACKLOG", 50)
    assert BACKLOG > 50
    nic, slow = over_zenoh.node("nic"), over_zenoh.node("slow")
    seen, gaps = [], []
    slow.subscribe(TOPS, lambda message: seen.append(message.seq), on_gap=lambda *gap: gaps.append(gap))
    over_zenoh.meet()
    for _ in range(200):
        nic.publish(TOPS, BOOK_TOP.make())
    deadline = time.monotonic() + 10
    while len(slow._arrived) < 50 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    slow.poll()
    nic.publish(TOPS, BOOK_TOP.make())
    over_zenoh.until(lambda: 201 in seen)
    assert sum(end - start for _, start, end in gaps) == 201 - len(seen) == slow._subscriptions[TOPS.name][0].missed


def test_garbage_is_a_fault_that_names_where_it_came_from(over_zenoh, rng):
    ems = over_zenoh.node("ems")
    seen, faults = payloads(ems, PROPOSED), payloads(ems, FAULTS)
    over_zenoh.meet()
    with zenoh.open(configuration("client", over_zenoh.router.endpoint, None)) as session:
        for n in range(20):
            session.put(f"{ems._root}/m/{PROPOSED.name}/intruder/1", rng.randbytes(n))
            session.put(f"{ems._root}/b/intruder/1", rng.randbytes(n))
            over_zenoh.poll()
        over_zenoh.until(lambda: told(faults, "intruder.1"))
    assert not seen
    alpha = over_zenoh.node("alpha")
    alpha.publish(PROPOSED, b"8=")
    over_zenoh.until(lambda: seen == [b"8="])


def test_a_stopped_subscriber_holds_nobody_up_and_a_killed_one_is_missed(over_zenoh, monkeypatch):
    monkeypatch.setattr("host.bus.zenoh.SILENCE_NS", 2 * 10**9)
    where = [str(over_zenoh.folder), "child", over_zenoh.folder.parent.name, over_zenoh.router.endpoint]
    alpha, ems = over_zenoh.node("alpha"), over_zenoh.node("ems")
    seen, faults = payloads(ems, PROPOSED), payloads(ems, FAULTS)
    child = subprocess.Popen([sys.executable, "-m", "host.bus.repeater", "zenoh", *where])
    try:
        over_zenoh.until(lambda: b"here" in seen)
        child.send_signal(signal.SIGSTOP)
        for n in range(3_000):
            alpha.publish(PROPOSED, b"%d" % n + bytes(2_000))
        over_zenoh.until(lambda: sum(payload[:4] == b"2999" for payload in seen) == 1)
        child.kill()
        over_zenoh.until(lambda: told(faults, "child.1"))
        alpha.publish(PROPOSED, b"after")
        over_zenoh.until(lambda: b"after" in seen)
    finally:
        child.kill()
        child.wait()


def test_a_name_that_is_taken_and_a_router_that_is_not_there_are_refused_in_words(over_zenoh, tmp_path):
    over_zenoh.node("ems")
    with pytest.raises(BusError, match="already"):
        over_zenoh.node("ems")
    with pytest.raises(BusError, match="router"):
        Zenoh(tmp_path, "x", connect="tcp/127.0.0.1:1")
    (tmp_path / "bad.json5").write_text("{ mode: 5 ")
    with pytest.raises(BusError, match="no configuration"):
        Zenoh(tmp_path, "x", config=tmp_path / "bad.json5")


def test_history_is_asked_of_everyone_and_of_earlier_starts(over_zenoh):
    nic, ems = over_zenoh.node("nic"), over_zenoh.node("ems")
    for n in range(100):
        nic.publish(ORDERS, {"n": n, "text": "x" * 30_000}, key=n)  # several parts of an answer
    ems.publish(ORDERS, {"n": 100}, key=100)
    over_zenoh.leave(ems)
    again = over_zenoh.node("ems")
    assert [(m.source, m.payload["n"]) for m in again.history(ORDERS)] == [
        *(("nic.1", n) for n in range(100)), ("ems.1", 100)]
    with pytest.raises(ValueError, match="not kept"):
        again.history(TOPS)


# ---- certificates and access control


@pytest.fixture
def secure(tmp_path, own_port):
    """A router that wants certificates; only "ems" may send intents. Gives a node by name."""
    files = make(tmp_path / "tls", ("router", "ems", "tca"))
    endpoint = f"tls/127.0.0.1:{own_port}"
    router_file = tmp_path / "router.json5"
    router_file.write_text(json.dumps(files.router(endpoint, {"ems": [INTENTS], "tca": [VENUES]})))
    process = subprocess.Popen([sys.executable, "-m", "host.bus.router", "--config", str(router_file)],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"

    def node(name):
        path = tmp_path / f"{name}.json5"
        path.write_text(json.dumps(files.client(endpoint, name)))
        return Tca(tmp_path / "bus", name, config=path)
    yield node, tmp_path
    process.kill()
    process.wait()


class Tca(Zenoh):
    """Has an intent to slip in where it can."""
    _forged = encode(Message(INTENTS, 1, 1, INTENTS.record.make(qty=667), None, (Hop(INTENTS.name, 1),)))


def test_only_who_may_is_heard_and_who_has_no_certificate_does_not_get_in(secure):
    node, tmp_path = secure
    with node("ems") as ems, node("tca") as tca:
        intents, scores, heard = payloads(ems, INTENTS), payloads(ems, VENUES), payloads(tca, INTENTS)
        end = time.monotonic() + 20
        while (not heard or not scores) and time.monotonic() < end:
            ems.publish(INTENTS, INTENTS.record.make(qty=5))
            tca.publish(VENUES, VenueScore(0, True, 0, 0, 0, 0, 0, 0))
            tca.publish(INTENTS, INTENTS.record.make(qty=666))
            tca._session.put(f"{ems._root}/m/{INTENTS.name}/ems/1", tca._forged)
            tca._session.put(f"{ems._root}/m/{VENUES.name}/tca/1", tca._forged)
            for one in (ems, tca):
                one.poll()
            time.sleep(0.02)
        assert heard
        assert scores
        end = time.monotonic() + 1.5  # beats of tca tell of intents, and the ems asks for them in vain
        while time.monotonic() < end:
            for one in (ems, tca):
                one.poll()
            time.sleep(0.01)
        assert {int(one["qty"][0]) for one in intents} == {5}, "what tca sent never came"
        assert set(ems.garbage) == {"tca.1"}, "an intent under the key of scores is garbage"
    bare = tmp_path / "bare.json5"
    plain = json.loads((tmp_path / "tca.json5").read_text())
    plain["transport"]["link"]["tls"] = {
        "root_ca_certificate": plain["transport"]["link"]["tls"]["root_ca_certificate"]}
    plain["connect"]["timeout_ms"] = 1_000
    bare.write_text(json.dumps(plain))
    with pytest.raises(BusError, match="certificates"):
        Zenoh(tmp_path / "bus", "bare", config=bare)


# ---- two hosts


@pytest.fixture
def hosts():
    """Two network namespaces with a cable between them: what two machines see of each other."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and the program ip (iproute2)")
    mark = f"tg{os.getpid()}"
    names, ends = (f"{mark}a", f"{mark}b"), (f"{mark}x", f"{mark}y")

    def ip(*words, check=True):
        return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)
    made = ip("netns", "add", names[0], check=False)
    if made.returncode:
        pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
    try:
        ip("netns", "add", names[1])
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for n, (name, end) in enumerate(zip(names, ends, strict=True)):
            ip("link", "set", end, "netns", name)
            ip("-n", name, "addr", "add", f"10.77.0.{n + 1}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            ip("netns", "del", name, check=False)


TALK = """
import sys, time
from pathlib import Path
from host.bus.topics import PROPOSED, REPORTS
from host.bus.zenoh import Zenoh
with Zenoh(Path(sys.argv[1]), "alpha", connect=sys.argv[2]) as node:
    answers = []
    node.subscribe(PROPOSED, lambda message: answers.append(message.payload))
    end = time.monotonic() + 30
    while len(answers) < 3 and time.monotonic() < end:
        node.publish(PROPOSED, b"question")
        node.poll()
        answers = [one for one in answers if one.startswith(b"heard")]
        time.sleep(0.05)
    print(len(answers))
"""


def test_two_hosts_talk_through_a_router_on_one_of_them(hosts, tmp_path):
    here, there = hosts
    endpoint = "tcp/10.77.0.1:7447"

    def run(namespace, *words):
        return subprocess.Popen(["ip", "netns", "exec", namespace, sys.executable, *words], stdout=subprocess.PIPE,
                                text=True)
    processes = [run(here, "-m", "host.bus.router", "--listen", endpoint)]
    try:
        assert processes[0].stdout.readline() == "ready\n"
        processes.append(run(here, "-m", "host.bus.repeater", "zenoh", str(tmp_path / "one"), "ems", "desk", endpoint))
        alpha = run(there, "-c", TALK, str(tmp_path / "two"), endpoint)
        processes.append(alpha)
        assert int(alpha.communicate(timeout=60)[0]) >= 3
    finally:
        for process in processes:
            process.kill()
            process.wait()
