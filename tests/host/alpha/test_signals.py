"""Order-flow imbalance, variance and appetite."""

import pytest

from host.alpha.appetite import Appetite, adverse
from host.alpha.quoting import ONE
from host.alpha.signals import OrderFlow, Variance
from host.risk.utilisation import Utilisation
from host.tca.scores import Scores, VenueScore

BOOK = [(100, 50), (99, 40)], [(102, 30), (103, 20)]


def contribution(bids, asks, level=0):
    """Of one change from `BOOK`, with a memory that forgets nothing yet."""
    flow = OrderFlow(2, memory=10**9)
    flow.update(*BOOK)
    flow.update(bids, asks)
    return flow.flow[level] // OrderFlow.SCALE


@pytest.mark.parametrize(("bids", "asks", "expected"), [
    ([(100, 70)], [(102, 30)], 20),      # added to the bid
    ([(100, 10)], [(102, 30)], -40),     # taken from it
    ([(101, 15)], [(102, 30)], 15),      # a better bid: all of it came
    ([(98, 90)], [(102, 30)], -50),      # the bid went: all of it left
    ([], [(102, 30)], -50),
    ([(100, 50)], [(102, 35)], -5),      # added to the ask
    ([(100, 50)], [(101, 9)], -9),
    ([(100, 50)], [(104, 9)], 30),
    ([(100, 50)], [], 30),
    ([(101, 15)], [(101, 9)], 6),
])
def test_e_n_of_the_best_level(bids, asks, expected):
    assert contribution(bids, asks) == expected


def test_each_level_has_its_own():
    assert contribution([(100, 50), (99, 45)], BOOK[1], level=1) == 5
    assert contribution([(100, 50), (99, 45)], BOOK[1]) == 0


def test_flow_fades_and_is_measured_against_the_usual_size():
    flow = OrderFlow(1, memory=8)
    for _ in range(200):
        flow.update([(100, 50)], [(102, 50)])
    assert flow.imbalance == 0
    flow.update([(100, 100)], [(102, 50)])
    assert 200 < flow.imbalance < 256, "one usual level came to the bid"
    for _ in range(200):
        flow.update([(100, 100)], [(102, 50)])
    assert flow.imbalance == 0


def test_variance_of_a_mid_that_moves_a_tick_a_millisecond():
    variance, now = Variance(100, memory=32), 0
    for n in range(2_000):
        now += 10**6
        variance.update(2 * (10_000 + 100 * (n % 2)), now)
    assert variance.per_second == pytest.approx(1_000 * ONE * ONE, rel=0.1)


def test_variance_ignores_what_comes_late_and_starts_at_none():
    variance = Variance(100)
    assert variance.per_second == 0
    variance.update(20_000, 1_000)
    variance.update(90_000, 1_000)
    variance.update(90_000, 999)
    assert variance.per_second == 0


@pytest.mark.parametrize(("used", "charge", "reduce_only"), [(0, 1, False), (749, 1, False), (750, 2, False),
                                                             (900, 4, True), (1_000, 4, True)])
def test_appetite_follows_the_worst_limit(used, charge, reduce_only):
    appetite = Appetite()
    appetite.on_utilisation(Utilisation("symbols.AAPL.long", 10, 1_000))
    appetite.on_utilisation(Utilisation("firm.loss_usd", used, 1_000))
    assert (appetite.charge, appetite.reduce_only) == (charge, reduce_only)
    appetite.on_utilisation(Utilisation("firm.loss_usd", 0, 1_000))
    assert appetite.charge == 1


def test_adverse_selection_is_that_of_the_best_venue_and_needs_evidence():
    scores = Scores()
    assert adverse(scores, range(2), 100) == 0
    for venue, cost in ((0, 9_000), (1, 4_000)):
        scores.on_score(VenueScore(venue, False, 0, 20, 20, 500, cost, -cost))
    assert adverse(scores, range(2), 100) == 40
    scores.on_score(VenueScore(1, False, 0, 2, 2, 500, -9_000, 0))
    assert adverse(scores, range(2), 100) == 90, "two orders are no evidence"
    scores.on_score(VenueScore(1, False, 0, 20, 20, 500, -9_000, 100))
    assert adverse(scores, range(2), 100) == 0
