"""Books by the compiled NIC, for `tickgate replay`: frames in, records out, message by message."""

import numpy as np

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
#: So many of them may come in a row: fewer than half the slack of a list, at which a refill begins.
_PATIENCE = (GBE.levels - GBE.depth) // 2
#: Nothing more comes of a frame once the NIC was silent for so many cycles.
_QUIET = 256
#: A refill reads every row of the order table, in idle cycles, and some rows twice.
_REFILL_CYCLES = 8 * GBE.order_rows
_NO_EVENT = 1


class NicEngine:
    """The NIC of `sim.nic`, listening to whatever comes on port 0.

    Between messages it idles as long as its refills need, which on a real feed the gaps give it.
    """

    def __init__(self, locates: dict[int, str], config: NicConfig = GBE):
        self.nic = VirtualNic(config)
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
        self._shortened = 0

    def apply(self, delivery: Delivery, depth: int) -> list[Book]:
        for n, message in enumerate(delivery.messages):
            self._by_seq.setdefault(delivery.seq + n, message)
        self.nic.send(0, delivery.frame)
        self.nic.run_while_busy(quiet=_QUIET)
        books = self._collect(depth)
        if self._deep():
            self._shortened += sum(book.message.data[0] in _SHORTENING for book in books)
        if self._shortened >= _PATIENCE or any(self._refilling()):
            self._shortened = 0
            self.nic.run(_REFILL_CYCLES)
        return books

    def close(self) -> None:
        self.link.close()

    def _deep(self) -> bool:
        """Some side may hold more levels than are reported: only then can a list need a refill."""
        return any(len(self.books.depth(symbol, side)) >= GBE.depth
                   for symbol in self.books.tops for side in (Side.BUY, Side.SELL))

    def _refilling(self) -> list[bool]:
        return [bool(top.inexact >> Inexact.REFILL & 1) for top in self.books.tops.values()]

    def _collect(self, depth: int) -> list[Book]:
        """The books after each message, from the records that came up; each top is followed by its levels."""
        raw = self.link.poll()
        kinds = raw.view(HEADER_DTYPE).reshape(-1)["kind"]
        books: list[Book] = []
        pending: np.ndarray | None = None
        for record, kind in zip(raw, kinds, strict=True):
            if kind == BOOK_LEVELS.kind:
                self.books.on_levels(record.view(BOOK_LEVELS.dtype))
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
        bids, asks = (self.books.depth(symbol, side)[:depth] for side in (Side.BUY, Side.SELL))
        return [Book(message, self.names[symbol], not top["inexact"][0], bids, asks)]
