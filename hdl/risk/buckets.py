"""Token buckets: how many orders may leave, for the session and for each strategy (`hdl.risk.rates` says how)."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import STRATEGY
from hdl.risk.arithmetic import add
from hdl.risk.banks import Banked
from hdl.risk.check import Tokens, is_new
from hdl.risk.pipeline import PipelineSignature
from hdl.risk.rates import RateMaker, rate_bits, rate_layout
from hdl.risk.words import InForce, LoadSignature, rate_rows

#: Of the time at which a debt is paid, in clock periods: 2**60 of 8 ns are 292 years.
TIME_BITS = 60
#: What a decision says of its slack.
FIGURE_BITS = 32


def debt_bits(config: NicConfig) -> int:
    """Bits of a debt: never more than `depth` and one interval."""
    return rate_bits(config) + 1


def slack_shape(config: NicConfig):
    """`depth` less a debt, and an interval."""
    return signed(debt_bits(config) + 2)


class SessionBucket(wiring.Component):
    """The one bucket of which every order takes a token; its debt counts down.

    Members
    -------
    rate : its `rate_layout` for the order at stage 2. coming : the same of the next cycle.
    take : the order at its verdict takes a token in this cycle, and owes an interval of its own `rate`.
    slack, slack_after : `depth` less debt in the next cycle, if none goes in this one, and if one does.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"rate": In(rate_layout(config)), "coming": In(rate_layout(config)), "take": In(1),
                          "slack": Out(slack_shape(config)), "slack_after": Out(slack_shape(config))})

    def elaborate(self, platform):
        m = Module()
        # `rest` is the debt less one, so that its sign says that there is none
        rest, spare, owes = Signal.like(self.slack, init=-1), Signal.like(self.slack), Signal()
        pace = Signal.like(self.rate.pace)      # of the order at its verdict
        m.d.comb += [owes.eq(~rest[-1]), self.slack.eq(add(self.rate.depth, ~rest, owes)),
                     self.slack_after.eq(spare + ~rest)]
        m.d.sync += [pace.eq(self.rate.pace), spare.eq(self.coming.depth - self.rate.pace),
                     rest.eq(rest + Mux(self.take, pace, Mux(owes, -1, 0)))]
        return m


class TokenBuckets(wiring.Component):
    """The session's bucket and one for each strategy; an order needs a token of both.

    A bucket is full after reset. A token taken in cycle T from a full bucket is back in the first cycle that starts
    one interval or more after T, the n-th n intervals after T. Time is counted in periods of the core clock (not by
    the disciplined clock, which a host can set), and an interval is rounded up to whole ones, at least 2. What was
    taken stays owed, as a time, when another set of limits comes in force. A bucket without limits, or with such as
    `RateMaker` calls closed, has no token.

    Members
    -------
    load, in_force : the limits, from `LimitWords`.
    pipeline : the orders in the gate. A strategy out of range finds no token.
    tokens : for the order at stage 2.
    slack : for the order at its verdict: `depth` less debt of the bucket where that is less, in clock periods, cut
        to 32 bits. Below 0 there is a token in so many periods; the least number: never.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "load": In(LoadSignature(rate_rows(config), STRATEGY)), "in_force": In(InForce),
            "pipeline": In(PipelineSignature()), "tokens": Out(Tokens), "slack": Out(signed(FIGURE_BITS)),
        })

    def elaborate(self, platform):
        m = Module()
        self.take = self.pipeline.reserve
        session, rates = self._rates(m)
        slack, slack_after, closed, same = self._strategies(m, rates)
        firm, firm_after, firm_closed = self._session(m, session)
        none = Signal()
        m.d.comb += none.eq(closed | firm_closed)
        m.d.comb += [
            self.tokens.empty.eq(none | firm[-1] | slack[-1]),
            self.tokens.empty_after.eq(none | firm_after[-1] | Mux(same, slack_after[-1], slack[-1])),
        ]
        self._figure(m, none, Mux(self.take, firm_after, firm), Mux(same & self.take, slack_after, slack))
        return m

    def _rates(self, m: Module):
        """The session's rate and the strategies', each in two banks."""
        m.submodules.maker = maker = RateMaker(self.config)
        m.submodules.session_rate = session = Banked(rate_layout(self.config), 1)
        m.submodules.rates = rates = Banked(rate_layout(self.config), self.config.strategies)
        made, was_busy, loads = Signal(), Signal(), self.load.strobe & self.load.remake
        is_session = self.load.row == self.config.strategies
        m.d.sync += was_busy.eq(maker.busy)
        m.d.comb += [
            maker.word.eq(self.load.word), self.load.busy.eq(maker.busy), made.eq(was_busy & ~maker.busy),
            *(getattr(maker, name).eq(loads & (self.load.reg == STRATEGY.regs.index(STRATEGY[f"rate_{name}"])))
              for name in ("interval", "burst")),
        ]
        for banks, mine in ((session, is_session), (rates, ~is_session)):
            m.d.comb += [banks.bank.eq(self.in_force.bank), banks.load_row.eq(self.load.row),
                         banks.load_bank.eq(self.load.bank), banks.load_value.eq(maker.rate),
                         banks.load.eq(made & mine)]
        return session.value, rates

    def _session(self, m: Module, coming):
        """At stage 2, as `_strategies`; `coming` is the rate at stage 1."""
        m.submodules.session = bucket = SessionBucket(self.config)
        rate = Signal.like(coming)
        m.d.sync += rate.eq(coming)
        m.d.comb += [bucket.rate.eq(rate), bucket.coming.eq(coming), bucket.take.eq(self.take)]
        return bucket.slack, bucket.slack_after, rate.closed

    def _strategies(self, m: Module, rates: Banked):
        """At stage 2: slack without and with the order ahead, whether closed, and if the order ahead has the bucket.

        Of each bucket is kept the time at which its debt is paid. Stage 1 reads it, as of the verdict two cycles
        later; the orders that may have moved it since are the two in between, at their stages 2 and 3.
        """
        at, config = self.pipeline.at, self.config
        m.submodules.paid = paid = Memory(shape=TIME_BITS, depth=1 << rates.row_bits, init=[])
        who = [at[n].intent.strategy[:rates.row_bits] for n in range(4)]
        now = [Signal(TIME_BITS, reset_less=True, name=f"now{n}") for n in (2, 1)]    # so many periods on
        self.now = now[1]
        m.d.sync += [now[0].eq(now[0] + 1), now[1].eq(now[0])]

        rate, due = rates.value, paid.read_port(domain="comb")
        ahead = Signal(debt_bits(config))       # debt in the cycle after the verdict, if the order at it passes
        owed, left = Signal(debt_bits(config)), Signal(signed(TIME_BITS + 1))
        m.d.comb += [
            rates.row.eq(who[1]), due.addr.eq(who[1]), left.eq(due.data - now[0]),
            owed.eq(Mux(self.take & (who[3] == who[1]), ahead - 1, Mux(left[-1], 0, left))),
        ]
        debt, pace, depth = Signal.like(owed), Signal(rate_bits(config)), Signal(rate_bits(config))
        closed, same = Signal(), Signal()
        m.d.sync += [
            debt.eq(owed), pace.eq(rate.pace), depth.eq(rate.depth),
            closed.eq(rate.closed | (at[1].intent.strategy >= config.strategies) | ~self.in_force.loaded),
            same.eq(at[2].valid & is_new(at[2].intent) & (who[2] == who[1])),
        ]
        # stage 2, and the debt that the order takes on into stage 3
        slack, slack_after = Signal(slack_shape(config)), Signal(slack_shape(config))
        m.d.comb += [slack.eq(depth - debt), slack_after.eq(depth - ahead)]
        m.d.sync += ahead.eq(Mux(same & self.take, ahead, debt) + pace)

        write = paid.write_port()
        m.d.comb += [write.addr.eq(who[3]), write.data.eq(now[1] + ahead), write.en.eq(self.take)]
        return slack, slack_after, closed, same

    def _figure(self, m: Module, none, firm, strategy):
        """Taken at stage 2, shown at stage 3: the lesser of the two, cut to what the figure holds."""
        kept = [Signal(slack_shape(self.config), name=name) for name in ("firm_slack", "strategy_slack")]
        closed, less, fits, above = (Signal(name=name) for name in ("closed", "less", "fits", "above"))
        m.d.sync += [kept[0].eq(firm), kept[1].eq(strategy), closed.eq(none)]
        inside = [value[FIGURE_BITS - 1:].all() | ~value[FIGURE_BITS - 1:].any() for value in kept]
        negative = [value[-1] for value in kept]
        m.d.comb += [
            less.eq(kept[0] < kept[1]), fits.eq(Mux(less, *inside) & ~closed),
            above.eq(~Mux(less, *inside) & ~Mux(less, *negative) & ~closed),
            self.slack.eq(Cat(Mux(less, *kept)[:FIGURE_BITS - 1] & fits.replicate(FIGURE_BITS - 1)
                              | above.replicate(FIGURE_BITS - 1), Mux(less, *negative) | closed)),
        ]
