"""FIX CheckSum and TCP checksum of a frame whose header is already leaving.

Both come from the same sums. A byte at an even offset of the frame counts 256-fold in the TCP checksum (RFC
9293, section 3.1; RFC 1071), one at an odd offset once; the FIX CheckSum counts every byte once, modulo 256
(FIX 4.4 volume 2, "checksum calculation"). So each slot delivers the sums of its even and odd characters,
and they are added up one slot a cycle, as they become ready.
"""

from dataclasses import dataclass

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fix.decimal import ToDecimal
from hdl.fix.slot import UNSUMMED, Sums, slots
from hdl.layouts import Action
from hdl.order.image import FRAMES, FrameSlot

FIX_DIGITS = 3
#: Cycle in which each slot is loaded, 0 being the first beat of the frame; all others in cycle 0.
SYMBOL_LOAD = 2
NUMBER_LOAD = ToDecimal.latency(32)
#: From the cycle a slot's sums are taken to that in which the totals hold them.
TAKE = 2
#: Cycles of folding the total to 16 bits, and of loading the result.
FOLD = 3


def ready(slot: FrameSlot) -> int:
    """Cycle in which the sums of a slot are right."""
    load = {"symbol": SYMBOL_LOAD, "qty": NUMBER_LOAD, "price": NUMBER_LOAD}.get(slot.name, 0)
    return load + slot.chars + 1


@dataclass(frozen=True)
class Take:
    """In `cycle` the sums of `slot` are taken; `swap` where its first character is at an odd offset."""
    cycle: int
    slot: FrameSlot
    swap: bool


def takes(action: Action) -> list[Take]:
    """One slot a cycle, those that are ready first, each as often as it appears; not the FIX CheckSum itself."""
    result, cycle = [], 0
    for slot in sorted(FRAMES[action].slots.values(), key=ready):
        for place in slot.places if slot.name not in (*UNSUMMED, "checksum") else ():
            cycle = max(cycle + 1, ready(slot))
            result.append(Take(cycle, slot, bool(place[0] & 1)))
    return result


#: The FIX total stands in this cycle in every kind of frame, then its digits, then the TCP checksum.
FIX_CYCLE = max(takes(action)[-1].cycle for action in FRAMES) + TAKE
DIGITS_CYCLE = FIX_CYCLE + ToDecimal.latency(8)
CHECKSUM_TAKE = DIGITS_CYCLE + FIX_DIGITS + 1
DONE_CYCLE = CHECKSUM_TAKE + TAKE + FOLD
#: Where the count of cycles rests until the next frame.
REST = DONE_CYCLE + 1


class Checksums(wiring.Component):
    """Adds up the slots of one frame on a fixed schedule.

    `digits` (the FIX CheckSum) is right in `DIGITS_CYCLE` and `tcp` in `DONE_CYCLE`, cycles being counted by
    `cycle` from 0, the first beat of the frame.

    Ports
    -----
    cycle : In, counts up to `REST` and stays there. action : In, `Action` of the frame.
    fix_static, tcp_static : In, the image's own sums, needed from `FIX_CYCLE` on.
    slots : In, `Sums` of each summed slot by name.
    digits : Out(12), last digit lowest. tcp : Out(16), the TCP checksum field.
    """

    def __init__(self):
        names = [name for name in slots() if name not in UNSUMMED]
        super().__init__({
            "cycle": In(range(REST + 1)), "action": In(Action), "fix_static": In(8), "tcp_static": In(16),
            "slots": In(wiring.Signature({name: Out(Sums) for name in names})),
            "digits": Out(4 * FIX_DIGITS), "tcp": Out(16)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.decimal = decimal = ToDecimal(8, FIX_DIGITS)
        even, odd, fix = Signal(16), Signal(16), Signal(8)
        taken, taken_fix = Signal(Sums), Signal()
        m.d.sync += [taken.eq(0), taken_fix.eq(0)]
        for action in FRAMES:
            with m.If(self.action == action):
                with m.Switch(self.cycle):
                    for take in takes(action):
                        with m.Case(take.cycle):
                            self._take(m, taken, take.slot.name, take.swap)
                            m.d.sync += taken_fix.eq(int(take.slot.in_fix))
                    with m.Case(CHECKSUM_TAKE):
                        place = FRAMES[action].slots["checksum"].places[0]
                        self._take(m, taken, "checksum", bool(place[0] & 1))

        with m.If(self.cycle == 0):
            m.d.sync += [even.eq(0), odd.eq(0), fix.eq(0)]
        with m.Else():
            m.d.sync += [even.eq(even + taken.even), odd.eq(odd + taken.odd)]
            with m.If(taken_fix):
                m.d.sync += fix.eq(fix + taken.even + taken.odd)
        m.d.comb += [decimal.start.eq(self.cycle == FIX_CYCLE), decimal.value.eq(fix + self.fix_static),
                     self.digits.eq(decimal.digits)]

        # Ones' complement: what is carried out of 16 bits comes back in at the bottom.
        total, folded = Signal(25), Signal(17)
        m.d.sync += [total.eq((even << 8) + odd + self.tcp_static), folded.eq(total[:16] + total[16:]),
                     self.tcp.eq(~(folded[:16] + folded[16]))]
        return m

    def _take(self, m: Module, taken, name: str, swap: bool):
        sums = getattr(self.slots, name)
        m.d.sync += [taken.even.eq(sums.odd if swap else sums.even), taken.odd.eq(sums.even if swap else sums.odd)]
