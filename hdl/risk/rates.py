"""A rate limit, made ready for the token buckets.

A bucket of `burst` tokens that gets one back every `interval` is kept as one number, its debt: the time in which
it will be full again. A token taken adds one interval to the debt, and time pays it back (the virtual scheduling
algorithm of ITU-T I.371, 03/2004, annex A). There is a token as long as the debt is at most burst - 1 intervals,
the `depth`.
"""

from math import gcd

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import STRATEGY, WORD_BITS

INTERVAL_BITS, BURST_BITS = STRATEGY["rate_interval"].width, STRATEGY["rate_burst"].width
#: Most cycles in which a `Rate` is made.
RATE_CYCLES = BURST_BITS + 2
FEMTO_PER_NANO = 10**6


def rate_bits(config: NicConfig) -> int:
    """Bits of a time in clock periods that holds every interval."""
    return ((1 << INTERVAL_BITS) * FEMTO_PER_NANO // config.clock_fs - 1).bit_length()


def rate_layout(config: NicConfig) -> data.StructLayout:
    """In clock periods. `pace`: an interval, rounded up, at least 2, less 1. `depth`: burst - 1 intervals.
    `closed`: there is never a token.
    """
    bits = rate_bits(config)
    return data.StructLayout({"pace": unsigned(bits), "depth": unsigned(bits), "closed": unsigned(1)})


class RateMaker(wiring.Component):
    """Turns the words of a rate limit into its `rate_layout` in at most `RATE_CYCLES`: one bit of burst a cycle.

    `closed` where interval or burst is 0, a word uses bits that its register does not name, or `depth` takes more
    bits than there are.

    Members
    -------
    word, interval, burst : strobes: `word` is this register. The burst comes first, the interval starts the work.
    busy : from the cycle after that until `rate` is made.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        unit = gcd(config.clock_fs, FEMTO_PER_NANO)
        self.scale, self.period = FEMTO_PER_NANO // unit, config.clock_fs // unit   # an ns, a clock period
        if self.period & (self.period - 1):
            raise ValueError(f"{config.name}: no rate limits at {config.clock_hz} Hz; its period in ns must be a whole "
                             "number of them, divided by a power of two")
        super().__init__({"word": In(WORD_BITS), "interval": In(1), "burst": In(1), "busy": Out(1),
                          "rate": Out(rate_layout(config))})

    def elaborate(self, platform):
        m = Module()
        rate, bits = self.rate, rate_bits(self.config)
        more, steps, none = Signal(BURST_BITS), Signal(range(BURST_BITS + 1)), Signal()   # `more`: burst - 1
        pace, grown = Signal(bits), Signal(bits + 2)
        interval = self.word[:INTERVAL_BITS]
        m.d.comb += [
            pace.eq((interval * self.scale - 1) >> (self.period.bit_length() - 1)),
            grown.eq((rate.depth << 1) + Mux(more[-1], rate.pace, 0) + more[-1]), self.busy.eq(steps != 0),
        ]
        with m.If(self.burst):
            m.d.sync += [more.eq(self.word[:BURST_BITS] - 1),
                         none.eq((self.word[:BURST_BITS] == 0) | self.word[BURST_BITS:].any())]
        with m.Elif(self.interval):
            m.d.sync += [rate.pace.eq(pace | (pace == 0)), rate.depth.eq(0), steps.eq(BURST_BITS),
                         rate.closed.eq(none | (interval == 0) | self.word[INTERVAL_BITS:].any())]
        with m.Elif(self.busy):
            m.d.sync += [more.eq(more << 1), rate.depth.eq(grown), steps.eq(steps - 1),
                         rate.closed.eq(rate.closed | grown[bits:].any())]
        return m
