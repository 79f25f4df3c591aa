"""The market as TCA needs it: which mid was in force at a moment, and what traded between two.

Time-weighted figures weigh by whole microseconds, so that a day of them fits 64 bits (`host.tca.batch`).
"""

from bisect import bisect_right
from typing import NamedTuple

#: Moments kept of each series; twice as many before the older half is dropped.
RETAINED = 8_192
#: ns in the unit by which areas are weighed.
AREA_NS = 1_000


class Quote(NamedTuple):
    """A usable best bid and ask, and when it came. `area` is the sum of `mid2` x `AREA_NS` before it."""
    time: int
    bid: int
    ask: int
    area: int

    @property
    def mid2(self) -> int:
        return self.bid + self.ask


class Volume(NamedTuple):
    """What has traded in all, up to and including a moment."""
    time: int
    qty: int
    notional: int


_NOTHING_TRADED = Volume(0, 0, 0)


class Quotes:
    """The quotes of one listing. Unusable books do not count: the last usable one stays in force."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._quotes: list[Quote] = []

    def add(self, time: int, bid: int, ask: int) -> bool:
        """A new quote. False, and ignored, where it is older than the newest; one of the same time replaces it."""
        area = 0
        if self._quotes:
            last = self._quotes[-1]
            if time < last.time:
                return False
            area = last.area + (time // AREA_NS - last.time // AREA_NS) * last.mid2
            if time == last.time:
                self._quotes[-1] = Quote(time, bid, ask, area)
                return True
        self._times.append(time)
        self._quotes.append(Quote(time, bid, ask, area))
        if len(self._times) >= 2 * RETAINED:
            del self._times[:RETAINED], self._quotes[:RETAINED]
        return True

    def at(self, time: int) -> Quote | None:
        """The quote in force at `time`: the last one not after it."""
        if self._times and time >= self._times[-1]:  # nearly always
            return self._quotes[-1]
        at = bisect_right(self._times, time)
        return self._quotes[at - 1] if at else None

    def area(self, time: int) -> int:
        """Sum of `mid2` x `AREA_NS` up to `time`, which must not be before the first quote."""
        quote = self.at(time)
        assert quote, "asked for a time before the first quote"
        return quote.area + (time // AREA_NS - quote.time // AREA_NS) * quote.mid2


class Tape:
    """The trades of one stock, on all venues, our own included."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._volumes: list[Volume] = []

    def add(self, time: int, price: int, qty: int) -> None:
        """A trade. One that is told late counts as of the newest one's time."""
        last = self._volumes[-1] if self._volumes else _NOTHING_TRADED
        time = max(time, last.time)
        self._times.append(time)
        self._volumes.append(Volume(time, last.qty + qty, last.notional + qty * price))
        if len(self._times) >= 2 * RETAINED:
            del self._times[:RETAINED], self._volumes[:RETAINED]

    def at(self, time: int) -> Volume:
        at = bisect_right(self._times, time)
        return self._volumes[at - 1] if at else _NOTHING_TRADED
