"""The portfolio's delta against a sum over all symbols, to the ends of every field."""

import pytest
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.registers import EXPOSURE, RegisterMap
from hdl.risk.check import ADVERSE_BITS
from hdl.risk.delta import PortfolioDelta
from hdl.risk.deltasettlement import CHANGE_CYCLES, delta_cycles

LARGEST, LIMIT = (1 << 31) + (1 << 32) - 1, (1 << 32) - 1
BUY, SELL = 0, 1


class Portfolio:
    """Gate and settlement around it: adverse positions by symbol and side, and what was written."""

    def __init__(self, ctx, dut):
        self.ctx, self.dut = ctx, dut
        self.adverse = [[0, 0] for _ in range(TINY.symbols)]
        self.deltas = [None] * TINY.symbols

    def use(self, down):
        return sum(self.adverse[symbol][side] * abs(delta) for symbol, delta in enumerate(self.deltas) if delta
                   for side in (BUY, SELL) if (side ^ (delta < 0)) == down)

    async def write(self, symbol, delta):
        """As the bus does; answers what is asked of the adverse positions meanwhile."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.bus.addr, RegisterMap(TINY).address(EXPOSURE, "delta", symbol))
        ctx.set(dut.bus.wdata, EXPOSURE["delta"].pack(per_share=(delta or 0) & 0xFFFF, known=delta is not None))
        ctx.set(dut.bus.write, 1)
        await ctx.tick()
        ctx.set(dut.bus.write, 0)
        for _ in range(delta_cycles(TINY)):
            asked = ctx.get(dut.ask)
            ctx.set(dut.granted, asked)
            at = ctx.get(dut.ask_symbol)
            await ctx.tick()
            ctx.set(dut.granted, 0)
            if asked:
                for side in (BUY, SELL):    # the sell side's is one less
                    ctx.set(dut.adverse, (self.adverse[at][side] - side) % (1 << ADVERSE_BITS))
                    await ctx.tick()
        self.deltas[symbol] = delta

    async def settle(self, symbol, side, grows, carry):
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.change, {"valid": 1, "symbol": symbol, "sell": side, "carry": carry,
                             "amount": (grows - carry) % (1 << ADVERSE_BITS)})
        await ctx.tick()
        ctx.set(dut.change, {"valid": 0})
        for _ in range(CHANGE_CYCLES):
            await ctx.tick()
        self.adverse[symbol][side] += grows

    async def order(self, symbol, side, qty, passes):
        """Through the gate's stages; whether it is beyond the limit."""
        ctx, dut = self.ctx, self.dut
        intent = {"symbol": symbol, "side": side, "qty": qty}
        for stage in (1, 2, 3):
            for other in range(4):
                ctx.set(dut.pipeline.at[other], {"valid": other == stage, "intent": intent})
            if stage < 3:
                await ctx.tick()
        beyond = ctx.get(dut.beyond)
        ctx.set(dut.pipeline.reserve, passes and not beyond)
        await ctx.tick()
        ctx.set(dut.pipeline.reserve, 0)
        if passes and not beyond:
            self.adverse[symbol][side] += qty
        return beyond


def play(bench):
    dut = PortfolioDelta(TINY)

    async def run(ctx):
        await bench(Portfolio(ctx, dut))
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(run)
    simulator.run()


@pytest.mark.parametrize("delta", [256, -256, 1, -1, 32_767, -32_768])
def test_both_sides_of_the_limit(delta):
    async def bench(book):
        await book.write(0, delta)
        more = max(1, 256 // abs(delta))
        for side in (BUY, SELL):
            book.ctx.set(book.dut.limit, limit := 1_000_000)
            most = limit * 256 // abs(delta)
            assert not await book.order(0, side, most, passes=False)
            assert await book.order(0, side, most + more, passes=False)
            assert not await book.order(0, side, most - more, passes=True)
            assert await book.order(0, side, 2 * more, passes=True)
            assert not await book.order(0, side, more, passes=True)
    play(bench)


def test_what_is_closed_and_what_is_open():
    async def bench(book):
        assert await book.order(0, BUY, 0, passes=True)                 # after reset
        book.ctx.set(book.dut.limit, LIMIT)
        assert await book.order(0, BUY, 0, passes=True)                 # no delta
        await book.write(0, -32_768)
        for side in (BUY, SELL):
            await book.settle(0, side, LARGEST, side)
        assert not await book.order(0, BUY, LIMIT, passes=False)        # the largest limit is none
        book.ctx.set(book.dut.limit, LIMIT - 1)
        assert await book.order(0, BUY, 0, passes=False)
        book.ctx.set(book.dut.limit, 0)
        await book.write(0, 0)
        assert await book.order(0, BUY, 0, passes=False)
        await book.write(0, None)
        book.ctx.set(book.dut.limit, LIMIT)
        assert await book.order(0, BUY, 0, passes=False)
    play(bench)


def test_a_random_portfolio(rng):
    """Orders, settlement to the ends of what a position can be, and deltas, in any order."""
    async def bench(book):
        for symbol in range(TINY.symbols):
            await book.write(symbol, 256)
        for _ in range(250):
            what, symbol, side = rng.random(), rng.randrange(TINY.symbols), rng.randrange(2)
            if what < 0.1:
                await book.write(symbol, rng.choice([256, -1, 0, 32_767, -32_768, rng.randrange(-9_999, 9_999), None]))
            elif what < 0.5:
                to = rng.choice([-(1 << 31), LARGEST, 0, 1, rng.randrange(-(1 << 31), LARGEST)])
                await book.settle(symbol, side, to - book.adverse[symbol][side], rng.randrange(2))
            delta, qty = book.deltas[symbol], rng.choice([0, 1, (1 << 32) - 1, rng.randrange(1 << 32)])
            use = None if delta is None else book.use(side ^ (delta < 0)) + qty * abs(delta)
            near = [max(0, min(LIMIT - 1, (use or 0) // 256 + away)) for away in (-1, 0, 1)]
            limit = rng.choice([1, LIMIT - 1, *near])
            book.ctx.set(book.dut.limit, limit)
            fits = qty + book.adverse[symbol][side] <= LARGEST
            beyond = await book.order(symbol, side, qty, passes=fits)
            assert beyond == (use is None or not limit or use > limit * 256), (delta, qty, limit, use)
    play(bench)
