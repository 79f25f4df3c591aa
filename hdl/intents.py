"""Who may ask the gate next: triggers before the host, and nobody while an order is being decided or sent."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import INTENT, Origin
from hdl.messages import Intent

#: What an intent and the host's record of it have in common; the record's integers may be wider.
INTENT_FIELDS = ("order_id", "orig_id", "price", "qty", "side", "action", "tif", "strategy", "venue", "symbol")

#: Cycles from an accepted intent to its decision; the gate asserts that it agrees.
GATE_LATENCY = 3
#: Cycles for which none is let through after an order was given back: the next that is comes back more than 24 cycles
#: after it, as `hdl.risk.exposure` must have it, or the kill would fall (`overrun`) for orders to a venue that is off.
SETTLE_CYCLES = 20


class IntentArbiter(wiring.Component):
    """Merges the triggers' intents with the host's.

    An intent is let through only while `free` is high (order entry idle) and the gate holds none,
    so a frame starts in the cycle of its verdict. A trigger's intent passes in the
    cycle it is offered (latency 0) and goes before the host's. None passes in the `SETTLE_CYCLES` cycles after
    `unsent`.

    Members
    -------
    trigger : intents of the hardware triggers.
    host : INTENT records; `rx_time` and `needed` of what they become is the cycle they go through.
    o : to the gate.
    free : order entry could start a frame now.
    unsent : an order was given back.
    now : the clock.
    """

    def __init__(self, config: NicConfig):
        super().__init__({
            "trigger": In(stream.Signature(Intent)),
            "host": In(stream.Signature(INTENT.layout)),
            "o": Out(stream.Signature(Intent)),
            "free": In(1),
            "unsent": In(1),
            "now": In(64),
        })

    def _from_host(self) -> dict:
        record = self.host.payload
        shape = Intent.as_shape()
        fields, overflow = {}, 0
        for name in INTENT_FIELDS:
            width = shape[name].width
            fields[name] = record[name]
            overflow = overflow | record[name][width:].any()
        return fields | {"origin": Origin.HOST, "invalid": overflow, "rx_time": self.now, "needed": self.now[:32]}

    def elaborate(self, platform):
        m = Module()
        deciding = Signal(GATE_LATENCY)
        admit = Signal()
        accepted = Signal()
        settling, unsettled = Signal(range(SETTLE_CYCLES + 1)), Signal()
        m.d.sync += unsettled.eq(self.unsent | (settling > 1))
        with m.If(self.unsent):
            m.d.sync += settling.eq(SETTLE_CYCLES)
        with m.Elif(settling != 0):
            m.d.sync += settling.eq(settling - 1)
        m.d.comb += [
            admit.eq(self.free & (deciding == 0) & ~unsettled),
            self.o.valid.eq(admit & (self.trigger.valid | self.host.valid)),
            accepted.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += deciding.eq((deciding << 1) | accepted)

        with m.If(self.trigger.valid):
            m.d.comb += [self.o.payload.eq(self.trigger.payload), self.trigger.ready.eq(admit & self.o.ready)]
        with m.Else():
            m.d.comb += [self.o.payload[name].eq(value) for name, value in self._from_host().items()]
            m.d.comb += self.host.ready.eq(admit & self.o.ready)
        return m


__all__ = ["GATE_LATENCY", "SETTLE_CYCLES", "IntentArbiter"]
