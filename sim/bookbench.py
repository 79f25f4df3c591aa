"""Testbench of the book: messages in, every report held to the golden model as it comes out.

The rule that a report is held to: a cause that the model knows is shown, or was healed by a clear that came
later; beyond the model's causes, TABLE_FULL and REFILL alone; and a report without any cause shows exactly the
model's levels. Once an order did not fit, its own messages are unknown references, so nothing more is asked
of a symbol from TABLE_FULL to its next clear.
"""

from collections import Counter, deque
from dataclasses import dataclass, replace

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge, Timer
from cocotb.utils import get_sim_time

from hdl.book.shapes import KINDS as KIND_OF
from hdl.book.shapes import Kind
from hdl.config import TINY, NicConfig
from hdl.csr import READ_LATENCY
from hdl.layouts import Inexact, Side
from hdl.messages import BookMessage, FeedFault, TopOfBook, side_levels
from hdl.registers import BOOK, RegisterMap
from sim.bus import PERIOD_NS, pack, unpack
from sim.models.book import SymbolBook

#: Small enough that refills, collisions and full tables are the rule; three symbols, so that one can stand aside.
SMALL = replace(TINY, name="book", symbols=3, order_rows=16)

_OWN = 1 << Inexact.TABLE_FULL | 1 << Inexact.REFILL
_FULL = 1 << Inexact.TABLE_FULL
#: A clear or fault is in force this many idle cycles after its strobe, its report included.
SETTLED = 40
#: Cycles from message to report, while nothing waits.
LATENCY = {Kind.NOTE: 4, Kind.ADD: 4, Kind.REDUCE: 7, Kind.DELETE: 7}
REPLACE_LATENCY = 10
#: Cycles for which a message occupies the book, and those that the queue costs one that finds it occupied.
TAKES = {Kind.NOTE: 4, Kind.ADD: 4, Kind.REDUCE: 6, Kind.DELETE: 6}
REPLACE_TAKES, QUEUED = 10, 2


@dataclass
class Expected:
    """What the model says after one message."""
    symbol: int
    fields: dict
    sent: int
    inexact: int
    sides: tuple
    crossed: bool
    alone: bool      # nothing else was in the book: the latency is exact


def kind_of(fields: dict) -> Kind:
    return KIND_OF.get(chr(fields["type"]), Kind.NOTE)


def apply(book: SymbolBook, fields: dict):
    """One `FeedMessage`, as a dict, on a symbol's book."""
    kind, side = kind_of(fields), Side(fields.get("sell", 0))
    if kind == Kind.ADD:
        book.add(fields["ref"], side, fields["price"], fields["qty"])
    elif kind == Kind.REDUCE:
        book.take(fields["ref"], fields["qty"])
    elif fields["type"] == ord("U"):
        book.replace(fields["ref"], fields["new_ref"], fields["price"], fields["qty"])
    elif kind == Kind.DELETE:
        book.delete(fields["ref"])


class BookBench:
    """Drives one `Book`; `seen` counts what its reports were, so that a test can ask that all of it happened."""

    def __init__(self, dut, config: NicConfig, feed_of: list[int] | None = None):
        self.dut, self.config = dut, config
        self.feed_of = feed_of or [0] * config.symbols
        self.books = [SymbolBook(1 << Inexact.NOT_STARTED) for _ in range(config.symbols)]
        self.expected: deque[Expected] = deque()
        self.seen: Counter[str] = Counter()
        self.tolerant = [False] * config.symbols     # an order did not fit: see the module
        self.later = [0] * config.symbols            # faults driven, by symbol, that reports may show early
        self.changed_at, self.free_at, self.seq = 0, 0, 0    # free_at: the book is idle by this cycle
        self.lossy = False                           # the queue overflows: messages may be without a report

    async def start(self):
        dut = self.dut
        for name in ("i__valid", "i__payload", "fault__valid", "fault__payload", "clear", "again", "bus__addr",
                     "bus__wdata", "bus__write", "bus__read", "rst"):
            getattr(dut, name).value = 0
        dut.feed_of.value = sum(feed << 2 * n for n, feed in enumerate(self.feed_of))
        await Timer(PERIOD_NS, unit="ns")            # no edge before the inputs stand
        cocotb.start_soon(Clock(dut.clk, PERIOD_NS, unit="ns").start())
        await ClockCycles(dut.clk, 200)              # whatever the test before has left behind
        cocotb.start_soon(self._monitor())

    @staticmethod
    def cycle() -> int:
        return round(get_sim_time("ns")) // PERIOD_NS

    async def wait(self, cycles: int):
        if cycles:
            await ClockCycles(self.dut.clk, cycles)

    async def send(self, symbol: int, fields: dict, gap: int = 0, clear: int = 0, fault: tuple | None = None):
        """One message; returns `gap` cycles after the cycle it is in. `clear`, `fault`: strobes of the same cycle."""
        self.seq += 1
        fields = {"seq": self.seq, "itch_time": 3 * self.seq, "rx_time": 5 * self.seq, "needed": self.seq,
                  "feed": self.feed_of[symbol], **fields}
        now = self.cycle()
        alone = now >= self.free_at
        apply(self.books[symbol], fields)
        self._expect(symbol, fields, now, alone)
        takes = REPLACE_TAKES if fields["type"] == ord("U") else TAKES[kind_of(fields)]
        self.free_at = takes + (now if alone else max(self.free_at, now + QUEUED))
        self.dut.i__payload.value = pack(BookMessage, {"message": fields, "symbol": symbol})
        self.dut.i__valid.value = 1
        await self.change(clear, fault)
        self.dut.i__valid.value = 0
        await self.wait(gap)

    async def change(self, clear: int = 0, fault: tuple | None = None):
        """A cycle with a clear and a fault (feed, cause), or neither."""
        dut = self.dut
        if clear or fault:
            self.changed_at = self.cycle()
            self.free_at = max(self.free_at, self.changed_at) + QUEUED + 3
        for symbol, book in enumerate(self.books):
            if clear >> symbol & 1:
                self.books[symbol] = book = SymbolBook()
            if fault and self.feed_of[symbol] == fault[0]:
                book.flag(fault[1])
                self.later[symbol] |= 1 << fault[1]
        dut.clear.value = clear
        dut.fault__valid.value = int(fault is not None)
        dut.fault__payload.value = pack(FeedFault, {"feed": fault[0], "cause": 1 << fault[1]}) if fault else 0
        await RisingEdge(dut.clk)
        dut.clear.value = 0
        dut.fault__valid.value = 0

    async def clear(self, symbols: int):
        """Clear, again where it is refused, until the books are exact; not while messages are in the book."""
        for _ in range(100):
            await self.change(clear=symbols)
            await self.drain()
            symbols = sum(1 << n for n in range(self.config.symbols) if symbols >> n & self.status(n) & 1)
            if not symbols:
                return
            self.seen["refused"] += 1
            await self.wait(100)
        raise AssertionError(f"a clear is refused for ever: {symbols:#x}")

    async def reset(self):
        """A cycle of reset: every book is NOT_STARTED, and messages under way are forgotten."""
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        self.expected.clear()
        self.books = [SymbolBook(1 << Inexact.NOT_STARTED) for _ in self.books]
        self.tolerant, self.later = [False] * len(self.books), [0] * len(self.books)

    async def drain(self, cycles: int = SETTLED):
        """Until every message is reported, and then `cycles` idle ones."""
        for _ in range(100):
            if not self.expected:
                break
            await self.wait(20)
        assert not self.expected, f"{len(self.expected)} messages without a report"
        await self.wait(cycles)

    async def read(self, name: str) -> int:
        """A BOOK register."""
        dut = self.dut
        dut.bus__addr.value = RegisterMap(self.config).address(BOOK, name)
        dut.bus__read.value = 1
        await RisingEdge(dut.clk)
        dut.bus__read.value = 0
        await ClockCycles(dut.clk, READ_LATENCY)
        return dut.bus__rdata.value.to_unsigned()

    def status(self, symbol: int) -> int:
        """The `inexact` output."""
        return self.dut.inexact.value.to_unsigned() >> 16 * symbol & 0xFFFF

    def _expect(self, symbol: int, fields: dict, now: int, alone: bool):
        book, depth = self.books[symbol], self.config.depth
        self.expected.append(Expected(symbol, fields, now, book.inexact, (book.side(Side.BUY, depth),
                                      book.side(Side.SELL, depth)), book.crossed, alone))

    async def _monitor(self):
        dut, levels_shape = self.dut, side_levels(self.config)
        while True:
            await RisingEdge(dut.top__valid)
            await ReadOnly()
            top = unpack(TopOfBook, dut.top__payload.value.to_unsigned())
            levels = unpack(levels_shape, dut.levels.value.to_unsigned())
            if top["event"]:
                self._check_event(top, levels)
            else:
                self._check_notice(top, levels)

    def _check_event(self, top: dict, levels: dict):
        assert self.expected, f"a report that no message asked for: {top}"
        want = self.expected.popleft()
        while self.lossy and want.fields["seq"] != top["seq"]:
            self.seen["lost"] += 1
            want = self.expected.popleft()
        for name in ("seq", "itch_time", "rx_time", "needed", "feed"):
            assert top[name] == want.fields[name], f"{name}: {top}, expected {want}"
        if want.alone:
            took, latency = self.cycle() - want.sent, LATENCY[kind_of(want.fields)]
            if want.fields["type"] == ord("U") and took != latency:
                latency = REPLACE_LATENCY                # unless the order was unknown
            assert took == latency, f"{took} cycles, not {latency}: {want}"
            self.seen["constant latency"] += 1
        self._check_book(top, levels, want)

    def _check_notice(self, top: dict, levels: dict):
        self.seen["notices"] += 1
        if self.expected or self.cycle() < self.changed_at + SETTLED:
            return    # what it tells may be older than what the model knows by now
        symbol = top["symbol"]
        book, depth = self.books[symbol], self.config.depth
        self._check_book(top, levels, Expected(symbol, {}, 0, book.inexact, (book.side(Side.BUY, depth),
                                               book.side(Side.SELL, depth)), book.crossed, False))

    def _check_book(self, top: dict, levels: dict, want: Expected):
        told, symbol = top["inexact"], want.symbol
        assert top["symbol"] == symbol, f"{top}, expected {want}"
        if told & _FULL:
            self.tolerant[symbol] = True
        elif not told & ~_OWN:
            self.tolerant[symbol] = False            # exact again: a clear has been
        early = self.later[symbol]
        if not self.tolerant[symbol]:
            assert told & want.inexact == want.inexact, f"a cause is missing: {told:#x}, {want}"
            assert not told & ~(want.inexact | early | _OWN), f"a cause without reason: {told:#x}, {want}"
        for cause in Inexact:
            self.seen[cause.name] += told >> cause & 1
        self.seen["exact"] += not told
        side = levels["side"]
        shown = [(level["price"], level["qty"]) for level in levels["levels"]]
        if levels["exact"]:
            assert shown == self._padded(want.sides[side]), f"side {side} {shown}, expected {want}"
            assert not told & ~(1 << Inexact.REFILL)
        if not told:
            assert levels["exact"]
            for name, levels_of in zip(("bid", "ask"), want.sides, strict=True):
                shown_top = (top[name]["price"], top[name]["qty"])
                assert shown_top == (tuple(levels_of[0]) if levels_of else (0, 0)), f"{name} {shown_top}, {want}"
            assert top["crossed"] == want.crossed, f"{top}, expected {want}"
            self.seen["crossed"] += want.crossed

    def _padded(self, levels) -> list[tuple[int, int]]:
        return [tuple(level) for level in levels] + [(0, 0)] * (self.config.depth - len(levels))


__all__ = ["LATENCY", "REPLACE_LATENCY", "SETTLED", "SMALL", "BookBench", "Expected", "apply", "kind_of"]
