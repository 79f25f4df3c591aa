"""What reaches the book, in order: messages, and between them the clears and faults."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import FEED_CAUSES, KINDS, META, Kind, Shapes
from hdl.config import NicConfig
from hdl.layouts import Inexact
from hdl.messages import FEED_BITS, BookMessage, FeedFault


class Arrivals(wiring.Component):
    """Queue of messages with a bypass, and of the changes between them.

    A message that finds the queue empty, and `take` high, is offered in the cycle of its arrival. Otherwise it
    is offered from the queue, at the earliest 2 cycles later. A clear or a fault takes effect after the messages
    that arrived before it or with it, and before those that arrive later; it travels with the next message, or
    alone while no message waits. Within one cycle the clear comes before the fault.

    A message that finds the queue full is dropped (`dropped`), and the change that stands for it is a GAP of its
    feed at that place.

    Ports
    -----
    i, fault, clear, feed_of : the inputs of `hdl.book.book.Book`.
    valid, job : Out, a message is offered. take : In, it goes in this cycle.
    change_valid, change : Out, what comes before it. change_take : In, that is done. While `change_valid` is
        high, `valid` waits.
    pending : Out, causes that are known, but not yet at their place: a report made now must include them.
    """

    DEPTH = 16

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, (shapes := Shapes(config))
        super().__init__({
            "i": In(stream.Signature(BookMessage, always_ready=True)),
            "fault": In(stream.Signature(FeedFault, always_ready=True)),
            "clear": In(config.symbols), "feed_of": In(data.ArrayLayout(FEED_BITS, config.symbols)),
            "valid": Out(1), "job": Out(shapes.job), "take": In(1), "dropped": Out(1),
            "change_valid": Out(1), "change": Out(shapes.change), "change_take": In(1),
            "pending": Out(data.ArrayLayout(len(FEED_CAUSES), config.symbols)),
        })

    def elaborate(self, platform):
        m = Module()
        entry = data.StructLayout({"job": self.shapes.job, "change": self.shapes.change, "changed": 1})
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=entry.size, depth=self.DEPTH)
        tail, head = Signal(entry), data.View(entry, queue.r_data)
        empty, push = Signal(), Signal()
        pending, any_pending = self._collect(m, push | (self.change_take & empty))
        done = Signal()                 # the change of the head has been made
        m.d.comb += [
            self._decode(tail.job), tail.change.eq(pending), tail.changed.eq(any_pending),
            empty.eq(queue.level == 0),
            push.eq(self.i.valid & queue.w_rdy & ~(empty & self.take)),
            queue.w_data.eq(tail), queue.w_en.eq(push),
            self.dropped.eq(self.i.valid & ~queue.w_rdy),
            self.pending.eq(pending.fault),
        ]
        with m.If(empty):
            m.d.comb += [
                self.job.eq(tail.job), self.valid.eq(self.i.valid & ~any_pending),
                self.change.eq(pending), self.change_valid.eq(any_pending & ~self.i.valid)]
        with m.Else():
            m.d.comb += [
                self.job.eq(head.job), self.valid.eq(queue.r_rdy & (done | ~head.changed)),
                self.change.eq(head.change), self.change_valid.eq(queue.r_rdy & head.changed & ~done),
                queue.r_en.eq(self.take)]
            with m.If(self.take):
                m.d.sync += done.eq(0)
            with m.Elif(self.change_take):
                m.d.sync += done.eq(1)
        return m

    def _collect(self, m, gone):
        """Changes since the last message, and whether there are any; `gone`: they have left, or are made."""
        pending, after = Signal(self.shapes.change), Signal(self.shapes.change)
        waiting = Signal()
        fault, feed = self.fault.payload, self.i.payload.message.feed
        caused = Cat(fault.cause[cause] for cause in FEED_CAUSES)
        for n in range(self.config.symbols):
            hit = self.fault.valid & (fault.feed == self.feed_of[n])
            lost = self.dropped & (feed == self.feed_of[n])
            m.d.comb += [
                after.clear[n].eq((pending.clear[n] & ~gone) | self.clear[n]),
                after.fault[n].eq(Mux(gone | self.clear[n], 0, pending.fault[n]) | Mux(hit, caused, 0)
                                  | Mux(lost, 1 << FEED_CAUSES.index(Inexact.GAP), 0)),
            ]
        m.d.sync += [pending.eq(after), waiting.eq(after.as_value().any())]
        return pending, waiting

    def _decode(self, job):
        """The message as a job."""
        message, kind = self.i.payload.message, Const(Kind.NOTE.value, Kind)
        for letter, means in KINDS.items():
            kind = Mux(message.type == ord(letter), means, kind)
        return [
            job.task.kind.eq(kind), job.task.symbol.eq(self.i.payload.symbol), job.task.side.eq(message.sell),
            job.task.ref.eq(message.ref), job.replace.eq(message.type == ord("U")), job.new_ref.eq(message.new_ref),
            job.price.eq(message.price), job.qty.eq(message.qty),
            *(job.meta[name].eq(message[name]) for name in META),
        ]


__all__ = ["Arrivals"]
