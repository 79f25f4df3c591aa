"""A network that loses packets, and the recovery that makes up for it: stands between exchange and NIC in a session."""

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from ipaddress import IPv4Address
from itertools import count
from random import Random
from typing import Any

import numpy as np
from rich.table import Table

from hdl.layouts import BOOK_LEVELS, BOOK_TOP, FEED_EVENT, HEADER_DTYPE, MARKET_EVENT, Inexact
from hdl.net.headers import ETHERNET, IPV4, PROTOCOL_UDP
from hdl.registers import FEED, SYMBOL
from hdl.venue import VenueSpec
from host.cli.tables import table
from host.link import Link
from host.marketdata.feedport import State, Timing
from host.marketdata.recovery import FeedRecovery
from host.marketdata.snapshot import FIRST, Listed
from host.universe import Listing
from sim import frames
from sim.exchange import Exchange
from sim.exchange.exchange import Sent
from sim.exchange.rerequest import RerequestServer, SnapshotServer

#: Of a request, and of its answer: one way from the host to the venue's servers.
NETWORK_NS, SNAPSHOT_NS = 4_000, 50_000
_PERMILLE = 1000
#: Group of the recovery packets of feed n, in the block for use within an organisation (RFC 2365), and its UDP port.
_GROUP, _PORT = int(IPv4Address("239.255.71.1")), 26_000
_NO_EVENT = 1
#: What is shown of a recovery's counts.
_SHOWN = {"gaps": "gaps", "missed": "missed", "filled": "filled", "snapshots": "snapshots", "healed": "healed",
          "stale": "given up"}


class LossyNetwork:
    """Takes the place of an `Exchange`: the same calls, but packets of feeds are lost, and recovery's packets come in.

    Parameters
    ----------
    listings : the NIC's symbols; the venue of each is its feed.
    permille : packets of feeds, requests and answers lost, of 1,000.
    late : feeds that begin with a snapshot.
    """

    def __init__(self, exchange: Exchange, link: Link, listings: tuple[Listing, ...], venues: tuple[VenueSpec, ...],
                 permille: int, seed: int, *, timing: Timing = Timing(), late: bool = False):
        self.exchange, self.permille, self.lost = exchange, permille, 0
        self._rng = Random(f"{seed}/network")
        self._agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = count()
        self._out: list[Sent] = []
        self._link, self._records_lost = link, link.lost
        self.feeds = [_Feed(self, n, venue, link, {one.index: one.stock for one in listings if one.venue == n}, timing,
                            late) for n, venue in enumerate(venues)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.exchange, name)

    # ---- in place of the exchange

    def next_time(self) -> int | None:
        times = [feed.recovery.due for feed in self.feeds] + [self.exchange.next_time()]
        times += [self._agenda[0][0]] if self._agenda else []
        return min((time for time in times if time is not None), default=None)

    def advance(self, until_ns: int) -> list[Sent]:
        sent = [one for one in self.exchange.advance(until_ns) if not self._loses(one)]
        while self._agenda and self._agenda[0][0] <= until_ns:
            heappop(self._agenda)[2](until_ns)
        for feed in self.feeds:
            feed.recovery.on_time(until_ns)
        sent += self._out
        self._out = []
        return sent

    def _loses(self, sent: Sent) -> bool:
        """Whether a frame of a feed is lost; those of order sessions are not."""
        udp = IPV4.unpack(sent.frame[ETHERNET.bytes:])["protocol"] == PROTOCOL_UDP
        gone = udp and self.unlucky()
        self.lost += gone
        return gone

    def unlucky(self) -> bool:
        return self._rng.randrange(_PERMILLE) < self.permille

    def later(self, delay_ns: int, what: Callable[[int], None]) -> None:
        """`what` happens so much later, unless it gets lost on the way."""
        if not self.unlucky():
            heappush(self._agenda, (self.exchange.now + delay_ns, next(self._order), what))

    def send(self, port: int, frame: bytes) -> None:
        self._out.append(Sent(self.exchange.now, port, frame))

    # ---- what the NIC says

    def on_records(self, now: int, raw: np.ndarray) -> None:
        """Records as they came up. Rows of books that are being loaded lose their kind: nobody is to read them."""
        kinds = raw.view(HEADER_DTYPE).reshape(-1)["kind"]
        events = raw[kinds == FEED_EVENT.kind].view(FEED_EVENT.dtype).reshape(-1)
        market = raw[kinds == MARKET_EVENT.kind].view(MARKET_EVENT.dtype).reshape(-1)
        for feed in self.feeds:
            if self._link.lost != self._records_lost:
                feed.recovery.on_lost(now)
            feed.recovery.on_records(now, events[events["feed"] == feed.index], market[market["feed"] == feed.index])
        self._records_lost = self._link.lost
        self._hide(raw, kinds)

    def _hide(self, raw: np.ndarray, kinds: np.ndarray) -> None:
        hidden = False
        for record, kind in zip(raw, kinds.tolist(), strict=True):
            if kind == BOOK_TOP.kind:
                hidden = self._is_loading(record.view(BOOK_TOP.dtype)[0])
            elif kind == MARKET_EVENT.kind:
                if record.view(MARKET_EVENT.dtype)[0]["seq"] >= FIRST:
                    record[0] = 0
                continue
            if hidden and kind in (BOOK_TOP.kind, BOOK_LEVELS.kind):
                record[0] = 0

    def _is_loading(self, top: np.void) -> bool:
        emptied = top["flags"] & _NO_EVENT and not top["inexact"]
        loading = self.feeds[int(top["feed"])].recovery.state is not State.LIVE
        return bool(top["seq"] >= FIRST or (emptied and loading))

    def summary(self) -> dict[str, Any]:
        """Of each feed: what it is doing, and how often what was done."""
        return {"lost": self.lost, "feeds": {
            feed.venue.target_comp_id: {"state": feed.recovery.state.value, **dict(sorted(feed.recovery.count.items()))}
            for feed in self.feeds}}


def recovery_tables(summary: dict[str, Any]) -> list[Table]:
    """What became of lost packets, from the summary of a session that lost some."""
    if "recovery" not in summary:
        return []
    feeds = summary["recovery"]["feeds"]
    return [table(f"Feeds with loss ({summary['recovery']['lost']:,} packets lost)", ("feed", *_SHOWN.values(), "now"),
                  ((name, *(one.get(count, 0) for count in _SHOWN), one["state"]) for name, one in feeds.items()))]


class _Feed:
    """The `Port` of one feed's recovery: its registers, its group, and the venue's servers."""

    def __init__(self, network: LossyNetwork, index: int, venue: VenueSpec, link: Link, symbols: dict[int, str],
                 timing: Timing, late: bool):
        self.network, self.index, self.venue, self.link = network, index, venue, link
        feed = network.exchange.feed(index)
        self.server, self.snapshots = RerequestServer(feed), SnapshotServer(feed)
        self.port = min(index, link.config.ports - 1)
        self.recovery = FeedRecovery(venue.mold_session, symbols, self, timing=timing, late=late)

    def listen(self, live: bool) -> None:
        ip, port = (self.venue.feed_ip, self.venue.feed_port) if live else (_GROUP + self.index, _PORT + self.index)
        self._write(FEED["group"].name, FEED["group"].pack(ip=ip, port=port, enable=1))

    def expect(self, seq: int) -> None:
        self._write(FEED["expected"].name, seq)

    def _write(self, name: str, value: int) -> None:
        self.link.write(FEED, name, value, self.index)
        self.link.read(FEED, "status", self.index)  # answered after the write has acted

    def expected(self) -> int:
        return self.link.read(FEED, "expected", self.index)

    def clear(self, symbols: Mapping[int, Listed]) -> bool:
        """Names and routes are written too: a damaged R message may have changed them."""
        for symbol, (stock, locate) in symbols.items():
            name = int.from_bytes(stock.encode().ljust(8), "little")
            route = SYMBOL["route"].pack(locate=locate, feed=self.index, enable=1)
            self.link.write_many([(SYMBOL, "name", symbol, name), (SYMBOL, "route", symbol, route),
                                  (SYMBOL, "clear", symbol, 1)])
        states = self.link.read_many([(SYMBOL, "status", symbol) for symbol in symbols])
        return not any(SYMBOL["status"].unpack(state)["inexact"] & ~(1 << Inexact.REFILL) for state in states)

    def locate(self, symbol: int) -> int:
        return SYMBOL["route"].unpack(self.link.read(SYMBOL, "route", symbol))["locate"]

    def inject(self, datagram: bytes) -> None:
        venue, index = self.venue, self.index
        self.network.send(self.port, frames.udp_frame(
            datagram, source_ip=venue.local_ip, source=_PORT, destination_ip=_GROUP + index, destination=_PORT + index))

    def ask(self, request: bytes) -> None:
        self.network.later(NETWORK_NS, lambda now: self._answer(self.server.answer(request)))

    def _answer(self, datagram: bytes | None) -> None:
        if datagram is not None:
            self.network.later(NETWORK_NS, lambda now: self.recovery.on_answer(now, datagram))

    def ask_snapshot(self) -> None:
        self.network.later(SNAPSHOT_NS, lambda now: self._send_snapshot(*self.snapshots.answer()))

    def _send_snapshot(self, messages: list[bytes], following: int) -> None:
        self.network.later(SNAPSHOT_NS, lambda now: self.recovery.on_snapshot(now, messages, following))


__all__ = ["LossyNetwork", "recovery_tables"]
