"""The same bus over every transport, several processes' ends of it in one test."""

import itertools
import time

import pytest

from host.bus import InProcess
from host.bus.shared import Shared, sweep

TRANSPORTS = ("inprocess", "shared")


class Net:
    """One bus: `node(name)` joins it, `until(seen)` lets every node poll until it is so."""

    def __init__(self, kind, folder):
        self.kind, self.folder, self.nodes = kind, folder, []
        counter = itertools.count(1)
        self.clock = lambda: next(counter)
        self.faults = []

    def node(self, name, **more):
        """`more` is for the transport."""
        if self.kind == "inprocess":
            node = self.nodes[0] if self.nodes else InProcess(self.clock)
        else:
            node = Shared(self.folder, name, clock=self.clock, **more)
        if node not in self.nodes:
            self.nodes.append(node)
        return node

    def meet(self):
        """Until all know of each other."""
        if self.kind != "inprocess":
            self.poll(0.01)

    def poll(self, seconds=0.0):
        end = time.monotonic() + seconds
        while True:
            for node in self.nodes:
                node.poll()
            if time.monotonic() >= end:
                return
            time.sleep(0.001)

    def until(self, seen, seconds=20.0):
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
    net = Net(request.param, tmp_path / "bus")
    yield net
    net.close()


@pytest.fixture
def shared(tmp_path):
    net = Net("shared", tmp_path / "bus")
    yield net
    net.close()
