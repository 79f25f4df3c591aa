"""Tick-to-trade in cycles, measured on the compiled NIC.

From the receive beat that carries the last byte a decision needs, to the first beat of the order frame:
the measuring points of the design. Every message type that can fire a trigger is measured, in several
places of a packet, and the worst case is reported.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from hdl.config import GBE, XGBE, NicConfig
from hdl.feed.spec import MOLD_HEADER_BYTES, MOLD_LENGTH_BYTES
from hdl.layouts import ORDER_SENT, Condition, Origin, Side
from hdl.net.headers import ETHERNET, IPV4, UDP
from hdl.venue import SIMULATED
from host.cli.simulation import START_NS
from host.link.driver import Driver
from host.link.virtual import VirtualLink
from host.risk import registers
from host.risk.limits import load
from host.universe import Universe
from sim import frames, itch
from sim.models.feed import needed_bytes
from sim.nic import VirtualNic

_HEADERS = ETHERNET.bytes + IPV4.bytes + UDP.bytes + MOLD_HEADER_BYTES
_VENUE, _STOCK, _LOCATE = SIMULATED[0], "AAPL", 7
_BID, _ASK, _TICK = 1_850_000, 1_850_400, 100
_QTY = 100
#: Long enough for the rate limits' buckets to fill again.
_REST_CYCLES = 150_000


class Case(NamedTuple):
    """Messages of one packet, the last of which fires what is armed."""
    name: str
    condition: Condition
    threshold: int
    messages: list[bytes]


def cases() -> Iterator[Case]:
    """The book is `_BID` with references 1 and 2, `_ASK` with 3 and 4, before each."""
    def message(type_: str, **fields) -> bytes:
        return itch.encode(type_, locate=_LOCATE, timestamp=1, **fields)

    ask = {"side": "S", "shares": _QTY, "stock": _STOCK, "price": _ASK - _TICK}
    lead = message("A", ref=90, side="B", shares=_QTY, stock=_STOCK, price=_BID - _TICK)
    trade = message("P", side="B", shares=_QTY, stock=_STOCK, price=_ASK)
    yield Case("trade", Condition.TRADE_THROUGH, _ASK, [trade])
    for position, before in (("first", []), ("after another", [lead])):
        yield Case(f"add {position}", Condition.CROSS, _ASK - _TICK, [*before, message("A", ref=91, **ask)])
    yield Case("add with MPID", Condition.CROSS, _ASK - _TICK, [message("F", ref=91, **ask)])
    yield Case("replace", Condition.CROSS, _ASK - _TICK,
               [message("U", ref=3, new_ref=91, shares=_QTY, price=_ASK - _TICK)])
    for type_, fields in (("D", {}), ("X", {"shares": _QTY}), ("E", {"shares": _QTY}),
                          ("C", {"shares": _QTY, "printable": "Y", "price": _ASK})):
        # the ask thins out until the bid holds two thirds of the top
        yield Case(f"thinned by {type_}", Condition.IMBALANCE, 150, [message(type_, ref=3, **fields)])


def book() -> list[bytes]:
    """The book that every case starts from."""
    return [itch.encode("A", locate=_LOCATE, timestamp=1, ref=ref, side=side, shares=_QTY, stock=_STOCK, price=price)
            for ref, side, price in ((1, "B", _BID), (2, "B", _BID), (3, "S", _ASK), (4, "S", _ASK))]


class Bench:
    """A NIC with one stock, its limits, and a session that never answers."""

    def __init__(self, config: NicConfig = GBE) -> None:
        self.config = config
        self.nic = VirtualNic(config)
        self.link = VirtualLink(self.nic)
        self.driver = Driver(self.link)
        self.driver.set_clock(START_NS)
        self.driver.report(events=False)
        self.driver.set_venue(0, _VENUE)
        universe = Universe.grid((_STOCK,), (_VENUE.name,))
        self.driver.apply(registers.writes(load(), universe))
        self.ids = iter(range(1, config.open_orders))
        self.seq = 1

    def close(self) -> None:
        self.link.close()

    def open(self) -> None:
        """An empty book that follows the feed, then the one that every case starts from."""
        self.driver.subscribe(0, _STOCK, feed=0, locate=_LOCATE, clear=True)
        self.driver.set_feed(0, _VENUE, expected=self.seq)
        self.nic.run(_REST_CYCLES)
        self.packet(book())

    def packet(self, messages: list[bytes]) -> None:
        payload = itch.datagram(_VENUE.mold_session, self.seq, messages)
        self.seq += len(messages)
        self.nic.send(0, frames.udp_frame(payload, source_ip=_VENUE.remote_ip, source=_VENUE.feed_port,
                                          destination_ip=_VENUE.feed_ip, destination=_VENUE.feed_port))
        self.nic.run_while_busy()

    def fire(self, case: Case, lead: int = 0) -> int:
        """Cycles from the last byte that the case's last message needs to the first beat of the order.

        `lead` messages of another stock come first: 37 bytes each with their length, so each moves it to another lane.
        """
        messages = [itch.encode("J", locate=_LOCATE + 1, timestamp=1)] * lead + case.messages
        self.open()
        self.driver.arm(0, case.condition, case.threshold, next(self.ids), Side.BUY, _ASK, _QTY, strategy=0, venue=0)
        self.nic.run_while_busy()
        self.nic.frames()
        self.nic.played(0)
        self.packet(messages)
        sent = self.nic.frames()
        if len(sent) != 1:
            raise RuntimeError(f"{case.name}: {len(sent)} orders left, expected one")
        start = int(self.nic.played(0)[0][0])
        before = sum(MOLD_LENGTH_BYTES + len(message) for message in messages[:-1])
        last = messages[-1]
        needed = _HEADERS + before + MOLD_LENGTH_BYTES + needed_bytes(chr(last[0]))
        return sent[0].start - (start + (needed - 1) // self.config.lanes)

    def gate(self) -> int:
        """Cycles from an intent of the host entering the gate to its verdict."""
        self.nic.run(_REST_CYCLES)
        self.link.poll()
        self.packet([itch.encode("A", locate=_LOCATE, timestamp=1, ref=95, side="B", shares=_QTY, stock=_STOCK,
                                 price=_BID - _TICK)])  # a fresh reference
        self.driver.send(next(self.ids), 0, Side.BUY, _BID, _QTY, strategy=0, venue=0)
        self.nic.run_while_busy()
        records = self.link.poll()
        sent = records[records[:, 0] == ORDER_SENT.kind].view(ORDER_SENT.dtype).reshape(-1)
        host = sent[sent["origin"] == Origin.HOST]
        if len(host) != 1:
            raise RuntimeError(f"{len(host)} host orders left, expected one")
        return round(int(host[0]["decide_delay"]) * self.config.clock_hz / 10**9)


def measure(config: NicConfig = GBE) -> dict[str, int]:
    """Cycles by case, the most in any lane, and of the gate. Each case has a NIC of its own: orders are never answered,
    so the limits would end it."""
    measured = {}
    for case in cases():
        with closing(Bench(config)) as bench:
            measured[case.name] = max(bench.fire(case, lead) for lead in range(config.lanes))
    with closing(Bench(config)) as bench:
        bench.open()
        return measured | {"gate": bench.gate()}


def figures() -> dict[str, float]:
    """The figures of the design for both variants, and each case by itself."""
    return figures_of(GBE) | figures_of(XGBE)


def figures_of(config: NicConfig) -> dict[str, float]:
    """Those of one variant."""
    measured, name = measure(config), config.name
    gate = measured.pop("gate")
    message = {case: cycles for case, cycles in measured.items() if case.startswith("trade")}
    on_book = {case: cycles for case, cycles in measured.items() if case not in message}
    each: dict[str, float] = {
        f"nic.{name}.trigger_cycles.{case.replace(' ', '_')}": cycles for case, cycles in measured.items()}
    return {f"nic.{name}.message_trigger_cycles_max": max(message.values()),
            f"nic.{name}.book_trigger_cycles_max": max(on_book.values()), f"nic.{name}.gate_cycles": gate} | each

