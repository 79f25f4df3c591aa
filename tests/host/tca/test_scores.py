"""Scores: what a finished order is worth, how soon a venue that changes is known, and what readers make of it."""

import pytest

from hdl.layouts import Side
from host.messages import NewOrder, Report
from host.tca.effects import Effects
from host.tca.scores import ScoreParameters, Scorer, Scores, VenueScore
from host.tca.tca import Tca

T = 10**12
TAKES, RESTS = True, False


class Loop:
    """Orders of one venue, measured and scored."""

    def __init__(self, **parameters):
        self.scorer, self.scores, self.count = Scorer(ScoreParameters(**parameters)), Scores(), 0
        self.tca = Tca(lambda measured: self.scores.on_score(self.scorer.on_closed(measured)))
        self.tca.on_quote(0, T, 1_000_000, 1_000_200)

    def trade(self, qty=100, price=1_000_200, filled=None, limit=1_000_500, side=Side.BUY, fee=0):
        self.count += 1
        self.tca.on_order(NewOrder(self.count, "AAPL", side, qty, limit, 0, venue=0), 0, T, T)
        if filled := qty if filled is None else filled:
            self.tca.on_fill(Report(self.count, str(self.count), "F", "", "AAPL", side, 0, filled, price), T, fee)
        self.tca.on_end(self.count, T)
        self.tca.advance(T + 10**9)


def test_a_taker_s_cost_is_what_it_paid_beyond_the_display_and_fees():
    loop = Loop(enough=1, miss_cost=1_000)
    loop.trade(fee=3_000)
    assert loop.scores.score(0, TAKES, 100) == -3_000
    loop.trade(price=1_000_300, fee=3_000)
    assert loop.scores.score(0, TAKES, 100) == -(3_000 + 5_000)
    loop.trade(filled=0)
    assert loop.scores.score(0, TAKES, 100) == -(2 * 3_000 + 10_000 + 1_000) // 3 + 1, "rounded towards zero"


def test_a_seller_s_cost_has_the_other_sign():
    loop = Loop(enough=1)
    loop.trade(side=Side.SELL, price=999_900, limit=999_000)
    assert loop.scores.score(0, TAKES, 100) == -10_000


def test_a_resting_order_is_scored_by_its_markout():
    loop = Loop(enough=1)
    loop.trade(price=1_000_000, limit=1_000_000)
    assert loop.scores.score(0, RESTS, 100) == 10_000
    assert loop.scores.score(0, TAKES, 100) == 0


def test_a_score_waits_for_enough_orders():
    loop = Loop(enough=3)
    for _ in range(2):
        loop.trade(price=1_000_400)
    assert loop.scores.score(0, TAKES, 100) == 0
    loop.trade(price=1_000_400)
    assert loop.scores.score(0, TAKES, 100) == -20_000


def test_a_venue_that_turns_bad_or_good_again_is_known_within_the_window():
    loop = Loop(window=8)
    for _ in range(100):
        loop.trade()
    assert loop.scores.score(0, TAKES, 100) == 0
    for _ in range(8):
        loop.trade(price=1_000_300)
    assert loop.scores.score(0, TAKES, 100) == -10_000
    for _ in range(8):
        loop.trade()
    assert loop.scores.score(0, TAKES, 100) == 0


def test_size_is_chosen_where_larger_orders_cost_clearly_more():
    loop = Loop(enough=2)
    for qty, price in ((100, 1_000_200), (200, 1_000_210), (400, 1_000_400)):
        for _ in range(2):
            loop.trade(qty, price)
    scores = loop.scores
    assert [scores.size(0, TAKES, qty) for qty in (50, 100, 150, 200, 300, 400)] == [50, 100, 150, 200, 200, 200]
    assert scores.size(0, TAKES, 800) == 800, "unknown: tried"
    assert scores.size(1, TAKES, 400) == 400
    assert scores.size(0, RESTS, 400) == 400


def test_the_answer_time_is_the_median_of_the_window():
    scorer = Scorer(ScoreParameters(window=3))
    assert scorer.answer(0) == 0
    for took in (900, 10, 20, 30):
        scorer.on_answer(0, took)
    assert scorer.answer(0) == 20
    scores = Scores()
    assert scores.answer(0) == 0
    scores.on_score(scorer.of(0, TAKES, 0))
    assert scores.answer(0) == 20


def test_ranking():
    scores = Scores()
    for venue, score in ((0, -500), (2, -100)):
        scores.on_score(VenueScore(venue, TAKES, 0, 10, 10, 1000, 0, score))
    assert scores.ranking(range(4), TAKES, 100) == [1, 3, 2, 0]


def test_the_feed_tells_counts_and_cost():
    loop = Loop(enough=1)
    loop.trade(price=1_000_300, filled=50)
    (score,) = loop.scores.known.values()
    assert (score.orders, score.fill_ratio, score.cost) == (1, 500, 10_000)
    assert score.score == -(10_000 + ScoreParameters.miss_cost) // 2


@pytest.mark.parametrize(("wanted", "sent", "counted"), [(100, 100, {}), (400, 100, {"XTGA": 1})])
def test_effects_count_what_changed(wanted, sent, counted):
    effects = Effects()
    assert effects.on_size(0, wanted, sent) == sent
    effects.rerouted[0, 1] += 2
    summary = effects.summary(("XTGA", "XTGB"))
    assert summary["smaller"] == counted
    assert summary["rerouted"] == {"XTGA > XTGB": 2}
