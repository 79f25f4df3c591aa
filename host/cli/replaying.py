"""Books of a file, message by message, by the compiled NIC or by the golden model."""

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from hdl.config import GBE, NicConfig
from hdl.feed.spec import MESSAGES
from hdl.layouts import Inexact
from host.cli.deliveries import Delivery, deliveries
from host.cli.errors import UserError
from host.cli.places import folder
from sim import capture, itch
from sim.capture import CaptureError, ItchMessage
from sim.models.book import BookModel
from sim.models.feed import FeedModel

Level = tuple[int, int]
#: Messages between two updates of the progress display.
_STEP = 500


class Book(NamedTuple):
    """The book of `name` after `message`: (price, quantity) by side, best first."""
    message: ItchMessage
    name: str
    exact: bool
    bids: Sequence[Level]
    asks: Sequence[Level]


class Engine(Protocol):
    """Takes every frame of a file in order; answers with the books after each message that touches one."""

    def apply(self, delivery: Delivery, depth: int) -> list[Book]: ...

    def close(self) -> None: ...


class ModelEngine:
    """The golden models of feed and book."""

    def __init__(self, locates: dict[int, str]):
        self.feed, self.model = FeedModel(GBE), BookModel(locates)
        for index, (locate, name) in enumerate(locates.items()):
            self.feed.subscription.subscribe(index, name, 0, locate)
        self.names = list(locates.values())

    def apply(self, delivery: Delivery, depth: int) -> list[Book]:
        passed = self.feed.datagram(0, delivery.datagram)
        for _, causes in self.feed.sequencer.faults:
            for cause in (cause for cause in Inexact if causes >> cause & 1):
                self.model.fault(cause)
        self.feed.sequencer.faults.clear()
        books = []
        for symbol, message in passed:
            original, name = delivery.messages[message.seq - delivery.seq], self.names[symbol]  # type: ignore[attr-defined]
            self.model.apply(original.data)
            books.append(Book(original, name, not self.model.inexact(name), *self.model.depth(name, depth)))
        return books

    def close(self) -> None:
        """Nothing to end."""


def _nic_engine(locates: dict[int, str], config: NicConfig = GBE) -> Engine:
    from host.cli.nicbooks import NicEngine
    return NicEngine(locates, config)


ENGINES: dict[str, Callable[..., Engine]] = {"model": ModelEngine, "nic": _nic_engine}


def locates(file: Path, names: list[str]) -> dict[int, str]:
    """Stock locate to name, from the first message that names each stock; a stock never named is left out.

    A fault in the file ends the search; it is reported when the file is replayed.
    """
    found: dict[int, str] = {}
    try:
        for message in capture.messages(file):
            if "stock" not in MESSAGES[chr(message.data[0])].by_name:
                continue
            decoded = itch.decode(message.data)
            if decoded.stock in names and decoded.locate:  # type: ignore[attr-defined]
                found.setdefault(decoded.locate, decoded.stock)  # type: ignore[attr-defined]
                if len(set(found.values())) == len(names):
                    break
    except CaptureError as error:
        if not found:
            raise error
    return found


def run(engine: str, file: Path, found: dict[int, str], depth: int, books: Path,
        progress, config: NicConfig = GBE) -> tuple[int, CaptureError | None]:
    """Write the CSV by an engine of `ENGINES`; see `write`. The model's rows of a long file come from its twin.

    `config` is the variant of the NIC; the model is the same for all.
    """
    if engine == "model":
        from host.cli import replaytwin
        rows = replaytwin.write(file, found, header(depth), depth, books, progress)
        if rows is not None:
            return rows, None
    make: Callable[..., Engine] = partial(ENGINES[engine], config=config) if engine == "nic" else ENGINES[engine]
    return write(make, file, found, depth, books, progress)


def write(make: Callable[..., Engine], file: Path, found: dict[int, str], depth: int, books: Path,
          progress) -> tuple[int, CaptureError | None]:
    """Write the CSV. Returns its rows, and the fault that ended the file early; what came before it is kept."""
    folder(books.parent)
    task = progress.add_task(file.name, total=None)
    engine = make(found)
    fault, rows = None, 0
    try:
        with books.open("w", newline="", encoding="ascii") as output:
            writer = csv.writer(output, lineterminator="\n")
            writer.writerow(header(depth))
            try:
                for delivery in _watched(file, progress, task):
                    for book in engine.apply(delivery, depth):
                        writer.writerow(row(book, depth))
                        rows += 1
            except CaptureError as error:
                fault = error
    except OSError as error:
        raise UserError(f"{books}: cannot be written ({error.strerror})") from None
    finally:
        engine.close()
    return rows, fault


def header(depth: int) -> list[str]:
    levels = [f"{name}{n}" for n in range(1, depth + 1) for name in ("bid", "bidqty", "ask", "askqty")]
    return ["seq", "timestamp_ns", "symbol", "exact", *levels]


def row(book: Book, depth: int) -> list:
    cells = [book.message.index, itch.timestamp(book.message.data), book.name, int(book.exact)]
    for n in range(depth):
        cells += book.bids[n] if n < len(book.bids) else (0, 0)
        cells += book.asks[n] if n < len(book.asks) else (0, 0)
    return cells


def _watched(file: Path, progress, task) -> Iterator[Delivery]:
    shown = 0
    for delivery in deliveries(file):
        yield delivery
        if delivery.messages and delivery.messages[-1].index - shown >= _STEP:
            shown = delivery.messages[-1].index
            progress.update(task, completed=shown)
