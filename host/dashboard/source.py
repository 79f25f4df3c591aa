"""What a page shows of a desk: the desk itself, or what another process hears of it (`host.supervise.mirror`)."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from host.desk.counts import Heard, Known
from host.marketdata.books import Books
from host.positions.positions import Positions
from host.risk.control import Control
from host.risk.limits import Limits
from host.risk.utilisation import Utilisation
from host.universe import Universe


class ShownBus(Heard, Protocol):
    """Its time in ns, and how many messages there were, by topic."""

    @property
    def clock(self) -> Callable[[], int]: ...
    @property
    def counts(self) -> Mapping[str, int]: ...


class ShownOrders(Protocol):
    """Orders that can still trade, and any by its ClOrdID."""

    @property
    def live(self) -> Collection[Known]: ...
    def find(self, order_id: int) -> Known | None: ...


class ShownRisk(Protocol):
    """Limits, what is killed, and how much of each limit is and was used."""

    @property
    def limits(self) -> Limits: ...
    @property
    def control(self) -> Control: ...
    @property
    def peaks(self) -> Mapping[str, Utilisation]: ...
    def utilisation(self) -> list[Utilisation]: ...


class Shown(Protocol):
    """A desk, for looking at."""

    @property
    def bus(self) -> ShownBus: ...
    @property
    def universe(self) -> Universe: ...
    @property
    def books(self) -> Books: ...
    @property
    def positions(self) -> Positions: ...
    @property
    def oms(self) -> ShownOrders: ...
    @property
    def risk(self) -> ShownRisk: ...
    def by_venue(self) -> Mapping[str, Mapping[str, int]]:
        """TCA's measures (`host.tca.report.measures`) of each venue by its name."""
