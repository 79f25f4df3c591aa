"""No order passes whose worst case, all that passed before counted, is beyond the limit in force.

On the real gate with its check of the position, any order in every cycle. Limits are anything in every cycle, and so is
what settlement does: so this holds for every interleaving of orders, fills, cancels and limit writes. That what
settlement does is right is the other half of the argument, and is not proven here: its tests hold it to its model.

Claims, for every order:

- in the cycle before its verdict its worst case is exactly what is reserved on its side of its symbol by all that has
  passed up to then, settlement's share as of the cycle before, and its own quantity;
- if it passes, that and the quantity of the order just ahead, if that is of the same side and passed, is within
  `position.long`, or `position.short` for a sell, of the row in force when it was looked up, and within 32 signed bits;
- then its quantity, no more and no less, is added to what is reserved there, and nothing else changes anywhere.
"""

from amaranth.asserts import AnyConst
from amaranth.hdl import Cat, Mux, Signal, signed

from hdl.config import TINY
from hdl.risk import gate
from hdl.risk.check import ADVERSE_BITS, is_new, is_sell
from hdl.risk.checks.position import Position
from sim.formal.flow import Proof
from sim.formal.surgery import Alone, Fault, anything, claim


def limit_in_force(base: type) -> type:
    """The gate, which tells its exposure the limit of the order at stage 1."""
    class Telling(base):
        def __init__(self, config):
            super().__init__(config, checks=(Position,))

        def elaborate(self, platform):
            m = super().elaborate(platform)
            limits, exposure = m.submodules.limits.row.position, m.submodules.exposure
            sell = is_sell(self.at[1].intent)
            m.d.comb += [exposure.limit.eq(Mux(sell, limits.short, limits.long)), exposure.passes.eq(self.passed)]
            return m
    return Telling


def with_claims(base: type) -> type:
    class Exposure(base):
        def __init__(self, config):
            super().__init__(config)
            self.limit, self.passes = Signal(32), Signal()

        def elaborate(self, platform):
            m = super().elaborate(platform)
            at, reserve, symbol_bits = self.pipeline.at, self.pipeline.reserve, self.symbol_bits

            def key(stage):
                return Cat(is_sell(at[stage].intent), at[stage].intent.symbol[:symbol_bits])
            held, base_ = (m.submodules[name].read_port(domain="comb") for name in ("reserved", "settled"))
            share, limits = Signal(ADVERSE_BITS), [self.limit, Signal(32, name="limit2"), Signal(32, name="limit3")]
            qty, worst = Signal(32), Signal(signed(ADVERSE_BITS))
            m.d.comb += [held.addr.eq(key(2)), base_.addr.eq(key(1))]
            m.d.sync += [share.eq(base_.data), qty.eq(at[1].intent.qty), limits[1].eq(limits[0]),
                         limits[2].eq(limits[1]),
                         worst.eq(self.exposed.adverse + Mux(reserve & (key(2) == key(3)), at[3].intent.qty, 0))]
            sell, order, most = is_sell(at[3].intent), at[3].intent, Signal(signed(ADVERSE_BITS))
            m.d.comb += most.eq(limits[2])
            claim(m, "all_before_counted", self.exposed.adverse == (held.data + share + qty)[:ADVERSE_BITS],
                  when=at[2].valid)
            claim(m, "reserves_what_passes", reserve == (self.passes & is_new(order)))
            claim(m, "within_limit", worst + sell <= most, when=reserve)
            claim(m, "within_32_bits", worst + sell <= (1 << 31) - 1 + sell, when=reserve)
            self._kept(m, key(3), reserve, order.qty)
            return m

        def _kept(self, m, key, reserve, qty):
            """Of any one number: it grows by what passes."""
            any_key, number = Signal.like(key), m.submodules.reserved.read_port(domain="comb")
            expected, begun = Signal(ADVERSE_BITS), Signal()
            m.d.comb += [any_key.eq(AnyConst(len(key))), number.addr.eq(any_key)]
            m.d.sync += [expected.eq(number.data + Mux(reserve & (key == any_key), qty, 0)), begun.eq(1)]
            claim(m, "grows_by_its_quantity", number.data == expected, when=begun)
    return Exposure


PROOF = Proof(
    name="reservation", doc=__doc__.split("\n")[0], design=lambda: Alone(lambda: gate.Gate(TINY)),
    parts={"hdl.risk.gate.Gate": limit_in_force, "hdl.risk.gate.Exposure": with_claims,
           "hdl.risk.exposure.OpenOrders": anything, "hdl.risk.exposure.Settlement": anything,
           **{f"hdl.risk.gate.{name}": anything for name in (
               "LimitWords", "LimitStore", "ReferenceStore", "TokenBuckets", "KillSwitch")}},
    depth=6, search=8,
    mutants={
        "order_ahead_forgotten": Fault("hdl.risk.checks.position", "self.exposed.adverse, self.exposed.ahead, less",
                                       "self.exposed.adverse, 0 * self.exposed.ahead, less"),
        "order_before_forgotten": Fault("hdl.risk.exposure", "Mux(reserve & verdict_same, with_order, read.data)",
                                        "read.data"),
        "sides_mixed_up": Fault("hdl.risk.checks.position", "Mux(is_sell(self.intent), self.limits.position.short, "
                                "self.limits.position.long)", "self.limits.position.long"),
        "not_added_up": Fault("hdl.risk.exposure", "Mux(follows, with_order, reserved_2)", "reserved_2"),
    })
