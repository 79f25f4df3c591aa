"""Parents: whatever venues answer, in whatever order, never more trades than was asked for."""

import pytest

from hdl.layouts import Side
from host.ems.algos import Iceberg, PassiveThenAggressive, Pov, Sweep, Twap, Vwap
from host.ems.ids import OrderIds
from host.ems.parents import Parents, Pull, Send, Tell
from host.ems.router import Router
from host.marketdata.books import Books, Top
from host.messages import DAY, IOC, NewOrder
from host.tca.scores import Scores, VenueScore
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL",), ("XTGA", "XTGB"))


class World:
    def __init__(self):
        self.books, self.scores, self.ids, self.traded, self.now = Books(), Scores(), OrderIds(16), 0, 0
        self.router = Router(UNIVERSE, self.books, self.scores)
        self.parents = Parents(self.router, self.ids.take, self.ids.give_back, lambda stock: self.traded)
        self.live, self.pulled, self.told, self.sent = {}, set(), [], []
        self.quote(10_000, 10_200)

    def quote(self, bid, ask, venues=(0, 1)):
        for venue in venues:
            self.books.tops[venue] = Top(venue, bid, 100, ask, 100, 0, 0, 1, self.now)
        self.take(self.parents.on_market({"AAPL"}, self.now))

    def start(self, algo, qty=1_000, side=Side.BUY, price=10_500):
        self.take(self.parents.start(NewOrder(2**40, "AAPL", side, qty, price, 3), algo, self.now))
        return self.parents.parents.get(2**40)

    def take(self, steps):
        for step in steps:
            match step:
                case Send(child, parent):
                    assert child.order_id not in self.live
                    self.live[child.order_id] = [child, 0]
                    self.sent.append(child)
                case Pull(child):
                    assert child.order_id not in self.pulled, "asked once"
                    self.pulled.add(child.order_id)
                case Tell(parent):
                    self.told.append((parent.filled, parent.leaves))

    def change(self, order_id, filled=0, dead=False, state="new"):
        """The OMS tells of a child."""
        one = self.live[order_id]
        one[1] += filled
        leaves = 0 if dead else one[0].qty - one[1]
        if not leaves:
            del self.live[order_id]
        self.take(self.parents.on_change({"order_id": order_id, "filled": one[1], "leaves": leaves, "state": state},
                                         self.now))


def test_a_replace_is_a_cancel_and_then_a_child_for_what_is_left():
    world = World()
    world.start(PassiveThenAggressive(1_000))
    (first,) = world.sent
    assert (first.qty, first.price, first.tif) == (1_000, 10_000, DAY)
    world.now = 10
    world.quote(10_100, 10_300)
    assert world.pulled == {first.order_id}
    assert len(world.sent) == 1, "not before the cancel is confirmed"
    world.change(first.order_id, filled=300)              # a fill races the cancel
    assert len(world.sent) == 1
    world.change(first.order_id, dead=True)
    assert (world.sent[1].qty, world.sent[1].price) == (700, 10_100)


def test_a_refused_cancel_is_asked_again():
    world = World()
    world.start(PassiveThenAggressive(1_000))
    child = world.sent[0]
    world.quote(10_100, 10_300)
    world.parents.on_pull_rejected(child.order_id)
    world.pulled.clear()
    world.quote(10_100, 10_300)
    assert world.pulled == {child.order_id}


def test_a_sweep_takes_on_every_venue_as_much_as_its_score_allows():
    world = World()
    for size, score in ((0, -100), (1, -100), (2, -9_000), (3, -9_000)):
        world.scores.on_score(VenueScore(0, True, size, 9, 9, 1000, 0, score))
    world.start(Sweep(), qty=800)
    assert [(child.venue, child.qty) for child in world.sent] == [(1, 800)], "all of it where it is cheap"
    for size in range(4):
        world.scores.on_score(VenueScore(1, True, size, 9, 9, 1000, 0, -20_000))
    world.change(world.sent[0].order_id, dead=True)
    assert len(world.sent) == 1, "one that did not trade is not sent again at once"
    world.now += 100_000
    world.quote(10_000, 10_200)
    assert [(child.venue, child.qty) for child in world.sent[1:]] == [(0, 200), (1, 600)]
    assert world.router.effects.held_back == {0: 600}


def test_what_would_not_trade_is_not_sent():
    world = World()
    world.start(Sweep(), price=10_100)
    assert not world.sent
    world.quote(9_800, 10_100, venues=(1,))
    assert [child.venue for child in world.sent] == [1]


def test_a_parent_ends_when_filled_or_when_stopped_and_nothing_works():
    world = World()
    world.start(Sweep(), qty=100)
    world.change(world.sent[0].order_id, filled=100)
    assert world.told == [(0, 100), (100, 0)]
    assert not world.parents.parents
    assert world.ids.in_use == 0
    world.start(Iceberg(40), qty=100)
    child = world.sent[-1]
    world.take(world.parents.stop(2**40, world.now))
    assert world.pulled == {child.order_id}
    world.change(child.order_id, filled=10)
    assert world.told[-1] == (10, 30)
    world.change(child.order_id, dead=True)
    assert world.told[-1] == (10, 0)
    assert not world.parents.parents


def test_an_iceberg_shows_the_next_part_when_one_is_gone():
    world = World()
    world.start(Iceberg(40), qty=100, price=10_000)
    for expected in (40, 40, 20):
        assert world.sent[-1].qty == expected
        world.change(world.sent[-1].order_id, filled=expected)
    assert not world.parents.parents


def test_after_a_rejection_it_waits():
    world = World()
    world.start(Sweep())
    world.take(world.parents.on_rejected(world.sent[0].order_id, world.now))
    world.quote(10_000, 10_200)
    assert len(world.sent) == 1
    world.now = 1_000_000
    world.quote(10_000, 10_200)
    assert len(world.sent) == 2


def test_without_a_book_or_a_slot_nothing_is_sent():
    world = World()
    for _ in range(16):
        world.ids.take(0)
    world.start(Sweep())
    assert not world.sent
    dark = World()
    dark.books.tops.clear()
    dark.start(Sweep())
    assert not dark.sent


@pytest.mark.parametrize("algo", [Twap(5_000, 5), Vwap(5_000, (3, 1, 2)), Pov(200), Iceberg(70),
                                  PassiveThenAggressive(2_000), Sweep()])
def test_whatever_happens_no_more_trades_than_was_asked_for(rng, algo):
    for _ in range(25):
        world = World()
        qty, filled = rng.randint(1, 3_000), 0
        world.start(algo, qty, rng.choice(list(Side)), rng.choice((9_800, 10_100, 10_400)))
        for _ in range(150):
            world.now += rng.choice((0, 10, 300, 10**6))
            world.traded += rng.randrange(2_000)
            choice = rng.random()
            if choice < 0.4 or not world.live:
                bid = 10_000 + rng.randrange(-3, 4) * 100
                world.quote(bid, bid + 100 * rng.randint(1, 3), rng.choice(((0,), (1,), (0, 1))))
            elif choice < 0.5:
                order_id = rng.choice(list(world.live))
                del world.live[order_id]
                world.take(world.parents.on_rejected(order_id, world.now))
            elif choice < 0.52:
                world.take(world.parents.stop(2**40, world.now))
            else:
                order_id = rng.choice(list(world.live))
                child, done = world.live[order_id]
                part = rng.choice((0, child.qty - done, rng.randint(0, child.qty - done)))
                filled += part
                world.change(order_id, part, dead=child.tif == IOC or rng.random() < 0.3)
            working = sum(child.qty - done for child, done in world.live.values())
            assert filled + working <= qty
            assert all(child.qty > 0 for child in world.sent)
        if 2**40 not in world.parents.parents:
            assert not world.live
        assert world.ids.in_use == len(world.live)
