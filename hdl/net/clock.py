"""Time: the 64-bit nanosecond clock, and the UTC date and time of day that order messages carry."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.fix.decimal import times_ten

FS_PER_NS = 10**6
NS_PER_MS = 10**6
NS_PER_S = 10**9
#: Digits of the time of day HHMMSSmmm: worth in ms, and the value at which each goes back to 0.
DIGIT_MS = (36_000_000, 3_600_000, 600_000, 60_000, 10_000, 1_000, 100, 10, 1)
DIGIT_LIMIT = (3, 10, 6, 10, 6, 10, 10, 10, 10)
MS_BITS = 27
#: A day and a half fits; what is longer is no time of day.
DAY_NS_BITS = 47
#: Every worth is a multiple of 2**6 ns, so the lowest bits take no part in the division.
LOW_BITS = 6
STEP_BITS = 5
#: Nanoseconds into a millisecond are kept with an offset, so that a full one shows as a carry out of REST_BITS.
REST_BITS = 20
REST_OFFSET = 2**REST_BITS - NS_PER_MS
assert REST_OFFSET % 2**STEP_BITS == 0, "the offset and a step are joined without an adder"


class TimeOfDay(data.Struct):
    """UTC as order messages write it. All fields change together."""
    known: unsigned(1)      # the host has set date and midnight, and now is within that day
    date: unsigned(32)      # YYYYMMDD as a number
    ms: unsigned(32)        # of the day
    date_digits: data.ArrayLayout(4, 8)   # first digit first
    time_digits: data.ArrayLayout(4, 9)   # HHMMSSmmm, first digit first


class Counter(wiring.Component):
    """The clock itself: exact over any time, never backwards but when it is set.

    `now` grows by the period of the core clock, fractions of a nanosecond carried in femtoseconds, plus
    `adjust` ns for every `clock_hz` cycles (a second of its own time), one at a time and evenly spread.
    |adjust| beyond `clock_hz` counts as `clock_hz`.

    Ports
    -----
    set, value : In, `now` is `value` two cycles after the cycle of `set`.
    adjust : In(signed(32)), ns/s.
    now : Out(64).
    following, coming : Out, by how much `now` will grow from the next cycle to the one after, and the cycle after.
    """

    def __init__(self, config: NicConfig):
        self.config, self.whole = config, config.clock_fs // FS_PER_NS
        super().__init__({"set": In(1), "value": In(64), "adjust": In(signed(32)), "now": Out(64),
                          "following": Out(STEP_BITS, init=self.whole), "coming": Out(STEP_BITS, init=self.whole)})

    def elaborate(self, platform):
        m = Module()
        part = self.config.clock_fs % FS_PER_NS
        carry, extra = Signal(), Signal(signed(2))
        fraction, total = Signal(range(FS_PER_NS)), Signal(range(2 * FS_PER_NS))
        m.d.comb += total.eq(fraction + part)
        m.d.sync += [carry.eq(total >= FS_PER_NS), fraction.eq(Mux(total >= FS_PER_NS, total - FS_PER_NS, total))]
        self._adjust(m, extra)

        # The low half runs one cycle ahead, so that its carry reaches the high half in time.
        low, over, fresh, high = Signal(32), Signal(), Signal(), Signal(32)
        m.d.sync += [
            self.coming.eq(self.whole + carry + extra), self.following.eq(self.coming), fresh.eq(self.set),
            high.eq(self.value[32:]), Cat(low, over).eq(low + self.following),
            self.now.eq(Cat(low, Mux(fresh, high, self.now[32:] + over))),
        ]
        with m.If(self.set):
            m.d.sync += Cat(low, over).eq(self.value[:32])
        return m

    def _adjust(self, m: Module, extra):
        """`extra` is 1 or -1 in |adjust| of `clock_hz` cycles."""
        hz = self.config.clock_hz
        size, sign = Signal(range(hz + 1)), Signal()
        phase, grown, over = Signal(range(hz)), Signal(range(2 * hz)), Signal()
        magnitude = Mux(self.adjust < 0, -self.adjust, self.adjust)[:32]
        m.d.sync += [size.eq(Mux(magnitude > hz, hz, magnitude)), sign.eq(self.adjust < 0)]
        m.d.comb += [grown.eq(phase + size), over.eq(grown >= hz)]
        m.d.sync += [phase.eq(Mux(over, grown - hz, grown)), extra.eq(Mux(over, Mux(sign, -1, 1), 0))]


class Division(wiring.Component):
    """Time of day of `now`, digit by digit, again and again: subtract and count, two cycles a try.

    A result is at most `LATENCY` cycles old; whatever the host writes shows in the next one.

    Ports
    -----
    now, midnight, coming : In; `coming` as of `Counter`.
    soon : Out, in this cycle and the next two `digits` and `ms` are those of a result. done : Out, the last of them.
    digits, ms : Out, time of day when this division began.
    rest : Out, with `done`: nanoseconds from that millisecond to the next cycle, plus `REST_OFFSET`.
    good : Out(1), `now` was within 24 hours after `midnight`.
    """

    LATENCY = 2 * (sum(DIGIT_LIMIT) + len(DIGIT_LIMIT)) + 9

    def __init__(self):
        super().__init__({
            "now": In(64), "midnight": In(64), "coming": In(STEP_BITS), "soon": Out(1), "done": Out(1),
            "good": Out(1), "ms": Out(MS_BITS), "digits": Out(data.ArrayLayout(4, len(DIGIT_MS))),
            "rest": Out(REST_BITS + 1)})

    def elaborate(self, platform):
        m = Module()
        place = Signal(range(len(DIGIT_MS)))
        low, high, borrow = Signal(32), Signal(32), Signal()
        left, tried = Signal(DAY_NS_BITS - LOW_BITS), Signal(DAY_NS_BITS - LOW_BITS + 1)
        elapsed, fits = Signal(17), Signal()
        worth, worth_ms = Signal.like(left), Signal(MS_BITS)
        with m.Switch(place):
            for n, ms in enumerate(DIGIT_MS):
                with m.Case(n):
                    m.d.comb += [worth.eq(ms * NS_PER_MS >> LOW_BITS), worth_ms.eq(ms)]

        # From the sample to two cycles ahead: it starts two cycles before the sample is taken.
        m.d.sync += elapsed.eq(elapsed + self.coming)
        with m.FSM():
            with m.State("begin"):
                m.d.sync += elapsed.eq(REST_OFFSET)
                m.next = "two before"
            with m.State("two before"):
                m.next = "one before"
            with m.State("one before"):
                m.next = "sample"
            with m.State("sample"):     # now - midnight, in two halves
                m.d.sync += [Cat(low, borrow).eq(self.now[:32] - self.midnight[:32]), high.eq(self.now[32:]),
                             self.digits.eq(0), self.ms.eq(0), place.eq(0)]
                m.next = "high half"
            with m.State("high half"):
                m.d.sync += high.eq(high - self.midnight[32:] - borrow)
                m.next = "start"
            with m.State("start"):
                m.d.sync += [left.eq(Cat(low[LOW_BITS:], high)), fits.eq(high[DAY_NS_BITS - 32:] == 0)]
                m.next = "try"
            with m.State("try"):
                m.d.sync += tried.eq(left - worth)
                m.next = "count"
            with m.State("count"):
                m.next = "try"
                with m.If(~tried[-1]):
                    m.d.sync += [left.eq(tried), self.digits[place].eq(self.digits[place] + 1),
                                 self.ms.eq(self.ms + worth_ms)]
                with m.Elif(place == len(DIGIT_MS) - 1):
                    m.d.sync += self.soon.eq(1)
                    m.next = "settle"
                with m.Else():
                    m.d.sync += place.eq(place + 1)
            with m.State("settle"):
                m.next = "rest"
            with m.State("rest"):
                m.d.sync += self.done.eq(1)
                m.d.sync += self.rest.eq(Cat(low[:LOW_BITS], left[:REST_BITS - LOW_BITS]) + elapsed)
                m.next = "done"
            with m.State("done"):
                m.d.sync += [self.soon.eq(0), self.done.eq(0)]
                m.next = "begin"
        m.d.comb += self.good.eq(fits & ((self.digits[0] < 2) | (self.digits[0] == 2) & (self.digits[1] < 4)))
        return m


class DateNumber(wiring.Component):
    """The date register (8 ASCII digits, first byte lowest) as digits and as a number, again and again.

    A change shows after at most 20 cycles, in all outputs at once. `good`: all eight bytes are digits, and
    the year is not 0.
    """

    def __init__(self):
        super().__init__({"text": In(64), "good": Out(1), "date": Out(32), "digits": Out(data.ArrayLayout(4, 8))})

    def elaborate(self, platform):
        m = Module()
        text, left, total = Signal(64), Signal(range(9)), Signal(32)
        char = text[:8]
        right = Signal()
        m.d.sync += [text.eq(Cat(text[8:], char)), left.eq(left - 1), total.eq(times_ten(total) + char[:4])]
        with m.If((char[4:] != Const(ord("0") >> 4, 4)) | (char[:4] > 9)):
            m.d.sync += right.eq(0)
        with m.If(left == 0):   # the text has turned once around
            m.d.sync += [text.eq(self.text), left.eq(8), total.eq(0), right.eq(1),
                         self.good.eq(right & total.any()), self.date.eq(total)]
            m.d.sync += [self.digits[n].eq(text.word_select(n, 8)[:4]) for n in range(8)]
        return m


class Clock(wiring.Component):
    """The NIC's clock: nanoseconds since the epoch the host set, and UTC as orders write it.

    `now` is exact over any time and monotonic unless it is set; see `Counter` for discipline. `stamp` is
    the date register and floor((now - midnight) / 1 ms) of the very cycle, as digits and as numbers: it
    steps with `now`, and follows a change of time, midnight or date within `SETTLE` cycles. It is `known`
    when the date is eight digits and now is within the 24 hours from midnight; at the end of the day it is
    not, until the host has written the next one: an order with a wrong date must not leave.

    Parameters
    ----------
    config : its `clock_hz` is the frequency of this clock domain.

    Ports
    -----
    time_stb, time_wdata : In, NIC.time is being written; `now` is that value two cycles later.
    adjust_value, midnight_value, date_value : In(64), registers of the NIC block.
    now : Out(64). stamp : Out(TimeOfDay).
    """

    SETTLE = 2 * Division.LATENCY

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "time_stb": In(1), "time_wdata": In(64), "adjust_value": In(64), "midnight_value": In(64),
            "date_value": In(64), "now": Out(64), "stamp": Out(TimeOfDay)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.counter = counter = Counter(self.config)
        m.submodules.division = division = Division()
        m.submodules.date = date = DateNumber()
        m.d.comb += [
            counter.set.eq(self.time_stb), counter.value.eq(self.time_wdata),
            counter.adjust.eq(self.adjust_value[:32].as_signed()), self.now.eq(counter.now),
            division.now.eq(counter.now), division.midnight.eq(self.midnight_value), division.coming.eq(counter.coming),
            date.text.eq(self.date_value),
        ]
        self._stamp(m, counter, division, date)
        return m

    def _stamp(self, m: Module, counter, division, date):
        """Between two divisions the time of day steps by itself, with what follows it worked out beforehand."""
        digits, ms, known = Signal(data.ArrayLayout(4, len(DIGIT_MS))), Signal(MS_BITS), Signal()
        next_digits, next_ms, last = Signal.like(digits), Signal(MS_BITS), Signal()
        base, base_ms = Signal.like(digits), Signal(MS_BITS)    # what the next millisecond is one more than
        rest, before = Signal(REST_BITS + 1), Signal(REST_BITS + 1)     # of the next cycle; the top bit: one ms more
        turn = before[-1]
        m.d.comb += [
            self.stamp.known.eq(known & date.good), self.stamp.date.eq(date.date), self.stamp.ms.eq(ms),
            self.stamp.date_digits.eq(date.digits), self.stamp.time_digits.eq(digits),
            before.eq(Mux(division.done, division.rest, rest)),
        ]
        m.d.sync += [
            base.eq(Mux(division.soon, division.digits, digits)), base_ms.eq(Mux(division.soon, division.ms, ms)),
            rest.eq(before[:-1] + Cat(counter.following, Mux(turn, REST_OFFSET >> STEP_BITS, 0))),
            next_ms.eq(base_ms + 1), last.eq(self._increment(m, base, next_digits)),
        ]
        with m.If(division.done):
            m.d.sync += [digits.eq(division.digits), ms.eq(division.ms), known.eq(division.good)]
        with m.If(turn):
            m.d.sync += [digits.eq(next_digits), ms.eq(next_ms)]
            with m.If(last):
                m.d.sync += known.eq(0)

    @staticmethod
    def _increment(m: Module, before, after):
        """`after` becomes one millisecond more. Returns whether that is 24:00, which is no time of this day."""
        carry, late = Const(1, 1), (before[0] == 2) & (before[1] == 3)
        for n in reversed(range(len(DIGIT_MS))):
            full = Signal(name=f"full{n}")
            m.d.comb += full.eq(before[n] == DIGIT_LIMIT[n] - 1)
            m.d.sync += after[n].eq(Mux(carry, Mux(full, 0, before[n] + 1), before[n]))
            if n == 1:
                late = late & carry
            carry = carry & full
        return late
