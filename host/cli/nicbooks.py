"""Books by the compiled NIC, for `tickgate replay`: frames in, records out, message by message."""

from collections import Counter

import numpy as np

from hdl.book.control import ROW_CYCLES
from hdl.config import GBE, NicConfig
from hdl.layouts import BOOK_LEVELS, BOOK_TOP, HEADER_DTYPE, Inexact, Side
from hdl.registers import FEED
from hdl.venue import SIMULATED
from host.cli.deliveries import Delivery
from host.cli.errors import UserError
from host.cli.replaying import Book
from host.link import LinkError
from host.link.driver import Driver
from host.link.virtual import VirtualLink
from host.marketdata.books import Books
from sim.capture import ItchMessage
from sim.nic import VirtualNic

#: Messages that may take a price level away: afterwards the NIC may want to refill its list.
_SHORTENING = frozenset(b"ECXDU")
#: Nothing more comes of a frame once the NIC was silent for so many cycles.
_QUIET = 96
_NO_EVENT = 1

Levels = list[tuple[int, int]]


class RefillWatch:
    """Counts what may have taken a level from a list, so that the NIC is given time before its slack is used up.

    The NIC keeps more levels than it reports. A message that changed reported quantities alone took
    none away; where nothing reported changed, it may have been one of the others.
    """

    def __init__(self, config: NicConfig = GBE) -> None:
        self._depth = config.depth
        #: So many may come in a row: fewer than half the slack of a list, at which a refill begins.
        self._patience = (config.levels - config.depth) // 2
        self._before: dict[tuple[int, int], Levels] = {}
        self._taken: Counter[tuple[int, int]] = Counter()

    def before(self, key: tuple[int, int], levels: Levels) -> None:
        """`levels` of the (symbol, side) `key` are about to be replaced."""
        self._before.setdefault(key, list(levels))

    def after(self, message: bytes, books: Books) -> None:
        """`message` and all its levels have come."""
        for key, old in self._before.items():
            new = books.depth(key[0], Side(key[1]))
            quantities_alone = old != new and [level[0] for level in old] == [level[0] for level in new]
            if message[0] in _SHORTENING and len(new) >= self._depth and not quantities_alone:
                self._taken[key] += 1
        self._before.clear()

    def due(self) -> bool:
        """Whether to idle now; the answer yes starts the count again."""
        if max(self._taken.values(), default=0) < self._patience:
            return False
        self._taken.clear()
        return True


class NicEngine:
    """The NIC of `sim.nic`, listening to whatever comes on port 0.

    Between messages it idles as long as its refills need, which on a real feed the gaps give it.
    """

    def __init__(self, locates: dict[int, str], config: NicConfig = GBE):
        self.nic = VirtualNic(config)
        #: A refill reads every row of the order table, in idle cycles, and some rows twice.
        self._refill_cycles = 2 * ROW_CYCLES * config.order_rows
        self.names = list(locates.values())
        try:
            self.link = VirtualLink(self.nic)
            driver = Driver(self.link)
            driver.report(events=False, levels=True)
            for index, (locate, name) in enumerate(locates.items()):
                driver.subscribe(index, name, feed=0, locate=locate, clear=True)
            driver.set_feed(0, SIMULATED[0], promiscuous=True)
            self.link.read(FEED, "status")  # answered after everything above is done
        except LinkError as error:
            self.nic.close()
            raise UserError(str(error)) from None
        self.books = Books()
        self._by_seq: dict[int, ItchMessage] = {}
        self._watch = RefillWatch(config)

    def apply(self, delivery: Delivery, depth: int) -> list[Book]:
        for n, message in enumerate(delivery.messages):
            self._by_seq.setdefault(delivery.seq + n, message)
        self.nic.send(0, delivery.frame)
        self.nic.run_while_busy(quiet=_QUIET)
        books = self._collect(depth)
        if self.link.lost:
            raise UserError(f"the NIC lost {self.link.lost} records near message {delivery.messages[0].index}")
        if self._watch.due() or any(top.inexact >> Inexact.REFILL & 1 for top in self.books.tops.values()):
            self.nic.run(self._refill_cycles)
        return books

    def close(self) -> None:
        self.link.close()

    def _collect(self, depth: int) -> list[Book]:
        """The books after each message, from the records that came up; each top is followed by its levels."""
        raw = self.link.poll()
        kinds = raw.view(HEADER_DTYPE).reshape(-1)["kind"]
        books: list[Book] = []
        pending: np.ndarray | None = None
        for record, kind in zip(raw, kinds, strict=True):
            if kind == BOOK_LEVELS.kind:
                levels = record.view(BOOK_LEVELS.dtype)
                key = int(levels["symbol"][0]), int(levels["side"][0])
                self._watch.before(key, self.books.depth(key[0], Side(key[1])))
                self.books.on_levels(levels)
            elif kind == BOOK_TOP.kind:
                books += self._book(pending, depth)
                pending = record.view(BOOK_TOP.dtype)
                self.books.on_tops(pending)
        return books + self._book(pending, depth)

    def _book(self, top: np.ndarray | None, depth: int) -> list[Book]:
        """The book of a top whose levels have come; none where no message caused it."""
        if top is None or top["flags"][0] & _NO_EVENT:
            return []
        message = self._by_seq.pop(int(top["seq"][0]))
        symbol = int(top["symbol"][0])
        self._watch.after(message.data, self.books)
        bids, asks = (self.books.depth(symbol, side)[:depth] for side in (Side.BUY, Side.SELL))
        return [Book(message, self.names[symbol], not top["inexact"][0], bids, asks)]
