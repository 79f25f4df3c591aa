"""What a frame of 64 bits is made of: its slots in place, and both checksums, against the frames of the model."""

import copy

import pytest
from amaranth.sim import Simulator

from fixparse.templates import Kind, OrderValues
from hdl.fix import sums64
from hdl.fix.checksums64 import Checksums64
from hdl.fix.slots64 import SLOTS, UNSUMMED, WORDS, Chars, SlotWords
from hdl.fix.sums64 import CHECKSUM, LATE, TIME
from hdl.layouts import Action
from hdl.order.image import FRAMES, SIDE_CHARS, SUMS_WORD, WORD, FrameSlot, frame, image, image_bytes
from hdl.venue import SIMULATED


def random_frame(rng, action: Action | None = None) -> tuple[Action, int, bytes]:
    """An order's action, the sums of its image, and its frame; now and then with everything at its highest."""
    action = rng.choice(list(Action)) if action is None else action
    venue, top = rng.choice(SIMULATED), rng.random() < 0.2
    def number(bits):
        return 2**bits - 1 if top else rng.getrandbits(bits)
    values = OrderValues(999_999_999 if top else rng.randrange(10**9), 99_991_229, number(26), number(64),
                         rng.choice(["A", "AAPL", "EIGHTCHR", "~~~~~~~~"]), number(32),
                         rng.choice(list(SIDE_CHARS.values())), number(32), "0", number(64))
    return action, image(venue, action)[SUMS_WORD], frame(venue, action, values, number(32), number(32))


def characters(action: Action, data: bytes) -> dict[str, list[int]]:
    """Every slot's characters as `Chars` has them; what the frame does not have is 7 throughout."""
    found = {}
    for name, slot in SLOTS.items():
        own = FRAMES[action].slots.get(name)
        text = [data[at] for at in own.places[0]] if own else [ord("7")] * slot.chars
        found[name] = text if slot.kind is Kind.BYTE else [int(chr(char), 16) for char in text]
    return found


def simulate(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()


def test_both_checksums_in_their_cycles(rng):
    """Each kind of slot is right just as long before the checksums as the docstring says, and wrong until then."""
    dut = Checksums64()

    async def bench(ctx):
        for _ in range(60):
            action, sums, data = random_frame(rng)
            _, _, wrong = random_frame(rng, action)
            right, other = characters(action, data), characters(action, wrong)
            for left in range(dut.EARLY_LATENCY, 0, -1):
                take, sample, late = (left == latency for latency in (
                    dut.EARLY_LATENCY, dut.TIME_LATENCY, min(left, dut.LATE_LATENCY)))
                ctx.set(dut.take, take)
                ctx.set(dut.sample, sample)
                ctx.set(dut.action, action if take else rng.choice(list(Action)))
                ctx.set(dut.static_tcp, sums >> 16 if take else rng.getrandbits(16))
                ctx.set(dut.static_fix, sums & 0xFF if take else rng.getrandbits(8))
                known = {TIME: sample} | dict.fromkeys(LATE, late)
                for name in (name for name in SLOTS if name != CHECKSUM):
                    ctx.set(dut.chars[name], (right if known.get(name, take) else other)[name])
                await ctx.tick()
            text = bytes(data[at] for at in FRAMES[action].slots[CHECKSUM].places[0])
            assert "".join(str(ctx.get(digit)) for digit in dut.checksum).encode() == text
            at = FRAMES[action].slots[UNSUMMED].places[0][0]
            assert ctx.get(dut.tcp) == int.from_bytes(data[at:at + 2], "big")
    simulate(dut, bench)


def test_slots_and_image_make_the_frame(rng):
    dut = SlotWords()

    async def bench(ctx):
        for _ in range(20):
            action, _, data = random_frame(rng)
            unsummed = {at for place in FRAMES[action].slots[UNSUMMED].places for at in place}
            slots = {at for slot in FRAMES[action].slots.values() for place in slot.places for at in place} - unsummed
            expected = bytes(char if at in slots else 0 for at, char in enumerate(data))
            ctx.set(dut.chars, characters(action, data))
            ctx.set(dut.action, action)
            for at in rng.sample(range(WORDS[action]), WORDS[action]):
                word = int.from_bytes(expected[WORD * at:][:WORD], "little")
                for en in (1, 0):
                    ctx.set(dut.at, at if en else rng.randrange(WORDS[action]))
                    ctx.set(dut.en, en)
                    await ctx.tick()
                    assert ctx.get(dut.o) == word
    simulate(dut, bench)


def test_an_image_has_nothing_where_slots_are():
    """They are joined without a choice."""
    for action, shape in FRAMES.items():
        data = image_bytes(SIMULATED[0], action)
        assert not any(data[at] for slot in shape.slots.values() for place in slot.places for at in place)


def test_every_slot_is_a_character():
    assert sum(Chars[name].shape.length for name in SLOTS) == sum(slot.chars for slot in SLOTS.values())


@pytest.mark.parametrize(("name", "places", "what"), [
    ("qty", ((181, 183, *range(185, 193)),), "qty .* spaced as nowhere else"),
    (CHECKSUM, ((251, 252, 253),), "at the other parity"),
    ("tcp_seq", ((39, 40, 41, 42),), "at the other parity"),
    ("price", tuple((230, 231, 232, 233, 234, 235, 237, 238, 239, 240) for _ in range(5)), "more than 8 bits"),
])
def test_templates_that_it_cannot_add_are_refused(name, places, what, monkeypatch):
    frames = copy.deepcopy(FRAMES)
    frames[Action.NEW].slots[name] = FrameSlot(name, SLOTS[name].kind if name in SLOTS else Kind.BYTE, places)
    monkeypatch.setattr(sums64, "FRAMES", frames)
    with pytest.raises(ValueError, match=what):
        sums64.check()
