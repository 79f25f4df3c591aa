"""Both lanes give the characters of every code, a cycle later, and stand still where no step is taken."""

from amaranth.sim import Simulator

from hdl.fix.decimal import DIGIT_BITS
from hdl.fix.lanes import DigitLane, DigitSlots, WordLane, WordSlots
from hdl.fix.program import DIGIT_SLOTS, HEX_SLOTS, STATIC, SYMBOL_CODE, chars, code
from hdl.order.image import FRAMES

SYMBOL_PAIRS = chars("symbol") // 2


def simulate(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()


def words(slots: dict) -> dict[int, bytes]:
    """What each code of the lane of words, but the symbol's, stands for."""
    found = {}
    for name, value in slots.items():
        if name in HEX_SLOTS:
            text = f"{value:0{chars(name)}X}".encode()
        else:
            length = 2 if name == STATIC else chars(name)
            text = value.to_bytes(max(length, 2), "big")    # a byte by itself is the second of its word
        found |= {code(name, n // 2): text[n:n + 2] for n in range(0, len(text), 2)}
    return found


def test_words(rng):
    dut = WordLane()
    widths = {name: field.width for name, field in WordSlots.as_shape()}

    async def bench(ctx):
        stepped = None
        for _ in range(6):
            slots = {name: rng.choice([rng.getrandbits(bits), 0, 2**bits - 1]) for name, bits in widths.items()}
            symbol = [rng.getrandbits(16) for _ in range(SYMBOL_PAIRS)]
            ctx.set(dut.slots, WordSlots.const(slots))
            expected = words(slots) | {SYMBOL_CODE + n: pair.to_bytes(2, "little") for n, pair in enumerate(symbol)}
            codes = [*expected, *rng.sample(sorted(expected), 20)]
            shown = None
            for this in codes:
                for step in rng.choice([(1,), (0, 1), (0, 0, 1)]):
                    ctx.set(dut.code, this if step else rng.randrange(32))
                    ctx.set(dut.step, step)
                    # the memory holds the pair of the last code that was stepped over
                    ctx.set(dut.symbol_data, symbol[stepped - SYMBOL_CODE] if (stepped or 0) >= SYMBOL_CODE else 0xFFFF)
                    await ctx.tick()
                    if step:
                        late = (stepped or 0) >= SYMBOL_CODE
                        shown = expected[stepped] if late else None if this >= SYMBOL_CODE else expected[this]
                        stepped = this
                    if shown is not None:
                        assert ctx.get(dut.o).to_bytes(2, "big") == shown, (this, stepped)
    simulate(dut, bench)


def test_digits(rng):
    dut = DigitLane()

    async def bench(ctx):
        for _ in range(6):
            texts = {name: "".join(str(rng.randrange(10)) for _ in range(chars(name))) for name in DIGIT_SLOTS}
            ctx.set(dut.digits, DigitSlots.const({name: int(text, 16) for name, text in texts.items()}))
            expected = {code(name, n // 2): int(text[n:n + 2].ljust(2, "0"), 16)
                        for name, text in texts.items() for n in range(0, len(text), 2)}
            for this in rng.sample(sorted(expected), len(expected)):
                ctx.set(dut.code, this)
                ctx.set(dut.step, 1)
                await ctx.tick()
                assert ctx.get(dut.o) == expected[this]
                ctx.set(dut.code, rng.choice(sorted(expected)))
                ctx.set(dut.step, 0)
                await ctx.tick()
                assert ctx.get(dut.o) == expected[this]
    simulate(dut, bench)


def test_the_lanes_are_as_wide_as_their_slots():
    slots = {name: slot for frame in FRAMES.values() for name, slot in frame.slots.items()}
    for name, slot in slots.items():
        if name in DIGIT_SLOTS:
            assert DigitSlots[name].width == DIGIT_BITS * slot.chars
        elif name != "symbol":
            assert WordSlots.as_shape()[name].width == slot.chars * (4 if name in HEX_SLOTS else 8)
