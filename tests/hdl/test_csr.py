"""Register banks against a plain list of words; latencies exact."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.csr import READ_LATENCY, BusFanout, RegisterBank
from hdl.registers import SYMBOL, RegisterMap


class Banks(wiring.Component):
    """Two instances of a block behind a fanout."""

    def __init__(self):
        self.banks = [RegisterBank(TINY, SYMBOL, index) for index in range(2)]
        self.fanout = BusFanout(2)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.fanout = self.fanout
        for n, bank in enumerate(self.banks):
            m.submodules[f"bank{n}"] = bank
            connect(m, self.fanout.o[n], bank.bus)
        return m


async def write(ctx, bus, address, value):
    ctx.set(bus.addr, address)
    ctx.set(bus.wdata, value)
    ctx.set(bus.write, 1)
    await ctx.tick()
    ctx.set(bus.write, 0)
    ctx.set(bus.addr, 0xFFFF)


async def read(ctx, bus, address, latency):
    """The answer, which must be there `latency` cycles after the strobe and in no other cycle."""
    ctx.set(bus.addr, address)
    ctx.set(bus.read, 1)
    await ctx.tick()
    ctx.set(bus.read, 0)
    seen = {}
    for cycle in range(1, latency + 3):
        seen[cycle] = ctx.get(bus.rdata)
        await ctx.tick()
    assert all(value == 0 for cycle, value in seen.items() if cycle != latency), seen
    return seen[latency]


def simulate(component, testbench):
    sim = Simulator(component)
    sim.add_clock(8e-9)
    sim.add_testbench(testbench)
    sim.run()


def test_words_are_kept_apart_and_read_back_with_exact_latency(rng):
    dut, registers = Banks(), RegisterMap(TINY)
    model = {}

    async def testbench(ctx):
        for _ in range(200):
            index, name = rng.randrange(2), rng.choice(["name", "route"])
            address = registers.address(SYMBOL, name, index)
            if rng.random() < 0.5:
                value = rng.getrandbits(64)
                model[address] = value & (1 << SYMBOL[name].width) - 1     # bits without a name are not kept
                await write(ctx, dut.fanout.i, address, value)
                await ctx.tick().repeat(3)
            assert await read(ctx, dut.fanout.i, address, READ_LATENCY + 2) == model.get(address, 0)

    simulate(dut, testbench)


def test_a_command_strobes_once_and_reads_zero():
    bank, registers = RegisterBank(TINY, SYMBOL, 1), RegisterMap(TINY)
    strobes = []

    async def testbench(ctx):
        ctx.set(bank.bus.addr, registers.address(SYMBOL, "clear", 1))
        ctx.set(bank.bus.wdata, 1)
        ctx.set(bank.bus.write, 1)
        await ctx.delay(1e-9)
        strobes.append(ctx.get(bank.clear_stb))
        await ctx.tick()
        ctx.set(bank.bus.write, 0)
        strobes.append((ctx.get(bank.clear_stb), ctx.get(bank.clear_wdata)))
        await ctx.tick()
        strobes.append(ctx.get(bank.clear_stb))
        assert await read(ctx, bank.bus, registers.address(SYMBOL, "clear", 1), READ_LATENCY) == 0

    simulate(bank, testbench)
    assert strobes == [0, (1, 1), 0]
