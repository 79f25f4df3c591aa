"""Where the pairs of characters that the sums go through stand in the frame, for the player of 64 bits.

The sums of `hdl.fix.program` bring every pair of characters once for each of its places. Written there at once, they
have patched the whole frame when they are done, all but the TCP checksum. No hardware is here but the shape of a row.
"""

from typing import NamedTuple

from amaranth.hdl import unsigned
from amaranth.lib import data

from hdl.fix import program
from hdl.fix.program import BYTE_SLOTS, CYCLE_BITS, DIGIT_SLOTS, HEX_SLOTS, SUMS, UNSUMMED, Source
from hdl.layouts import Action
from hdl.order.image import FRAMES, WORD, FrameSlot

#: Bits of a word's number, and of a byte's in it.
WORD_BITS, LANE_BITS = 5, 3
#: Cycles from that in which a lane chooses to that in which its characters are there; a symbol's are one later.
CHOSEN = 1
WORDS = {action: -(-frame.length // WORD) for action, frame in FRAMES.items()}
#: Where the TCP checksum stands; the same in all frames.
CHECKSUM_WORD, CHECKSUM_LANE = divmod(FRAMES[Action.NEW].slots[UNSUMMED].places[0][0], WORD)
#: Cycle of the first beat, 0 being that after the decision: the TCP checksum is taken the cycle before its beat.
FIRST = program.DONE + 1 - CHECKSUM_WORD


class Spot(data.Struct):
    """Where a character goes, if it goes anywhere."""
    lane: unsigned(LANE_BITS)
    word: unsigned(WORD_BITS)
    there: unsigned(1)


class Row(data.Struct):
    """The characters that are there in one cycle: of each lane the high and the low one."""
    words: data.ArrayLayout(Spot, 2)
    digits: data.ArrayLayout(Spot, 2)


class Patch(NamedTuple):
    """One character: in which cycle, of which lane, which of the pair, and its offset in the frame."""
    cycle: int
    lane: Source
    low: int
    offset: int


def _pairs(slot: FrameSlot) -> list[tuple[tuple[int, int], ...]]:
    """For each pair, in the order of the sums: (which character, offset) of its one or two characters."""
    found = []
    for place in slot.places:
        for first in range(0, slot.chars, 2):
            offsets = place[first:first + 2]
            # A slot of one byte is the low half of its word, the odd last character of any other the high half.
            alone = int(slot.chars == 1)
            found.append(tuple((n + alone, offset) for n, offset in enumerate(offsets)))
    return found


def patches(action: Action) -> list[Patch]:
    """Every character of a frame but those of the TCP checksum."""
    slots, sums, found = FRAMES[action].slots, SUMS[action], []
    names = {Source.WORDS: (*HEX_SLOTS, *BYTE_SLOTS, "symbol"), Source.DIGITS: DIGIT_SLOTS}
    for lane, chosen in ((Source.WORDS, sums.words), (Source.DIGITS, sums.digits)):
        cycles = [(cycle, pair) for cycle, pair in chosen.items() if pair.slot in slots]
        pairs = [pair for name in names[lane] if name in slots and name != UNSUMMED for pair in _pairs(slots[name])]
        for (cycle, pair), characters in zip(cycles, pairs, strict=True):
            there = cycle + CHOSEN + int(pair.slot == "symbol")
            found += [Patch(there, lane, low, offset) for low, offset in characters]
    return found


def check() -> None:
    """That each character is written before its word leaves. Raises ValueError that names what does not hold."""
    for action, frame in FRAMES.items():
        if divmod(frame.slots[UNSUMMED].places[0][0], WORD) != (CHECKSUM_WORD, CHECKSUM_LANE):
            raise ValueError(f"{action.name}: the TCP checksum stands elsewhere")
        expected = {offset for name, slot in frame.slots.items() if name != UNSUMMED
                    for place in slot.places for offset in place}
        written = [patch.offset for patch in patches(action)]
        if len(written) != len(expected) or set(written) != expected:
            raise ValueError(f"{action.name}: characters are written that no slot has, or none where one has")
        for patch in patches(action):
            if patch.cycle >= FIRST - 1 + patch.offset // WORD:
                raise ValueError(f"{action.name}: byte {patch.offset} is written in cycle {patch.cycle}, too late")


def rows() -> list[int]:
    """The memory of places: what is read in a cycle is of the next. The action is above the cycle."""
    check()
    memory: list[dict] = [{} for _ in range(len(FRAMES) << CYCLE_BITS)]
    for action in FRAMES:
        for patch in patches(action):
            row = memory[action << CYCLE_BITS | patch.cycle - 1]
            pair = row.setdefault(patch.lane.name.lower(), [{}, {}])
            word, lane = divmod(patch.offset, WORD)
            pair[patch.low] = {"lane": lane, "word": word, "there": 1}
    return [Row.const(row).as_bits() for row in memory]


def sources(action: Action) -> list[list[Source]]:
    """For each word and byte of the frame: where it comes from. The TCP checksum counts as the image's."""
    found = [[Source.IMAGE] * WORD for _ in range(1 << WORD_BITS)]
    for patch in patches(action):
        word, lane = divmod(patch.offset, WORD)
        found[word][lane] = patch.lane
    return found


__all__ = ["CHECKSUM_LANE", "CHECKSUM_WORD", "FIRST", "LANE_BITS", "WORDS", "WORD_BITS", "Row", "patches", "rows",
           "sources"]
