"""Scores: what TCA tells the router and the strategies, and how they read it.

A score is the expected gain a share sent, in 1e-6 USD; higher is better. It is taken over the last orders of one
kind (venue, taking or resting, size), so that a venue that turns bad is known by it soon, and one that has
turned good again as well, once exploration has tried it.
"""

from collections import deque
from dataclasses import dataclass, field

from host.messages import direction
from host.tca.sums import SIZES, size_bucket
from host.tca.tca import Measured

#: 1e-6 USD in 1e-4 USD.
_MICRO = 100


@dataclass(frozen=True)
class ScoreParameters:
    """Amounts in 1e-6 USD a share.

    Parameters
    ----------
    window : orders that a score looks back.
    enough : orders before a score counts; until then it is 0, which no real taking order reaches, so that what
        is unknown is tried.
    miss_cost : what not trading a share costs.
    margin : a larger size is left for a smaller one whose score is better by more than this.
    """
    window: int = 64
    enough: int = 6
    miss_cost: int = 2_500
    margin: int = 2_000


@dataclass(frozen=True, slots=True)
class VenueScore:
    """The feed (topic `tca.venues`): one kind of order at one venue.

    Parameters
    ----------
    size : bucket of the order quantity (`host.tca.sums.SIZES`).
    orders, fills : of the day.
    fill_ratio : filled of sent, of the window, in 1/1000.
    cost : of the window, a share filled, after fees: beyond the displayed price for orders that took, minus the
        markout for orders that rested.
    answer_ns : median time from an order's first byte to the venue's acknowledgement, over the window.
    """
    venue: int
    takes: bool
    size: int
    orders: int
    fills: int
    fill_ratio: int
    cost: int
    score: int
    answer_ns: int = 0


@dataclass
class _Kind:
    orders: int = 0
    fills: int = 0
    window: deque[tuple[int, int, int]] = field(default_factory=deque)  # sent, filled, cost2
    sent: int = 0
    filled: int = 0
    cost2: int = 0

    def add(self, sent: int, filled: int, cost2: int, limit: int) -> None:
        self.window.append((sent, filled, cost2))
        if len(self.window) > limit:
            old = self.window.popleft()
            self.sent, self.filled, self.cost2 = self.sent - old[0], self.filled - old[1], self.cost2 - old[2]
        self.sent, self.filled, self.cost2 = self.sent + sent, self.filled + filled, self.cost2 + cost2


class Scorer:
    """TCA's side: takes finished orders, gives `VenueScore`s."""

    def __init__(self, parameters: ScoreParameters = ScoreParameters()):
        self.parameters = parameters
        self._kinds: dict[tuple[int, bool, int], _Kind] = {}
        self._answers: dict[int, deque[int]] = {}

    def on_answer(self, venue: int, took: int) -> None:
        """A venue has acknowledged an order, so many ns after it left."""
        self._answers.setdefault(venue, deque(maxlen=self.parameters.window)).append(took)

    def answer(self, venue: int) -> int:
        """Median answer time, one that occurred; 0 before the first."""
        times = sorted(self._answers.get(venue, ()))
        return times[(len(times) - 1) // 2] if times else 0

    def on_fill(self, measured: Measured) -> VenueScore:
        self._kind(measured).fills += 1
        return self.of(*_key(measured))

    def on_closed(self, measured: Measured) -> VenueScore:
        kind = self._kind(measured)
        kind.orders += 1
        kind.add(measured.order.qty, measured.filled, _cost2(measured), self.parameters.window)
        return self.of(*_key(measured))

    def of(self, venue: int, takes: bool, size: int) -> VenueScore:
        kind = self._kinds.get((venue, takes, size), _Kind())
        ratio = kind.filled * 1000 // kind.sent if kind.sent else 0
        cost = _towards_zero(kind.cost2 * _MICRO, 2 * kind.filled) if kind.filled else 0
        return VenueScore(venue, takes, size, kind.orders, kind.fills, ratio, cost, self._score(kind),
                          self.answer(venue))

    def _kind(self, measured: Measured) -> _Kind:
        return self._kinds.setdefault(_key(measured), _Kind())

    def _score(self, kind: _Kind) -> int:
        if len(kind.window) < self.parameters.enough:
            return 0
        lost = kind.cost2 * _MICRO + 2 * self.parameters.miss_cost * (kind.sent - kind.filled)
        return -_towards_zero(lost, 2 * kind.sent)


class Scores:
    """The reader's side: the newest score of each kind. Without any, everything is equal."""

    def __init__(self, margin: int = ScoreParameters.margin):
        self.margin = margin
        self.known: dict[tuple[int, bool, int], VenueScore] = {}
        self._answers: dict[int, int] = {}

    def on_score(self, score: VenueScore) -> None:
        self.known[score.venue, score.takes, score.size] = score
        self._answers[score.venue] = score.answer_ns

    def answer(self, venue: int) -> int:
        """How long a venue takes to answer, ns; 0 where nobody knows."""
        return self._answers.get(venue, 0)

    def score(self, venue: int, takes: bool, qty: int) -> int:
        """Of a venue for an order of `qty` that takes or rests."""
        known = self.known.get((venue, takes, size_bucket(qty)))
        return known.score if known else 0

    def resting(self, venue: int, qty: int) -> VenueScore | None:
        """All that is told of resting orders of `qty` there."""
        return self.known.get((venue, False, size_bucket(qty)))

    def size(self, venue: int, takes: bool, qty: int) -> int:
        """The quantity up to `qty` in which to send there: all of it, unless a smaller one is clearly cheaper."""
        buckets = range(size_bucket(qty), -1, -1)
        score_of = {size: self.known[venue, takes, size].score if (venue, takes, size) in self.known else 0
                    for size in buckets}
        best = max(score_of.values())
        size = next(size for size in buckets if score_of[size] >= best - self.margin)
        return min(qty, SIZES[size]) if size < len(SIZES) else qty

    def ranking(self, venues: range, takes: bool, qty: int) -> list[int]:
        """Venues, best first; equal ones by index."""
        return sorted(venues, key=lambda venue: (-self.score(venue, takes, qty), venue))


def _key(measured: Measured) -> tuple[int, bool, int]:
    return measured.key.venue, measured.key.takes, measured.key.size


def _cost2(measured: Measured) -> int:
    if measured.key.takes:
        sign = direction(measured.order.side)
        return sign * (2 * measured.notional - 2 * measured.touch * measured.filled) + 2 * measured.fees
    return 2 * measured.fees - measured.markout2


def _towards_zero(numerator: int, denominator: int) -> int:
    whole = abs(numerator) // denominator
    return -whole if numerator < 0 else whole
