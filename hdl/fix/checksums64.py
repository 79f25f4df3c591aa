"""Both checksums of a frame at eight bytes a beat: all characters at once, in as many steps as there is time for."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.fix import sums64
from hdl.fix.slots64 import Chars
from hdl.fix.sums64 import (
    CHECKSUM,
    EARLY,
    EARLY_BITS,
    FIX_BITS,
    HEADER,
    LATE,
    TERM_BITS,
    TIME,
    compress,
    constant,
    high_low,
    ones_add,
    parts,
    total,
)
from hdl.layouts import Action
from hdl.pick import pick


def _halves(bits: int) -> data.StructLayout:
    """Sums of bytes at even offsets (`high`) and at odd ones (`low`)."""
    return data.StructLayout({"low": bits, "high": bits})


class Checksums64(wiring.Component):
    """FIX CheckSum and TCP checksum of a frame. See `hdl.fix.sums64` for what is added.

    Latency to `tcp` and `checksum`, which stay: from `sample` 5 cycles, from digits of MsgSeqNum, quantity and price
    that stay 3, from `take` 7.

    Ports
    -----
    chars : In(Chars), all but the CheckSum. static_tcp, static_fix : In, the image's own part of both.
    take : In, in this cycle `action`, the static parts and all characters but the time and those numbers are looked at.
    sample : In, in this cycle the time is looked at.
    action : In.
    checksum : Out, digits of the FIX CheckSum, first digit first. tcp : Out(16), the field of the TCP header.
    """

    EARLY_LATENCY, TIME_LATENCY, LATE_LATENCY = 7, 5, 3

    def __init__(self):
        super().__init__({
            "action": In(Action), "chars": In(Chars), "take": In(1), "sample": In(1), "static_tcp": In(TERM_BITS),
            "static_fix": In(FIX_BITS), "checksum": Out(Chars[CHECKSUM].shape), "tcp": Out(TERM_BITS)})

    def elaborate(self, platform):
        m = Module()
        sums64.check()
        self.held = Signal(Action)
        with m.If(self.take):
            m.d.sync += self.held.eq(self.action)
        tcp, fix = self._early(m)
        time, late = self._time(m), self._late(m)
        tcp_timed, tcp_all, tcp_done = (Signal(TERM_BITS + 1, name=f"tcp_{name}") for name in ("time", "all", "done"))
        fix_timed, fix_all = (Signal(FIX_BITS, name=f"fix_{name}") for name in ("time", "all"))
        digits, word = self._of_checksum(fix_all)
        high, low = (total([number[half] for number in late])[:FIX_BITS] for half in ("high", "low"))
        m.d.sync += [
            tcp_timed.eq(ones_add(tcp, Cat(time.low, time.high), tcp[-1])),
            tcp_all.eq(ones_add(tcp_timed, Cat(low, high), tcp_timed[-1])),
            tcp_done.eq(ones_add(tcp_all, word, tcp_all[-1])),
            fix_timed.eq(fix + (time.low + time.high)),
            fix_all.eq(fix_timed + total([half for number in late for half in (number.low, number.high)])),
            self.checksum.eq(digits),
        ]
        m.d.comb += self.tcp.eq(~(tcp_done[:TERM_BITS] + tcp_done[-1]))
        return m

    def _placed(self, m: Module, name: str, near, far, bits: int) -> data.View:
        """The two sums of all places of a slot in the frame of `action`, the cycle after."""
        by_action = [[total(half) for half in high_low(action, name, near, far)] for action in Action]
        placed = Signal(_halves(bits), name=f"{name}_bytes", reset_less=True)
        m.d.sync += [placed.high.eq(pick([high for high, _ in by_action], self.held)),
                     placed.low.eq(pick([low for _, low in by_action], self.held))]
        return placed

    def _early(self, m: Module) -> tuple[Value, Value]:
        """What is there first, with all constants: the sum for TCP (17 bits), and that for FIX."""
        slots = [self._placed(m, name, *self._added(m, name), EARLY_BITS) for name in EARLY]
        known_tcp, known_fix = (pick([Const(constant(action)[n], bits) for action in Action], self.action)
                                for n, bits in enumerate((TERM_BITS, FIX_BITS)))
        header = [Cat(self.chars[name][n + 1], self.chars[name][n]) for name in HEADER for n in (0, 2)]
        words = [Signal(TERM_BITS, name=f"word{n}", reset_less=True) for n in range(2)]
        added, base, static = Signal(TERM_BITS + 1), Signal(TERM_BITS), Signal(FIX_BITS)
        bytes_, tcp, fix = Signal(_halves(EARLY_BITS)), Signal(TERM_BITS + 1), Signal(FIX_BITS)
        with m.If(self.take):
            m.d.sync += [Cat(words).eq(Cat(compress([*header, self.static_tcp, known_tcp]))),
                         static.eq(self.static_fix + known_fix)]
        m.d.sync += [
            added.eq(ones_add(*words)), base.eq(added[:TERM_BITS] + added[-1]),
            bytes_.high.eq(total([slot.high for slot in slots])), bytes_.low.eq(total([slot.low for slot in slots])),
            fix.eq(static + (bytes_.high + bytes_.low)),
            # What the high bytes' sum has beyond eight bits comes back in at the bottom.
            tcp.eq(ones_add(*compress([base, Cat(bytes_.low, Const(0, TERM_BITS - EARLY_BITS)), Cat(
                bytes_.high[FIX_BITS:], Const(0, TERM_BITS - EARLY_BITS), bytes_.high[:FIX_BITS])]))),
        ]
        return tcp, fix

    def _added(self, m: Module, name: str) -> list[Value]:
        """The near and the far characters of an early slot, added in groups of four, and the groups a cycle later."""
        halves = []
        for which, chars in zip(("near", "far"), parts(name, list(self.chars[name])), strict=True):
            groups = []
            for n in range(0, len(chars), 4):
                some = total([char if len(char) == FIX_BITS else
                              Mux(char > 9, char + (ord("A") - ord("0") - 10), char) for char in chars[n:n + 4]])
                groups.append(Signal(some.shape(), name=f"{name}_{which}{n}", reset_less=True))
                with m.If(self.take):
                    m.d.sync += groups[-1].eq(some)
            halves.append(total(groups))
        return halves

    def _time(self, m: Module) -> data.View:
        """The time's digits: groups of three are added when they are sampled."""
        halves = []
        for which, chars in zip(("near", "far"), parts(TIME, list(self.chars[TIME])), strict=True):
            groups = [total(chars[n:n + 3]) for n in range(0, len(chars), 3)]
            kept = [Signal(group.shape(), name=f"time_{which}{n}", reset_less=True) for n, group in enumerate(groups)]
            with m.If(self.sample):
                m.d.sync += Cat(kept).eq(Cat(groups))
            halves.append(total(kept))
        return self._placed(m, TIME, *halves, FIX_BITS)

    def _late(self, m: Module) -> list[data.View]:
        """The digits of each late number."""
        return [self._placed(m, name, *(total(half) for half in parts(name, list(self.chars[name]))), FIX_BITS)
                for name in LATE]

    def _of_checksum(self, fix) -> tuple[Value, Value]:
        """The digits of the FIX CheckSum, and what they add to the TCP checksum."""
        values, bits = range(1 << FIX_BITS), Chars[CHECKSUM].shape.elem_shape
        return (pick([Cat(Const(digit, bits) for digit in sums64.checksum_digits(value)) for value in values], fix),
                pick([Const(sums64.checksum_word(value), TERM_BITS) for value in values], fix))


__all__ = ["Checksums64"]
