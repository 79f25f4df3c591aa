"""Full wires for a short time; `python -m sim.faults.worstcase` does it for a million messages."""

import pytest

from sim.faults.worstcase import PATTERNS, Source, run

MESSAGES, STEP = 1_500, 10_000
#: Cycles from the last needed byte to the host: the book's longest, both ports at once, and the ring.
LATEST = 24


@pytest.mark.parametrize("pattern", PATTERNS)
def test_nothing_is_lost_and_nothing_gets_later(pattern, rng):
    result = run(pattern, MESSAGES, seed=rng.randrange(1 << 30), step=STEP)
    print(result.line())
    assert not result.wrong
    assert (result.dropped, result.busy) == (0, 0)
    assert result.messages >= MESSAGES
    assert max(result.latency) <= LATEST
    assert bool(result.refilling) == (pattern == "refill")


def test_the_judge_sees_what_is_missing(monkeypatch):
    frames = Source.frames
    monkeypatch.setattr(Source, "frames", lambda source, *args: (
        frame._replace(data=bytes(len(frame.data))) if n == 7 else frame
        for n, frame in enumerate(frames(source, *args))))
    assert run("minimum", 20, step=STEP).wrong
