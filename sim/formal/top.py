"""The NIC itself, with everything around the path of an order replaced by anything."""

from collections.abc import Callable

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from hdl import nic
from hdl.config import TINY
from sim.formal.surgery import Alone, Exchange, anything, watched

#: Blocks of `hdl.nic` that may do whatever they like: nothing that they say is believed.
SURROUNDINGS = ("Clock", "Sequencer", "Subscription", "Book", "Triggers", "HostDown", "Receiver", "FeedPath",
                "PortCounters", "ControlListener")
CLAIMS = Callable[[wiring.Component, Module], None]


def top() -> Alone:
    """The NIC with free inputs."""
    return Alone(lambda: nic.Nic(TINY))


#: Parts of the gate that an order's way through it does not depend on when there are no checks.
FIGURES = {f"hdl.risk.gate.{name}": anything for name in (
    "LimitWords", "LimitStore", "ReferenceStore", "Exposure", "TokenBuckets")}


def parts(claims: CLAIMS, checks: tuple[type, ...] = (), real: tuple[str, ...] = ()) -> dict[str, Exchange]:
    """To exchange in it: claims about its blocks, the checks that the gate has, which of the host's ring is `real`."""
    return {**{f"hdl.nic.{name}": anything for name in (*SURROUNDINGS, "HostUp") if name not in real},
            "hdl.nic.Gate": watched(lambda gate, m: None, checks=checks), "hdl.nic.Nic": watched(claims)}


def frame_start(m: Module, nic: wiring.Component) -> tuple[Signal, Signal]:
    """(the first beat of a frame is offered to the MAC for the first time, a frame is open)"""
    first, opened = Signal(name="frame_start"), Signal(name="frame_open")
    m.d.comb += first.eq(nic.tx.valid & ~opened)
    m.d.sync += opened.eq((opened | nic.tx.valid) & ~(nic.tx.valid & nic.tx.ready & nic.tx.payload.last))
    return first, opened
