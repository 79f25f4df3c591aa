"""The same bus over every transport, several processes' ends of it in one test."""

import itertools
import socket
import subprocess
import sys
import time

import pytest

from host.bus import InProcess
from host.bus.shared import Shared, sweep
from host.bus.topics import TOPICS
from host.bus.zenoh import Zenoh

TRANSPORTS = ("inprocess", "shared", "zenoh")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Router:
    """A router process on a free port of loopback."""

    def __init__(self):
        self.endpoint = f"tcp/127.0.0.1:{free_port()}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "host.bus.router", "--listen", self.endpoint],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def router():
    router = Router()
    yield router
    router.kill()


@pytest.fixture
def own_router():
    """One that a test may kill."""
    router = Router()
    yield router
    router.kill()


@pytest.fixture
def own_port():
    return free_port()


class Net:
    """One bus: `node(name)` joins it, `until(seen)` lets every node poll until it is so."""

    def __init__(self, kind, folder, router=None):
        self.kind, self.folder, self.nodes, self.router = kind, folder, [], router
        counter = itertools.count(1)
        self.clock = lambda: next(counter)
        self.faults = []

    def node(self, name, **more):
        """`more` is for the transport."""
        if self.kind == "inprocess":
            node = self.nodes[0] if self.nodes else InProcess(self.clock)
        elif self.kind == "zenoh":
            node = Zenoh(self.folder, name, bus=self.folder.parent.name, connect=self.router.endpoint,
                         clock=self.clock, **more)
        else:
            node = Shared(self.folder, name, clock=self.clock, **more)
        if node not in self.nodes:
            self.nodes.append(node)
        return node

    def meet(self):
        """Until all know of each other."""
        if self.kind == "zenoh":
            self.until(lambda: all(
                (one._publishers.get(topic) or one._offer(TOPICS[topic])).matching_status.matching
                for one, other in itertools.permutations(self.nodes, 2) for topic in other._listening))
            self.poll(0.1)
        elif self.kind == "shared":
            self.poll(0.01)

    def poll(self, seconds=0.0):
        end = time.monotonic() + seconds
        while True:
            for node in self.nodes:
                node.poll()
            if time.monotonic() >= end:
                return
            time.sleep(0.001)

    def until(self, seen, seconds=60.0):
        end = time.monotonic() + seconds
        while not seen():
            assert time.monotonic() < end, "it did not come"
            self.poll()
            time.sleep(0.0002)

    def leave(self, node):
        """As a process that ends well."""
        self.nodes.remove(node)
        node.close()

    def close(self):
        for node in self.nodes:
            node.close()
        if self.kind == "shared":
            sweep(self.folder)


@pytest.fixture(params=TRANSPORTS)
def net(request, tmp_path):
    router = request.getfixturevalue("router") if request.param == "zenoh" else None
    net = Net(request.param, tmp_path / "bus", router)
    yield net
    net.close()


@pytest.fixture
def over_zenoh(tmp_path, router):
    net = Net("zenoh", tmp_path / "bus", router)
    yield net
    net.close()


@pytest.fixture
def shared(tmp_path):
    net = Net("shared", tmp_path / "bus")
    yield net
    net.close()
