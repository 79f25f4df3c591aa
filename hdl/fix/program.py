"""What the encoder does when: a program for each kind of frame, worked out here from `hdl.order.image.FRAMES`.

Characters of slots come out of two lanes, two at a time. The lane of words has ids as hex digits, the symbol, and
whatever is bytes; the lane of digits has decimal numbers. A frame has two programs on them:

- the sums, one instruction a cycle from the first beat on: every pair of characters goes once for each of its places
  into both checksums. They must be done before the TCP checksum is played. The FIX CheckSum is one of the slots, so
  its own digits come last.
- the play, one instruction a byte: where the byte comes from.

Both checksums come from the same sums. A byte at an even offset of the frame counts 256-fold in the TCP checksum (RFC
9293, section 3.1; RFC 1071), one at an odd offset once; the FIX CheckSum counts every byte once, modulo 256 (FIX 4.4
volume 2, "checksum calculation"). No hardware is here but the shapes of the instructions.
"""

import enum
from dataclasses import dataclass
from typing import NamedTuple

from amaranth.hdl import unsigned
from amaranth.lib import data

from fixparse.templates import Kind
from hdl.layouts import Action
from hdl.order.image import FRAMES, Frame, FrameSlot

#: Slots in each lane, in the order of their codes. Of a word's two characters the first is in the high byte.
HEX_SLOTS = ("order_id", "orig_id")
BYTE_SLOTS = ("tcp_seq", "tcp_ack", "tcp_checksum", "side", "tif")
DIGIT_SLOTS = ("time", "msg_seq", "qty", "price", "checksum")
#: The image's own part of the TCP checksum; added like a slot's word.
STATIC = "static"
#: The slot that no checksum covers.
UNSUMMED = "tcp_checksum"
#: Lane of words: these codes are hex pairs, then words, then pairs of the symbol.
WORD_CODE, SYMBOL_CODE = 16, 24
CODE_BITS = 5

#: Numbers in the order in which they are converted, with their bits; the CheckSum comes by itself.
NUMBERS = {"msg_seq": 30, "qty": 32, "price": 32}
CHECKSUM_BITS = 8
#: Bits that a conversion takes in one cycle.
PER_CYCLE = 3

#: Cycles from the address of an instruction to that in which its lane chooses, and from there to the sums it is in.
CHOOSE, SUM = 2, 2
#: Cycles of adding up the FIX CheckSum's two parts, and of folding the other sum to 16 bits.
ADD, FOLD = 1, 2
#: A byte's instruction is read so many bytes ahead, and its lane chooses so many cycles before its beat.
AHEAD, PLAY = 4, 2


def steps(bits: int) -> int:
    """Cycles of a conversion."""
    return -(-bits // PER_CYCLE)


class Source(enum.IntEnum):
    """Where a played byte comes from."""
    IMAGE = 0
    WORDS = 1
    DIGITS = 2


class SumStep(data.Struct):
    """An instruction of the sums. A symbol's code stands one instruction early, since its memory takes a cycle."""
    words: unsigned(CODE_BITS)
    digits: unsigned(CODE_BITS)
    words_add: unsigned(1)
    words_swap: unsigned(1)     # the first character is at an odd offset
    words_fix: unsigned(1)      # the FIX CheckSum covers it
    digits_add: unsigned(1)
    digits_swap: unsigned(1)
    single: unsigned(1)         # the pair of digits has a first character only


class PlayStep(data.Struct):
    """An instruction of the play; a symbol's code stands one byte early."""
    words: unsigned(CODE_BITS)
    digits: unsigned(CODE_BITS)
    source: unsigned(2)
    second: unsigned(1)         # the second character of the pair
    last: unsigned(1)           # the byte is the frame's last


class Pair(NamedTuple):
    """Two characters of a slot (or one, its last), in one of its places."""
    slot: str
    number: int
    swap: bool
    single: bool


def code(slot: str, pair: int) -> int:
    """Code of a pair in its lane."""
    if slot == "symbol":
        return SYMBOL_CODE + pair
    if slot in HEX_SLOTS:
        return HEX_SLOTS.index(slot) * 8 + pair
    names, start = (DIGIT_SLOTS, 0) if slot in DIGIT_SLOTS else ((*BYTE_SLOTS, STATIC), WORD_CODE)
    return start + sum(_pairs(name) for name in names[:names.index(slot)]) + pair


def chars(slot: str) -> int:
    """Characters of a slot; the same in every frame that has it."""
    return {name: found.chars for frame in FRAMES.values() for name, found in frame.slots.items()}[slot]


def _pairs(slot: str) -> int:
    return 1 if slot == STATIC else -(-chars(slot) // 2)


def _summed(slot: FrameSlot) -> list[Pair]:
    """The pairs of every place of a slot. The second character must be at the other parity: they make one word."""
    found = []
    for place in slot.places:
        for first in range(0, slot.chars, 2):
            offsets = place[first:first + 2]
            if len(offsets) == 2 and not sum(offsets) & 1:
                raise ValueError(f"{slot.name}: characters at {offsets} do not make a word")
            # A byte by itself is the second character of its word.
            single = slot.chars == 1
            found.append(Pair(slot.name, first // 2, bool(offsets[0] & 1) ^ single, len(offsets) == 1))
    return found


def _ready() -> dict[str, int]:
    """Cycle in which the digits of each number can be chosen."""
    cycles, at = {}, 0
    for name, bits in NUMBERS.items():
        at += steps(bits)
        cycles[name] = at + 1
    return cycles


#: Cycle in which each number's conversion starts; it takes `steps`, and is copied the cycle after.
STARTS = {name: ready - 1 - steps(NUMBERS[name]) for name, ready in _ready().items()}


@dataclass
class Sums:
    """The sums of one kind of frame: what each lane chooses in each cycle, counted from the first beat."""
    words: dict[int, Pair]
    digits: dict[int, Pair]

    @property
    def fixed(self) -> int:
        """Cycle in which the FIX CheckSum is right."""
        symbol_late = 1
        return max(max(self.digits), max(self.words) + symbol_late) + SUM + ADD

    @classmethod
    def of(cls, action: Action) -> "Sums":
        slots = FRAMES[action].slots
        words = [pair for name in (*HEX_SLOTS, *BYTE_SLOTS, "symbol") if name in slots and name != UNSUMMED
                 for pair in _summed(slots[name])]
        ready = {"time": CHOOSE, **_ready()}
        at, digits = CHOOSE, {}
        for name in DIGIT_SLOTS[:-1]:
            for pair in _summed(slots[name]) if name in slots else ():
                at = max(at, ready[name])
                digits[at] = pair
                at += 1
        return cls(dict(enumerate([Pair(STATIC, 0, False, False), *words], CHOOSE)), digits)


SUMS = {action: Sums.of(action) for action in FRAMES}
#: Cycles: the FIX CheckSum is right and its conversion starts; its digits are there; the TCP checksum is right.
CHECKSUM_START = max(sums.fixed for sums in SUMS.values())
CHECKSUM_READY = CHECKSUM_START + steps(CHECKSUM_BITS)
for _action, _sums in SUMS.items():
    _sums.digits |= dict(enumerate(_summed(FRAMES[_action].slots["checksum"]), CHECKSUM_READY))
DONE = max(max(sums.digits) for sums in SUMS.values()) + SUM + FOLD
#: Where the count of cycles rests until the next frame.
REST = DONE + 1
CYCLE_BITS = REST.bit_length()
#: Last cycles in which the sums use the lanes. A symbol is one cycle late.
WORDS_END = max(max(sums.words) for sums in SUMS.values()) + 1
DIGITS_END = max(max(sums.digits) for sums in SUMS.values())

POSITION_BITS = (max(frame.length for frame in FRAMES.values()) - 1).bit_length()
#: Bits of the program memory's address: play (position, action), then sums (cycle, action).
ADDRESS_BITS = POSITION_BITS + 2
assert CYCLE_BITS <= POSITION_BITS


def lane(slot: str) -> Source:
    """The lane of a slot."""
    return Source.DIGITS if slot in DIGIT_SLOTS else Source.WORDS


def check(frames: dict[Action, Frame] = FRAMES) -> None:
    """What the encoder relies on, whatever the templates say. Raises ValueError that names what does not hold."""
    for action, frame in frames.items():
        for name, slot in frame.slots.items():
            if name not in (DIGIT_SLOTS if slot.kind is Kind.DIGIT else HEX_SLOTS if slot.kind is Kind.HEX else
                            (*BYTE_SLOTS, "symbol")):
                raise ValueError(f"{action.name}: no lane has {slot.kind.name} characters called {name}")
            if slot.chars != chars(name):
                raise ValueError(f"{action.name}: {name} has {slot.chars} characters, in other frames {chars(name)}")
            _summed(slot)
        _check_times(action, {offset: name for name, slot in frame.slots.items()
                              for place in slot.places for offset in place})


def _check_times(action: Action, slot_at: dict[int, str]) -> None:
    """That what is played is there by then, and its lane is free."""
    ends = {Source.WORDS: WORDS_END, Source.DIGITS: DIGITS_END}
    for offset, name in slot_at.items():
        before = slot_at.get(offset - 1)
        if name == UNSUMMED and offset - PLAY < DONE:
            raise ValueError(f"{action.name}: the TCP checksum is chosen {offset - PLAY} cycles after the first beat, "
                             f"and made in {DONE}")
        if offset - PLAY <= ends[lane(name)] or offset < AHEAD:
            raise ValueError(f"{action.name}: {name} at {offset} is played while the sums still need its lane")
        if name == "symbol" and before not in (None, "symbol") and lane(before) == lane(name):
            raise ValueError(f"{action.name}: {before} stands right before the symbol, whose code is read there")


def _sum_steps(action: Action) -> list[int]:
    slots, fields = FRAMES[action].slots, [{} for _ in range(REST + 2)]
    for cycle, pair in SUMS[action].words.items():
        late = int(pair.slot == "symbol")
        fields[cycle - CHOOSE]["words"] = code(pair.slot, pair.number)
        fields[cycle - CHOOSE + late] |= {"words_add": 1, "words_swap": int(pair.swap),
                                          "words_fix": int(pair.slot in slots and slots[pair.slot].in_fix)}
    for cycle, pair in SUMS[action].digits.items():
        fields[cycle - CHOOSE] |= {"digits": code(pair.slot, pair.number), "digits_add": 1,
                                   "digits_swap": int(pair.swap), "single": int(pair.single)}
    return [SumStep.const(values).as_bits() for values in fields]


def _play_steps(action: Action) -> list[int]:
    """By position: the instruction read while it stands there is of the byte after next."""
    frame = FRAMES[action]
    fields = [{} for _ in range(1 << POSITION_BITS)]
    fields[frame.length - 1]["last"] = 1
    for slot in frame.slots.values():
        for place in slot.places:
            for n, offset in enumerate(place):
                source = lane(slot.name)
                fields[offset - (slot.name == "symbol")][source.name.lower()] = code(slot.name, n // 2)
                fields[offset] |= {"source": int(source), "second": n & 1 or int(slot.chars == 1)}
    early = AHEAD - PLAY
    return [PlayStep.const(values).as_bits() for values in (*fields[early:], *fields[:early])]


def words() -> list[int]:
    """The program memory."""
    check()
    memory = [0] * (1 << ADDRESS_BITS)
    for action in FRAMES:
        play = action << POSITION_BITS
        memory[play:play + (1 << POSITION_BITS)] = _play_steps(action)
        sums = sum_address(0, action)
        for cycle, step in enumerate(_sum_steps(action)):
            memory[sums + cycle] = step
    return memory


def sum_address(cycle: int, action: int) -> int:
    """Where the instruction of the sums that is read in this cycle stands."""
    return 1 << ADDRESS_BITS - 1 | action << POSITION_BITS | cycle
