"""Between feed paths of 64 bits and the sequencer: messages may come faster than it takes them."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.feed.sequencer import SPACING
from hdl.messages import FeedMessage, Note

#: Messages of a port that wait.
DEPTH = 512
#: Places that are kept for notes. A port's notes are further apart than its turns, so these are enough.
RESERVE = 16


class Pace(wiring.Component):
    """Gives the sequencer one message every `SPACING` cycles, of the ports in turn; the others wait.

    Latency: 0 where nothing waits, nothing came in the cycle before and no other port's turn is first; else as long
    as what is before it takes, and 2 cycles at least. Throughput: a message every 2 cycles, all ports together
    (78 million a second at 156.25 MHz). Worst case: a port's messages may come in every cycle. When `DEPTH` - `RESERVE`
    wait, further ones of that port are dropped. That is never silent: the sequence numbers that follow, or those of the
    next heartbeat, show the sequencer a gap, unless the other port brought the same messages. Notes are never dropped.

    Ports
    -----
    i : In, array of valid-only `FeedMessage`, one for each port.
    hold : In, nothing goes on in this cycle: the sequencer is being written to, and could not take it.
    o : Out, array of valid-only `FeedMessage`, for the sequencer.
    dropped : Out, one bit a port, a strobe for each message dropped.
    """

    def __init__(self, config: NicConfig):
        messages = stream.Signature(FeedMessage, always_ready=True)
        super().__init__({"i": In(messages).array(config.ports), "hold": In(1),
                          "o": Out(messages).array(config.ports), "dropped": Out(config.ports)})

    def elaborate(self, platform):
        m = Module()
        ports = len(self.i)
        has, turns, after = Signal(ports), Signal(ports), Signal(ports, init=1)     # after: who is first, one-hot
        rests = Signal(range(SPACING), name="rests")
        for n, (come, go) in enumerate(zip(self.i, self.o, strict=True)):
            bits = Value.cast(come.payload)
            m.submodules[f"waiting{n}"] = waiting = fifo.SyncFIFOBuffered(width=len(bits), depth=DEPTH)
            roomy, passes = Signal(init=1, name=f"roomy{n}"), Signal(name=f"passes{n}")
            m.d.sync += roomy.eq(waiting.level < DEPTH - RESERVE)
            m.d.comb += [
                passes.eq(waiting.level == 0), has[n].eq(waiting.r_rdy | come.valid & passes),
                go.valid.eq(turns[n]), Value.cast(go.payload).eq(Mux(passes, bits, waiting.r_data)),
                waiting.r_en.eq(turns[n] & ~passes), waiting.w_data.eq(bits),
                waiting.w_en.eq(come.valid & ~(passes & turns[n]) & (roomy | (come.payload.note != Note.MESSAGE))),
                self.dropped[n].eq(come.valid & ~(passes & turns[n]) & ~waiting.w_en),
            ]
        m.d.sync += rests.eq(Mux(turns.any(), SPACING - 1, Mux(rests == 0, 0, rests - 1)))
        first = has & ~(after - 1)      # from that port on
        chosen = Mux(first.any(), first, has)
        with m.If(~self.hold & (rests == 0)):
            m.d.comb += turns.eq(chosen & ~(chosen - 1))
        with m.If(turns.any()):
            m.d.sync += after.eq(Cat(turns[-1], turns[:-1]))
        return m


__all__ = ["DEPTH", "RESERVE", "Pace"]
