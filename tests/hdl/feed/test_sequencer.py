"""Sequencer against its model, cycle by cycle: random traffic on all ports, and the cases that matter one by one."""

from dataclasses import asdict, replace

import pytest

from hdl.config import GBE, TINY
from hdl.csr import READ_LATENCY
from hdl.feed.sequencer import LATENCY, Sequencer
from hdl.layouts import FEED_EVENT, FeedCause, Inexact
from hdl.messages import FeedFault, Note
from hdl.messages import FeedMessage as FeedMessageStruct
from hdl.registers import FEED, RegisterMap
from sim.bus import unpack
from sim.feedbench import simulate, turns
from sim.models.feed import FeedMessage, SequencerModel

EVENT_FIELDS = ("feed", "cause", "port", "time", "expected", "received")
COUNTERS = ("delivered", "duplicate", "gaps", "missed", "heartbeats", "other_session")
GAP, BAD_FRAME = 1 << Inexact.GAP, 1 << Inexact.BAD_FRAME
A, B = 0, 1


def run(config, ports, writes=None):
    """Runs the gateware; `ports`: for each port [(cycle, FeedMessage)], `writes`: cycle -> (feed, expected)."""
    dut, registers, writes = Sequencer(config), RegisterMap(config), writes or {}
    inputs = [dict(port) for port in ports]
    length = max([cycle for port in ports for cycle, _ in port] + list(writes)) + 4 * config.ports
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
            for n, port in enumerate(inputs):
                ctx.set(dut.i[n].valid, cycle in port)
                ctx.set(dut.i[n].payload, asdict(port.get(cycle, FeedMessage())))
            ctx.set(dut.bus.write, cycle + 1 in writes)      # it acts a cycle after its strobe
            if cycle + 1 in writes:
                feed, expected = writes[cycle + 1]
                ctx.set(dut.bus.addr, registers.address(FEED, "expected", feed))
                ctx.set(dut.bus.wdata, expected)
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


def compare(config, ports, writes=None):
    """Gateware against model, in every cycle and register; returns the gateware's outputs and the model."""
    writes = writes or {}
    out, state = run(config, ports, writes)
    model, expected, due = SequencerModel(config), [], dict(writes)
    for cycle, message in turns(ports, held=frozenset(writes)):
        for at in sorted(at for at in due if at < cycle):
            feed, value = due.pop(at)
            model.feeds[feed].write_expected(value)
        if (passed := model.message(message)) is not None:
            expected.append((cycle + LATENCY, asdict(passed)))
    for _, (feed, value) in sorted(due.items()):
        model.feeds[feed].write_expected(value)
    assert out["o"] == expected
    assert [(fault["feed"], fault["cause"]) for _, fault in out["fault"]] == model.faults
    assert [{name: event[name] for name in EVENT_FIELDS} for _, event in out["event"]] == model.events
    assert [bad for _, bad in out["bad"]] == model.bad
    for n, feed in enumerate(model.feeds):
        status = FEED["status"].pack(gap=feed.gap, ended=feed.ended, started=feed.started)
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


@pytest.mark.parametrize("config", [GBE, replace(TINY, ports=4, feeds=4)], ids=["gbe", "4x4"])
def test_random_traffic(rng, config):
    """Copies, losses, jumps beyond 32 bits, notes and strangers, at any distance from each other, and writes."""
    following = [rng.choice([1, 500, (1 << 32) - 5, (1 << 64) - 20]) for _ in range(config.feeds)]
    ports = [[] for _ in range(config.ports)]
    for port in range(config.ports):
        cycle = rng.randrange(8)
        while cycle < 1500:
            feed = rng.randrange(config.feeds)
            seq = (following[feed] + rng.choice([0, 0, 0, 0, 0, -1, -2, 1, 5, 1 << 32])) % (1 << 64)
            following[feed] = max(following[feed], seq + 1) % (1 << 64)
            note = rng.choice([Note.MESSAGE] * 9 + [Note.HEARTBEAT, Note.END, Note.BAD_FRAME])
            ports[port].append((cycle, message(
                seq, port, note, feed=feed, session=rng.choice([77] * 20 + [78, 77 << 40]), rx_time=rng.choice([5, 6]),
                type=rng.getrandbits(8), locate=rng.getrandbits(16), ref=rng.getrandbits(64),
                stock=rng.getrandbits(64))))
            cycle += 2 * config.ports + 2 + rng.randrange(12)
    # The bus holds address and data for two cycles, so two writes are at least that far apart.
    writes = {2 + 3 * slot: (rng.randrange(config.feeds), rng.choice([0, 1, 500, following[0]]))
              for slot in rng.sample(range(500), 20)}
    compare(config, ports, writes)


def test_both_ports_at_once_cost_two_cycles():
    """The first copy goes 1 cycle after it came, the second is dropped; another feed's goes 3 cycles after."""
    out, model = compare(GBE, [[(5, message(1))], [(5, message(1, B))]])
    assert [(cycle, item["port"]) for cycle, item in out["o"]] == [(6, A)]
    assert model.feeds[0].count["duplicate"] == 1
    out, _ = compare(GBE, [[(5, message(1))], [(5, message(1, B, feed=1))]])
    assert [cycle for cycle, _ in out["o"]] == [6, 8]


def test_each_port_fills_the_losses_of_the_other(rng):
    """A/B: as long as one port has a message in time, there is no gap, and each goes on once."""
    lost = {A: set(rng.sample(range(60), 20))}
    lost[B] = set(rng.sample(sorted(set(range(60)) - lost[A]), 20))
    ports = [[(20 * n + 7 * port, message(n, port)) for n in range(60) if n not in lost[port]] for port in (A, B)]
    out, model = compare(GBE, ports)
    assert sent(out) == list(range(60))
    assert {item["seq"] for _, item in out["o"] if item["port"] == B} == lost[A]
    assert model.feeds[0].count == {"delivered": 60, "duplicate": 20, "heartbeats": 0}
    assert model.faults == []


def test_gap_is_declared_with_the_message_after_it():
    out, model = compare(GBE, [spaced(message(1), message(2), message(7), message(8))])
    assert sent(out) == [1, 2, 7, 8]
    assert [cycle for cycle, _ in out["fault"]] == [dict((m["seq"], c) for c, m in out["o"])[7]]
    assert model.faults == [(0, GAP)]
    assert model.feeds[0].count["missed"] == 4


def test_heartbeat_or_end_ahead_is_a_gap():
    for note in (Note.HEARTBEAT, Note.END):
        _, model = compare(GBE, [spaced(message(1), message(2, note=note), message(3, note=note), message(3))])
        assert model.faults == [(0, GAP)]
        assert model.feeds[0].count["missed"] == 1


def test_end_of_session_is_one_event():
    _, model = compare(GBE, [spaced(message(1), *[message(2, note=Note.END)] * 3)])
    assert [event["cause"] for event in model.events] == [FeedCause.END_OF_SESSION]
    assert model.faults == []


def test_host_starts_a_feed():
    """At a number: the first message later than it is a gap. At 0: it is not."""
    for start, faults in ((5, []), (4, [(0, GAP)]), (0, [])):
        _, model = compare(GBE, [spaced(message(5), at=20)], {10: (0, start)})
        assert model.faults == faults


def test_other_session_is_dropped_until_the_host_starts_anew():
    new = [message(n, session=78) for n in (1, 2, 3)]
    out, model = compare(GBE, [spaced(message(9), *new, message(10))], {15: (0, 0)})
    assert [(item["seq"], item["session"]) for _, item in out["o"]] == [(9, 77), (2, 78), (3, 78)]
    assert [event["cause"] for event in model.events] == [FeedCause.SESSION_CHANGE] * 2
    assert model.faults == [(0, GAP)] * 2


def test_bad_frame_counts_only_where_it_was_first():
    """Port A's frame was applied: fault, and the sequence is taken anew. Port B's was not: nothing happens."""
    bad = message(0, A, Note.BAD_FRAME, rx_time=55), message(0, B, Note.BAD_FRAME, rx_time=66)
    out, model = compare(GBE, [spaced(message(1, rx_time=55), bad[0], message(1000)),
                               spaced(message(1, B, rx_time=66), bad[1], at=3)])
    assert model.faults == [(0, BAD_FRAME)]
    assert [value for _, value in out["bad"]] == [55]
    assert sent(out) == [1, 1000]
