"""Decimals: every number's digits in the cycle that the program says, and until the next frame."""

from itertools import pairwise

from amaranth.sim import Simulator

from hdl.fix.decimal import DIGITS, Decimals
from hdl.fix.program import CHECKSUM_BITS, CHECKSUM_START, NUMBERS, REST, STARTS, steps

#: Cycle from which the digits of each number are right.
READY = {name: STARTS[name] + steps(bits) + 1 for name, bits in NUMBERS.items()}
READY["checksum"] = CHECKSUM_START + steps(CHECKSUM_BITS)


def numbers(rng, bits: int) -> list[int]:
    top = 2**bits - 1
    return [0, top, 1, top - 1, *(value for n in range(1, 10) for value in (10**n - 1, 10**n) if value <= top),
            *(rng.randrange(top) for _ in range(20))]


def test_digits_are_there_when_the_program_says(rng):
    dut, widths = Decimals(), {**NUMBERS, "checksum": CHECKSUM_BITS}
    frames = [{name: rng.choice(numbers(rng, bits)) for name, bits in widths.items()} for _ in range(30)]
    frames += [{name: numbers(rng, bits)[n % 4] for name, bits in widths.items()} for n in range(8)]

    async def bench(ctx):
        before = {}
        for values in frames:
            for cycle in range(REST + 4):
                ctx.set(dut.cycle, min(cycle, REST))
                for name, value in values.items():
                    # the CheckSum is looked at in its own cycles only: it is still being made before
                    due = name != "checksum" or CHECKSUM_START <= cycle < READY[name]
                    ctx.set(dut.values[name], value if due else rng.getrandbits(widths[name]))
                for name, value in values.items():
                    shown = f"{ctx.get(dut.digits[name]):0{DIGITS}x}"
                    if cycle >= READY[name]:
                        assert shown == f"{value:0{DIGITS}d}", (name, cycle)
                    elif name in before and name != "checksum":
                        assert shown == f"{before[name]:0{DIGITS}d}", (name, cycle)
                await ctx.tick()
            before = values

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()


def test_numbers_are_converted_one_after_another():
    spans = sorted((start, start + steps(bits)) for start, bits in (
        *((STARTS[name], bits) for name, bits in NUMBERS.items()), (CHECKSUM_START, CHECKSUM_BITS)))
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
