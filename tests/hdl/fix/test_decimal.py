"""Binary to decimal, and slots: held to plain Python, latencies exact."""

import pytest
from amaranth.sim import Simulator

from fixparse.templates import Kind
from hdl.fix.checksums import DONE_CYCLE, takes
from hdl.fix.decimal import ToDecimal
from hdl.fix.slot import BITS, UNSUMMED, SlotRegister, slots
from hdl.layouts import Action
from hdl.order.image import FRAMES


def simulate(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(("bits", "digits"), [(8, 3), (32, 10)])
def test_digits(bits, digits, rng):
    dut = ToDecimal(bits, digits)
    top = 2**bits - 1

    async def bench(ctx):
        for value in [0, 1, 9, 10, 99, 100, top, top - 1, *(rng.randrange(top) for _ in range(50))]:
            ctx.set(dut.start, 1)
            ctx.set(dut.value, value)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.value, 0)
            await ctx.tick().repeat(ToDecimal.latency(bits) - 1)
            assert f"{ctx.get(dut.digits):0{digits}x}" == f"{value:0{digits}d}"
    simulate(dut, bench)


def test_odd_width_is_refused():
    with pytest.raises(ValueError, match="7 bits"):
        ToDecimal.latency(7)


@pytest.mark.parametrize("name", sorted(slots()))
def test_slot_turns_and_sums(name, rng):
    places = slots()[name]
    dut = SlotRegister(places)
    offsets = next(iter(places.values())).places[0]
    bits = BITS[dut.kind]

    async def bench(ctx):
        for _ in range(5):
            symbols = [rng.randrange(10 if dut.kind is Kind.DIGIT else 2**bits) for _ in offsets]
            text = bytes(symbols) if dut.kind is Kind.BYTE else "".join(f"{s:X}" for s in symbols).encode()
            ctx.set(dut.load, 1)
            ctx.set(dut.value, sum(symbol << bits * n for n, symbol in enumerate(symbols)))
            await ctx.tick()
            ctx.set(dut.load, 0)
            await ctx.tick().repeat(dut.chars)
            sums = [sum(char for char, at in zip(text, offsets, strict=True) if (at - offsets[0]) % 2 == odd)
                    for odd in (0, 1)]
            if name not in UNSUMMED:
                assert [ctx.get(dut.sums.even), ctx.get(dut.sums.odd)] == sums
            for char in text + text:
                assert ctx.get(dut.char) == char
                ctx.set(dut.turn, 1)
                await ctx.tick()
            ctx.set(dut.turn, 0)
    simulate(dut, bench)


@pytest.mark.parametrize("action", Action)
def test_every_summed_slot_is_taken_once_for_each_place(action):
    taken = [take.slot.name for take in takes(action)]
    expected = [name for name, slot in FRAMES[action].slots.items()
                for _ in slot.places if name not in (*UNSUMMED, "checksum")]
    assert sorted(taken) == sorted(expected)
    cycles = [take.cycle for take in takes(action)]
    assert len(set(cycles)) == len(cycles)
    assert FRAMES[action].slots["tcp_checksum"].places[0][0] > DONE_CYCLE
