"""The watchdog: a host that is silent for too long may not trade."""

from math import gcd

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import GATE

TIMEOUT_BITS = GATE["watchdog"].width
FEMTO_PER_NANO = 10**6


class Periods:
    """Times of `TIMEOUT_BITS` bits in ns as whole periods of the core clock, rounded down.

    Raises ValueError where that takes more than a shift and a small multiple.
    """

    def __init__(self, config: NicConfig):
        unit = gcd(config.clock_fs, FEMTO_PER_NANO)
        self.scale, period = FEMTO_PER_NANO // unit, config.clock_fs // unit   # an ns, a clock period
        if period & (period - 1):
            raise ValueError(f"{config.name}: no watchdog at {config.clock_hz} Hz; its period in ns must be a whole "
                             "number of them, divided by a power of two")
        self.shift = period.bit_length() - 1
        self.bits = (((1 << TIMEOUT_BITS) - 1) * self.scale >> self.shift).bit_length()

    def of(self, time):
        return (time * self.scale) >> self.shift


class Watchdog(wiring.Component):
    """Counts the time since the last beat in whole periods of the core clock, which no host can set.

    The time is `timeout` rounded down to periods. After a beat it is not silent for so many cycles, beginning with the
    second one after it. Silent after reset; but `expired` only when a time that ran has run out.

    Members
    -------
    timeout : in ns; valid from the cycle after the beat on.
    beat : starts the time anew.
    silent : the time is over, or never began.
    expired : strobe, in the second cycle of a silence.
    """

    def __init__(self, config: NicConfig):
        self.periods = Periods(config)
        super().__init__({"timeout": In(TIMEOUT_BITS), "beat": In(1), "silent": Out(1), "expired": Out(1)})

    def elaborate(self, platform):
        m = Module()
        left, last, starts, ends = Signal(self.periods.bits), Signal(), Signal(), Signal()
        m.d.comb += [self.silent.eq(left == 0), last.eq((left == 1) & ~starts)]
        m.d.sync += [starts.eq(self.beat), ends.eq(last), self.expired.eq(ends),
                     left.eq(Mux(starts, self.periods.of(self.timeout), left - ~self.silent))]
        return m
