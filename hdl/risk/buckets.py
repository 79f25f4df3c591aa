"""Token buckets: how many orders may leave, for the session and for each strategy."""

from math import gcd

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import STRATEGY_BITS
from hdl.registers import WORD_BITS
from hdl.risk.check import Tokens

TOKEN_BITS = 16
MOST_TOKENS = (1 << TOKEN_BITS) - 1
#: Longest interval, 68.7 s; a longer one gives no tokens at all.
INTERVAL_BITS = 36
FEMTO_PER_NANO = 10**6


def time_unit(config: NicConfig) -> tuple[int, int]:
    """Units in a nanosecond, and in a clock period: both whole numbers."""
    unit = gcd(config.clock_fs, FEMTO_PER_NANO)
    return FEMTO_PER_NANO // unit, config.clock_fs // unit


class TokenBucket(wiring.Component):
    """One bucket.

    It starts full when its burst goes from 0 to something; a later, smaller burst only cuts it. A token
    taken from a full bucket in cycle T is back in the first cycle that starts one interval or more after
    T, the n-th token n intervals after T, until it is full. Time is counted in periods of the core clock,
    exactly (not by the disciplined clock, which a host can set). An interval under two periods counts as
    two. A burst above `MOST_TOKENS` counts as that.

    Members
    -------
    interval, burst : the registers, in ns and tokens. Acted on three cycles later.
    changed : strobe of a write to `interval`: the interval that runs begins anew.
    take : one token goes in this cycle; only while `tokens` is not 0.
    tokens : what is there now.
    empty, last : in the next cycle there will be none, or exactly one, but for a `take` in this one.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"interval": In(WORD_BITS), "burst": In(WORD_BITS), "changed": In(1), "take": In(1),
                          "tokens": Out(TOKEN_BITS), "empty": Out(1), "last": Out(1)})

    def elaborate(self, platform):
        m = Module()
        scale, step = time_unit(self.config)
        bits = INTERVAL_BITS + scale.bit_length()
        gives, period = Signal(), Signal(bits)
        again, reload = Signal(signed(bits + 1)), Signal(signed(bits + 1))
        changed = Signal(3)
        least = -(-2 * step // scale)
        short = Signal()
        m.d.comb += short.eq(self.interval[:INTERVAL_BITS] < least)
        m.d.sync += [
            gives.eq((self.interval != 0) & (self.interval[INTERVAL_BITS:] == 0)),
            period.eq(Mux(short, 2 * step, self.interval[:INTERVAL_BITS] * scale)),
            again.eq(period - step), reload.eq(period - (2 * step + 1)),
            changed.eq((changed << 1) | self.changed),
        ]
        cap, wanted = Signal(TOKEN_BITS), Signal(TOKEN_BITS)
        m.d.comb += wanted.eq(Mux(self.burst[TOKEN_BITS:].any(), MOST_TOKENS, self.burst[:TOKEN_BITS]))
        m.d.sync += cap.eq(wanted)

        # `left` is the time to the next token less two periods and one unit: negative means now
        left, full, refill = Signal(signed(bits + 1)), Signal(), Signal()
        m.d.comb += [full.eq(self.tokens >= cap), refill.eq(gives & ~full & left[-1])]
        with m.If(full | ~gives | changed[-1]):
            m.d.sync += left.eq(reload)
        with m.Else():
            m.d.sync += left.eq(left + Mux(refill, again, -step))

        with m.If(cap == 0):
            m.d.sync += self.tokens.eq(wanted)
        with m.Elif(self.tokens > cap):
            m.d.sync += self.tokens.eq(cap)
        with m.Elif(refill & ~self.take):
            m.d.sync += self.tokens.eq(self.tokens + 1)
        with m.Elif(self.take & ~refill):
            m.d.sync += self.tokens.eq(self.tokens - 1)
        none, one = Signal(), Signal()
        m.d.comb += [none.eq(self.tokens == 0), one.eq(self.tokens == 1),
                     self.empty.eq(none & ~refill), self.last.eq(Mux(refill, none, one))]
        return m


class TokenBuckets(wiring.Component):
    """The session's bucket and one for each strategy; an order needs a token of both.

    Members
    -------
    session, strategies : `interval`, `burst` and `changed` of each bucket.
    asking : strategy of the order one cycle before its verdict. One out of range finds no token.
    ahead : the strategy of the order that is at its verdict, and `takes`: it is a new order.
    tokens : for the order asking.
    take : the order at its verdict passes and takes its tokens.
    left : for the order at its verdict, the smaller of what the two buckets hold before it.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        rate = wiring.Signature({"interval": Out(WORD_BITS), "burst": Out(WORD_BITS), "changed": Out(1)})
        super().__init__({
            "session": In(rate), "strategies": In(rate).array(config.strategies),
            "asking": In(STRATEGY_BITS), "ahead": In(STRATEGY_BITS), "takes": In(1), "take": In(1),
            "tokens": Out(Tokens), "left": Out(TOKEN_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.session = session = self._bucket(m, self.session)
        m.d.comb += session.take.eq(self.take)
        empty, last, left, same = Signal(init=1), Signal(), Signal(TOKEN_BITS), Signal()
        m.d.comb += same.eq(self.asking == self.ahead)
        for n in range(self.config.strategies):
            m.submodules[f"strategy{n}"] = bucket = self._bucket(m, self.strategies[n])
            m.d.comb += bucket.take.eq(self.take & (self.ahead == n))
            with m.If(self.asking == n):
                m.d.comb += [empty.eq(bucket.empty), last.eq(bucket.last)]
            with m.If(self.ahead == n):
                m.d.comb += left.eq(bucket.tokens)
        m.d.comb += [
            self.tokens.empty.eq(session.empty | empty),
            self.tokens.empty_after.eq(self.tokens.empty | (self.takes & (session.last | (same & last)))),
            self.left.eq(Mux(left < session.tokens, left, session.tokens)),
        ]
        return m

    def _bucket(self, m, rate):
        bucket = TokenBucket(self.config)
        m.d.comb += [bucket.interval.eq(rate.interval), bucket.burst.eq(rate.burst), bucket.changed.eq(rate.changed)]
        return bucket
