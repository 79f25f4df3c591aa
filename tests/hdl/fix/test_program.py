"""The encoder's program, played in plain Python on random orders; and that templates it could not play are refused."""

import copy

import pytest

from fixparse.templates import Kind, OrderValues
from hdl.fix import program
from hdl.fix.program import (
    ADD,
    AHEAD,
    BYTE_SLOTS,
    CHECKSUM_READY,
    CHECKSUM_START,
    DIGIT_SLOTS,
    DIGITS_END,
    DONE,
    HEX_SLOTS,
    PLAY,
    POSITION_BITS,
    REST,
    STATIC,
    SUM,
    SUMS,
    UNSUMMED,
    WORDS_END,
    PlayStep,
    Source,
    SumStep,
)
from hdl.layouts import Action
from hdl.order.image import FRAMES, SIDE_CHARS, SUMS_WORD, FrameSlot, frame, image, image_bytes
from hdl.venue import SIMULATED
from sim.structs import unpack

MEMORY = program.words()
PAIRS = {slot: -(-program.chars(slot) // 2) for slot in (*HEX_SLOTS, *BYTE_SLOTS, "symbol", *DIGIT_SLOTS)} | {STATIC: 1}
WORDS = {program.code(slot, n): (slot, n) for slot in PAIRS if slot not in DIGIT_SLOTS for n in range(PAIRS[slot])}
DIGITS = {program.code(slot, n): (slot, n) for slot in DIGIT_SLOTS for n in range(PAIRS[slot])}


def orders(rng, action, count=20):
    """Frames of random orders."""
    for _ in range(count):
        values = OrderValues(rng.randrange(10**9), 20240229, rng.randrange(86_400_000), rng.getrandbits(64), "AAPL",
                             rng.getrandbits(32), rng.choice(list(SIDE_CHARS.values())), rng.getrandbits(32), "0",
                             rng.getrandbits(64))
        venue = rng.choice(SIMULATED)
        yield venue, frame(venue, action, values, rng.getrandbits(32), rng.getrandbits(32))


def pair_of(data: bytes, action: Action, slot: str, n: int) -> bytes:
    """The characters of a slot as its lane has them: a last odd digit first, a byte by itself second."""
    text = bytes(data[at] for at in FRAMES[action].slots[slot].places[0])
    return text.rjust(2, b"\0") if len(text) == 1 else text[2 * n:2 * n + 2].ljust(2, b"\0")


def sum_steps(action):
    """The instructions in order, each with the code of the words that it is about."""
    steps = [unpack(SumStep, MEMORY[program.sum_address(cycle, action)]) for cycle in range(REST + 1)]
    for cycle, step in enumerate(steps):
        early = steps[cycle - 1]["words"] if cycle else 0
        step["slot"] = WORDS[early if early in WORDS and WORDS[early][0] == "symbol" else step["words"]]
        yield step


def test_every_code_is_of_one_pair():
    assert len(WORDS) + len(DIGITS) == sum(PAIRS.values())
    assert max(*WORDS, *DIGITS) < 1 << program.CODE_BITS


@pytest.mark.parametrize("action", Action)
def test_the_sums_make_both_checksums(action, rng):
    for venue, data in orders(rng, action):
        head = image(venue, action)[SUMS_WORD]
        total, fix = 0, head & 0xFF
        for step in sum_steps(action):
            slot, n = step["slot"]
            if step["words_add"]:
                word = (head >> 16).to_bytes(2, "big") if slot == STATIC else pair_of(data, action, slot, n)
                total += int.from_bytes(word, "little" if step["words_swap"] else "big")
                fix += sum(word) * step["words_fix"]
            if step["digits_add"]:
                slot, n = DIGITS[step["digits"]]
                pair = pair_of(data, action, slot, n)
                assert step["single"] == (pair[1] == 0)
                total += int.from_bytes(pair, "little" if step["digits_swap"] else "big")
                fix += sum(pair) * (slot != "checksum")
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        text = bytes(data[at] for at in FRAMES[action].slots["checksum"].places[0])
        assert f"{fix % 256:03d}".encode() == text
        assert (~total & 0xFFFF).to_bytes(2, "big") == pair_of(data, action, UNSUMMED, 0)


@pytest.mark.parametrize("action", Action)
def test_every_slot_is_summed_once_for_each_place(action):
    taken = [(pair.slot, pair.number) for lane in (SUMS[action].words, SUMS[action].digits) for pair in lane.values()]
    expected = [(name, n) for name, slot in FRAMES[action].slots.items() if name != UNSUMMED
                for _ in slot.places for n in range(PAIRS[name])]
    assert sorted(taken) == sorted([*expected, (STATIC, 0)])


@pytest.mark.parametrize("action", Action)
def test_the_sums_are_made_when_their_numbers_are_there(action):
    sums, ready = SUMS[action], program.STARTS
    for cycle, pair in sums.digits.items():
        if pair.slot in program.NUMBERS:
            assert cycle > ready[pair.slot] + program.steps(program.NUMBERS[pair.slot])
        assert pair.slot != "checksum" or cycle >= CHECKSUM_READY
    covered = [cycle for cycle, pair in sums.digits.items() if pair.slot != "checksum"]
    assert max(*covered, max(sums.words) + 1) + SUM + ADD <= CHECKSUM_START
    assert max(sums.words) + 1 <= WORDS_END
    assert max(sums.digits) <= DIGITS_END < DONE < FRAMES[action].slots[UNSUMMED].places[0][0]


@pytest.mark.parametrize("action", Action)
def test_the_play_makes_the_frame(action, rng):
    """The byte n comes of the instruction read while the byte `AHEAD - PLAY` before it is."""
    start, length = action << POSITION_BITS, FRAMES[action].length
    steps = [unpack(PlayStep, MEMORY[start + (n - AHEAD + PLAY) % (1 << POSITION_BITS)]) for n in range(length)]
    assert [step["last"] for step in steps] == [0] * (length - 1) + [1]
    for venue, data in orders(rng, action):
        played, still = bytearray(), image_bytes(venue, action)
        for n, step in enumerate(steps):
            if step["source"] == Source.IMAGE:
                played.append(still[n])
                continue
            early = WORDS.get(steps[n - 1]["words"], (None, 0))
            slot, pair = (DIGITS[step["digits"]] if step["source"] == Source.DIGITS else
                          early if early[0] == "symbol" else WORDS[step["words"]])
            played.append(pair_of(data, action, slot, pair)[step["second"]])
        assert bytes(played) == data


def moved(name: str, *places: tuple[int, ...], kind: Kind | None = None, called: str | None = None):
    """The frames, with a slot of the new order elsewhere."""
    frames = copy.deepcopy(FRAMES)
    slots = frames[Action.NEW].slots
    slot = slots.pop(name)
    slots[called or name] = FrameSlot(called or name, kind or slot.kind, places or slot.places)
    return frames


def test_the_templates_are_taken():
    program.check()
    program.check(moved("side", (FRAMES[Action.NEW].length - 1,)))


@pytest.mark.parametrize(("frames", "what"), [
    (moved(UNSUMMED, (DONE + PLAY - 1, DONE + PLAY)), "TCP checksum is chosen"),
    (moved("side", (WORDS_END + PLAY,)), "side .* still need"),
    (moved("checksum", tuple(range(DIGITS_END + PLAY, DIGITS_END + PLAY + 3))), "checksum .* still need"),
    (moved("tif", (FRAMES[Action.NEW].slots["symbol"].places[0][0] - 1,)), "tif stands right before the symbol"),
    (moved("qty", (100, 102, *range(103, 111))), "do not make a word"),
    (moved("price", tuple(range(100, 109))), "price has 9 characters"),
    (moved("side", called="account"), "BYTE characters called account"),
    (moved("order_id", kind=Kind.DIGIT), "DIGIT characters called order_id"),
])
def test_others_are_refused(frames, what):
    with pytest.raises(ValueError, match=what):
        program.check(frames)
