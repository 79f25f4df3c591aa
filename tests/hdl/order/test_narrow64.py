"""Narrow: segments come out byte by byte as they came, whole or not at all."""

from hdl.config import XGBE
from hdl.order.narrow import DEPTH, GAP, LANES, LATENCY, SEGMENTS, Narrow
from sim.feedbench import simulate

#: Ethernet, IPv4 and TCP headers, preamble and gap: beats between two segments on the wire.
WIRE_GAP = (14 + 20 + 20 + 24) // LANES


def run(segments, gap, ended_alone=True, idle=0):
    """[(bytes, meta index, tcp_seq, error, cycle of the first byte)] that came out, venues of those dropped, and the
    cycle in which each began. `segments` are (bytes, venue, error)."""
    dut, out, dropped, begins = Narrow(XGBE), [], [], []
    cycles = []
    for number, (text, venue, error) in enumerate(segments):
        parts = [text[at:at + LANES] for at in range(0, len(text), LANES)] + [b""] * (ended_alone or not text)
        begins.append(len(cycles))
        for n, part in enumerate(parts):
            last = n == len(parts) - 1
            cycles.append({"data": int.from_bytes(part, "little"), "keep": (1 << len(part)) - 1, "first": int(n == 0),
                           "last": int(last), "error": int(error and last),
                           "meta": {"index": venue, "tcp_seq": number, "length": len(text)}})
        cycles += [None] * gap
    cycles += [None] * (sum(len(text) + GAP + 2 for text, _, _ in segments) + idle)

    async def bench(ctx):
        text, first = bytearray(), 0
        for cycle, beat in enumerate(cycles):
            ctx.set(dut.i.valid, beat is not None)
            if beat is not None:
                ctx.set(dut.i.payload, beat)
            dropped.extend(n for n in range(XGBE.venues) if ctx.get(dut.dropped) >> n & 1)
            if ctx.get(dut.o.valid):
                got = ctx.get(dut.o.payload)
                assert got.first == (not text and not first)
                first = first or cycle
                if got.keep:
                    text.append(got.data)
                if got.last:
                    out.append((bytes(text), got.meta.index, got.meta.tcp_seq, got.error, first))
                    text, first = bytearray(), 0
            await ctx.tick()
        assert not first, "every segment ends"

    simulate(dut, bench)
    return out, dropped, begins


def test_segments_come_out_as_they_came(rng):
    for ended_alone in (False, True):
        segments = [(rng.randbytes(rng.choice([0, 1, 7, 8, 9, 16, rng.randrange(60)])), rng.randrange(XGBE.venues),
                     rng.random() < 0.2) for _ in range(SEGMENTS)]
        out, dropped, begins = run(segments, rng.randrange(WIRE_GAP, 90), ended_alone)
        assert [(text, venue, bool(error)) for text, venue, _, error, _ in out] == segments
        assert [number for _, _, number, _, _ in out] == list(range(len(segments)))
        assert out[0][-1] == begins[0] + LATENCY
        assert not dropped


def test_what_does_not_fit_is_dropped_whole(rng):
    """Long segments at wire speed: some fit, the others are told of, and nothing is cut."""
    segments = [(rng.randbytes(rng.randrange(800, 1400)), rng.randrange(XGBE.venues), False) for _ in range(9)]
    out, dropped, _ = run(segments, WIRE_GAP)
    kept = [number for _, _, number, _, _ in out]
    assert [out_[0] for out_ in out] == [segments[number][0] for number in kept]
    assert dropped == [venue for n, (_, venue, _) in enumerate(segments) if n not in kept]
    assert dropped
    assert sum(len(text) for text, *_ in out) > DEPTH * LANES // 2


def test_too_many_segments_are_dropped(rng):
    segments = [(rng.randbytes(200), 0, False) for _ in range(2)] + [(b"x", 1, False)] * (SEGMENTS + 9)
    out, dropped, _ = run(segments, 1)
    assert len(out) + len(dropped) == len(segments)
    assert set(dropped) == {1}
