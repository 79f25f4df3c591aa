"""Figures of the transports: messages a second, and the time from a publish to its answer.

Over the transports between processes, the other end is a process of its own: it answers questions at once, and says
when it has had everything. A message is a FIX order of 130 bytes; kept ones are logged on their way.
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hdl.layouts import BOOK_TOP
from host.bus.bus import Message
from host.bus.inprocess import InProcess
from host.bus.node import Node
from host.bus.shared import Shared, sweep
from host.bus.topics import PROPOSED, REJECTED, REPORTS, TOPS, Topic
from host.bus.zenoh import Zenoh

MESSAGES, BETWEEN = 200_000, 50_000
ROUND_TRIPS = 2_000
#: Records in one message of the batch figure, and such messages.
BATCH, BATCHES = 1_000, 2_000
#: Percentiles in 1/1000.
PERMILLES = (("p50", 500), ("p99", 990), ("p999", 999))
TRANSPORTS = ("shared", "zenoh")
#: Every message waits in the ring until the other end has it: nothing shall be lost to a pause of its process.
_CAPACITY = 1 << 28
_PATIENCE_S = 120.0
_PAYLOAD = (b"8=FIX.4.4\x019=107\x0135=D\x0149=ALPHA\x0156=RISK\x0134=1\x0152=20260105-14:30:00.000000000\x01"
            b"11=4FEA000000000101\x0155=AAPL\x0154=1\x0138=100\x0140=2\x0144=185.0000\x0159=0\x0110=163\x01")
_PING, _DONE = b"8=ping", b"8=done"


def _percentile(ordered: list[int], per_mille: int) -> int:
    return ordered[min(len(ordered) - 1, len(ordered) * per_mille // 1000)]


def messages_per_second(count: int = MESSAGES) -> float:
    """In one process: one publisher, one subscriber, one topic."""
    bus = InProcess(time.monotonic_ns)
    seen = 0

    def handler(message: Message) -> None:
        nonlocal seen
        seen += 1

    bus.subscribe(PROPOSED, handler)
    start = time.perf_counter_ns()
    for _ in range(count):
        bus.publish(PROPOSED, _PAYLOAD)
    elapsed = time.perf_counter_ns() - start
    if seen != count:
        raise RuntimeError(f"in-process bus delivered {seen} of {count} messages")
    return count * 1e9 / elapsed


def round_trips_ns(count: int = ROUND_TRIPS) -> list[int]:
    """Sorted times from publishing a request to having its answer, through two topics, in one process."""
    bus = InProcess(time.monotonic_ns)
    answered: list[Message] = []
    bus.subscribe(PROPOSED, lambda message: bus.publish(REPORTS, message.payload, cause=message))
    bus.subscribe(REPORTS, answered.append)
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        bus.publish(PROPOSED, _PAYLOAD)
        times.append(time.perf_counter_ns() - start)
    if len(answered) != count:
        raise RuntimeError(f"in-process bus answered {len(answered)} of {count} requests")
    return sorted(times)


def _join(transport: str, folder: Path, name: str, endpoint: str) -> Node:
    if transport == "shared":
        return Shared(folder, name, clock=time.monotonic_ns, capacity=_CAPACITY)
    return Zenoh(folder, name, connect=endpoint, clock=time.monotonic_ns)


class Other:
    """The other end, seen from this one."""

    def __init__(self, bus: Node):
        self.bus, self.answers = bus, 0
        bus.subscribe(REPORTS, self._on_answer)

    def wait(self, answers: int, what: str) -> None:
        """Until so many answers have come."""
        end = time.monotonic() + _PATIENCE_S
        while self.answers < answers:
            self.bus.poll()
            if time.monotonic() > end:
                raise RuntimeError(f"{what}: {answers - self.answers} answers are missing")

    def meet(self) -> None:
        """Until it hears and is heard."""
        end = time.monotonic() + _PATIENCE_S
        while not self.answers:
            self.bus.publish(PROPOSED, _PING)
            self.bus.poll()
            time.sleep(0.02)
            if time.monotonic() > end:
                raise RuntimeError("the other process does not answer")
        time.sleep(0.2)
        self.bus.poll()

    def round_trips(self, count: int) -> list[int]:
        times = []
        for _ in range(count):
            before, start = self.answers, time.perf_counter_ns()
            self.bus.publish(PROPOSED, _PING)
            while self.answers == before:
                self.bus.poll()
            times.append(time.perf_counter_ns() - start)
        return sorted(times)

    def rate(self, topic: Topic, payload: object, count: int) -> float:
        """Messages a second from the first publish until the other end has said that it has all of them."""
        before, start = self.answers, time.perf_counter_ns()
        for _ in range(count):
            self.bus.publish(topic, payload)
        self.bus.publish(REJECTED, b"%b %d" % (_DONE, count))
        self.wait(before + 1, f"{topic}")
        return count * 1e9 / (time.perf_counter_ns() - start)

    def _on_answer(self, message: Message) -> None:
        self.answers += 1


def echo(transport: str, folder: Path, endpoint: str) -> None:
    """The other end's process: answers pings, and "done" once as many messages have come. Runs until killed."""
    with _join(transport, folder, "echo", endpoint) as bus:
        seen, wanted = 0, 0

        def ask(message: Message) -> None:
            if message.payload == _PING:
                bus.publish(REPORTS, _PING)
            else:
                count(message)

        def count(message: Message) -> None:
            nonlocal seen
            seen += 1

        def done(message: Message) -> None:
            nonlocal wanted
            wanted = int(message.payload.split()[1])
        for topic, handler in ((PROPOSED, ask), (TOPS, count), (REJECTED, done)):
            bus.subscribe(topic, handler)
        while True:
            bus.poll()
            if wanted and seen >= wanted:
                seen = wanted = 0
                bus.publish(REPORTS, _DONE)


@contextlib.contextmanager
def other(transport: str) -> Iterator[Other]:
    """A process at the other end of a transport, and a router where there must be one."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"tcp/127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        if transport == "shared":
            stack.callback(sweep, Path(folder))

        def start(*words: str) -> subprocess.Popen[str]:
            process = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process
        if transport == "zenoh":
            router = start("host.bus.router", "--listen", endpoint)
            assert router.stdout
            router.stdout.readline()
        bus = stack.enter_context(_join(transport, Path(folder), "bench", endpoint))
        start("host.bus.bench", transport, folder, endpoint)
        made = Other(bus)
        made.meet()
        yield made


def between(transport: str, messages: int = BETWEEN, round_trips: int = ROUND_TRIPS, batches: int = BATCHES,
            ) -> dict[str, float]:
    """Figures of a transport between two processes."""
    with other(transport) as end:
        times = end.round_trips(round_trips)
        found = {f"bus.{transport}.round_trip_{name}_us": _percentile(times, permille) / 1000
                 for name, permille in PERMILLES}
        found[f"bus.{transport}.messages_per_second"] = round(end.rate(PROPOSED, _PAYLOAD, messages))
        if transport == "shared":  # zenoh may drop what is lossy: such a figure would be of the dropping
            batch = np.concatenate([BOOK_TOP.make().view(np.uint8)] * BATCH).view(BOOK_TOP.dtype)
            found[f"bus.{transport}.records_per_second"] = round(end.rate(TOPS, batch, batches) * BATCH)
    return found


def figures() -> dict[str, float]:
    times = round_trips_ns()
    found: dict[str, float] = {"bus.inprocess.messages_per_second": round(messages_per_second())}
    found |= {f"bus.inprocess.round_trip_{name}_us": _percentile(times, permille) / 1000
              for name, permille in PERMILLES}
    for transport in TRANSPORTS:
        found |= between(transport)
    return found


if __name__ == "__main__":
    echo(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
