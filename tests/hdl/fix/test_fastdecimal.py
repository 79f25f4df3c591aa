"""FastDecimal: numbers back to back and with pauses, against Python's own digits."""

from amaranth.sim import Simulator

from hdl.fix.fastdecimal import DIGITS, NUMBER_BITS, FastDecimal

TOP = 2**NUMBER_BITS - 1


def numbers(rng) -> list[int]:
    """Every carry from digit to digit, every byte alone, both ends, and random ones of every length."""
    return [0, TOP, TOP - 1, *(10**n - 1 for n in range(1, DIGITS)), *(10**n for n in range(DIGITS)),
            *(value << 8 * n for n in range(4) for value in (1, 9, 10, 99, 100, 255)),
            *(rng.getrandbits(rng.randrange(1, NUMBER_BITS + 1)) for _ in range(400))]


def test_digits_are_right_after_five_cycles(rng):
    dut, sent = FastDecimal(), []
    assert dut.LATENCY == 5

    async def bench(ctx):
        shown = None
        values = numbers(rng)
        rng.shuffle(values)
        for value in [*values, *[0] * dut.LATENCY]:
            valid = rng.random() < 0.8
            ctx.set(dut.value, value)
            ctx.set(dut.en, sent[-1] is not None if sent else 0)
            sent.append(value if valid else None)
            await ctx.tick()
            if len(sent) >= dut.LATENCY:
                shown = shown if sent[-dut.LATENCY] is None else sent[-dut.LATENCY]
                if shown is not None:
                    assert [ctx.get(dut.digits[n]) for n in range(DIGITS)] == [int(c) for c in f"{shown:010d}"[::-1]]

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()
