"""Runs the sequencer in Amaranth's simulator beside its model, cycle by cycle."""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict

from hdl.csr import READ_LATENCY
from hdl.feed.patience import START_LATENCY
from hdl.feed.sequencer import LATENCY, SPACING, Sequencer
from hdl.layouts import FEED_EVENT
from hdl.messages import FeedFault, Note
from hdl.messages import FeedMessage as FeedMessageStruct
from hdl.registers import FEED, RegisterMap
from sim.bus import unpack
from sim.feedbench import PERIOD, START, simulate
from sim.models.feed import FeedMessage, SequencerModel

EVENT_FIELDS = ("feed", "cause", "port", "time", "expected", "received")
COUNTERS = ("delivered", "duplicate", "gaps", "missed", "heartbeats", "other_session", "waits", "ahead")
#: Ports.
A, B = 0, 1


class Turns:
    """When a `Sequencer` gives each message its turn and when it gives a wait up, cycle by cycle, on its model.

    Parameters
    ----------
    ports : for each port [(cycle, message)].
    writes : cycle -> (feed, register of FEED, value), each in the cycle in which it acts.
    """

    def __init__(self, model: SequencerModel, ports: list[list[tuple[int, object]]],
                 writes: dict[int, tuple[int, str, int]]):
        self.model, self.queues, self.writes = model, [deque(port) for port in ports], dict(writes)
        self._last, self._busy = -SPACING, -1     # cycle of the last turn; feed that it changed
        self._began = -1, -1    # feed that began to wait with the last turn, and its cycle
        self._due: dict[int, tuple[int, int]] = {}      # feed -> (since, first cycle in which its time is up)
        self._period = [0] * len(model.feeds)           # what the register was when time began to run

    def run(self, length: int) -> Iterator[tuple[int, object]]:
        """(cycle, message) of each that goes on, in the cycle of its turn."""
        for cycle in range(length):
            index, name, value = self.writes.get(cycle, (-1, "", 0))
            starts = index if name == "expected" else -1
            late = [n for n in range(len(self.model.feeds)) if self._late(n, cycle)]
            if late:
                ready = [n for n in late if n not in (starts, self._busy if cycle == self._last + 2 else -1)]
                if ready and cycle > self._last + 1:
                    self.model.give_up(ready[0], START + PERIOD * cycle)
                    del self._due[ready[0]]
            elif starts < 0 and cycle >= self._last + SPACING:
                yield from self._turn(cycle)
            if starts >= 0:
                if self._began == (starts, cycle - 1):      # a write undoes the verdict of its cycle
                    self.model.feeds[starts].count["waits"] -= 1
                self.model.feeds[starts].write_expected(value)
                self._due.pop(starts, None)
            elif name:
                setattr(self.model.feeds[index], name, value)

    def _turn(self, cycle: int) -> Iterator[tuple[int, object]]:
        queue = next((queue for queue in self.queues if queue and queue[0][0] <= cycle), None)
        if queue is None:
            return
        message = queue.popleft()[1]
        count = self.model.feeds[message.feed].count
        before = count["waits"]
        passed = self.model.message(message, cycle)
        self._began = (message.feed, cycle) if count["waits"] > before else (-1, -1)
        self._last, self._busy = cycle, message.feed if passed is not None or self.model.put_off else -1
        if passed is not None:
            yield cycle, passed

    def _late(self, n: int, cycle: int) -> bool:
        """The feed's time is up, as the hardware knows it: what a turn changed shows `START_LATENCY` cycles later."""
        feed = self.model.feeds[n]
        shows = cycle >= feed.since + START_LATENCY
        if cycle == feed.since + START_LATENCY - 1:
            self._period[n] = feed.wait
        since, at = self._due.get(n, (None, cycle + 1))
        if feed.since != since and shows:
            self._due.pop(n, None)
            if not feed.owed:
                return False
            at = feed.since + START_LATENCY + self._period[n] // PERIOD + 1
            self._due[n] = feed.since, at
        elif feed.since == since and not feed.owed:
            return False        # settled
        return cycle >= at


def run(config, ports, writes, length):
    """Runs the gateware; `ports`: for each port [(cycle, FeedMessage)], `writes`: cycle -> (feed, register, value)."""
    dut, registers = Sequencer(config), RegisterMap(config)
    inputs = [dict(port) for port in ports]
    out = {"o": [], "fault": [], "event": [], "bad": []}
    state = {}

    async def read(ctx, name, feed):
        ctx.set(dut.bus.addr, registers.address(FEED, name, feed))
        ctx.set(dut.bus.read, 1)
        await ctx.tick()
        ctx.set(dut.bus.read, 0)
        await ctx.tick().repeat(READ_LATENCY - 1)
        return ctx.get(dut.bus.rdata)

    async def bench(ctx):
        for cycle in range(length):
            ctx.set(dut.now, START + PERIOD * cycle)
            for n, port in enumerate(inputs):
                ctx.set(dut.i[n].valid, cycle in port)
                ctx.set(dut.i[n].payload, asdict(port.get(cycle, FeedMessage())))
            ctx.set(dut.bus.write, cycle + 1 in writes)      # it acts a cycle after its strobe
            if cycle + 1 in writes:
                feed, name, value = writes[cycle + 1]
                ctx.set(dut.bus.addr, registers.address(FEED, name, feed))
                ctx.set(dut.bus.wdata, value)
            shapes = {"o": FeedMessageStruct, "fault": FeedFault, "event": FEED_EVENT.layout, "bad": 64}
            for name, shape in shapes.items():
                port = getattr(dut, name)
                if ctx.get(port.valid):
                    bits = ctx.get(port.payload if isinstance(shape, int) or name == "event" else
                                   port.payload.as_value())
                    out[name].append((cycle, unpack(shape, bits)))
            await ctx.tick()
        for feed in range(config.feeds):
            state[feed] = {name: await read(ctx, name, feed) for name in (*COUNTERS, "expected", "status", "session")}

    simulate(dut, bench)
    return out, state


def compare(config, ports, writes=None, length=0):
    """Gateware against model, in every cycle and register; returns the gateware's outputs and the model.

    Ends when all has shown, but for waits, or after `length` cycles if that is later.
    """
    writes = writes or {}
    shown = max([cycle for port in ports for cycle, _ in port] + list(writes)) + 6 * config.ports + 8
    out, state = run(config, ports, writes, max(length, shown))
    model = SequencerModel(config)
    expected = [(cycle + LATENCY, asdict(passed))
                for cycle, passed in Turns(model, ports, writes).run(max(length, shown))]
    assert out["o"] == expected
    assert [(fault["feed"], fault["cause"]) for _, fault in out["fault"]] == model.faults
    assert [{name: event[name] for name in EVENT_FIELDS} for _, event in out["event"]] == model.events
    assert [bad for _, bad in out["bad"]] == model.bad
    for n, feed in enumerate(model.feeds):
        status = FEED["status"].pack(gap=feed.gap, ended=feed.ended, started=feed.started, waiting=feed.owed > 0)
        registers = {name: feed.count[name] for name in COUNTERS}
        assert state[n] == registers | {"expected": feed.expected, "status": status, "session": feed.shown_session}
    return out, model


def message(seq, port=A, note=Note.MESSAGE, **fields):
    return FeedMessage(seq=seq, port=port, note=int(note), **{"session": 77, "rx_time": 1000 + seq, **fields})


def spaced(*messages, at=0):
    """[(cycle, message)] of one port, as far apart as they must be."""
    return [(at + 10 * n, item) for n, item in enumerate(messages)]


def sent(out):
    return [item["seq"] for _, item in out["o"]]


__all__ = ["A", "B", "Turns", "compare", "message", "run", "sent", "spaced"]
