"""Sequencer against its model, cycle by cycle: random traffic on all ports, and the cases that matter one by one."""

from dataclasses import replace

import pytest

from hdl.config import GBE, TINY
from hdl.layouts import FeedCause, Inexact
from hdl.messages import Note
from sim.seqbench import A, B, compare, message, sent, spaced

GAP, BAD_FRAME = 1 << Inexact.GAP, 1 << Inexact.BAD_FRAME


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
            cycle += 2 * config.ports + config.feeds + 4 + rng.randrange(12)
    # The bus holds address and data for two cycles, so two writes are at least that far apart.
    starts = {2 + 3 * slot: (rng.randrange(config.feeds), "expected", rng.choice([0, 1, 500, following[0]]))
              for slot in rng.sample(range(500), 20)}
    waits = {2 + 3 * slot: (rng.randrange(config.feeds), "wait", rng.choice([0, 1, 40, 400, 10_000]))
             for slot in rng.sample(range(500), rng.choice([0, 5, 20]))}
    writes = starts | waits
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
        _, model = compare(GBE, [spaced(message(5), at=20)], {10: (0, "expected", start)})
        assert model.faults == faults


def test_other_session_is_dropped_until_the_host_starts_anew():
    new = [message(n, session=78) for n in (1, 2, 3)]
    out, model = compare(GBE, [spaced(message(9), *new, message(10))], {15: (0, "expected", 0)})
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
