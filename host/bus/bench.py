"""Figures of the transports: messages a second, and the time from a publish to its answer."""

import time

from host.bus.bus import Message
from host.bus.inprocess import InProcess
from host.bus.topics import PROPOSED, REPORTS

MESSAGES = 200_000
ROUND_TRIPS = 50_000
_PAYLOAD = b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01"


def _percentile(ordered: list[int], per_mille: int) -> int:
    return ordered[min(len(ordered) - 1, len(ordered) * per_mille // 1000)]


def messages_per_second(count: int = MESSAGES) -> float:
    """One publisher, one subscriber, one topic."""
    bus = InProcess(time.monotonic_ns)
    seen = 0

    def handler(message):
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
    """Sorted times from publishing a request to having its answer, through two topics."""
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


def figures() -> dict[str, float]:
    times = round_trips_ns()
    return {
        "bus.inprocess.messages_per_second": round(messages_per_second()),
        "bus.inprocess.round_trip_p50_us": _percentile(times, 500) / 1000,
        "bus.inprocess.round_trip_p99_us": _percentile(times, 990) / 1000,
    }
