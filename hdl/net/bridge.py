"""Host bridge: the records of `hdl.layouts` in Ethernet frames, for boards that reach their host over a port.

A host-bridge frame is Ethernet II of type `HOST_ETHERTYPE`, then whole 64-byte records. What is left over (padding)
is ignored. Anyone on that segment can speak to the NIC: it belongs to the host alone, or to a VLAN of its own.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.layouts import RECORD_BITS, RECORD_BYTES
from hdl.net.headers import ETHERNET
from hdl.streams import axis, axis_rx, records
from hdl.venue import HOST_ETHERTYPE

BYTE = 8
#: Records that each direction's buffer holds: one block RAM.
BUFFER_RECORDS = 32
#: Most records in one frame: 22 x 64 + 14 bytes is the most below 1,514.
FRAME_RECORDS = 22
_LAST = RECORD_BYTES - 1
#: Records are counted modulo twice the buffer, to tell full from empty.
_COUNT_BITS = BUFFER_RECORDS.bit_length()


class Bridge(wiring.Component):
    """Frames to records and back.

    Down: the records of a frame go on, in order, once its end has come and it was good; one takes 66 cycles. A bad
    frame, and one that the buffer has no room for, is dropped whole: the host learns of it by reading back. The wire
    side never waits.

    Up: records leave in frames of up to `FRAME_RECORDS`, as many as wait when a frame begins, to where the last good
    frame came from. `host_o` is held back while `BUFFER_RECORDS` wait; until a host has spoken nothing leaves. A
    record is taken in 64 cycles, a frame of n records keeps the wire for 64 n + 38.

    Parameters
    ----------
    mac : own address, the source of what is sent.

    Ports
    -----
    i : In(axis_rx(8)), everything that the port receives.
    o : Out(axis(8)), frames without a gap in them.
    host_i : Out(records), to the NIC.
    host_o : In(records), from the NIC.
    """

    def __init__(self, mac: int):
        self.mac = mac
        super().__init__({"i": In(axis_rx(BYTE)), "o": Out(axis(BYTE)), "host_i": Out(records), "host_o": In(records)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.down = down = BridgeDown()
        m.submodules.up = up = BridgeUp(self.mac)
        connect(m, flipped(self.i), down.i)
        connect(m, down.o, flipped(self.host_i))
        connect(m, flipped(self.host_o), up.i)
        connect(m, up.o, flipped(self.o))
        m.d.comb += [up.peer.eq(down.peer), up.enable.eq(down.heard)]
        return m


class BridgeDown(wiring.Component):
    """Frames to records; see `Bridge`.

    Ports
    -----
    i : In(axis_rx(8))
    o : Out(records), the first of a frame 66 cycles after the frame's last beat.
    peer, heard : Out, source address of the last good host-bridge frame, and whether there was one.
    """

    i: In(axis_rx(BYTE))
    o: Out(records)
    peer: Out(48)
    heard: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=BYTE, depth=BUFFER_RECORDS * RECORD_BYTES, init=[])
        kept = Signal(_COUNT_BITS)      # records that came in good frames, ever
        taken = Signal(_COUNT_BITS)     # records that have gone on, ever
        self._fill(m, memory.write_port(), kept, taken)
        self._empty(m, memory.read_port(), kept, taken)
        return m

    def _fill(self, m: Module, write, kept, taken):
        beat = self.i.payload
        take, end = self.i.valid & beat.keep[0], self.i.valid & beat.last
        header, left = Signal(BYTE * ETHERNET.bytes), Signal(range(ETHERNET.bytes + 1), init=ETHERNET.bytes)
        byte, record = Signal(range(RECORD_BYTES)), Signal(_COUNT_BITS)     # where the next byte goes
        record_after = Signal.like(record)
        ours, room, lost = Signal(), Signal(), Signal()

        def field(name):
            part = ETHERNET[name]
            return header[len(header) - part.offset - part.width:][:part.width]

        m.d.comb += [
            ours.eq((left == 0) & (field("type") == HOST_ETHERTYPE)),
            room.eq((record - taken)[:_COUNT_BITS] < BUFFER_RECORDS),
            write.addr.eq(Cat(byte, record)), write.data.eq(beat.data), write.en.eq(take & ours & room),
            record_after.eq(record + (write.en & (byte == _LAST))),
        ]
        with m.If(write.en):
            m.d.sync += [byte.eq(byte + 1), record.eq(record_after)]
        with m.If(take & ours & ~room):
            m.d.sync += lost.eq(1)
        with m.If(take & (left != 0)):
            m.d.sync += [header.eq(Cat(beat.data, header)), left.eq(left - 1)]
        with m.If(end):
            m.d.sync += [left.eq(ETHERNET.bytes), lost.eq(0), byte.eq(0), record.eq(kept)]
            with m.If(ours & ~beat.error & ~lost & (room | ~take)):
                m.d.sync += [kept.eq(record_after), record.eq(record_after),
                             self.peer.eq(field("source")), self.heard.eq(1)]

    def _empty(self, m: Module, read, kept, taken):
        byte, arrived = Signal(range(RECORD_BYTES)), Signal()
        record = Signal(RECORD_BITS, reset_less=True)
        m.d.comb += [read.addr.eq(Cat(byte, taken)), self.o.payload.eq(record)]
        m.d.sync += arrived.eq(0)
        with m.If(arrived):
            m.d.sync += record.eq(Cat(record[BYTE:], read.data))
        with m.FSM():
            with m.State("READ"):
                with m.If(kept != taken):
                    m.d.sync += [byte.eq(byte + 1), arrived.eq(1)]
                    with m.If(byte == _LAST):
                        m.next = "LAST"
            with m.State("LAST"):
                m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += taken.eq(taken + 1)
                    m.next = "READ"


class BridgeUp(wiring.Component):
    """Records to frames; see `Bridge`.

    Ports
    -----
    i : In(records)
    o : Out(axis(8)), without a gap in a frame; a frame begins 2 cycles after its first record was taken, if idle.
    peer, enable : In, where frames go, and whether they may.
    """

    i: In(records)
    o: Out(axis(BYTE))
    peer: In(48)
    enable: In(1)

    def __init__(self, mac: int):
        self.mac = mac
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=BYTE, depth=BUFFER_RECORDS * RECORD_BYTES)
        waiting = Signal(range(BUFFER_RECORDS + 1))     # whole records in the FIFO that no frame has claimed
        added, claimed = Signal(), Signal.like(waiting)
        m.d.sync += waiting.eq(waiting + added - claimed)
        self._fill(m, fifo, added)
        self._send(m, fifo, waiting, claimed)
        return m

    def _fill(self, m: Module, fifo, added):
        """A record's bytes, one a cycle; it is taken with the last of them, so nothing here has to hold it."""
        byte = Signal(range(RECORD_BYTES))
        m.d.comb += [fifo.w_data.eq(self.i.payload.word_select(byte, BYTE)), fifo.w_en.eq(self.i.valid)]
        with m.If(self.i.valid & fifo.w_rdy):
            m.d.sync += byte.eq(byte + 1)
            with m.If(byte == _LAST):
                m.d.comb += [self.i.ready.eq(1), added.eq(1)]

    def _send(self, m: Module, fifo, waiting, claimed):
        values = {"destination": self.peer, "source": Const(self.mac, ETHERNET["source"].width),
                  "type": Const(HOST_ETHERTYPE, ETHERNET["type"].width)}
        header, left = Signal(BYTE * ETHERNET.bytes), Signal(range(ETHERNET.bytes))     # the first byte is highest
        byte, records_left = Signal(range(RECORD_BYTES)), Signal(range(FRAME_RECORDS + 1))
        out = self.o.payload
        m.d.comb += out.keep.eq(1)
        with m.FSM(name="send"):
            with m.State("IDLE"):
                m.d.sync += [header.eq(Cat(values[name] for name in reversed(ETHERNET.fields))),
                             left.eq(ETHERNET.bytes - 1)]
                with m.If(self.enable & (waiting != 0)):
                    m.d.comb += claimed.eq(Mux(waiting < FRAME_RECORDS, waiting, FRAME_RECORDS))
                    m.d.sync += records_left.eq(claimed)
                    m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += [self.o.valid.eq(1), out.data.eq(header[-BYTE:])]
                with m.If(self.o.ready):
                    m.d.sync += [header.eq(header << BYTE), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.next = "RECORDS"
            with m.State("RECORDS"):
                m.d.comb += [self.o.valid.eq(1), out.data.eq(fifo.r_data), fifo.r_en.eq(self.o.ready),
                             out.last.eq((byte == _LAST) & (records_left == 1))]
                with m.If(self.o.ready):
                    m.d.sync += byte.eq(byte + 1)
                    with m.If(byte == _LAST):
                        m.d.sync += records_left.eq(records_left - 1)
                    with m.If(out.last):
                        m.next = "IDLE"
