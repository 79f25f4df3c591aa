"""Tokens never exceed the bucket, in any stretch of time: neither the session's nor a strategy's.

On the real gate with its rate check; what limits are loaded, and when, is anything. Take any stretch of time in which
a bucket's limit is not rewritten. If n orders have passed since it began, and another passes, then
`(n + 1) interval <= burst interval + time gone by`: never more than a full bucket and what has come back since. That is
the guarantee of ITU-T I.371's algorithm (`hdl.risk.rates`), here for the gateware with orders back to back.

`used` is the sum of the intervals of the orders counted. By induction it is at most the bucket's debt and the time gone
by; and no order passes while the debt is above `depth`, which is burst - 1 intervals. The strategy is any one.
Intervals have `RATE_BITS` and time has `TIME_BITS` here, because a solver takes long over sums of 60 bits; the
gateware's are the same adders, longer, and its time does not wrap: 2**60 cycles are 292 years.
"""

from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assume, Cat, Module, Mux, Signal, signed

from hdl.config import TINY
from hdl.risk import buckets as gateware
from hdl.risk import gate
from hdl.risk.checks.rate import Rate
from sim.formal.banks import peeked
from sim.formal.flow import Proof
from sim.formal.surgery import Alone, Fault, anything, claim, watched

#: Orders that leave so soon after a change of the limit are left out: their token is of the limit before.
VERDICT_CYCLES = 3
#: What takes the place of 37 bits of an interval and of 60 bits of time.
RATE_BITS, TIME_BITS = 6, 12
#: Of sums of times: wide enough never to wrap here.
BITS = TIME_BITS + 3
#: Cycles looked at, by assumption: a part of what the time can say.
LONG = 1 << TIME_BITS - 2


def stretch(m: Module, name: str, rate, taken, debt):
    """The claims about one bucket, given its limit, whether it gives a token, and its debt before that."""
    on, begins, kept = (Signal(name=f"{name}_{part}") for part in ("on", "begins", "kept"))
    before = Signal.like(rate.as_value(), name=f"{name}_before")
    steady = Signal(VERDICT_CYCLES, name=f"{name}_steady")
    used, gone, interval = (Signal(BITS, name=f"{name}_{part}") for part in ("used", "gone", "interval"))
    m.d.comb += [begins.eq(AnySeq(1)), kept.eq(before == rate.as_value()), interval.eq(rate.pace + 1),
                 Assume(kept | ~on), Assume(gone < LONG),
                 Assume(kept & steady.all() | ~taken)]
    m.d.sync += [before.eq(rate.as_value()), steady.eq(Cat(kept, steady))]
    with m.If(on):
        m.d.sync += [gone.eq(gone + 1), used.eq(used + Mux(taken, interval, 0))]
    with m.If(begins):
        m.d.sync += [on.eq(1), gone.eq(0), used.eq(0)]
    claim(m, f"{name}_owed", used <= debt + gone, when=on)
    claim(m, f"{name}_debt", debt <= rate.depth, when=taken & on)
    claim(m, f"{name}_bound", used + interval <= rate.depth + interval + gone, when=taken & on)


def claims(buckets, m: Module):
    verdict, taken = buckets.pipeline.at[3].intent, buckets.pipeline.reserve
    session = m.submodules.session
    held, spare = Signal(signed(BITS)), Signal(signed(BITS), name="spare")
    # `slack_after` is what the next order would find; what is owed now follows from it.
    m.d.sync += spare.eq(session.coming.depth - session.rate.pace)
    m.d.comb += held.eq(spare - session.slack_after)
    claim(m, "session_debt_fits", (held >= 0) & (held < 1 << gateware.debt_bits(buckets.config)))
    stretch(m, "session", session.rate, taken, held[:BITS - 1])

    strategy = Signal(range(buckets.config.strategies))
    m.d.comb += strategy.eq(AnyConst(len(strategy)))
    rates, due = m.submodules.rates, m.submodules.paid.read_port(domain="comb")
    rate = gateware.rate_layout(buckets.config)(Mux(buckets.in_force.bank, *reversed(rates.peek)))
    left, debt = Signal(signed(TIME_BITS + 2)), Signal(TIME_BITS)
    m.d.comb += [rates.peek_row.eq(strategy), due.addr.eq(strategy), Assume(buckets.now < LONG),
                 left.eq(due.data - buckets.now + 1), debt.eq(Mux(left < 0, 0, left))]
    claim(m, "strategy_debt_fits", left < 1 << gateware.debt_bits(buckets.config))
    stretch(m, "strategy", rate, taken & (verdict.strategy == strategy), debt)


PROOF = Proof(
    name="token_buckets", doc=__doc__.split("\n")[0], design=lambda: Alone(lambda: gate.Gate(TINY, checks=(Rate,))),
    parts={"hdl.risk.gate.TokenBuckets": watched(claims), "hdl.risk.buckets.RateMaker": anything,
           "hdl.risk.gate.LimitWords": anything, "hdl.risk.buckets.Banked": peeked,
           "hdl.risk.buckets.TIME_BITS": lambda bits: TIME_BITS,
           **dict.fromkeys(("hdl.risk.rates.rate_bits", "hdl.risk.buckets.rate_bits"),
                           lambda of: lambda config: RATE_BITS)},
    depth=6, search=14,
    mutants={
        "order_before_forgotten": Fault("hdl.risk.buckets", "self.take & (who[3] == who[1])", "0"),
        "order_ahead_forgotten": Fault("hdl.risk.gate", "Mux(self.reserve, check.reject_after, check.reject)",
                                       "check.reject"),
        "a_token_too_many": Fault("hdl.risk.buckets", "firm_after[-1] | Mux(same, slack_after[-1], slack[-1])",
                                  "firm[-1] | Mux(same, slack_after[-1], slack[-1])"),
    })
