"""Waiting for the second copy: what the sequencer does with a hole on the line that leads, cycle by cycle."""

from dataclasses import asdict

import pytest

from hdl.config import GBE
from hdl.feed.patience import REACH_BITS, START_LATENCY
from hdl.feed.sequencer import SPACING
from hdl.layouts import FeedCause, Inexact
from hdl.messages import Note
from sim.feedbench import PERIOD, START
from sim.models.feed import SequencerModel
from sim.seqbench import A, B, Turns, compare, message, sent, spaced

GAP, BAD_FRAME = 1 << Inexact.GAP, 1 << Inexact.BAD_FRAME
WAIT = 800
#: Cycles from the turn of what is seen ahead to the fault, where nothing else happens.
PATIENT_CYCLES = START_LATENCY + WAIT // PERIOD + 1


def patient(*ports, wait=WAIT, **rest):
    """`compare` with feed 0 waiting; messages begin at cycle 10."""
    return compare(GBE, ports, {1: (0, "wait", wait)} | rest.get("writes", {}), length=rest.get("length", 0))


def test_the_other_line_fills_a_hole_and_nothing_is_wrong():
    lost = [message(n) for n in (1, 2, 4, 5, 6)]
    whole = [message(n, B) for n in range(1, 7)]
    out, model = patient(spaced(*lost, at=10), spaced(*whole, at=45))
    assert sent(out) == [1, 2, 3, 4, 5, 6]
    assert [item["port"] for _, item in out["o"]] == [A, A, B, B, B, B]
    assert not model.faults
    assert not model.events
    count = model.feeds[0].count
    assert (count["waits"], count["ahead"], count["gaps"], count["missed"]) == (1, 3, 0, 0)


def test_the_leading_line_serves_again_once_nothing_is_missing():
    leading = [(10, message(1)), (20, message(3)), (70, message(4))]
    out, _ = patient(leading, [(40, message(2, B)), (50, message(3, B)), (80, message(4, B))])
    assert [(item["seq"], item["port"]) for _, item in out["o"]] == [(1, A), (2, B), (3, B), (4, A)]


def test_time_runs_out_to_the_cycle():
    """Nothing comes: the fault is up when it must be, and says how far the line had come."""
    out, model = patient(spaced(message(1), message(4), message(5), at=10), length=200)
    assert sent(out) == [1]
    assert out["fault"] == [(20 + PATIENT_CYCLES, {"feed": 0, "cause": GAP})]
    [event] = model.events
    assert (event["cause"], event["expected"], event["received"], event["port"]) == (FeedCause.GAP, 2, 6, A)
    assert event["time"] == START + PERIOD * (20 + PATIENT_CYCLES)
    assert model.feeds[0].count["missed"] == 4
    assert model.feeds[0].expected == 6


def test_both_lines_have_the_hole():
    out, model = patient(spaced(message(1), message(3), at=10), spaced(message(1, B), message(3, B), at=45), length=200)
    assert sent(out) == [1]
    assert model.faults == [(0, GAP)]


def test_the_hole_is_filled_too_late():
    late = 20 + PATIENT_CYCLES
    out, model = patient(spaced(message(1), message(3), at=10), [(late, message(2, B)), (late + 20, message(4, B))])
    assert sent(out) == [1, 4]
    assert model.faults == [(0, GAP)]
    assert model.feeds[0].count["duplicate"] == 1


def test_what_was_owed_first_decides():
    """More is seen ahead all the time; time starts anew when what was owed at first has gone on, and not before."""
    ahead = [(20 + 13 * n, message(3 + n)) for n in range(30)]
    slow = [(45, message(2, B)), (90, message(3, B)), (110, message(4, B))]
    out, model = patient([(10, message(1)), *ahead], slow, length=400)
    [event] = model.events
    assert sent(out) == [1, 2, 3, 4, *range(event["received"], 33)]
    assert [cycle for cycle, _ in out["fault"]] == [90 + PATIENT_CYCLES]
    assert event["expected"] == 5


@pytest.mark.parametrize("note", [Note.HEARTBEAT, Note.END])
def test_a_heartbeat_or_end_ahead_is_waited_for(note):
    ahead = [message(1), message(4, note=note)]
    out, model = patient(spaced(*ahead, at=10), spaced(message(2, B), message(3, B), message(4, B, note=note), at=45))
    assert sent(out) == [1, 2, 3]
    assert not model.faults
    assert model.feeds[0].ended == (note == Note.END)


@pytest.mark.parametrize("far", [1 << REACH_BITS, (1 << 32) + 3])
def test_a_wide_hole_is_a_gap_at_once(far):
    out, model = patient(spaced(message(1), message(2 + far), at=10))
    assert sent(out) == [1, 2 + far]
    assert model.faults == [(0, GAP)]
    assert model.feeds[0].count["waits"] == 0


def test_a_bad_frame_seen_ahead_flags_nothing_if_the_other_line_has_all():
    ahead = [message(1), message(3, rx_time=55), message(0, A, Note.BAD_FRAME, rx_time=55)]
    out, model = patient(spaced(*ahead, at=10), spaced(message(2, B), message(3, B), at=60))
    assert sent(out) == [1, 2, 3]
    assert not model.faults
    assert not out["bad"]
    assert not model.feeds[0].doubt


def test_a_bad_frame_seen_ahead_is_not_believed_when_time_is_up():
    ahead = [message(1), message(900, rx_time=55), message(0, A, Note.BAD_FRAME, rx_time=55)]
    out, model = patient(spaced(*ahead, at=10), [(60, message(2, B)), (300, message(3, B))])
    assert sent(out) == [1, 2, 3]
    assert model.faults == [(0, BAD_FRAME)]
    assert [event["cause"] for event in model.events] == [FeedCause.BAD_FRAME]
    assert model.feeds[0].count["missed"] == 0


def test_the_host_starts_anew_while_it_waits():
    out, model = patient(spaced(message(1), message(3), at=10), writes={40: (0, "expected", 7)}, length=200)
    assert sent(out) == [1]
    assert not model.faults


def test_feeds_wait_by_themselves():
    """Both times are up in the same cycle: one after the other is given up."""
    ports = spaced(message(1), message(1, feed=1), at=10), spaced(message(1, B, feed=1), at=60)
    ports[0].extend([(40, message(3))])
    ports[1].extend([(70, message(3, B, feed=1))])
    times = {1: (0, "wait", 800), 5: (1, "wait", 800 - 30 * PERIOD)}
    out, model = compare(GBE, ports, times, length=200)
    assert [(cycle, fault["feed"]) for cycle, fault in out["fault"]] == [
        (40 + PATIENT_CYCLES, 0), (41 + PATIENT_CYCLES, 1)]
    assert all(feed.count["gaps"] == 1 for feed in model.feeds)


def test_what_comes_while_one_is_given_up_waits_a_cycle():
    late = 20 + PATIENT_CYCLES
    out, _ = patient(spaced(message(1), message(3), at=10), [(late, message(9, B, feed=1))])
    assert [(cycle, item["feed"]) for cycle, item in out["o"]] == [(11, 0), (late + 2, 1)]
    assert asdict(message(9, B, feed=1)) == out["o"][-1][1]


class Watched(SequencerModel):
    """Remembers what was seen ahead, until it has gone on or has been given up; `oldest` is the longest that took."""

    def __init__(self, config):
        super().__init__(config)
        self.shown, self.oldest = [], 0

    def message(self, message, now=0):
        passed = super().message(message, now)
        if self.put_off:
            self.shown.append((now, message.seq + (message.note == Note.MESSAGE)))
        self._settle(now)
        return passed

    def give_up(self, index, now):
        super().give_up(index, now)
        self._settle((now - START) // PERIOD)

    def _settle(self, cycle):
        self.oldest = max([self.oldest, *(cycle - at for at, _ in self.shown)])
        self.shown = [(at, end) for at, end in self.shown if end > self.feeds[0].expected]


def test_whatever_was_seen_is_given_on_or_given_up_within_two_periods(rng):
    """Lines that lose every fourth message, one of them late by about a period. (That the hardware is as the model, the
    random traffic of test_sequencer shows.)"""
    period = PATIENT_CYCLES
    model = Watched(GBE)
    lag = rng.randrange(2 * period)
    times = [10 + 14 * n + rng.randrange(4) for n in range(2_000)]
    ports = [[(at + lag * port, message(seq, port)) for seq, at in enumerate(times, 1) if rng.random() < .75]
             for port in (A, B)]
    gone = list(Turns(model, ports, {1: (0, "wait", WAIT)}).run(times[-1] + lag + 3 * period))
    assert gone
    assert not model.shown
    assert period - START_LATENCY <= model.oldest <= 2 * period + SPACING
