"""One slot of an order frame: its characters, turning, and their sums."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from fixparse.templates import Kind
from hdl.layouts import Action
from hdl.order.image import FRAMES, FrameSlot

#: Bits that hold one character of each kind.
BITS = {Kind.DIGIT: 4, Kind.HEX: 4, Kind.BYTE: 8}
#: Slots that no checksum covers.
UNSUMMED = ("destination", "tcp_checksum")
#: Enough for 16 characters of 255.
SUM_BITS = 12


def slots() -> dict[str, dict[Action, FrameSlot]]:
    """Every slot of any order frame, with its places in each action's frame that has it."""
    found: dict[str, dict[Action, FrameSlot]] = {}
    for action, frame in FRAMES.items():
        for name, slot in frame.slots.items():
            found.setdefault(name, {})[action] = slot
    return found


def odd_pattern(places: dict[Action, FrameSlot]) -> tuple[bool, ...]:
    """For each character: whether it is an odd number of bytes behind the first. The same in every appearance."""
    patterns = {tuple(bool(offset - place[0] & 1) for offset in place)
                for slot in places.values() for place in slot.places}
    if len(patterns) != 1:
        raise ValueError(f"slot {next(iter(places.values())).name} is not laid out alike in all its places")
    return patterns.pop()


class Sums(data.Struct):
    """Sums of a slot's characters at even and at odd distance from its first one."""
    even: SUM_BITS
    odd: SUM_BITS


class SlotRegister(wiring.Component):
    """Characters of a slot. After `load` they turn once by themselves while their sums are made.

    `sums` is right `chars + 1` cycles after the cycle of `load`, and the first character is then in front
    again; `turn` before that is an error. After `chars` turns the first character is in front again, so
    that a slot may be played as often as it appears.

    Ports
    -----
    load, value : In; first character in the lowest bits, `BITS[kind]` bits each.
    turn : In, the next character comes to the front.
    char : Out(8), the character in front, as text.
    sums : Out(Sums).
    """

    def __init__(self, places: dict[Action, FrameSlot]):
        slot = next(iter(places.values()))
        self.kind, self.chars, self.odd = slot.kind, slot.chars, odd_pattern(places)
        self.summed = slot.name not in UNSUMMED
        super().__init__({"load": In(1), "value": In(BITS[self.kind] * self.chars), "turn": In(1), "char": Out(8),
                          "sums": Out(Sums)})

    def elaborate(self, platform):
        m = Module()
        bits = BITS[self.kind]
        held = Signal(bits * self.chars, reset_less=True)
        step, walking = Signal(range(self.chars + 1)), Signal()
        m.d.comb += self.char.eq(self._text(held[:bits]))
        with m.If(walking):
            m.d.sync += step.eq(step + 1)
            with m.If(Array(Const(int(odd), 1) for odd in self.odd)[step]):
                m.d.sync += self.sums.odd.eq(self.sums.odd + self.char)
            with m.Else():
                m.d.sync += self.sums.even.eq(self.sums.even + self.char)
            with m.If(step == self.chars - 1):
                m.d.sync += walking.eq(0)
        with m.If(self.turn | walking):
            m.d.sync += held.eq(Cat(held[bits:], held[:bits]))
        with m.If(self.load):
            m.d.sync += [held.eq(self.value), step.eq(0), walking.eq(int(self.summed)), self.sums.eq(0)]
        return m

    def _text(self, symbol):
        if self.kind is Kind.BYTE:
            return symbol
        digit = Const(ord("0"), 8) | symbol
        return Mux(symbol > 9, ord("A") - 10 + symbol, digit) if self.kind is Kind.HEX else digit
