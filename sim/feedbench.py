"""Runs feed blocks in Amaranth's simulator: datagrams or messages in, what came out and when."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator

from hdl.config import NicConfig
from hdl.csr import BusFanout, BusSignature
from hdl.feed import path, sequencer, subscription
from hdl.feed.path import NOTE_LATENCY, FeedPath
from hdl.feed.sequencer import Sequencer
from hdl.feed.subscription import Subscription
from hdl.messages import FeedMessage
from hdl.net import receiver
from hdl.net.receiver import Receiver
from sim.bus import unpack
from sim.models.feed import FeedPathModel

#: Idle cycles between two datagrams: the headers of a frame alone take more.
GAP = NOTE_LATENCY + 4
#: Nanoseconds of a cycle, and of the clock at cycle 0, close to where its low half wraps.
PERIOD, START = 8, (1 << 32) - 4000


@dataclass(frozen=True)
class Datagram:
    """A payload as a receiver hands it over. `length` is what the headers say; `stalls` has the bytes (by number)
    before which a cycle passes; `tail` adds a last beat without a byte, as padding does."""
    payload: bytes
    feed: int = 0
    rx_time: int = 0
    length: int | None = None
    error: bool = False
    tail: bool = False
    stalls: frozenset[int] = frozenset()

    def beats(self, lanes: int = 1) -> list[dict | None]:
        """One item a cycle, None where there is no beat."""
        meta = {"index": self.feed, "rx_time": self.rx_time,
                "length": len(self.payload) if self.length is None else self.length}
        tail = self.tail or not self.payload
        beats: list[dict | None] = []
        for n in range(0, len(self.payload), lanes):
            if n in self.stalls:
                beats.append(None)
            text = self.payload[n:n + lanes]
            beats.append({"data": int.from_bytes(text, "little"), "keep": (1 << len(text)) - 1, "first": int(n == 0),
                          "last": 0, "error": 0, "meta": meta})
        if tail:
            beats.append({"data": 0, "keep": 0, "first": int(not self.payload), "last": 0, "error": 0, "meta": meta})
        beats[-1] |= {"last": 1, "error": int(self.error)}
        return beats


class FeedPort(wiring.Component):
    """One port from the MAC to numbered messages: `Receiver` and `FeedPath`, as the NIC wires them.

    `count` has the strobes of both. Latency: as `FeedPath`, and `RECEIVER_LATENCY` = 1 cycle.
    """

    def __init__(self, config: NicConfig, port: int):
        self.receiver, self.path = Receiver(config, port), FeedPath(config, port)
        mine = self.receiver.signature.members, self.path.signature.members
        super().__init__({
            **{name: mine[0][name] for name in ("i", "now", "feeds", "venues")}, "o": mine[1]["o"],
            "count": Out(wiring.Signature({name: Out(1) for name in (*receiver.COUNTERS, *path.COUNTERS)})),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver, m.submodules.path = self.receiver, self.path
        connect(m, flipped(self.i), self.receiver.i)
        connect(m, self.receiver.feed_o, self.path.i)
        connect(m, self.path.o, flipped(self.o))
        m.d.comb += [
            self.receiver.now.eq(self.now), self.path.now.eq(self.now),
            self.receiver.feeds.eq(self.feeds), self.receiver.venues.eq(self.venues),
            *(getattr(self.count, name).eq(getattr(unit.count, name))
              for unit, names in ((self.receiver, receiver.COUNTERS), (self.path, path.COUNTERS)) for name in names),
        ]
        return m


class FeedChain(wiring.Component):
    """The whole feed: a `FeedPath` for each port, `Sequencer` and `Subscription`, as the NIC wires them.

    Latency: `LATENCY` cycles from the last needed byte on `i` to the `BookMessage`, where no other port's message is
    before it.
    """

    LATENCY = path.LATENCY + sequencer.LATENCY + subscription.LATENCY

    def __init__(self, config: NicConfig):
        self.paths = [FeedPath(config, port) for port in range(config.ports)]
        self.sequencer, self.subscription = Sequencer(config), Subscription(config)
        mine = self.sequencer.signature.members, self.subscription.signature.members
        first = self.paths[0].signature.members
        super().__init__({
            "i": first["i"].array(config.ports), "now": In(64), "bus": In(BusSignature()),
            "count": first["count"].array(config.ports),
            **{name: mine[0][name] for name in ("fault", "event", "bad", "feeds")},
            **{name: mine[1][name] for name in ("inexact", "crossed", "o", "clear", "halted")},
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer, m.submodules.subscription = units = self.sequencer, self.subscription
        m.submodules.fanout = fanout = BusFanout(len(units))
        connect(m, flipped(self.bus), fanout.i)
        for n, unit in enumerate(units):
            connect(m, fanout.o[n], unit.bus)
        for n, port in enumerate(self.paths):
            m.submodules[f"path{n}"] = port
            connect(m, flipped(self.i[n]), port.i)
            connect(m, port.o, self.sequencer.i[n])
            m.d.comb += [port.now.eq(self.now), *(getattr(self.count[n], name).eq(getattr(port.count, name))
                                                  for name in path.COUNTERS)]
        connect(m, self.sequencer.o, self.subscription.i)
        for name in ("fault", "event", "bad"):
            connect(m, getattr(self.sequencer, name), flipped(getattr(self, name)))
        connect(m, self.subscription.o, flipped(self.o))
        m.d.comb += [self.feeds.eq(self.sequencer.feeds), self.sequencer.now.eq(self.now),
                     self.clear.eq(self.subscription.clear),
                     self.halted.eq(self.subscription.halted), self.subscription.inexact.eq(self.inexact),
                     self.subscription.crossed.eq(self.crossed)]
        return m


def cycles_of(datagrams: list[Datagram], gap: int = GAP,
              lanes: int = 1) -> tuple[list[dict | None], list[dict[int, int]]]:
    """The beats of all, `gap` idle cycles after each; and for each the cycle of each of its bytes."""
    cycles: list[dict | None] = []
    where = []
    for datagram in datagrams:
        beats = datagram.beats(lanes)
        taken = [len(cycles) + n for n, beat in enumerate(beats) if beat for _ in range(beat["keep"].bit_count())]
        where.append(dict(enumerate(taken)))
        where[-1][-1] = len(cycles) + len(beats) - 1    # the last beat
        cycles += beats + [None] * gap
    return cycles, where


def path_outputs(model: FeedPathModel, datagrams: list[Datagram], where,
                 note_latency: int = NOTE_LATENCY) -> list[tuple[int, object]]:
    """(cycle, `FeedMessage`) that a `FeedPath` must put out, given the cycles of `cycles_of`."""
    out = []
    for datagram, cycle in zip(datagrams, where, strict=True):
        messages = model.datagram(
            datagram.payload, datagram.feed, datagram.rx_time, datagram.length, datagram.error,
            port_time=lambda byte, cycle=cycle: START + PERIOD * (cycle[byte] - path.RECEIVER_LATENCY))
        for message in messages:
            on_port = (message.needed - START) % (1 << 32) // PERIOD + path.RECEIVER_LATENCY
            out.append((cycle[-1] + note_latency if message.note else on_port + path.LATENCY, message))
    return out


def turns(ports: list[list[tuple[int, object]]], held=frozenset()) -> Iterator[tuple[int, object]]:
    """(cycle, message) in which a `Sequencer` gives each message its turn; none in the cycles `held`."""
    queues = [deque(port) for port in ports]
    free = 0
    while any(queues):
        first = min(queue[0][0] for queue in queues if queue)
        cycle = max(free, first)
        while cycle in held:
            cycle += 1
        queue = next(queue for queue in queues if queue and queue[0][0] <= cycle)
        yield cycle, queue.popleft()[1]
        free = cycle + sequencer.SPACING


def run_path(config: NicConfig, datagrams: list[Datagram], port: int = 0):
    """([(cycle, members of FeedMessage)], Counter of strobes, cycle of each byte) of a `FeedPath`."""
    dut = FeedPath(config, port)
    cycles, where = cycles_of(datagrams, lanes=config.lanes)
    seen, count = [], Counter()

    async def bench(ctx):
        for n, beat in enumerate(cycles):
            ctx.set(dut.now, START + PERIOD * n)
            ctx.set(dut.i.valid, beat is not None)
            if beat is not None:
                ctx.set(dut.i.payload, beat)
            if ctx.get(dut.o.valid):
                seen.append((n, unpack(FeedMessage, ctx.get(dut.o.payload.as_value()))))
            for name in path.COUNTERS:
                count[name] += ctx.get(getattr(dut.count, name))
            await ctx.tick()

    simulate(dut, bench)
    return seen, +count, where


def simulate(dut, bench):
    """Run `bench` on `dut` in Amaranth's simulator."""
    simulator = Simulator(dut)
    simulator.add_clock(PERIOD * 1e-9)
    simulator.add_testbench(bench)
    simulator.run()


__all__ = ["GAP", "PERIOD", "START", "Datagram", "FeedChain", "FeedPort", "cycles_of", "path_outputs", "run_path",
           "simulate", "turns"]
