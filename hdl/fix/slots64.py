"""The characters of a frame's slots, and where they stand in its words of eight bytes."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from fixparse.templates import Kind
from hdl.layouts import Action
from hdl.order.image import FRAMES, WORD

BYTE_BITS, NIBBLE_BITS = 8, 4
#: The one slot that is not among the characters: it is known last, and where its word is loaded.
UNSUMMED = "tcp_checksum"
#: Bits of a word's number, and words of each frame.
WORD_BITS = (max(frame.length for frame in FRAMES.values()) // WORD).bit_length()
WORDS = {action: -(-frame.length // WORD) for action, frame in FRAMES.items()}
ACTION_BITS = max(FRAMES).bit_length()

#: Every slot of any frame by name; `hdl.order.image` gives it the same characters in all of them.
SLOTS = {name: slot for frame in FRAMES.values() for name, slot in frame.slots.items() if name != UNSUMMED}
#: Decimal and hex digits as numbers, anything else as bytes; the first character first.
Chars = data.StructLayout({name: data.ArrayLayout(BYTE_BITS if slot.kind is Kind.BYTE else NIBBLE_BITS, slot.chars)
                           for name, slot in SLOTS.items()})


def character(nibble) -> Value:
    """The ASCII character of a decimal or upper-case hex digit."""
    letter = nibble > 9
    return Cat(Mux(letter, nibble - 9, nibble)[:NIBBLE_BITS], ~letter, ~letter, letter, Const(0, 1))


def where(lane: int, kinds: tuple[Kind, ...]) -> dict[int, tuple[str, int]]:
    """The characters of these kinds in one lane: by action and word (the action above), slot and number."""
    return {action << WORD_BITS | offset // WORD: (name, n)
            for action, frame in FRAMES.items() for name, slot in frame.slots.items()
            if name != UNSUMMED and slot.kind in kinds
            for place in slot.places for n, offset in enumerate(place) if offset % WORD == lane}


def pick_some(options: dict[int, Value], index) -> Value:
    """The option of this index; any where there is none."""
    known = dict(options)
    for bit in index:
        pairs: dict[int, dict[int, Value]] = {}
        for at, option in known.items():
            pairs.setdefault(at >> 1, {})[at & 1] = option
        known = {at: Mux(bit, pair[1], pair[0]) if len(pair) == 2 else next(iter(pair.values()))
                 for at, pair in pairs.items()}
    return known[0]


class SlotWords(wiring.Component):
    """The slots' characters in one word of a frame; every other byte, and those of `UNSUMMED`, are 0.

    Latency: 1 cycle. Throughput: a word a cycle.

    Ports
    -----
    chars : In(Chars). action, at : In, which frame, and number of the word. en : In, look at them; else `o` stays.
    o : Out(64), first byte lowest.
    """

    def __init__(self):
        super().__init__({"chars": In(Chars), "action": In(Action), "at": In(WORD_BITS), "en": In(1),
                          "o": Out(BYTE_BITS * WORD)})

    def elaborate(self, platform):
        m = Module()
        index = Cat(self.at, self.action)
        for lane in range(WORD):
            digit, byte = Signal(NIBBLE_BITS, name=f"digit{lane}"), Signal(BYTE_BITS, name=f"byte{lane}")
            is_digit, is_byte = Signal(name=f"is_digit{lane}"), Signal(name=f"is_byte{lane}")
            for value, there, kinds in ((digit, is_digit, (Kind.DIGIT, Kind.HEX)), (byte, is_byte, (Kind.BYTE,))):
                spots = where(lane, kinds)
                options = {at: self.chars[name][n] for at, (name, n) in spots.items()}
                with m.If(self.en):
                    m.d.sync += [value.eq(pick_some(options, index)),
                                 there.eq(pick_some({at: Const(at in spots) for at in range(1 << len(index))}, index))]
            m.d.comb += self.o.word_select(lane, BYTE_BITS).eq(
                Mux(is_digit, character(digit), Mux(is_byte, byte, 0)))
        return m


__all__ = ["ACTION_BITS", "SLOTS", "UNSUMMED", "WORDS", "WORD_BITS", "Chars", "SlotWords", "character"]
