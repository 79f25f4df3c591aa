"""cocotb testbench of the book: random flow on a configuration so small that everything happens all the time."""

import os
import random
from itertools import cycle

import cocotb

from hdl.book.arrivals import Arrivals
from hdl.layouts import Inexact
from sim.bookbench import SMALL, BookBench
from sim.bookflow import Flow

COUNT = int(os.environ.get("BOOK_MESSAGES", "400"))
ALL = (1 << SMALL.symbols) - 1
#: Cycles between two messages that are far enough apart for the latency to be the stated one.
APART = 20


async def started(dut, **parameters) -> BookBench:
    """Books empty and exact, and the orders of the test before swept."""
    bench = BookBench(dut, SMALL, **parameters)
    await bench.start()
    await bench.clear(ALL)
    await bench.drain(40 * SMALL.order_rows)
    assert await bench.read("live") == 0
    return bench


def gap_of(rng, burst: float = 0.3) -> int:
    """Cycles between messages: sometimes none, on average enough."""
    return 0 if rng.random() < burst else rng.choice((3, 9, 14, 21, 40, 90))


async def restart(bench, symbol: int):
    await bench.drain()
    await bench.clear(1 << symbol)


@cocotb.test()
async def sane_flow(dut):
    """Refills, collisions and stash moves, never a wrong level. Few enough orders that most of them fit."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await started(dut)
    flow = Flow(rng, live=9)
    for _ in range(3 * COUNT):
        symbol = rng.randrange(SMALL.symbols)
        await bench.send(symbol, flow.next(bench.books[symbol]), gap_of(rng))
        if bench.tolerant[symbol]:
            await restart(bench, symbol)
    await bench.drain()
    cocotb.log.info("seen %s", dict(bench.seen))
    assert bench.seen["exact"] > COUNT
    assert await bench.read("refills") > 0
    assert await bench.read("live") >= sum(len(book.orders) for book in bench.books)
    assert all(bench.seen[what] for what in ("constant latency", "crossed", "notices"))
    assert await bench.read("busy") == 0
    for name in ("unknown", "repeated", "arithmetic"):
        assert await bench.read(name) == 0 or bench.seen["TABLE_FULL"], name


@cocotb.test()
async def hostile_flow(dut):
    """Nonsense, and more orders than there are places; a clear as soon as a book has been inexact for a while."""
    rng = random.Random(cocotb.RANDOM_SEED + 1)
    bench = await started(dut)
    flow = Flow(rng, live=25, nonsense=0.02, span=5)
    for _ in range(3 * COUNT):
        symbol = rng.randrange(SMALL.symbols)
        await bench.send(symbol, flow.next(bench.books[symbol]), gap_of(rng))
        if bench.status(symbol) & ~(1 << Inexact.REFILL) and rng.random() < 0.05:
            await restart(bench, symbol)
    await bench.drain()
    for n in range(len(flow.nonsenses(bench.books[0]))):
        await bench.clear(ALL)
        await bench.drain(40 * SMALL.order_rows)
        await bench.send(0, flow.order(), APART)
        await bench.send(0, flow.nonsenses(bench.books[0])[n], APART)
    await bench.drain()
    cocotb.log.info("seen %s", dict(bench.seen))
    assert all(bench.seen[cause.name] for cause in (
        Inexact.UNKNOWN_REFERENCE, Inexact.TABLE_FULL, Inexact.ARITHMETIC, Inexact.DUPLICATE_REFERENCE))
    assert bench.seen["exact"] > COUNT // 10
    counters = {name: await bench.read(name) for name in ("unknown", "full", "repeated", "arithmetic")}
    assert all(counters.values()), counters


@cocotb.test()
async def clears_and_faults_in_traffic(dut):
    """Orders of a former life never come back, and every change has its place among the messages."""
    rng = random.Random(cocotb.RANDOM_SEED + 2)
    bench = await started(dut, feed_of=[n % 2 for n in range(SMALL.symbols)])
    flow = Flow(rng, live=7)
    cleared = [0] * SMALL.symbols
    causes = cycle((Inexact.GAP, Inexact.BAD_FRAME))
    n, wanted = 0, ("GAP", "BAD_FRAME", "exact", "notices")
    while n < 3 * COUNT or (not all(bench.seen[what] for what in wanted) and n < 30 * COUNT):
        n += 1
        symbol = rng.randrange(SMALL.symbols)
        clear, fault = 0, None
        which = rng.randrange(SMALL.symbols)
        faulty = bench.books[which].inexact or bench.tolerant[which]
        if rng.random() < (0.2 if faulty else 0.005) and bench.cycle() > cleared[which] + 3000:
            clear, cleared[which] = 1 << which, bench.cycle()
        if n % 100 == 50:
            fault = (rng.randrange(2), next(causes))
        await bench.send(symbol, flow.next(bench.books[symbol]), gap_of(rng, 0.5), clear, fault)
        if rng.random() < 0.1:
            await bench.change(0, (0, Inexact.GAP) if rng.random() < 0.1 else None)
    await bench.drain()
    cocotb.log.info("seen %s", dict(bench.seen))
    assert all(bench.seen[what] for what in wanted), wanted
    for symbol, book in enumerate(bench.books):
        told = bench.status(symbol) & ~(1 << Inexact.REFILL)
        assert bench.tolerant[symbol] or told == book.inexact, f"symbol {symbol}: {told:#x}, model {book.inexact:#x}"


@cocotb.test()
async def a_side_eaten_from_the_top(dut):
    """Deletions outrun the refill: REFILL is said while levels are missing, and healed without a message."""
    rng = random.Random(cocotb.RANDOM_SEED + 6)
    bench = await started(dut)
    for side in (0, 1):
        for n in range(12):
            fields = {"type": ord("A"), "ref": 100 * side + n, "sell": side, "price": 10_000 + 5 * n, "qty": n + 1}
            await bench.send(0, fields, APART)
        await bench.drain(20 * SMALL.order_rows)
        assert not any(bench.tolerant), "12 orders must find room"
        assert bench.status(0) == 0
        for n in (range(6) if side else range(11, 5, -1)):
            await bench.send(0, {"type": ord("D"), "ref": 100 * side + n}, rng.choice((0, 5)))
        await bench.drain(0)
        assert bench.seen["REFILL"] > 0
        bench.seen["REFILL"] = 0
        await bench.drain(40 * SMALL.order_rows)
        assert bench.status(0) == 0
        await bench.send(0, {"type": ord("P")}, APART)
        for n in range(12):
            await bench.change()
            if 100 * side + n in bench.books[0].orders:
                await bench.send(0, {"type": ord("D"), "ref": 100 * side + n}, APART)
    await bench.drain()
    assert await bench.read("refills") > 0


@cocotb.test()
async def a_quick_second_clear_is_refused(dut):
    """Two clears with an order between them, faster than a sweep: the book says NOT_STARTED, not something false."""
    bench = await started(dut)
    order = {"type": ord("A"), "price": 10_000, "qty": 1}
    await bench.send(0, {**order, "ref": 1}, gap=APART)
    await bench.change(clear=1)
    await bench.send(0, {**order, "ref": 2})
    await bench.change(clear=1)
    await bench.wait(APART)
    assert bench.status(0) == 1 << Inexact.NOT_STARTED
    bench.later[0] = 1 << Inexact.NOT_STARTED
    await bench.drain(2 * SMALL.order_rows)
    await bench.clear(1)
    assert bench.status(0) == 0
    await bench.drain(4 * SMALL.order_rows)
    assert await bench.read("live") == 0


@cocotb.test()
async def orders_leave_the_table_with_their_book(dut):
    """Cleared books are swept: the slots of their orders are free again, and those of other books are not."""
    rng = random.Random(cocotb.RANDOM_SEED + 3)
    bench = await started(dut)
    flow = Flow(rng, live=8)
    for _ in range(30):
        for symbol in range(SMALL.symbols):
            await bench.send(symbol, flow.next(bench.books[symbol]), APART)
    await bench.change(clear=1)
    await bench.drain(20 * SMALL.order_rows)
    if not any(bench.tolerant):
        assert await bench.read("live") == sum(len(book.orders) for book in bench.books)
    await bench.change(clear=ALL)
    await bench.drain(40 * SMALL.order_rows)
    assert await bench.read("live") == 0


@cocotb.test()
async def latency_of_every_type(dut):
    """As stated, also when the book has work of its own; `BookBench` compares it to the cycle."""
    rng = random.Random(cocotb.RANDOM_SEED + 4)
    bench = await started(dut)
    flow, types = Flow(rng, live=8), set()
    for _ in range(COUNT):
        fields = flow.next(bench.books[0])
        types.add(chr(fields["type"]))
        await bench.send(0, fields, APART + rng.randrange(8))
        if bench.tolerant[0]:
            await restart(bench, 0)
    await bench.drain()
    assert types >= set("AFECXDUP")
    assert bench.seen["constant latency"] == bench.seq
    assert await bench.read("refills") > 0


@cocotb.test()
async def a_top_is_told_again_when_asked(dut):
    """Once for each symbol asked for, with what is true then; in traffic as soon as there is a gap."""
    rng = random.Random(cocotb.RANDOM_SEED + 7)
    bench = await started(dut)
    flow = Flow(rng, live=8)

    async def ask(symbols):
        dut.again.value = symbols
        await bench.wait(1)
        dut.again.value = 0

    for symbols in (1, 4, ALL):
        for _ in range(20):
            symbol = rng.randrange(SMALL.symbols)
            await bench.send(symbol, flow.next(bench.books[symbol]), APART)
        await bench.drain(40 * SMALL.order_rows)    # refills are over
        before = bench.seen["notices"]
        await ask(symbols)
        await bench.drain()
        assert bench.seen["notices"] == before + symbols.bit_count()
    await ask(ALL)
    for _ in range(20):
        await bench.send(0, flow.next(bench.books[0]), APART)
    await bench.drain()
    assert bench.seen["notices"] >= before + ALL.bit_count() + SMALL.symbols - 1    # symbol 0's may have been its own


@cocotb.test()
async def one_message_in_ten_cycles_is_sustained(dut):
    """Nothing is dropped at the stated rate, whatever the messages are, and two may come at once."""
    rng = random.Random(cocotb.RANDOM_SEED + 5)
    bench = await started(dut)
    flow = Flow(rng, live=6)
    for n in range(COUNT):
        await bench.send(0, flow.next(bench.books[0]), 0 if n % 2 else 18)
    await bench.drain()
    assert await bench.read("busy") == 0


@cocotb.test()
async def too_much_is_dropped_and_said(dut):
    """A queue that overflows costs the feed's books their exactness, at the place of the loss, and no other's."""
    bench = await started(dut, feed_of=[0] * (SMALL.symbols - 1) + [1])
    count, before = 3 * Arrivals.DEPTH, await bench.read("busy")
    for n in range(count):
        await bench.send(0, {"type": ord("D"), "ref": n})
        bench.later[0] = bench.later[1] = 1 << Inexact.GAP
        bench.lossy = True
    await bench.wait(count * 10)
    lost = bench.seen["lost"] + len(bench.expected)
    bench.expected.clear()
    assert await bench.read("busy") - before == lost > 0
    assert bench.status(0) >> Inexact.GAP & 1
    assert [bench.status(n) for n in range(1, SMALL.symbols)] == [
        1 << Inexact.GAP if bench.feed_of[n] == 0 else 0 for n in range(1, SMALL.symbols)]


@cocotb.test()
async def orders_of_before_a_reset_never_come_back(dut):
    """A reset does not empty memory, at whatever moment it comes; the next clear does."""
    rng = random.Random(cocotb.RANDOM_SEED + 7)
    bench = await started(dut)
    flow = Flow(rng, live=8)
    for _ in range(COUNT // 20):
        for _ in range(20):
            symbol = rng.randrange(SMALL.symbols)
            await bench.send(symbol, flow.next(bench.books[symbol]), gap_of(rng))
        await bench.reset()
        await bench.wait(1)
        assert [bench.status(n) for n in range(SMALL.symbols)] == [1 << Inexact.NOT_STARTED] * SMALL.symbols
        for symbol in range(SMALL.symbols):
            await bench.send(symbol, flow.order(), gap_of(rng))
        await bench.clear(ALL)
    await bench.drain(40 * SMALL.order_rows)
    assert await bench.read("live") == 0


@cocotb.test()
async def nothing_before_the_first_clear(dut):
    """Power-up: every book says NOT_STARTED, with messages and without."""
    bench = BookBench(dut, SMALL)
    await bench.start()
    await bench.reset()
    await bench.wait(APART)
    await bench.send(0, {"type": ord("A"), "ref": 1, "price": 10_000, "qty": 1}, APART)
    assert [bench.status(n) for n in range(SMALL.symbols)] == [1 << Inexact.NOT_STARTED] * SMALL.symbols
