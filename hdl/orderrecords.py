"""What goes up about orders: the DECISION of each, and ORDER_SENT for those that left or came back."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.layouts import DECISION, ORDER_SENT, RECORD_BITS
from hdl.messages import Decision, SentOrder
from hdl.recordfifo import assemble
from hdl.streams import valid_only

#: What a frame was given, or would have been.
_NUMBERS = ("msg_seq", "tcp_seq", "date", "ms")
#: What a DECISION says of the intent and its verdict, by the same names.
_DECIDED = frozenset(field.name for field in DECISION.body)
#: What an ORDER_SENT has beyond its decision.
_Frame = data.StructLayout({"time": 64, "unsent": 1, "poisoned": 1,
                            **{name: SentOrder.as_shape()[name].shape for name in _NUMBERS}})


class OrderRecords(wiring.Component):
    """Holds one order until its records are taken.

    The gate decides one order at a time, and none while another is on its way out; so `sent` and `unsent` are about
    the last decision, and one copy of it serves all its records. `busy` must keep the gate from deciding again.

    Members
    -------
    decision : the gate's verdicts.
    sent : first beat of an order frame.
    unsent : a passed order that did not reach its venue; the payload says that its frame left, with a bad FCS. If it
        did not leave, the numbers of `sent` must then be those that the frame would have had.
    now : the clock, the `time` of an ORDER_SENT. limits_serial : with `decision`, of the limits it went by.
    wants, take : one bit for DECISION, one for ORDER_SENT; see `hdl.recordfifo.Catch`.
    decided, left : the records, DECISION and ORDER_SENT.
    busy : combinational: a decision could overwrite one that is still needed, or is in its last cycle. It does not
        tell of a decision in this very cycle: nothing else may be let into the gate then.
    lost : records lost, combinational.
    """

    def __init__(self):
        super().__init__({
            "decision": In(valid_only(Decision)), "sent": In(valid_only(SentOrder)), "unsent": In(valid_only(1)),
            "now": In(64), "limits_serial": In(8), "wants": Out(2), "take": In(2),
            "decided": Out(RECORD_BITS), "left": Out(RECORD_BITS), "busy": Out(1), "lost": Out(2),
        })

    def elaborate(self, platform):
        m = Module()
        order, frame = Signal(Decision, reset_less=True), Signal(_Frame, reset_less=True)
        serial = Signal.like(self.limits_serial, reset_less=True)
        held, stays, comes = Signal(2), Signal(2), Signal(2)
        left = self.sent.valid | self.unsent.valid
        m.d.comb += [
            comes.eq(self.decision.valid | left << 1), stays.eq(held & ~self.take),
            self.wants.eq(comes | stays), self.busy.eq(held.any() | left),
            self.lost.eq((comes & stays)[0] + (comes & stays)[1]),
            self.decided.eq(self._decision(order, serial)), self.left.eq(_order_sent(order, frame)),
        ]
        m.d.sync += held.eq(self.wants)
        with m.If(self.decision.valid & (stays == 0)):
            m.d.sync += [order.eq(self.decision.payload), serial.eq(self.limits_serial)]
        with m.If(left & ~stays[1]):
            m.d.sync += [frame.time.eq(self.now), frame.unsent.eq(self.unsent.valid),
                         frame.poisoned.eq(self.unsent.valid & self.unsent.payload)]
            with m.If(self.sent.valid | ~self.unsent.payload):
                m.d.sync += [frame[name].eq(self.sent.payload[name]) for name in _NUMBERS]
        return m

    def _decision(self, order, serial) -> Value:
        known = {"symbol": order.intent.symbol, "time": order.time, "serial_limits": serial}
        for part in (order.intent, order):
            known |= {name: part[name] for name, _ in data.Layout.cast(part.shape()) if name in _DECIDED}
        return assemble(DECISION, **known)


def _order_sent(order, frame) -> Value:
    intent, rx_time = order.intent, order.intent.rx_time
    since = {"cause_delay": intent.needed, "decide_delay": order.time}
    width = 8 * next(field.bytes for field in ORDER_SENT.body if field.name in since)
    return assemble(ORDER_SENT, flags=frame.unsent, symbol=intent.symbol, time=frame.time, order_id=intent.order_id,
                    rx_time=rx_time, msg_seq=frame.msg_seq, tcp_seq=frame.tcp_seq, origin=intent.origin,
                    action=intent.action, venue=intent.venue, poisoned=frame.poisoned, transact_date=frame.date,
                    transact_ms=frame.ms, **{name: (then[:width] - rx_time[:width])[:width]
                                             for name, then in since.items()})


__all__ = ["OrderRecords"]
