"""What every check of the gate looks like: one file in `hdl.risk.checks`, one `Check`, one reject bit.

All checks see the same inputs and work side by side. An order is at stage 1 in the cycle after the gate
took it, at stage 2 in the next, and at stage 3 in the cycle of its verdict. A check reads the stage-1
inputs, keeps what it needs in registers of its own, and gives its bits at stage 2, where the order just
ahead is at its verdict, not yet counted and not yet known to pass. So a check answers twice: `reject` if
the order ahead does not pass, `reject_after` if it does. The gate picks when it knows, which is why
orders in consecutive cycles cannot both use the last of a limit.

To add a check: a file in `hdl/risk/checks` with a subclass, its line in `CHECKS`, its limit fields in
`hdl.registers.LIMITS` (they arrive here by name), its test with its model.
"""

from amaranth.hdl import unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import Action, Reason
from hdl.messages import Intent
from hdl.registers import LIMITS, WORD_BITS
from hdl.risk.divisible import Divisor

#: Enough for position + open + quantity: 2**31 + (2**32 - 1) + (2**32 - 1) < 2**34, and a sign.
ADVERSE_BITS = 35


def limit_row() -> data.StructLayout:
    """One symbol's limits: a member for each register of LIMITS, of its bits where it names them."""
    return data.StructLayout({
        reg.name: data.StructLayout({bits.name: bits.width for bits in reg.bits}) if reg.bits else unsigned(WORD_BITS)
        for reg in LIMITS.regs})


class Divisors(data.Struct):
    """Lot and tick of a symbol, made ready for an exact division test."""
    lot: Divisor
    tick: Divisor


class Reference(data.Struct):
    """What the market says of an order's symbol, seen from the order's side."""
    price: unsigned(32)     # opposite best, own best where there is none
    usable: unsigned(1)     # there is a price, the book is exact and not crossed
    opposite: unsigned(1)   # it is the opposite best: for a sell, the best bid
    rx_time: unsigned(64)   # of the packet behind it


class Standing(data.Struct):
    """Who may trade, as of the order's acceptance."""
    in_range: unsigned(1)   # symbol, strategy, venue and side exist, nothing was cut off
    ready: unsigned(1)      # a set of limits has come in force since reset
    halted: unsigned(1)     # stage 1: trading action of the symbol is not T
    loss: unsigned(1)       # stage 1: loss hold of the firm or the strategy
    silent: unsigned(1)     # stage 1: the host's heartbeat is missing


class Exposed(data.Struct):
    """Worst case in the order's own direction: position (sold: its negative) + open quantity + this order.

    For a sell the value is one less, which makes the signed figure its plain inversion.
    """
    adverse: unsigned(ADVERSE_BITS)   # two's complement
    ahead: unsigned(32)               # to add if the order ahead passes
    taken: unsigned(1)                # the order's slot in the open-order table is in use
    taken_after: unsigned(1)          # the same if the order ahead passes
    reused: unsigned(1)               # the order's id is not above the last one that passed in its slot


class Recent(data.Struct):
    """Whether an order like this one passed within the window, or more of them than can be told apart."""
    again: unsigned(1)
    again_after: unsigned(1)          # if the order ahead passes


class Tokens(data.Struct):
    """Whether the session's bucket or the strategy's is empty."""
    empty: unsigned(1)
    empty_after: unsigned(1)          # if the order ahead passes


#: Inputs of every check by the stage at which they belong to the order.
STAGE_1 = {"intent": Intent, "limits": limit_row(), "divisors": Divisors, "reference": Reference,
           "standing": Standing, "now": unsigned(64)}
#: `notional` is price x quantity as two 64-bit numbers still to be added (see `hdl.risk.arithmetic`).
#: `killed`: the firm, its venue or its strategy is, in the cycle of the order's verdict; for a cancel 0.
STAGE_2 = {"exposed": Exposed, "tokens": Tokens, "recent": Recent, "notional": data.ArrayLayout(64, 2),
           "killed": unsigned(1)}
#: `beyond`: the order's value is more than the headroom of its strategy or of the firm; `tilted`: its delta, of that of
#: the portfolio.
STAGE_3 = {"beyond": unsigned(1), "tilted": unsigned(1)}


class Check(wiring.Component):
    """Base of all checks.

    Class attributes
    ----------------
    reason : the bit of the decision.
    cancels : True where it applies to cancels too; a limit does not, since a cancel reduces risk.
    late : True where it answers (`reject`) at stage 3, in the cycle of the verdict, when all orders ahead are counted;
        it must be quick, for everything waits for it.
    """

    reason: Reason
    cancels = False
    late = False

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({name: In(shape) for name, shape in {**STAGE_1, **STAGE_2, **STAGE_3}.items()} |
                         {"reject": Out(1), "reject_after": Out(1)})


def is_new(intent):
    return intent.action == Action.NEW


def is_sell(intent):
    return intent.side[0]
