"""All venues together, in simulated time: frames in, frames out."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from hdl.layouts import Side
from hdl.net.headers import ETHERNET, IPV4
from hdl.venue import VenueSpec
from sim.exchange.clients import Listing
from sim.exchange.fade import Fade
from sim.exchange.feed import HEARTBEAT_NS, Feed
from sim.exchange.flow import Flow, FlowRates, Value
from sim.exchange.gateway import Gateway
from sim.exchange.matching import Book, Event, Numbers
from sim.exchange.schedule import Line, Schedule
from sim.exchange.stocks import Stock, stock
from sim.exchange.tcp import TcpEndpoint

#: Stock locates of venue n are 1000 n + 1, 1000 n + 2, ...: never the same on two venues.
LOCATES_PER_VENUE = 1000
#: Whom a symbol follows, and what it is worth at a value of that.
Follows = tuple[str, Callable[[int], int]]
#: The port on which the NIC has its order sessions.
SESSION_PORT = 0


@dataclass(frozen=True)
class Latency:
    """Of one venue, in ns: the wire one way, the gateway and matching engine, and match to feed."""
    wire_ns: int = 2_000
    match_ns: int = 3_000
    feed_ns: int = 1_000


@dataclass(frozen=True)
class Sent:
    """A frame (without preamble and FCS) whose first byte reaches the NIC's `port` at `time_ns`."""
    time_ns: int
    port: int
    frame: bytes


class _Venue:
    """One venue: its books, flow, feed and session."""

    def __init__(self, index: int, spec: VenueSpec, values: Sequence[Value], rates: FlowRates, latency: Latency,
                 seed: int, fade: Fade | None):
        self.index, self.spec, self.latency = index, spec, latency
        numbers = Numbers()
        self.listings = [Listing(value.stock, LOCATES_PER_VENUE * index + n, Book(numbers))
                         for n, value in enumerate(values, 1)]
        self.flows = [Flow(listing, value, rates, Random(f"{seed}/{spec.name}/{value.stock.name}"))
                      for listing, value in zip(self.listings, values, strict=True)]
        self.flow_of = {flow.listing.locate: flow for flow in self.flows}
        self.feed = Feed(spec, {listing.locate: listing.stock for listing in self.listings})
        self.gateway = Gateway(spec, self.listings, fade)
        self.tcp = TcpEndpoint(spec)
        self.heartbeat_due = 0

    def listing(self, symbol: str) -> Listing:
        for listing in self.listings:
            if listing.stock.name == symbol:
                return listing
        raise KeyError(f"{self.spec.name} does not list {symbol}")


class Exchange:
    """Several venues with one market behind them. The same arguments and the same calls give the same bytes.

    Drive it by turns: `advance(t)` gives every frame that reaches the NIC up to `t`, `receive(t, frame)`
    hands over what the NIC sent. A frame that ended before the time already advanced to is taken at that
    time, and counted as `late`: hand frames over as soon as they are complete.

    Parameters
    ----------
    venues : feed of venue n comes on port n, all order sessions on port 0.
    symbols : names (see `sim.exchange.stocks`) or `Stock`s, listed on every venue.
    seed : of the flow.
    start_ns : ns since the epoch, UTC, at which the day starts (directory and first orders go out); ITCH
        time stamps count from midnight UTC of that day.
    rates : of the flow; None: no flow at all, and empty books, for tests.
    latency : one for all venues, or one each.
    follows : by symbol, the one whose latent value it follows, and how: its value for a value of that (both in
        1e-4 USD). For options; they have no walk of their own.
    fades : by venue index, of those that treat large orders badly.
    byte_ns : time of one byte on a port, 8 at 1 Gb/s; 0 for a port without limit.
    ports : of the NIC; feeds beyond the last port share it.
    """

    def __init__(self, venues: Sequence[VenueSpec], symbols: Iterable[str | Stock], seed: int, start_ns: int, *,
                 rates: FlowRates | None = FlowRates(), latency: Latency | Sequence[Latency] = Latency(),
                 fades: Mapping[int, Fade] | None = None, follows: Mapping[str, Follows] | None = None,
                 byte_ns: int = 8, ports: int = 2):
        latencies = [latency] * len(venues) if isinstance(latency, Latency) else list(latency)
        if len(latencies) != len(venues):
            raise ValueError(f"{len(latencies)} latencies for {len(venues)} venues")
        stocks = [stock(symbol) for symbol in symbols]
        if not stocks or len({one.name for one in stocks}) != len(stocks):
            raise ValueError("at least one symbol is needed, and each only once")
        self.now = start_ns
        self.byte_ns = byte_ns
        self.count: Counter[str] = Counter()
        self._rates = rates
        self._values = [Value(one) for one in stocks]
        self._follow(follows or {})
        self._venues = [_Venue(n, spec, self._values, rates or FlowRates(), latencies[n], seed,
                               (fades or {}).get(n))
                        for n, spec in enumerate(venues)]
        self._by_address = {(venue.spec.remote_ip, venue.spec.remote_mac): venue for venue in self._venues}
        self._schedule = Schedule()
        self._lines = [Line(byte_ns) for _ in range(ports)]
        self._sent: list[Sent] = []
        self._closed = False
        for venue in self._venues:
            self._schedule.at(start_ns, partial(self._open, venue))
        if rates is not None:
            for value in self._values:
                if value.stock.name in (follows or {}):
                    continue
                self._start_walk(value, Random(f"{seed}/{value.stock.name}"), start_ns)

    # ---- driving it ------------------------------------------------------------------------------

    def next_time(self) -> int | None:
        """When something happens next, None after `close` has been worked off."""
        return self._schedule.next_time()

    def advance(self, until_ns: int) -> list[Sent]:
        """Let everything up to `until_ns` happen; the frames that reach the NIC until then, in order of time."""
        while (next_ns := self._schedule.next_time()) is not None and next_ns <= until_ns:
            self.now = next_ns
            self._schedule.run_next()
        self.now = max(self.now, until_ns)
        sent, self._sent = self._sent, []
        return sent

    def receive(self, time_ns: int, frame: bytes, bad: bool = False) -> None:
        """The NIC sends `frame` (without FCS), its first byte at `time_ns`. `bad`: its FCS is wrong, so it is
        dropped where it arrives."""
        if bad:
            self.count["bad_fcs"] += 1
            return
        venue = self._addressed(frame)
        if venue is None:
            self.count["no_venue"] += 1
            return
        done_ns = time_ns + len(frame) * self._lines[SESSION_PORT].byte_ns
        if done_ns < self.now:
            self.count["late"] += 1
        arrival = max(done_ns, self.now) + venue.latency.wire_ns + venue.latency.match_ns
        self._schedule.at(arrival, partial(self._order, venue, frame))

    def close(self, time_ns: int) -> None:
        """End the day at `time_ns`: no more flow, end-of-day messages, end of session on every feed."""
        self._schedule.at(time_ns, self._close)

    # ---- looking at it ---------------------------------------------------------------------------

    def book(self, venue: int, symbol: str, levels: int | None = None) -> dict[Side, list[tuple[int, int]]]:
        """(price, quantity) of each level by side, best first: the truth at `now`, before any latency."""
        book = self._venues[venue].listing(symbol).book
        return {side: book.depth(side, levels) for side in (Side.BUY, Side.SELL)}

    def listing(self, venue: int, symbol: str) -> Listing:
        """A listing with its locate, and its book with every order."""
        return self._venues[venue].listing(symbol)

    def feed(self, venue: int) -> Feed:
        """A venue's feed, with what it has sent."""
        return self._venues[venue].feed

    def value(self, symbol: str) -> int:
        """The latent value, in 1e-4 USD."""
        return next(value.price for value in self._values if value.stock.name == symbol)

    def summary(self) -> list[dict[str, Counter[str]]]:
        """Counters of each venue: `feed` (ITCH by type), `session` (`Gateway.count`), `tcp` (`TcpEndpoint.count`)."""
        return [{"feed": venue.feed.count, "session": venue.gateway.count, "tcp": venue.tcp.count}
                for venue in self._venues]

    # ---- what happens ----------------------------------------------------------------------------

    def halt(self, time_ns: int, venue: int, symbol: str, halted: bool = True) -> None:
        """Halt a stock, or let it trade again: an H message, and no flow or new orders while it lasts."""
        self._schedule.at(time_ns, partial(self._halt, self._venues[venue], symbol, halted))

    def _halt(self, venue: _Venue, symbol: str, halted: bool, now: int) -> None:
        listing = venue.listing(symbol)
        listing.halted = halted
        message = venue.feed.trading_action(listing.locate, now, "H" if halted else "T")
        self._emit_feed(venue, now, venue.feed.packets([message]))

    def _open(self, venue: _Venue, now: int) -> None:
        self._emit_feed(venue, now, venue.feed.start_of_day(now))
        self._schedule.at(now + HEARTBEAT_NS, partial(self._heartbeat, venue))
        if self._rates is None:
            return
        for flow in venue.flows:
            self._publish(venue, flow.listing, now, flow.open())
            self._schedule.at(now + flow.wait(self._rates.step_ns), partial(self._flow, venue, flow))
            self._schedule.at(now + flow.wait(self._rates.shift_ns), partial(self._shift, flow))

    def _close(self, now: int) -> None:
        self._closed = True
        for venue in self._venues:
            self._emit_feed(venue, now, venue.feed.end_of_day(now))

    def _flow(self, venue: _Venue, flow: Flow, now: int) -> None:
        if self._closed or self._rates is None:
            return
        if not flow.listing.halted:
            self._publish(venue, flow.listing, now, flow.step())
        self._schedule.at(now + flow.wait(self._rates.step_ns), partial(self._flow, venue, flow))

    def _shift(self, flow: Flow, now: int) -> None:
        if self._closed or self._rates is None:
            return
        flow.diverge()
        mean = self._rates.shift_hold_ns if flow.shift else self._rates.shift_ns
        self._schedule.at(now + flow.wait(mean), partial(self._shift, flow))

    def _start_walk(self, value: Value, rng: Random, now: int) -> None:
        def walk(now: int) -> None:
            if not self._closed:
                value.step(rng)
                for follower, worth in self._followers.get(value.stock.name, ()):
                    follower.price = worth(value.price)
                self._schedule.at(now + wait(), walk)

        def wait() -> int:
            return 1 + int(rng.expovariate(1 / self._rates.value_ns))

        self._schedule.at(now + wait(), walk)

    def _follow(self, follows: Mapping[str, Follows]) -> None:
        """Who follows whom; every follower begins at what it is worth."""
        by_name = {value.stock.name: value for value in self._values}
        self._followers: dict[str, list[tuple[Value, Callable[[int], int]]]] = {}
        for name, (leader, worth) in follows.items():
            if name not in by_name or leader not in by_name or leader in follows:
                raise ValueError(f"{name} cannot follow {leader}")
            by_name[name].price = worth(by_name[leader].price)
            self._followers.setdefault(leader, []).append((by_name[name], worth))

    def _heartbeat(self, venue: _Venue, now: int) -> None:
        if self._closed:
            return
        if now >= venue.heartbeat_due:
            self._emit_feed(venue, now, [venue.feed.heartbeat()])
        self._schedule.at(venue.heartbeat_due, partial(self._heartbeat, venue))

    def _order(self, venue: _Venue, frame: bytes, now: int) -> None:
        """A session frame has reached the matching engine."""
        payload = venue.tcp.receive(frame)
        if not payload:
            return
        answer = venue.gateway.receive(payload, now)
        for locate, events in answer.changes:
            venue.flow_of[locate].note(events)
            self._emit_feed(venue, now, venue.feed.publish(locate, now, events))
        self._emit_session(venue, now, answer.messages)

    def _publish(self, venue: _Venue, listing: Listing, now: int, events: list[Event]) -> None:
        """Events of the flow: to the feed, and to the client orders that they touch."""
        if events:
            self._emit_feed(venue, now, venue.feed.publish(listing.locate, now, events))
            self._emit_session(venue, now, venue.gateway.fills(events, now))

    # ---- frames ----------------------------------------------------------------------------------

    def _emit_feed(self, venue: _Venue, now: int, made: Iterable[bytes]) -> None:
        venue.heartbeat_due = now + HEARTBEAT_NS
        port = min(venue.index, len(self._lines) - 1)
        ready = now + venue.latency.feed_ns + venue.latency.wire_ns
        for frame in made:
            self._schedule.at(ready, partial(self._deliver, port, frame))

    def _emit_session(self, venue: _Venue, now: int, messages: list[bytes]) -> None:
        """One segment for each message."""
        for message in messages:
            for frame in venue.tcp.send(message):
                self._schedule.at(now + venue.latency.wire_ns, partial(self._deliver, SESSION_PORT, frame))

    def _deliver(self, port: int, frame: bytes, now: int) -> None:
        start = self._lines[port].start(now, len(frame))
        if start > now:
            # Its turn is taken; it shows up when it starts.
            self._schedule.at(start, lambda time_ns: self._sent.append(Sent(time_ns, port, frame)))
        else:
            self._sent.append(Sent(now, port, frame))

    def _addressed(self, frame: bytes) -> _Venue | None:
        if len(frame) < ETHERNET.bytes + IPV4.bytes:
            return None
        destination = ETHERNET.unpack(frame)["destination"]
        return self._by_address.get((IPV4.unpack(frame[ETHERNET.bytes:])["destination"], destination))
