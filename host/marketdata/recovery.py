"""Making a feed's books exact again: after a gap by what was missed, or by a snapshot where that is not to be had.

A NIC that missed a message says so (FEED_EVENT) and flags every book of the feed until its books are made anew. The
host keeps the same books order by order (`Shadow`), from the NIC's own MARKET_EVENT records. So it asks the re-request
server for the messages that are missing, puts them and what has come since into its own books, and loads these into
the NIC:

| state | what happens | ends when |
|---|---|---|
| LIVE | the NIC follows the feed, the shadow follows the NIC | a gap; or at once, for a late start |
| FILLING | the missing messages are asked for; live ones wait, at most `waiting` of them | all are here |
| SNAPSHOT | instead of that: a snapshot is asked for | it is here |
| DRAINING | the NIC listens to the recovery group alone; what it said before comes in | `drain_ns` |
| CLEARING | the books are emptied; refused while the order table is being swept | they are exact |
| LOADING | the shadow is loaded, every symbol halted | the NIC has taken it |
| TAIL | what the feed has sent since is asked for, and loaded | an answer that is not full has come |
| PASSING | the NIC takes it | it has |
| RELEASING | the symbols get their trading state back; then the NIC listens to the feed again | they have |
| STALE | nobody answers: the books stay flagged | `rest_ns`, then SNAPSHOT |

Between the last answer to TAIL and listening again a message may be missed. The NIC then sees a gap, and all begins
anew: what was missed is known at once, so each round is short, and one succeeds as soon as the feed is quiet for that
long. At no time is a book wrong and not flagged, except that a loaded one is as old as its last message: while it is,
its symbol is halted, and the gate lets nothing out for it.

Wider gaps than `widest` messages, bad frames, changes of session and records that the host lost lead to SNAPSHOT.
Requests are MoldUDP64 Request Packets (version 1.00); the answer to one is one downstream packet.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from hdl.layouts import FeedCause
from host.marketdata.feedport import Port, State, Timing
from host.marketdata.shadow import Change, Shadow, change_of, changes, stock_of
from host.marketdata.snapshot import FIRST, Listed, datagrams, load, packet, parse, release

#: A request's count has 16 bits.
_MOST = 0xFFFF
#: While what the NIC says of the feed goes into the books.
_FOLLOWING = (State.LIVE, State.FILLING, State.DRAINING)


class FeedRecovery:
    """One feed. Hand it what the NIC says (`on_records`), what servers answer, and the time (`on_time`).

    Parameters
    ----------
    session : MoldUDP64 session, 10 bytes.
    symbols : stock by symbol index, of those that the feed has.
    late : the feed has begun without us: start with a snapshot.

    Members
    -------
    state, count : what it is doing, and how often: `gaps`, `missed` messages, `filled` by re-request, `snapshots`,
        `loads`, `healed`, `retries`, `stale`.
    """

    def __init__(self, session: bytes, symbols: Mapping[int, str], port: Port, *, timing: Timing = Timing(),
                 late: bool = False):
        self.session, self.symbols, self.port, self.timing = session.ljust(10), dict(symbols), port, timing
        self.count: Counter[str] = Counter()
        self.books = {symbol: Shadow() for symbol in symbols}
        self.seq = 0                            # number of the newest message in the books
        self.state = State.LIVE
        self.due: int | None = 0 if late else None      # when `on_time` is wanted
        self._late, self._tries, self._patience = late, 0, 0
        self._listed: dict[int, Listed] = {}
        self._held: list[Change] = []           # events of the last batch: a gap before them may be told after them
        self._waiting: dict[int, Change] = {}   # events after a gap
        self._gaps: list[range] = []
        self._fetched: dict[int, bytes] = {}
        self._taken = 0                         # the NIC's next number when it has taken what was injected

    # ---- what comes in

    def on_records(self, now: int, feed_events: np.ndarray, market_events: np.ndarray) -> None:
        """FEED_EVENT and MARKET_EVENT records of this feed that came up together."""
        for event in feed_events:
            if int(event["expected"]) < FIRST and int(event["received"]) < FIRST:
                self._on_feed_event(now, int(event["cause"]), int(event["expected"]), int(event["received"]))
        self._take_held()
        if self.state in _FOLLOWING:
            self._held = [change for change in changes(market_events) if self.seq < change.seq < FIRST]

    def on_lost(self, now: int) -> None:
        """Records of the NIC never came: what they said is unknown."""
        if self.state in _FOLLOWING:
            self._snapshot(now)

    def on_answer(self, now: int, datagram: bytes) -> None:
        """The re-request server answers."""
        answer = parse(datagram)
        if answer is None or answer.session != self.session:
            return
        if self.state is State.FILLING:
            self._fetched |= dict(enumerate(answer.messages, answer.seq))
            self._tries = 0
            self._ask_missing(now)
        elif self.state is State.TAIL and answer.seq == self._taken:
            self._pass_on(now, datagram, answer.messages)

    def on_snapshot(self, now: int, messages: Iterable[bytes], following: int) -> None:
        """The snapshot server answers: ITCH messages, and the number of the first one after them."""
        if self.state is not State.SNAPSHOT:
            return
        messages = list(messages)
        names = {stock: symbol for symbol, stock in self.symbols.items()}
        for locate, stock in filter(None, map(stock_of, messages)):
            if stock in names:
                self._listed[names[stock]] = Listed(stock, locate)
        self.books = {symbol: Shadow() for symbol in self.symbols}
        self._apply(following - 1, messages)
        self._forget()
        self.count["snapshots"] += 1
        self._drain(now)

    def on_time(self, now: int) -> None:
        """Whatever is due by now; call it at `due`, or later."""
        if self.due is None or now < self.due:
            return
        self.due = None
        match self.state:
            case State.LIVE if self._late:
                self._late = False
                self._snapshot(now)
            case State.FILLING | State.SNAPSHOT | State.TAIL:
                self._ask_again(now)
            case State.DRAINING:
                self._drained(now)
            case State.CLEARING:
                self._clear(now)
            case State.LOADING | State.PASSING | State.RELEASING:
                self._look(now)
            case State.STALE:
                self._snapshot(now)

    # ---- gaps

    def _on_feed_event(self, now: int, cause: int, expected: int, received: int) -> None:
        if self.state not in _FOLLOWING:
            return      # of what is being loaded anew
        if cause in (FeedCause.BAD_FRAME, FeedCause.SESSION_CHANGE):
            self._snapshot(now)
        elif cause in (FeedCause.GAP, FeedCause.END_OF_SESSION) and received > expected:
            self.count["gaps"] += 1
            self.count["missed"] += received - expected
            self._gaps.append(range(expected, received))
            if sum(map(len, self._gaps)) > self.timing.widest or not self._known():
                self._snapshot(now)
            elif self.state is not State.FILLING:
                self.state, self._tries = State.FILLING, 0
                self._ask_missing(now)

    def _known(self) -> bool:
        """Learn the symbols' locates, where they are not known."""
        for symbol, stock in self.symbols.items():
            if symbol not in self._listed and (locate := self.port.locate(symbol)):
                self._listed[symbol] = Listed(stock, locate)
        return len(self._listed) == len(self.symbols)

    def _take_held(self) -> None:
        """Events of the last batch go into the books, or wait where messages before them are missing."""
        first = self._gaps[0].start if self._gaps else None
        for change in self._held:
            if first is not None and change.seq >= first:
                self._waiting[change.seq] = change
            elif change.seq > self.seq:
                self.books[change.symbol].apply(change)
                self.seq = change.seq
        self._held = []

    def _ask_missing(self, now: int) -> None:
        missing = next((seq for gap in self._gaps for seq in gap if seq not in self._fetched), None)
        if missing is None:
            self.count["filled"] += sum(map(len, self._gaps))
            self._drain(now)
            return
        end = next(gap.stop for gap in self._gaps if missing in gap)
        self.port.ask(packet(self.session, missing, min(end - missing, _MOST)))
        self.due = now + self.timing.retry_ns

    def _snapshot(self, now: int) -> None:
        self._forget()
        self.port.listen(False)
        self.state, self._tries = State.SNAPSHOT, 0
        self.port.ask_snapshot()
        self.due = now + self.timing.retry_ns

    def _forget(self) -> None:
        self._held, self._waiting, self._gaps, self._fetched = [], {}, [], {}

    def _ask_again(self, now: int) -> None:
        """No answer in time, or too many live messages wait."""
        self._tries += 1
        self.count["retries"] += 1
        if self._tries < self.timing.tries and len(self._waiting) <= self.timing.waiting:
            self.due = now + self.timing.retry_ns
            if self.state is State.FILLING:
                self._ask_missing(now)
            elif self.state is State.SNAPSHOT:
                self.port.ask_snapshot()
            else:
                self._ask_tail(now)
        elif self.state is State.FILLING:
            self._snapshot(now)
        else:
            self.count["stale"] += 1
            self.state, self.due = State.STALE, now + self.timing.rest_ns

    # ---- loading

    def _drain(self, now: int) -> None:
        self.port.listen(False)
        self.state, self.due = State.DRAINING, now + self.timing.drain_ns

    def _drained(self, now: int) -> None:
        """All that the NIC said of the feed is here: the books become as new as it was."""
        self._take_held()
        missing = {seq: change_of(raw, seq, self._symbols()) for seq, raw in self._fetched.items()}
        for seq, change in sorted((missing | self._waiting).items()):
            if change is not None and seq > self.seq:
                self.books[change.symbol].apply(change)
        self.seq = max(self.seq, *missing, *self._waiting, *(gap.stop - 1 for gap in self._gaps)) if self._gaps \
            else self.seq
        self._forget()
        self.state, self._tries = State.CLEARING, 0
        self._clear(now)

    def _symbols(self) -> dict[int, int]:
        return {listed.locate: symbol for symbol, listed in self._listed.items()}

    def _clear(self, now: int) -> None:
        self.port.expect(FIRST)
        if not self.port.clear(self._listed):
            self._tries += 1
            self.state, self.due = State.CLEARING, now + self.timing.clear_ns
            if self._tries > self.timing.clears:
                self._snapshot(now)
            return
        self.count["loads"] += 1
        self._inject(now, State.LOADING, load(self._by_name()))

    def _by_name(self) -> dict[Listed, Shadow]:
        return {listed: self.books[symbol] for symbol, listed in self._listed.items()}

    def _inject(self, now: int, state: State, messages: list[bytes]) -> None:
        for datagram in datagrams(messages):
            self.port.inject(datagram)
        self._wait_for(now, state, FIRST + len(messages))

    def _wait_for(self, now: int, state: State, taken: int) -> None:
        self.state, self._taken = state, taken
        self.due, self._patience = now + self.timing.look_ns, now + self.timing.load_ns

    def _look(self, now: int) -> None:
        """Has the NIC taken what was injected?"""
        if self.port.expected() != self._taken:
            self.due = now + self.timing.look_ns
            if now > self._patience:     # something of it was lost
                self.state, self._tries = State.CLEARING, 0
        elif self.state is State.LOADING:
            self.port.expect(self.seq + 1)
            self.state, self._tries, self._taken = State.TAIL, 0, self.seq + 1
            self._ask_tail(now)
        elif self.state is State.PASSING:
            self.port.expect(FIRST)
            self._inject(now, State.RELEASING, release(self._by_name()))
        else:
            self.port.expect(self.seq + 1)
            self.port.listen(True)
            self.state = State.LIVE
            self.count["healed"] += 1

    def _ask_tail(self, now: int) -> None:
        """An answer without a message says that there is none yet."""
        self.port.ask(packet(self.session, self.seq + 1, _MOST))
        self.due = now + self.timing.retry_ns

    def _pass_on(self, now: int, datagram: bytes, messages: list[bytes]) -> None:
        """Messages go on to the NIC as they came; whether there are more is asked until there are none."""
        self._apply(self.seq + len(messages), messages, self.seq + 1)
        self._tries = 0
        if messages:
            self.port.inject(datagram)
            self._taken = self.seq + 1
            self._ask_tail(now)
        else:
            self._wait_for(now, State.PASSING, self.seq + 1)
            self._look(now)

    def _apply(self, last: int, messages: list[bytes], first: int = 0) -> None:
        symbols = self._symbols()
        for seq, raw in enumerate(messages, first):
            change = change_of(raw, seq, symbols)
            if change is not None:
                self.books[change.symbol].apply(change)
        self.seq = last


__all__ = ["FeedRecovery"]
