"""The steps of a recovery, and what it does when servers, the network or the NIC do not."""

import numpy as np
import pytest

from hdl.layouts import FEED_EVENT, MARKET_EVENT, FeedCause
from host.marketdata.feedport import State, Timing
from host.marketdata.recovery import FeedRecovery
from host.marketdata.snapshot import FIRST, parse
from sim import itch

SESSION, LOCATE, SYMBOL, STOCK = b"TGXTGA0000", 7, 3, "AAPL"
NO_EVENTS = np.zeros(0, FEED_EVENT.dtype)
NO_MARKET = np.zeros(0, MARKET_EVENT.dtype)


class FakeNic:
    """A NIC that takes what is injected at once, and servers that answer when told to."""

    def __init__(self):
        self.live, self.next, self.refuse = True, 1, 0
        self.requests, self.snapshots, self.injected, self.lose = [], 0, [], False

    def listen(self, live):
        self.live = live

    def expect(self, seq):
        self.next = seq

    def expected(self):
        return self.next

    def clear(self, symbols):
        self.refuse -= 1
        return self.refuse < 0

    def locate(self, symbol):
        return LOCATE

    def inject(self, datagram):
        packet = parse(datagram)
        self.injected += packet.messages
        if not self.lose:
            self.next = packet.seq + len(packet.messages)

    def ask(self, request):
        self.requests.append(parse(request[:-2] + bytes(2)).seq)

    def ask_snapshot(self):
        self.snapshots += 1


@pytest.fixture
def nic():
    return FakeNic()


@pytest.fixture
def recovery(nic):
    return FeedRecovery(SESSION, {SYMBOL: STOCK}, nic)


def add(ref, shares=100):
    return itch.encode("A", locate=LOCATE, stock=STOCK, ref=ref, side="B", shares=shares, price=10_000 - ref)


def market(*seqs):
    """An order for each of these messages."""
    return np.concatenate([NO_MARKET, *(MARKET_EVENT.make(
        symbol=SYMBOL, type=ord("A"), seq=seq, ref=seq, qty=100, price=10_000 - seq % 1_000) for seq in seqs)])


def event(expected, received, cause=FeedCause.GAP):
    return FEED_EVENT.make(cause=cause, expected=expected, received=received)


def run_until(recovery, state, now):
    """Let time pass until that state, at most 10 ms; the time then."""
    end = now + 10_000_000
    while recovery.state is not state:
        assert now < end, f"still {recovery.state}"
        assert recovery.due is not None, f"{recovery.state} waits for nothing"
        now = max(now, recovery.due)
        recovery.on_time(now)
    return now


def heal(recovery, nic, now, following):
    """From DRAINING on, with nothing new at the server."""
    now = run_until(recovery, State.TAIL, now)
    recovery.on_answer(now, itch.datagram(SESSION, following, []))
    return run_until(recovery, State.LIVE, now)


def test_a_gap_is_filled_and_the_books_loaded(recovery, nic):
    recovery.on_records(10, NO_EVENTS, market(1, 2))
    recovery.on_records(20, event(3, 5), market(5))
    assert (recovery.state, nic.requests, nic.live) == (State.FILLING, [3], True)
    recovery.on_answer(30, itch.datagram(SESSION, 3, [add(3), add(4)]))
    assert (recovery.state, nic.live) == (State.DRAINING, False)
    recovery.on_records(31, NO_EVENTS, market(6))
    recovery.on_records(32, NO_EVENTS, NO_MARKET)
    heal(recovery, nic, 33, 7)
    assert nic.requests[-1] == 7
    assert list(recovery.books[SYMBOL].orders) == [1, 2, 3, 4, 5, 6]
    assert [itch.decode(raw).ref for raw in nic.injected if raw[:1] == b"A"] == [1, 2, 3, 4, 5, 6]
    assert (nic.live, nic.next) == (True, 7)
    assert recovery.count["filled"] == 2
    assert recovery.count["healed"] == 1


def test_what_was_sent_meanwhile_follows(recovery, nic):
    recovery.on_records(10, event(1, 2), market(2))
    recovery.on_answer(20, itch.datagram(SESSION, 1, [add(1)]))
    now = run_until(recovery, State.TAIL, 20)
    recovery.on_answer(now, itch.datagram(SESSION, 3, [add(3), add(4)]))
    assert recovery.state is State.TAIL
    assert nic.requests[-1] == 5
    recovery.on_answer(now, itch.datagram(SESSION, 5, []))
    run_until(recovery, State.LIVE, now)
    assert nic.next == 5
    assert sorted(recovery.books[SYMBOL].orders) == [1, 2, 3, 4]


def test_a_gap_told_after_the_message_behind_it(recovery, nic):
    """The event may be a batch later than the message; the books must not have taken it."""
    recovery.on_records(10, NO_EVENTS, market(1, 4))
    recovery.on_records(20, event(2, 4), NO_MARKET)
    recovery.on_answer(30, itch.datagram(SESSION, 2, [itch.encode("D", locate=LOCATE, ref=1), add(3)]))
    heal(recovery, nic, 30, 5)
    assert list(recovery.books[SYMBOL].orders) == [3, 4]


def test_answers_in_pieces_and_lost_requests(recovery, nic):
    recovery.on_records(10, event(1, 5), market(5))
    recovery.on_time(recovery.due)
    assert nic.requests == [1, 1]
    recovery.on_answer(200_000, itch.datagram(SESSION, 1, [add(1), add(2)]))
    assert nic.requests[-1] == 3
    recovery.on_answer(200_000, itch.datagram(b"OTHER00000", 3, [add(3), add(4)]))
    recovery.on_answer(200_000, b"no datagram")
    assert recovery.state is State.FILLING
    recovery.on_answer(200_000, itch.datagram(SESSION, 3, [add(3), add(4)]))
    heal(recovery, nic, 200_000, 6)
    assert recovery.count["retries"] == 1


def test_no_answer_leads_to_a_snapshot_and_none_of_that_to_stale(recovery, nic):
    recovery.on_records(10, event(1, 5), market(5))
    now = run_until(recovery, State.SNAPSHOT, 10)
    assert nic.live is False
    now = run_until(recovery, State.STALE, now)
    assert nic.snapshots == recovery.timing.tries
    assert recovery.count["stale"] == 1
    now = run_until(recovery, State.SNAPSHOT, now)    # later, again
    recovery.on_snapshot(now, [itch.encode("R", locate=LOCATE, stock=STOCK), add(1), add(4)], 9)
    heal(recovery, nic, now, 9)
    assert list(recovery.books[SYMBOL].orders) == [1, 4]
    assert nic.next == 9


@pytest.mark.parametrize("cause", [FeedCause.BAD_FRAME, FeedCause.SESSION_CHANGE])
def test_what_cannot_be_filled_needs_a_snapshot(recovery, nic, cause):
    recovery.on_records(10, event(3, 3, cause), NO_MARKET)
    assert (recovery.state, nic.snapshots) == (State.SNAPSHOT, 1)


def test_a_wide_gap_and_lost_records_need_a_snapshot(nic):
    wide = FeedRecovery(SESSION, {SYMBOL: STOCK}, nic, timing=Timing(widest=10))
    wide.on_records(10, event(1, 12), NO_MARKET)
    assert wide.state is State.SNAPSHOT
    lost = FeedRecovery(SESSION, {SYMBOL: STOCK}, nic)
    lost.on_lost(10)
    assert lost.state is State.SNAPSHOT


def test_a_late_start(nic):
    recovery = FeedRecovery(SESSION, {SYMBOL: STOCK}, nic, late=True)
    recovery.on_time(5)
    assert (recovery.state, nic.live) == (State.SNAPSHOT, False)


def test_a_refused_clear_is_tried_again(recovery, nic):
    nic.refuse = 5
    recovery.on_records(10, event(1, 2), market(2))
    recovery.on_answer(20, itch.datagram(SESSION, 1, [add(1)]))
    heal(recovery, nic, 20, 3)
    assert nic.refuse == -1
    assert recovery.count["loads"] == 1


def test_injected_packets_that_get_lost_are_loaded_again(recovery, nic):
    recovery.on_records(10, event(1, 2), market(2))
    recovery.on_answer(20, itch.datagram(SESSION, 1, [add(1)]))
    nic.lose = True
    now = run_until(recovery, State.LOADING, 20)
    now = run_until(recovery, State.CLEARING, now)
    nic.lose = False
    heal(recovery, nic, now, 3)
    assert recovery.count["loads"] == 2


def test_a_gap_at_the_handover_begins_anew(recovery, nic):
    recovery.on_records(10, event(1, 2), market(2))
    recovery.on_answer(20, itch.datagram(SESSION, 1, [add(1)]))
    now = heal(recovery, nic, 20, 3)
    recovery.on_records(now, event(3, 4), market(4))
    assert (recovery.state, nic.requests[-1]) == (State.FILLING, 3)


def test_events_of_the_loading_are_not_the_feed_s(recovery, nic):
    recovery.on_records(10, NO_EVENTS, market(1))
    recovery.on_records(11, event(FIRST, FIRST + 9), market(FIRST, FIRST + 1))
    recovery.on_records(12, NO_EVENTS, NO_MARKET)
    assert (recovery.state, list(recovery.books[SYMBOL].orders)) == (State.LIVE, [1])
