"""Bit 12, short sale: shares to deliver, and a price above the bid."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed

from hdl.layouts import Reason, Side
from hdl.risk.arithmetic import add, carry_save
from hdl.risk.check import ADVERSE_BITS, Check, is_sell

SIGN = ADVERSE_BITS - 1


class ShortSale(Check):
    """Rejects a sell after which, all open sells filled, more than `short_sale.locates` shares would be short.

    While `short_sale.restricted` is set, a sell that is not above the best bid, or without a bid that may be trusted,
    may make nothing short at all, and is rejected where it is marked short (SEC Rule 201, 17 CFR 242.201(b)(1):
    not at or below the national best bid; here the best bid of the order's own venue).

    The figure is the position check's, and so is the arithmetic: one carry chain of 36 bits for either answer.
    """

    reason = Reason.SHORT_SALE

    def elaborate(self, platform):
        m = Module()
        intent, limits, reference = self.intent, self.limits.short_sale, self.reference
        above, banned, most = Signal(), Signal(), Signal(32)
        sells, marked = Signal(), Signal()
        m.d.comb += [above.eq(reference.usable & reference.opposite & (reference.price < intent.price)),
                     banned.eq(limits.restricted & ~above)]
        m.d.sync += [sells.eq(is_sell(intent)), marked.eq(banned & (intent.side == Side.SELL_SHORT)),
                     most.eq(Mux(banned, 0, limits.locates))]
        # `adverse` of a sell is one less: adverse + 1 - most - 1 is below 0 where it fits
        less_most = Cat(~most, C(-1, signed(ADVERSE_BITS - 32)))
        rest, carries = carry_save(self.exposed.adverse, self.exposed.ahead, less_most)
        m.d.comb += [
            self.reject.eq(sells & (marked | ~add(self.exposed.adverse, less_most, 1)[SIGN])),
            self.reject_after.eq(sells & (marked | ~add(rest, carries[:ADVERSE_BITS], 1)[SIGN])),
        ]
        return m
