"""Subscription against its model: random messages, registers and directories, and trading state."""

from dataclasses import asdict, replace

from hdl.config import GBE, TINY
from hdl.csr import READ_LATENCY
from hdl.feed.subscription import DIRECTORY_LATENCY, LATENCY, Subscription
from hdl.messages import BookMessage
from hdl.registers import SYMBOL, RegisterMap
from sim.bus import unpack
from sim.feedbench import simulate
from sim.models.feed import FeedMessage, SubscriptionModel

STOCKS = ("AAPL", "MSFT", "A", "ZVZZT.A", "AAPLX")


def stock(name):
    return int.from_bytes(name.encode().ljust(8), "little")


class Bench:
    """A list of steps: a message, or a register write; then what came out, in the cycles after each step."""

    def __init__(self, config):
        self.config, self.registers = config, RegisterMap(config)
        self.model, self.steps = SubscriptionModel(config), []

    def write(self, index, name, value):
        self.steps.append(("write", self.registers.address(SYMBOL, name, index), value))

    def subscribe(self, index, name, feed=0, locate=0, enable=1):
        self.write(index, "name", stock(name))
        self.write(index, "route", SYMBOL["route"].pack(locate=locate, feed=feed, enable=enable))

    def message(self, type_, **fields):
        self.steps.append(("message", FeedMessage(type=ord(type_), **fields), None))

    def run(self, spacing=2):
        """[(cycles after the message, symbol, message)] of each message; statuses of all symbols after each."""
        dut, results, halted, status = Subscription(self.config), [], [], []

        async def settle(ctx, cycles, found, first):
            for cycle in range(first, first + cycles):
                if ctx.get(dut.o.valid):
                    seen = unpack(BookMessage, ctx.get(dut.o.payload.as_value()))
                    found.append((cycle, seen["symbol"], seen["message"]))
                await ctx.tick()

        async def bench(ctx):
            found = []
            for kind, what, value in self.steps:
                ctx.set(dut.bus.write, kind == "write")
                if kind == "write":
                    ctx.set(dut.bus.addr, what)
                    ctx.set(dut.bus.wdata, value)
                    await settle(ctx, 1, found, spacing)
                    ctx.set(dut.bus.write, 0)
                    await settle(ctx, 1, found, spacing)     # it acts a cycle after its strobe
                else:
                    ctx.set(dut.i.valid, 1)
                    ctx.set(dut.i.payload, asdict(what))
                    found = []
                    results.append(found)
                    await settle(ctx, 1, results[-2] if len(results) > 1 else found, spacing)
                    ctx.set(dut.i.valid, 0)
                    await settle(ctx, spacing - 1, found, 1)
                ctx.set(dut.bus.write, 0)
            await settle(ctx, 3, found, spacing)
            halted.extend(ctx.get(dut.halted) >> n & 1 for n in range(self.config.symbols))
            for n in range(self.config.symbols):
                ctx.set(dut.bus.addr, self.registers.address(SYMBOL, "status", n))
                ctx.set(dut.inexact[n], 0x1234 + n)
                ctx.set(dut.crossed[n], n % 2)
                ctx.set(dut.bus.read, 1)
                await ctx.tick()
                ctx.set(dut.bus.read, 0)
                await ctx.tick().repeat(READ_LATENCY - 1)
                status.append(SYMBOL["status"].unpack(ctx.get(dut.bus.rdata)))

        simulate(dut, bench)
        return results, halted, status


def compare(bench, spacing=2):
    results, halted, status = bench.run(spacing)
    messages = [what for kind, what, _ in bench.steps if kind == "message"]
    for found, message in zip(results, messages, strict=True):
        routed = any(symbol.enable and (symbol.feed, symbol.locate) == (message.feed, message.locate)
                     for symbol in bench.model.symbols)
        index = bench.model.message(message)
        latency = LATENCY if routed else DIRECTORY_LATENCY
        assert found == ([] if index is None else [(latency, index, asdict(message))])
    assert halted == [int(symbol.halted) for symbol in bench.model.symbols]
    assert status == [{"inexact": 0x1234 + n, "crossed": n % 2, "halted": halted[n]} for n in range(len(halted))]
    return [found[0][1] if found else None for found in results]


def test_random_messages(rng):
    """Any type, locate, feed and stock; symbols that share a locate, are off, or are learned from R on the way."""
    config = replace(GBE, symbols=7)
    bench = Bench(config)
    for index in range(config.symbols):
        name, feed, locate, enable = rng.choice(STOCKS), rng.randrange(2), rng.randrange(4), rng.random() < .8
        bench.subscribe(index, name, feed, locate, int(enable))
        bench.model.subscribe(index, name, feed, locate)
        bench.model.symbols[index].enable = enable
    for _ in range(600):
        bench.message(rng.choice("AAFECXDUPRRRHHHhQSSJWVYZ"), feed=rng.randrange(2), locate=rng.randrange(8),
                      stock=stock(rng.choice(STOCKS)), detail=ord(rng.choice("TTTHPQME")), seq=rng.getrandbits(64),
                      ref=rng.getrandbits(64), needed=rng.getrandbits(32))
    found = compare(bench)
    assert any(index is not None for index in found)


def test_directory_sets_the_locate():
    """R names the stock; it and what follows are delivered; another feed's R is not meant."""
    bench = Bench(TINY)
    bench.subscribe(0, "AAPL", feed=1)
    bench.model.subscribe(0, "AAPL", feed=1)
    for feed, type_ in ((0, "R"), (1, "A"), (1, "R"), (1, "A"), (0, "A"), (1, "R")):
        bench.message(type_, feed=feed, locate=13, stock=stock("AAPL"))
    assert compare(bench) == [None, None, 0, 0, None, 0]


def test_trading_state():
    """Halted until H says T; any other state, or an operational halt, halts; each symbol for itself."""
    def halted_after(*messages):
        bench = Bench(TINY)
        for index, name in enumerate(("AAPL", "MSFT")):
            bench.subscribe(index, name, locate=index + 1)
            bench.model.subscribe(index, name, locate=index + 1)
        for type_, state in messages:
            bench.message(type_, locate=1, stock=stock("AAPL"), detail=ord(state))
        compare(bench)
        assert bench.model.symbols[1].halted
        return bench.model.symbols[0].halted

    assert halted_after(("A", "T"))
    assert not halted_after(("H", "T"))
    assert not halted_after(("H", "Q"), ("H", "T"))
    assert halted_after(("H", "T"), ("J", "T"))
    assert not halted_after(("H", "T"), ("J", "T"), ("H", "T"))
    for state in "HPQ ":
        assert halted_after(("H", "T"), ("H", state))
    assert halted_after(("H", "T"), ("h", "H"))
    assert halted_after(("h", "T"))
    assert not halted_after(("H", "T"), ("h", "H"), ("h", "T"))


def test_clear_is_one_cycle_and_lifts_the_halt():
    dut, registers, seen = Subscription(TINY), RegisterMap(TINY), []

    async def bench(ctx):
        for value in (0, 1, 2):
            ctx.set(dut.bus.addr, registers.address(SYMBOL, "clear", 1))
            ctx.set(dut.bus.wdata, value)
            ctx.set(dut.bus.write, 1)
            await ctx.tick()
            ctx.set(dut.bus.write, 0)
            for _ in range(3):
                seen.append((ctx.get(dut.clear), ctx.get(dut.halted)))
                await ctx.tick()

    simulate(dut, bench)
    assert seen == [(0, 3)] * 3 + [(0, 3), (2, 3), (0, 1)] + [(0, 1)] * 3


def test_what_stops_every_symbol_of_a_feed():
    """A circuit breaker, and the end of market hours, whatever stock they name; not the other feed's symbols."""
    def halted_after(type_, detail):
        bench = Bench(TINY)
        for index in range(2):
            bench.subscribe(index, "AAPL", feed=index, locate=1)
            bench.model.subscribe(index, "AAPL", feed=index, locate=1)
            bench.message("H", feed=index, locate=1, detail=ord("T"))
        bench.message(type_, feed=1, detail=ord(detail))
        compare(bench)
        return [symbol.halted for symbol in bench.model.symbols]

    assert halted_after("W", "1") == [False, True]
    for event in "MEC":
        assert halted_after("S", event) == [False, True]
    for other in (("S", "Q"), ("S", "O"), ("V", "M"), ("Y", "M")):
        assert halted_after(*other) == [False, False]
