"""What reaches the book, in order: messages, and between them the clears and faults."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import FEED_CAUSES, KINDS, META, Kind, Shapes
from hdl.config import NicConfig
from hdl.layouts import Inexact
from hdl.messages import FEED_BITS, BookMessage, FeedFault


class Arrivals(wiring.Component):
    """Queue of messages and of the changes between them, its head in a register.

    A message that finds nothing waiting is offered in the next cycle; one that finds the head taken goes through
    memory, and is offered 3 cycles after its arrival at the earliest. A clear or a fault takes effect after the
    messages that arrived before it or with it, and before those that arrive later; it travels with the next message,
    or alone while no message waits. Within one cycle the clear comes before the fault.

    A message that finds the queue full is dropped (`dropped`), and the change that stands for it is a GAP of its
    feed at that place.

    Ports
    -----
    i, fault, clear, feed_of : the inputs of `hdl.book.book.Book`.
    here : Out, a message or a change is offered. next_here : Out, it will be in the next cycle.
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
            "here": Out(1), "next_here": Out(1), "valid": Out(1), "job": Out(shapes.job), "take": In(1),
            "dropped": Out(1),
            "change_valid": Out(1), "change": Out(shapes.change), "change_take": In(1),
            "pending": Out(data.ArrayLayout(len(FEED_CAUSES), config.symbols)),
        })

    def elaborate(self, platform):
        m = Module()
        entry = data.StructLayout({"job": self.shapes.job, "change": self.shapes.change, "message": 1, "changed": 1})
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=entry.size, depth=self.DEPTH)
        tail, head, here = Signal(entry), Signal(entry, reset_less=True), self.here    # `here`: the head is valid
        # `queued` is `empty` once more, to choose data, so that what decides has little to drive.
        empty, queued, direct, free, gone = Signal(init=1), Signal(), Signal(), Signal(), Signal()
        pending, any_pending = self._collect(m, gone)
        m.d.comb += [
            self._decode(tail.job), tail.change.eq(pending), tail.changed.eq(any_pending),
            tail.message.eq(self.i.valid),
            free.eq(~here | self.take | (self.change_take & ~head.message)),
            direct.eq(free & empty & (self.i.valid | any_pending)),
            queue.w_data.eq(tail), queue.w_en.eq(self.i.valid & ~direct), queue.r_en.eq(free),
            gone.eq(direct | (queue.w_en & queue.w_rdy)),
            self.dropped.eq(queue.w_en & ~queue.w_rdy),
            self.next_here.eq(Mux(free, direct | queue.r_rdy, 1)), self.job.eq(head.job), self.change.eq(head.change),
            self.valid.eq(here & head.message & ~head.changed), self.change_valid.eq(here & head.changed),
            Value.cast(self.pending).eq(
                Value.cast(pending.fault) | Mux(self.change_valid, Value.cast(head.change.fault), 0)),
        ]
        m.d.sync += here.eq(self.next_here)
        with m.If(queue.w_en & queue.w_rdy):
            m.d.sync += [empty.eq(0), queued.eq(1)]
        with m.Elif(queue.r_en & queue.r_rdy & (queue.level == 1)):
            m.d.sync += [empty.eq(1), queued.eq(0)]
        with m.If(free):
            m.d.sync += head.eq(Mux(queued, queue.r_data, tail))
        with m.Elif(self.change_take):
            m.d.sync += head.changed.eq(0)
        return m

    def _collect(self, m, gone):
        """Changes since the last message, and whether there are any; `gone`: they have left with it, or alone."""
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
        m.d.sync += pending.eq(after)
        with m.If(self.clear.any() | self.fault.valid | self.dropped):    # maybe of no symbol: it does not matter
            m.d.sync += waiting.eq(1)
        with m.Elif(gone):
            m.d.sync += waiting.eq(0)
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
