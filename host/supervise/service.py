"""One service as a process: `python -m host.supervise.service NAME FOLDER`, started by the supervisor."""

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from host.bus import Subscription
from host.bus.node import BusError, Node
from host.bus.topics import SERVICES
from host.memory import calm
from host.supervise.setting import Setting

#: Between two signs of life, and the longest rest between two looks at the bus.
BEAT_NS, REST_S = 200_000_000, 0.001
READY, RUNNING = "ready", "running"


class Service(Protocol):
    """What runs in a process. It is made with a setting and a bus, and may take its time for it."""

    def turn(self) -> int:
        """What is to be done besides hearing messages; returns whether there was anything."""

    def facts(self) -> dict[str, int]:
        """A few numbers for who looks at the process."""

    def close(self) -> None:
        """Let go of everything."""


class Kind(NamedTuple):
    """A service: its class as "module:name", and whether the desk may trade without it."""
    place: str
    needed: bool

    def make(self) -> Callable[[Setting, Node], Service]:
        module, name = self.place.split(":")
        return getattr(importlib.import_module(module), name)


#: Every service, in the order in which they are started: the one that takes longest first.
KINDS = {
    "nic": Kind("host.supervise.market:Market", True),
    "risk": Kind("host.supervise.riskdesk:RiskDesk", True),
    "ems": Kind("host.supervise.execution:Execution", True),
    "alpha": Kind("host.supervise.trading:Trading", True),
    "tca": Kind("host.supervise.observers:Measuring", False),
    "warehouse": Kind("host.supervise.observers:Storing", False),
    "audit": Kind("host.supervise.auditing:Auditing", False),
    "dashboard": Kind("host.supervise.page:Page", False),
}


#: In the place of "nic" where a session does without one.
DIRECT = Kind("host.supervise.direct:Direct", True)


class ServiceFailed(Exception):
    """A handler failed: what it would have done is unknown, so the process ends, and the supervisor decides."""


def _failed(subscription: Subscription, error: Exception) -> None:
    raise ServiceFailed(f"{subscription.name} on {subscription.topic}: {type(error).__name__}: {error}") from error


def serve(name: str, setting: Setting, stopped: Callable[[], bool]) -> None:
    """Run one service until it is told to stop."""
    with setting.join(name, on_fault=_failed) as bus:
        kind = DIRECT if name == "nic" and setting.market == "direct" else KINDS[name]
        service = kind.make()(setting, bus)
        try:
            handled, due, rest = 0, 0, 0.0
            phase = READY
            while not stopped():
                did = bus.poll()
                handled += did
                did += service.turn()
                now = time.monotonic_ns()
                if now >= due:
                    due = now + BEAT_NS
                    bus.publish(SERVICES, {"service": name, "state": phase, "pid": os.getpid(), "handled": handled,
                                           "start": bus.incarnation, **service.facts()}, key=name)
                    phase = RUNNING
                rest = 0.0 if did else min(REST_S, rest + 20e-6)
                if rest:
                    time.sleep(rest)
        finally:
            service.close()


def main(arguments: list[str]) -> int:
    name, folder = arguments
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor ends a session in order
    parent = os.getppid()
    calm()
    try:
        serve(name, Setting.read(Path(folder)), lambda: bool(ended) or os.getppid() != parent)
    except BusError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
