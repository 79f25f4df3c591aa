"""Pace: every message goes on, in order and far enough apart; what does not fit is dropped and told, notes never."""

from collections import deque
from itertools import pairwise

from hdl.config import XGBE
from hdl.feed.pace import DEPTH, RESERVE, Pace
from hdl.feed.sequencer import SPACING
from hdl.messages import Note
from sim.feedbench import simulate


def run(traffic, holds=frozenset()):
    """`traffic`: for each cycle, for each port, (seq, note) or None. Returns [(cycle, port, seq, note)] and drops."""
    dut, out, dropped = Pace(XGBE), [], [0] * XGBE.ports

    async def bench(ctx):
        for cycle, ports in enumerate(traffic):
            ctx.set(dut.hold, cycle in holds)
            for port, message in zip(dut.i, ports, strict=True):
                ctx.set(port.valid, message is not None)
                if message is not None:
                    ctx.set(port.payload, {"seq": message[0], "note": message[1]})
            for n, port in enumerate(dut.o):
                if ctx.get(port.valid):
                    out.append((cycle, n, ctx.get(port.payload.seq), ctx.get(port.payload.note)))
                dropped[n] += ctx.get(dut.dropped) >> n & 1
            await ctx.tick()

    simulate(dut, bench)
    return out, dropped


def test_alone_it_passes_at_once(rng):
    traffic, sent = [], []
    for seq in range(60):
        port = rng.randrange(XGBE.ports)
        sent.append((len(traffic), port, seq, Note.MESSAGE))
        traffic.append([(seq, Note.MESSAGE) if n == port else None for n in range(XGBE.ports)])
        traffic += [[None] * XGBE.ports] * rng.randrange(SPACING - 1, 6)
    assert run(traffic) == (sent, [0] * XGBE.ports)


def test_nothing_is_lost_or_too_close(rng):
    """Bursts on all ports at once, as many as there is room for, with cycles in which nothing may go on."""
    traffic, expected = [], [deque() for _ in range(XGBE.ports)]
    for seq in range(rng.randrange(100, 400)):
        ports = [(seq, rng.choice(list(Note))) if rng.random() < 0.6 else None for _ in range(XGBE.ports)]
        for port, message in zip(expected, ports, strict=True):
            port.extend([message] if message else [])
        traffic.append(ports)
    rest = 2 * SPACING * sum(map(len, expected))
    traffic += [[None] * XGBE.ports] * rest
    holds = frozenset(cycle for cycle in range(len(traffic)) if rng.random() < 0.1)
    out, dropped = run(traffic, holds)
    assert not any(dropped)
    assert all(b[0] - a[0] >= SPACING for a, b in pairwise(out))
    assert not holds & {cycle for cycle, *_ in out}
    for _, port, *message in out:
        assert tuple(message) == expected[port].popleft()
    assert not any(expected)


def test_the_ports_take_turns():
    traffic = [[(seq, Note.MESSAGE)] * XGBE.ports for seq in range(20)] + [[None] * XGBE.ports] * 100
    out, _ = run(traffic)
    assert all(a[1] != b[1] for a, b in pairwise(out))
    assert {b[0] - a[0] for a, b in pairwise(out[1:])} == {SPACING}


def test_what_does_not_fit_is_dropped_but_no_note(rng):
    """A message in every cycle on both ports, and a note as often as frames can end."""
    end = 3 * DEPTH
    traffic = [[(cycle, Note.BAD_FRAME if (cycle + 5 * n) % 10 == 0 else Note.MESSAGE) for n in range(XGBE.ports)]
               for cycle in range(end)] + [[None] * XGBE.ports] * (2 * SPACING * DEPTH + 50)
    out, dropped = run(traffic)
    assert all(count > DEPTH for count in dropped)
    for port in range(XGBE.ports):
        seen = [seq for _, n, seq, _ in out if n == port]
        assert seen == sorted(set(seen))
        assert len(seen) + dropped[port] == end
        assert {seq for _, n, seq, note in out if n == port and note} == {
            cycle for cycle in range(end) if (cycle + 5 * port) % 10 == 0}
    assert RESERVE < DEPTH
