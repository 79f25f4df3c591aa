"""The loop that adapts by itself: a venue turns bad for large orders, and the desk, with nobody in the loop, sends
smaller ones there or leaves it. The same session with the feedback cut pays more."""

import pytest

from hdl.config import GBE
from hdl.layouts import Side
from hdl.venue import SIMULATED
from host.alpha.strategy import Propose
from host.cli.simulation import START_NS
from host.desk.desk import Desk
from host.desk.statistics import Statistics
from host.ems.algos import Sweep
from host.ems.ids import NoSlot
from host.risk.limits import DEFAULT_FILE, check, read
from host.tca.report import measures
from host.tca.sums import Column, by, size_bucket, total
from host.universe import Universe
from sim.exchange import Exchange, Fade
from sim.exchange.direct import DirectNic

UNIVERSE = Universe.grid(("AAPL", "MSFT"), tuple(venue.target_comp_id for venue in SIMULATED))
BAD, GOOD = 0, 1
#: Shares of an order, ns between two of one stock, and how far beyond the touch it may trade (1e-4 USD).
QTY, EVERY, REACH = 600, 1_000_000, 500
POLL_NS, THINK_NS = 5_000, 4_000
DURATION_NS = 150_000_000
#: The bad venue turns bad after so long.
TURNS_NS = 20_000_000


class Alternating:
    """Buys and sells in turn, whatever the market does: what it pays is the cost of execution alone."""
    name = "maker"

    def __init__(self, context):
        self.context, self.next, self.side = context, {}, {}

    def on_top(self, top, now):
        stock = self.context.universe.by_index[top.symbol].stock
        if not top.usable or now < self.next.get(stock, 0):
            return []
        self.next[stock] = now + EVERY
        side = self.side[stock] = Side.SELL if self.side.get(stock) == Side.BUY else Side.BUY
        try:
            order_id = self.context.take_id()
        except NoSlot:
            return []
        price = top.ask + REACH if side == Side.BUY else top.bid - REACH
        return [Propose(order_id, stock, side, QTY, price, algo=Sweep())]

    def on_report(self, report, now):
        return []

    on_rejection = on_fired = on_cancel_rejected = lambda self, *ignored: []


def trade(feedback, seed=5, bad=True):
    """One session; its desk and statistics."""
    fades = {BAD: Fade(above=200, levels=3, from_ns=START_NS + TURNS_NS)} if bad else {}
    exchange = Exchange(SIMULATED, UNIVERSE.stocks, seed, START_NS, fades=fades)
    now = START_NS
    tree = read(DEFAULT_FILE)
    # the desk pays for every trade: that is what is measured, and no limit may stop it
    tree["firm"] |= dict.fromkeys(("loss_usd", "drawdown_usd", "var_usd", "stress_usd", "gross_usd"), 10**8)
    tree["strategies"]["maker"] |= {"gross_usd": 10**8}
    limits = check(tree, "feedback")
    desk = Desk(GBE, UNIVERSE, limits, SIMULATED, lambda writes: None, lambda: now,
                strategies={"maker": Alternating}, seed=seed, feedback=feedback)
    statistics = Statistics(desk)
    nic = DirectNic(exchange, SIMULATED, [(one.index, one.stock, one.venue) for one in UNIVERSE.listings])
    while now < START_NS + DURATION_NS:
        now += POLL_NS
        desk.nic.on_records(nic.advance(now))
        nic.post(desk.nic.take(), now + THINK_NS)
    assert not desk.failures
    return desk, statistics.summary()


@pytest.fixture(scope="module")
def with_feedback():
    return trade(feedback=True)


@pytest.fixture(scope="module")
def without():
    return trade(feedback=False)


def test_cost_falls_against_the_same_session_without_feedback(with_feedback, without):
    paid, would_have_paid = (total(desk.tca.cells) for desk, _ in (with_feedback, without))
    print(measures(paid), measures(would_have_paid))
    assert paid[Column.FILLED_QTY] > 80_000
    assert paid[Column.FILLED_QTY] * 10 > would_have_paid[Column.FILLED_QTY] * 9, "not by trading less"
    assert paid.slippage + paid.fee < (would_have_paid.slippage + would_have_paid.fee) * 70 // 100


def test_large_orders_leave_the_bad_venue_and_smaller_ones_stay(with_feedback, without):
    def sent(desk):
        large, all_of_it = 0, 0
        for (venue, size), sums in by(desk.tca.cells, "venue", "size").items():
            if venue == BAD:
                all_of_it += sums[Column.SENT_QTY]
                large += sums[Column.SENT_QTY] if size > size_bucket(200) else 0
        return large, all_of_it

    large, _ = sent(with_feedback[0])
    before, _ = sent(without[0])
    assert large * 3 < before


def test_the_summary_names_what_the_feedback_changed(with_feedback, without):
    names = UNIVERSE.venues
    changed, nothing = with_feedback[1]["feedback"], without[1]["feedback"]
    assert changed["rerouted"].get(f"{names[BAD]} > {names[GOOD]}", 0) > 10
    assert changed["explored"]
    assert changed["smaller"].get(names[BAD], 0) + changed["rerouted"][f"{names[BAD]} > {names[GOOD]}"] > 50
    assert not any(nothing.values())
    scores = {(one["venue"], one["size"]): one["score"] for one in with_feedback[1]["scores"] if one["takes"]}
    assert scores[names[BAD], size_bucket(QTY)] < scores[names[GOOD], size_bucket(QTY)] - 2_000
