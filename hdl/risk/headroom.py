"""How much notional may still be entered: gross and net, of the firm and of each strategy.

Amounts count in units of 2**`UNIT` of 1e-4 USD (1.6384 USD). n shares of an order at its price p count
charge(p, n): p x n in whole units, and one more; 0 for no shares. What is released or executed of an order later is a
difference of two charges, so that it adds up to what was counted at first. Nothing counts less than it is.

    gross[row]        what orders entered, less what was released of them     at most `entered`
    net[row][side]    what orders of that side entered, less what was released of them, less what was executed of the
                      other side                                              at most `net`

Each is kept as two numbers with one writer each: `entered`, which grows when an order passes (here), and
`credited`, which grows when executions, cancels and rejects are settled (`hdl.risk.credits`). Both wrap, their
difference does not: a limit has `LIMIT_BITS` = 32 bits, gross is below 2**32 as it never passes a limit, net is between
-2**32 and 2**32 as what was executed of the other side is part of gross, and so a limit less either, less the value of
an order, is within 34 bits with their sign. An order of 2**32 units or more is beyond any limit.
"""

from itertools import pairwise

from amaranth.hdl import C, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import STRATEGY
from hdl.risk.arithmetic import add, carry_save
from hdl.risk.banks import Banked
from hdl.risk.check import is_new, is_sell
from hdl.risk.credits import BITS, UNIT, Credit
from hdl.risk.pipeline import PipelineSignature
from hdl.risk.words import LoadSignature, rate_rows

LIMIT_BITS = STRATEGY["entered"].width - UNIT
assert LIMIT_BITS + 2 <= BITS


class Account(wiring.Component):
    """One figure for each of some rows, and whether an order's value still fits under its limit.

    Members
    -------
    row : of the order at stage 1. limit : of that row, at stage 1.
    value : of the order at its verdict, its charge less one.
    reserve : it passes, and counts from the next cycle on.
    beyond : at its verdict: with it the figure is above the limit.
    credit, credit_row : strobe: `amount` is taken off that row from the next cycle on.
    """

    def __init__(self, rows: int):
        self.rows = rows
        super().__init__({
            "row": In(range(rows)), "limit": In(LIMIT_BITS), "value": In(LIMIT_BITS), "reserve": In(1),
            "beyond": Out(1), "credit": In(1), "credit_row": In(range(rows)), "amount": In(BITS),
        })

    def elaborate(self, platform):
        m = Module()
        few = {"ram_style": "logic"} if self.rows <= 2 else {}
        m.submodules.entered = entered = Memory(shape=BITS, depth=self.rows, init=[], attrs=few)
        m.submodules.credited = credited = Memory(shape=BITS, depth=self.rows, init=[], attrs=few)
        rows = [self.row, *(Signal.like(self.row, name=f"row{n}") for n in (2, 3))]
        m.d.sync += [after.eq(before) for before, after in pairwise(rows)]

        # stage 1: the limit and what was given back; stage 2: what was entered, the order ahead included
        given, read = credited.read_port(domain="comb"), entered.read_port(domain="comb")
        may, may_now, used, more = (Signal(BITS, name=name) for name in ("may", "may_now", "used", "more"))
        m.d.comb += [given.addr.eq(rows[0]), read.addr.eq(rows[1])]
        m.d.sync += [may.eq(self.limit + given.data), may_now.eq(may),
                     used.eq(Mux(self.reserve & (rows[1] == rows[2]), more, read.data))]
        # stage 3: limit + credited - entered - value - 1 is below 0 where it does not fit
        rest, carries = carry_save(may_now, ~used, Cat(~self.value, C(-1, BITS - LIMIT_BITS)))
        write = entered.write_port()
        m.d.comb += [
            more.eq(add(used, self.value, 1)), self.beyond.eq(add(rest, carries[:BITS], 1)[BITS - 1]),
            write.addr.eq(rows[2]), write.data.eq(more), write.en.eq(self.reserve),
        ]
        back, take = credited.read_port(domain="comb"), credited.write_port()
        m.d.comb += [back.addr.eq(self.credit_row), take.addr.eq(self.credit_row),
                     take.data.eq(back.data + self.amount), take.en.eq(self.credit)]
        return m


class Headroom(wiring.Component):
    """Gross and net of the firm and of every strategy.

    Members
    -------
    load, bank : words of `entered` and `net`, a row a strategy and one for the firm; the set in force at stage 1.
    pipeline : the orders in the gate. A strategy out of range is beyond every limit.
    notional : price x quantity of the order at its verdict.
    beyond : at its verdict: an order of this value is beyond one of the four limits.
    credit : what is settled; counts for orders accepted in its cycle and later.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "load": In(LoadSignature(rate_rows(config), STRATEGY)), "bank": In(1), "pipeline": In(PipelineSignature()),
            "notional": In(64), "beyond": Out(1), "credit": In(Credit),
        })

    def elaborate(self, platform):
        m = Module()
        strategies = self.config.strategies
        bits = (strategies - 1).bit_length()
        limits = {name: self._limits(m, name) for name in ("entered", "net")}
        intent, outside = self.pipeline.at[1].intent, Signal(2)
        beyond = [self.notional[UNIT + LIMIT_BITS:].any(), outside[1]]
        m.d.sync += outside.eq(Cat(intent.strategy >= strategies, outside))
        credit, sell = self.credit, is_sell(intent)
        closes, side = credit.valid & ~credit.fill, credit.sell ^ credit.fill
        accounts = {   # row of an order and of a credit, whether the credit is one, rows
            "entered": (intent.strategy[:bits], credit.strategy[:bits], closes, max(2, 1 << bits)),
            "net": (Cat(sell, intent.strategy[:bits]), Cat(side, credit.strategy[:bits]), credit.valid, 2 << bits),
            "firm_entered": (0, 0, closes, 2), "firm_net": (sell, side, credit.valid, 2),
        }
        for name, (row, credit_row, credits, rows) in accounts.items():
            m.submodules[name] = account = Account(rows)
            strategy, firm = limits[name.removeprefix("firm_")]
            m.d.comb += [
                account.row.eq(row), account.limit.eq(firm if name.startswith("firm") else strategy),
                account.value.eq(self.notional[UNIT:]), account.reserve.eq(self.pipeline.reserve),
                account.credit.eq(credits), account.credit_row.eq(credit_row), account.amount.eq(credit.amount),
            ]
            beyond.append(account.beyond)
        m.d.comb += self.beyond.eq(Cat(beyond).any() & is_new(self.pipeline.at[3].intent))
        return m

    def _limits(self, m: Module, name: str):
        """A limit of the strategy at stage 1, and of the firm."""
        strategies, is_firm = self.config.strategies, self.load.row == self.config.strategies
        m.submodules[f"{name}_limits"] = rows = Banked(unsigned(LIMIT_BITS), strategies)
        m.submodules[f"firm_{name}_limit"] = firm = Banked(unsigned(LIMIT_BITS), 1)
        loads = self.load.strobe & (self.load.reg == STRATEGY.regs.index(STRATEGY[name]))
        for banks, mine in ((rows, ~is_firm), (firm, is_firm)):
            m.d.comb += [
                banks.load_row.eq(self.load.row), banks.load_bank.eq(self.load.bank), banks.load.eq(loads & mine),
                banks.load_value.eq(self.load.word[UNIT:UNIT + LIMIT_BITS]), banks.bank.eq(self.bank),
                banks.row.eq(self.pipeline.at[1].intent.strategy),
            ]
        return rows.value, firm.value
