"""The short form of `make faults`, and that its judge finds what is wrong."""

from itertools import cycle

import pytest

from hdl.registers import FEED
from sim.faults.campaign import Campaign
from sim.faults.lines import Line

#: Seeds of the short form, anywhere among so many.
SEEDS, FROM = 10, 1_000_000
LOSSY = Line(lost=200)


@pytest.fixture(scope="module")
def short():
    with Campaign() as campaign:
        yield campaign


def test_books_are_exact_or_flagged(short, rng):
    first = rng.randrange(FROM)
    report = short.run(range(first, first + SEEDS))
    print(*report.lines(), sep="\n")
    assert not report.wrong
    count = report.count
    assert all(count[name] for name in ("lost", "repeated", "delayed", "damaged"))
    assert min(count["exact"], count["flagged"]) > 0
    assert count["gapped"] == count["healed"] > 0


def test_perfect_lines_flag_nothing(rng):
    with Campaign(line=lambda rng: Line(lag=rng.choice((0, 50)))) as campaign:
        report = campaign.run(rng.sample(range(FROM), 3))
    assert not report.wrong
    assert report.count["gapped"] <= report.count["stray"]


def test_the_other_line_brings_what_the_leading_one_lost():
    """One line leads and loses every fifth packet, the other lags and loses none."""
    def flagged(wait_ns):
        ways = cycle((LOSSY, Line(lag=300)))
        with Campaign(line=lambda rng: next(ways), wait_ns=wait_ns) as campaign:
            report = campaign.run(range(4))
        assert not report.wrong
        return report.count

    waiting = flagged(20_000)
    assert waiting["gapped"] <= waiting["stray"]
    assert flagged(0)["gapped"] > waiting["gapped"]


class Forgetful(Campaign):
    """Its host has the NIC forget where it was, so that what was lost leaves no gap."""

    def _round(self, seed, rng, feeds, lines):
        self.rig.write((FEED, "expected", n, 0) for n in range(len(feeds)))
        super()._round(seed, rng, feeds, lines)

    def _before_end(self, seed, feeds):
        self.rig.write((FEED, "expected", n, 0) for n in range(len(feeds)))


def test_the_judge_finds_a_hidden_gap():
    with Forgetful(line=lambda rng: Line(dead=300)) as campaign:
        assert campaign.run(range(3)).wrong


class Doctored(Campaign):
    """Claims of every row that its book is exact."""

    def _judge(self, seed, feeds, rows, bad):
        super()._judge(seed, feeds, [row._replace(inexact=0) for row in rows], bad)


def test_the_judge_finds_a_wrong_book():
    with Doctored(line=lambda rng: LOSSY) as campaign:
        assert campaign.run(range(3)).wrong
