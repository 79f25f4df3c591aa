"""The whole receive side of a NIC in golden models, frame by frame: what must come up, and what registers must say."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from hdl.config import NicConfig
from hdl.layouts import Inexact, Side
from hdl.registers import FEED, PORT, SYMBOL, VENUE, Block
from hdl.venue import VenueSpec
from sim.faults.truth import Depth
from sim.models import rings
from sim.models.book import SymbolBook
from sim.models.feed import FeedModel
from sim.models.receiver import Feed, ReceiverModel, To, Venue
from sim.models.tokenizer import MALFORMED, tokenize

#: (block, register, instance)
Place = tuple[Block, str, int]


class Expected:
    """What one batch brings up: by feed, by symbol, by venue, each in order. `rx_time` is the number of the frame.

    Members
    -------
    market : for each feed, MARKET_EVENT records as dicts.
    events : for each feed, FEED_EVENT fields.
    rows : for each symbol, (sequence number, `Inexact` bits then, those once its frame had ended, book).
    streams : for each venue, the bytes taken from it.
    """

    def __init__(self, config: NicConfig):
        self.market: list[list[dict]] = [[] for _ in range(config.feeds)]
        self.events: list[list[dict]] = [[] for _ in range(config.feeds)]
        self.rows: list[list[tuple[int, int, int, Depth]]] = [[] for _ in range(config.symbols)]
        self.streams = [b""] * config.venues


class NicModel:
    """Receivers, feed paths, sequencer, subscription, books and order sessions.

    Each feed must come in on one port: the order of messages of two ports is a matter of cycles, and not judged here.
    """

    def __init__(self, config: NicConfig, venues: tuple[VenueSpec, ...]):
        self.config = config
        feeds = [Feed(venue.feed_ip, venue.feed_port) for venue in venues]
        sessions = [Venue(one.remote_ip, one.remote_port, one.local_ip, one.local_port) for one in venues]
        self.receivers = [ReceiverModel(config, port, feeds, sessions) for port in range(config.ports)]
        self.feed = FeedModel(config)
        self.books = [SymbolBook(1 << Inexact.NOT_STARTED) for _ in range(config.symbols)]
        self.ports: list[Counter[str]] = [Counter() for _ in range(config.ports)]
        self.venues: list[Counter[str]] = [Counter() for _ in venues]
        self.rcv_nxt = [0] * len(venues)
        self.expected = Expected(config)

    def restart(self, rcv_nxt: list[int]):
        """A batch begins: `expected` of every feed was written 0, the sessions' TCP numbers anew."""
        for feed in self.feed.sequencer.feeds:
            feed.write_expected(0)
        self.rcv_nxt, self.expected = list(rcv_nxt), Expected(self.config)

    def clear(self, symbol: int):
        self.books[symbol] = SymbolBook()
        self.feed.subscription.symbols[symbol].clear()

    def frame(self, port: int, number: int, frame: bytes, error: bool):
        """Frame `number` of its port has ended."""
        count = self.ports[port]
        payload, cause = self.receivers[port].receive(frame, error)
        count["frames"] += 1
        count[cause or "good"] += 1
        if payload is None:
            return
        if payload.to is To.FEED:
            self._datagram(port, number, payload)
        elif payload.to is To.SESSION:
            self._segment(payload)

    def _datagram(self, port: int, number: int, payload):
        rows = []
        path, sequencer = self.feed.ports[port], self.feed.sequencer
        for message in path.datagram(payload.data, payload.index, number, payload.length, payload.error):
            passed = sequencer.message(message)
            self._faults()
            symbol = self.feed.subscription.message(passed) if passed is not None else None
            if symbol is not None:
                self.expected.market[payload.index].append(
                    rings.market_event({"symbol": symbol, "message": asdict(passed)}))
                apply(self.books[symbol], passed)
                rows.append((symbol, passed.seq, self.books[symbol].inexact, self._depth(symbol)))
        for symbol, seq, inexact, depth in rows:
            self.expected.rows[symbol].append((seq, inexact, self.books[symbol].inexact, depth))

    def _faults(self):
        sequencer = self.feed.sequencer
        for feed, causes in sequencer.faults:
            for symbol, state in enumerate(self.feed.subscription.symbols):
                if state.feed == feed:
                    self.books[symbol].inexact |= causes
        for event in sequencer.events:
            self.expected.events[event["feed"]].append(event)
        sequencer.faults.clear()
        sequencer.events.clear()

    def _depth(self, symbol: int) -> Depth:
        book, depth = self.books[symbol], self.config.depth
        return Depth(*([tuple(level) for level in book.side(side, depth)] for side in (Side.BUY, Side.SELL)))

    def _segment(self, payload):
        venue, data = payload.index, payload.data
        if payload.error or not data:
            return
        if payload.tcp_seq != self.rcv_nxt[venue]:
            self.venues[venue]["out_of_order"] += 1
            return
        self.venues[venue]["received"] += 1
        self.rcv_nxt[venue] = (payload.tcp_seq + len(data)) % 2**32
        self.expected.streams[venue] += data

    def finish(self):
        """The batch has ended: the messages of the sessions are counted."""
        for count, stream in zip(self.venues, self.expected.streams, strict=True):
            events = tokenize(stream)
            count["malformed"] += events.count(MALFORMED)
            count["reports"] += len(events) - events.count(MALFORMED)

    def registers(self) -> Iterator[tuple[Place, int]]:
        """Registers and what they must read."""
        for port, path in enumerate(self.feed.ports):
            counts = self.ports[port] + path.count
            yield from (((PORT, reg.name, port), counts[reg.name]) for reg in PORT.regs)
        for n, feed in enumerate(self.feed.sequencer.feeds):
            status = FEED["status"].pack(gap=int(feed.gap), ended=int(feed.ended), started=int(feed.started),
                                           waiting=int(feed.owed > 0))
            yield (FEED, "status", n), status
            yield (FEED, "session", n), feed.shown_session
            if feed.started:
                yield (FEED, "expected", n), feed.expected
            yield from (((FEED, reg.name, n), feed.count[reg.name]) for reg in FEED.regs
                        if reg.unit == "count")
        for n, symbol in enumerate(self.feed.subscription.symbols):
            yield (SYMBOL, "route", n), SYMBOL["route"].pack(locate=symbol.locate, feed=symbol.feed,
                                                            enable=int(symbol.enable))
        for n, counts in enumerate(self.venues):
            yield from (((VENUE, name, n), counts[name]) for name in ("received", "out_of_order", "reports",
                                                                      "malformed"))

    def halted(self, symbol: int) -> bool:
        return self.feed.subscription.symbols[symbol].halted


def apply(book: SymbolBook, message):
    """A `FeedMessage` on its book: ITCH 5.0, 1.3 and 1.4."""
    match chr(message.type):
        case "A" | "F":
            book.add(message.ref, Side.SELL if message.sell else Side.BUY, message.price, message.qty)
        case "E" | "C" | "X":
            book.take(message.ref, message.qty)
        case "D":
            book.delete(message.ref)
        case "U":
            book.replace(message.ref, message.new_ref, message.price, message.qty)


__all__ = ["Expected", "NicModel", "Place", "apply"]
