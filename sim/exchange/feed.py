"""The market-data feed of one venue: book events as ITCH 5.0 in MoldUDP64 in multicast frames.

Sources: Nasdaq TotalView-ITCH 5.0 (2023-08-22), chapters 1.1 to 1.5; MoldUDP64 1.00: downstream packet,
heartbeats (count 0), end of session (count 0xFFFF, repeated for a while).
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator

from hdl.feed.spec import MOLD_END_OF_SESSION, MOLD_HEADER_BYTES, MOLD_HEARTBEAT, MOLD_LENGTH_BYTES
from hdl.layouts import Side
from hdl.venue import VenueSpec
from sim import frames, itch
from sim.exchange.matching import Added, Deleted, Event, Executed, HiddenTrade, Reduced, Replaced
from sim.exchange.stocks import Stock

#: Time stamps are ns since midnight; the simulated day is a UTC day (a real one is New York time).
DAY_NS = 86_400 * 10**9
#: Largest datagram: an Ethernet payload of 1,500 bytes less the IPv4 and UDP headers.
MAX_DATAGRAM = 1_472
SIDE_TEXT = {Side.BUY: "B", Side.SELL: "S"}
#: MoldUDP64 1.00, "heartbeats": about once a second while there is nothing to send.
HEARTBEAT_NS = 1_000_000_000
#: Messages that are kept for those who ask again.
KEPT = 1_000_000
#: Stock Directory (R) of an ordinary listed stock; ITCH 5.0, 1.2.1.
_DIRECTORY = {"market_category": "Q", "financial_status": "N", "round_lots_only": "N", "issue_classification": "C",
              "issue_subtype": "Z", "authenticity": "P", "short_sale_threshold": "N", "ipo_flag": "N",
              "luld_tier": "1", "etp_flag": "N", "inverse": "N"}


class Feed:
    """Messages of one venue, in sequence.

    Parameters
    ----------
    spec : the venue.
    stocks : what it lists, by stock locate.
    """

    def __init__(self, spec: VenueSpec, stocks: dict[int, Stock]):
        self.spec = spec
        self.stocks = stocks
        self.sequence = 1
        #: Messages by type.
        self.count: Counter[str] = Counter()
        self._sent: deque[bytes] = deque(maxlen=KEPT)

    @property
    def first(self) -> int:
        """Sequence number of the oldest message that is kept."""
        return self.sequence - len(self._sent)

    def message_at(self, sequence: int) -> bytes:
        """A message that was sent and is kept."""
        return self._sent[sequence - self.first]

    def start_of_day(self, time_ns: int) -> list[bytes]:
        """S (start of messages), R of each stock, S (start of system hours), H (trading), S (start of market hours)."""
        def message(type_: str, locate: int = 0, **fields) -> bytes:
            return self._message(type_, locate, time_ns, **fields)

        messages = [message("S", event_code="O")]
        messages += [message("R", locate, stock=stock.name, round_lot_size=stock.lot, **_DIRECTORY)
                     for locate, stock in self.stocks.items()]
        messages += [message("S", event_code="S")]
        messages += [self.trading_action(locate, time_ns, "T") for locate in self.stocks]
        messages += [message("S", event_code="Q")]
        return list(self.packets(messages))

    def end_of_day(self, time_ns: int) -> list[bytes]:
        """S (end of market hours, of system hours, of messages), then the end of session."""
        messages = [self._message("S", 0, time_ns, event_code=code) for code in "MEC"]
        return [*self.packets(messages), self._frame(itch.datagram(self.spec.mold_session, self.sequence, [],
                                                                   MOLD_END_OF_SESSION))]

    def trading_action(self, locate: int, time_ns: int, state: str) -> bytes:
        """H. `state`: T trading, H halted."""
        return self._message("H", locate, time_ns, stock=self.stocks[locate].name, trading_state=state)

    def heartbeat(self) -> bytes:
        return self._frame(itch.datagram(self.spec.mold_session, self.sequence, [], MOLD_HEARTBEAT))

    def publish(self, locate: int, time_ns: int, events: Iterable[Event]) -> list[bytes]:
        """Frames with one message for each event."""
        return list(self.packets([self.message(locate, time_ns, event) for event in events]))

    def message(self, locate: int, time_ns: int, event: Event) -> bytes:
        """The ITCH message of one event."""
        match event:
            case Added(ref, side, price, qty, attribution):
                fields = {"ref": ref, "side": SIDE_TEXT[side], "shares": qty, "price": price,
                          "stock": self.stocks[locate].name}
                if attribution:
                    return self._message("F", locate, time_ns, attribution=attribution, **fields)
                return self._message("A", locate, time_ns, **fields)
            case Executed(ref, qty, price, match, displayed):
                if displayed:
                    return self._message("E", locate, time_ns, ref=ref, shares=qty, match=match)
                return self._message("C", locate, time_ns, ref=ref, shares=qty, match=match, printable="Y", price=price)
            case Reduced(ref, qty):
                return self._message("X", locate, time_ns, ref=ref, shares=qty)
            case Deleted(ref):
                return self._message("D", locate, time_ns, ref=ref)
            case Replaced(ref, new_ref, price, qty):
                return self._message("U", locate, time_ns, ref=ref, new_ref=new_ref, shares=qty, price=price)
            case HiddenTrade(side, price, qty, match):
                return self._message("P", locate, time_ns, side=SIDE_TEXT[side], shares=qty, price=price, match=match,
                                     stock=self.stocks[locate].name)
        raise TypeError(f"no ITCH message for {event!r}")

    def packets(self, messages: list[bytes]) -> Iterator[bytes]:
        """Frames that carry the messages, as many in each as fit."""
        batch: list[bytes] = []
        size = MOLD_HEADER_BYTES
        for message in messages:
            size += MOLD_LENGTH_BYTES + len(message)
            if size > MAX_DATAGRAM:
                yield self._send(batch)
                batch, size = [], MOLD_HEADER_BYTES + MOLD_LENGTH_BYTES + len(message)
            batch.append(message)
        if batch:
            yield self._send(batch)

    def _send(self, batch: list[bytes]) -> bytes:
        frame = self._frame(itch.datagram(self.spec.mold_session, self.sequence, batch))
        self.sequence += len(batch)
        self._sent += batch
        return frame

    def _message(self, type_: str, locate: int, time_ns: int, **fields) -> bytes:
        self.count[type_] += 1
        return itch.encode(type_, locate=locate, timestamp=time_ns % DAY_NS, **fields)

    def _frame(self, datagram: bytes) -> bytes:
        spec = self.spec
        return frames.udp_frame(datagram, source_ip=spec.remote_ip, destination_ip=spec.feed_ip, source=spec.feed_port,
                                destination=spec.feed_port, source_mac=spec.remote_mac)
