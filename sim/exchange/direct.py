"""A NIC's records made from the exchange itself: no wire on our side, no gateware, no gate.

For long sessions of a desk, a hundred times as fast as the compiled NIC. What differs: tops come from the books
themselves, so they are ahead of the feed by its latency; every order passes; triggers never fire; no levels or
executions are reported.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from fixparse.templates import NEW_ORDER_SINGLE, ORDER_CANCEL_REQUEST, OrderValues, SessionText
from hdl.layouts import (
    BOOK_TOP,
    CHUNK_BYTES,
    DECISION,
    HEADER_DTYPE,
    INTENT,
    MARKET_EVENT,
    ORDER_SENT,
    RECORD_BYTES,
    SESSION_BYTES,
    Action,
    Origin,
    Side,
)
from hdl.net.headers import IPV4
from hdl.venue import VenueSpec
from sim.capture import blocks
from sim.exchange.client import Client, datagrams
from sim.exchange.exchange import Exchange, Sent
from sim.exchange.schedule import Line
from sim.itch import locate
from sim.models.feed import members

#: Side (54) by `Side`.
_SIDES = {Side.BUY: "1", Side.SELL: "2", Side.SELL_SHORT: "5"}
#: From an intent to the gate's verdict and to the frame's first byte, ns.
_DECIDE_NS, _SEND_NS = 40, 48
_IP = 14
_EVENT = frozenset(MARKET_EVENT.dtype.names)


class DirectNic:
    """`advance` gives the records that come up until a moment, `post` takes those that go down.

    Parameters
    ----------
    listings : (symbol index, stock, venue).
    """

    def __init__(self, exchange: Exchange, venues: Sequence[VenueSpec], listings: Iterable[tuple[int, str, int]]):
        self.exchange, self.venues = exchange, venues
        self.clients = [Client(venue) for venue in venues]
        self.sessions = [SessionText(venue.sender_comp_id, venue.target_comp_id) for venue in venues]
        self.books = {index: (stock, exchange.listing(venue, stock).book, venue) for index, stock, venue in listings}
        self._symbols = {exchange.listing(venue, stock).locate: index
                         for index, (stock, _, venue) in self.books.items()}
        self._tops: dict[int, tuple] = {}
        self._sources = {venue.remote_ip: n for n, venue in enumerate(venues)}
        self._waiting: list[np.ndarray] = []
        self._serial = 0
        self._numbers = [0] * len(venues)
        self._seq = 0
        self._line = Line(exchange.byte_ns)

    def advance(self, until_ns: int) -> np.ndarray:
        """(n, 64) bytes, in the order of their times."""
        for sent in self.exchange.advance(until_ns):
            self._waiting += self._frame(sent)
        self._waiting.sort(key=lambda record: int(record["time"][0]))
        count = next((n for n, record in enumerate(self._waiting) if record["time"][0] > until_ns), len(self._waiting))
        records, self._waiting = self._waiting[:count], self._waiting[count:]
        for record in records:
            record["serial"] = self._serial
            self._serial += 1
        if not records:
            return np.zeros((0, RECORD_BYTES), np.uint8)
        return np.concatenate([record.view(np.uint8).reshape(-1, RECORD_BYTES) for record in records])

    def post(self, raw: np.ndarray, now: int) -> None:
        """Intents leave at `now`; other records have no effect here."""
        for row in raw:
            if row.view(HEADER_DTYPE)["kind"][0] == INTENT.kind:
                self._send(row.view(INTENT.dtype)[0], now)

    def _frame(self, sent: Sent) -> Iterator[np.ndarray]:
        venue = self._sources.get(IPV4.unpack(sent.frame[_IP:])["source"])
        if venue is None:
            return
        client = self.clients[venue]
        at = client.rcv_nxt
        payload = client.payload(sent.frame)
        if not payload:
            yield from self._events(venue, sent)
            yield from self._changed(venue, sent.time_ns)
        for start in range(0, len(payload), CHUNK_BYTES):
            part = payload[start:start + CHUNK_BYTES]
            words = {f"b{n}": int.from_bytes(part[8 * n:8 * n + 8], "little") for n in range(CHUNK_BYTES // 8)}
            yield SESSION_BYTES.make(venue=venue, tcp_seq=(at + start) & 0xFFFF_FFFF, count=len(part),
                                     time=sent.time_ns, **words)

    def _events(self, venue: int, sent: Sent) -> Iterator[np.ndarray]:
        """The messages of a feed's frame that are about our stocks."""
        for datagram in datagrams([sent.frame], self.venues[venue].feed_ip):
            for _, message in blocks(datagram) or ():
                symbol = self._symbols.get(locate(message))
                if symbol is not None:
                    fields = {"symbol": symbol, "feed": venue, "time": sent.time_ns} | members(message)
                    fields["side"] = fields.pop("sell", 0)
                    yield MARKET_EVENT.make(**{name: value for name, value in fields.items() if name in _EVENT})

    def _changed(self, venue: int, time: int) -> Iterator[np.ndarray]:
        """Tops of a venue that have changed."""
        for symbol, (_, book, where) in self.books.items():
            if where != venue:
                continue
            bid, ask = (next(iter(book.depth(side, 1)), (0, 0)) for side in (Side.BUY, Side.SELL))
            if self._tops.get(symbol) != (bid, ask):
                self._tops[symbol] = (bid, ask)
                self._seq += 1
                yield BOOK_TOP.make(symbol=symbol, bid_price=bid[0], bid_qty=bid[1], ask_price=ask[0], ask_qty=ask[1],
                                    seq=self._seq, time=time, feed=venue)

    def _send(self, intent: np.void, now: int) -> None:
        venue, action, side = int(intent["venue"]), int(intent["action"]), Side(int(intent["side"]))
        self._numbers[venue] += 1
        template = NEW_ORDER_SINGLE if action == Action.NEW else ORDER_CANCEL_REQUEST
        frame = self.clients[venue].frame(template.encode(self.sessions[venue], OrderValues(
            self._numbers[venue], 20260105, 0, int(intent["order_id"]), self.books[int(intent["symbol"])][0],
            int(intent["qty"]), _SIDES[side], int(intent["price"]), chr(intent["tif"]), int(intent["orig_id"]))))
        out = self._line.start(now + _SEND_NS, len(frame))
        common = {"symbol": intent["symbol"], "order_id": intent["order_id"], "origin": Origin.HOST, "action": action,
                  "venue": venue}
        self._waiting.append(DECISION.make(price=intent["price"], qty=intent["qty"], side=side,
                                           strategy=intent["strategy"], time=now + _DECIDE_NS, **common))
        self._waiting.append(ORDER_SENT.make(rx_time=now, decide_delay=_DECIDE_NS, time=out,
                                             msg_seq=self._numbers[venue], transact_date=20260105, **common))
        self.exchange.receive(out, frame)
