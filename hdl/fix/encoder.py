"""Order frames out: an image is played, its slots are patched, checksums are made on the way."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.fix import program
from hdl.fix.checksums import Checksums
from hdl.fix.decimal import Decimals
from hdl.fix.lanes import DigitLane, WordLane
from hdl.fix.program import ADDRESS_BITS, NUMBERS, POSITION_BITS, REST, PlayStep, Source, SumStep
from hdl.layouts import Action
from hdl.messages import SYMBOL_BITS, VENUE_BITS
from hdl.net.clock import TimeOfDay
from hdl.order.image import SIDE_CHARS, WORD
from hdl.order.memory import FrameTexts, Head
from hdl.registers import IMAGE_WORDS
from hdl.streams import axis

#: Bits of a byte's place in an image.
IMAGE_BITS = (IMAGE_WORDS * WORD - 1).bit_length()
STEP_BITS = max(step.as_shape().size for step in (PlayStep, SumStep))


class FrameValues(data.Struct):
    """What is patched into a frame."""
    action: Action
    venue: unsigned(VENUE_BITS)
    symbol: unsigned(SYMBOL_BITS)
    tcp_seq: unsigned(32)
    tcp_ack: unsigned(32)
    msg_seq: unsigned(32)   # below 10**9
    stamp: TimeOfDay
    order_id: unsigned(64)
    orig_id: unsigned(64)
    price: unsigned(32)
    qty: unsigned(32)
    side: unsigned(2)
    tif: unsigned(8)


class Encoder(wiring.Component):
    """Plays the image of one venue and action, and patches every slot of its frame.

    Latency: 1 cycle from `start` to the first beat. Throughput: one byte a cycle, without a gap; a frame may start in
    the cycle after the last beat of the one before, and four cycles after a start that came to nothing. The first byte
    is known with `start`, while the image is still to be read; digits and both checksums are ready `program.DONE`
    cycles after the first beat, before the byte at which TCP wants its checksum (checked when this is built). If the
    MAC holds the stream back, only playing waits.

    Written for 8 bits. What happens when is in `hdl.fix.program`; `hdl.fix.encoder64` has another player for the same
    sums.

    Ports
    -----
    bus : In(BusSignature), the IMAGE and SYMBOL_TEXT blocks.
    start : In, the next cycle may be the first beat of a frame; not while one is under way. next_action, next_venue :
        In, of what kind, with it.
    go : In, in the cycle after `start`: the frame leaves, and this is its first beat. Else nothing leaves.
    values : In(FrameValues), right in the cycle of `go`; all but `tcp_seq`, `tcp_ack` and `stamp` until the last beat.
    poison : In, sampled when the last byte is taken from its source: the frame ends with `error`.
    o : Out(axis).
    busy : Out, a first beat is being offered or a frame is under way.
    done : Out, the last beat moves in this cycle; `done_error`: it was poisoned.
    """

    LANES = 1

    def __init__(self, config: NicConfig):
        if config.lanes != self.LANES:
            raise ValueError(f"{config.name}: this encoder is {8 * self.LANES} bits wide, not {config.data_width}")
        self.config = config
        super().__init__({
            "bus": In(BusSignature()), "start": In(1), "next_action": In(Action), "next_venue": In(VENUE_BITS),
            "go": In(1), "values": In(FrameValues), "poison": In(1), "o": Out(axis(config.data_width)), "busy": Out(1),
            "done": Out(1), "done_error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.texts = texts = FrameTexts(self.config)
        m.submodules.words = words = WordLane()
        m.submodules.digits = digits = DigitLane()
        m.submodules.checksums = checksums = Checksums()
        wiring.connect(m, wiring.flipped(self.bus), texts.bus)
        cycle = Signal(range(REST + 1), init=REST)      # 0 is the first beat
        starting, playing, advance = Signal(), Signal(), Signal()
        m.d.sync += starting.eq(self.start)
        with m.If(self.start):
            m.d.sync += cycle.eq(0)
        with m.Elif(cycle != REST):
            m.d.sync += cycle.eq(cycle + 1)
        with m.If(starting):
            m.d.sync += playing.eq(self.go)
        with m.If(self.done):
            m.d.sync += playing.eq(0)
        m.d.comb += [
            self.o.valid.eq(starting & self.go | playing), self.busy.eq(starting | playing),
            # Without `go` the player takes a step that nobody sees; the next start puts everything right.
            advance.eq(self.busy & self.o.ready), self.done.eq(playing & advance & self.o.payload.last),
            self.done_error.eq(self.o.payload.error), self.o.payload.keep.eq(1),
        ]
        at, play, sums = self._read(m, cycle, starting, advance, texts)
        self._choose(m, cycle, advance, play, sums, words, digits, texts)
        head = self._fill(m, cycle, words, digits, checksums, texts)
        how = Signal(SumStep)
        m.d.sync += how.eq(sums)
        m.d.comb += [checksums.clear.eq(starting), checksums.fix_static.eq(head.fix), checksums.how.eq(how),
                     checksums.word.eq(words.o), checksums.digits.eq(digits.o)]
        self._play(m, at, advance, play, words, digits, texts)
        return m

    def _read(self, m: Module, cycle, starting, advance, texts):
        """The program and the image, as cycles go by and as the beat moves on.

        Returns `at`, the byte two behind the beat that is out, and the instructions in force: for the lanes of the
        byte `PLAY` behind that beat, and for the sums.
        """
        m.submodules.program = memory_ = memory.Memory(shape=STEP_BITS, depth=1 << ADDRESS_BITS, init=program.words())
        sum_port, play_port = memory_.read_port(), memory_.read_port()
        at, now, action, venue = Signal(POSITION_BITS), Signal(POSITION_BITS), Signal(Action), Signal(VENUE_BITS)
        play, sums = Signal(PlayStep), Signal(SumStep)
        m.d.comb += [
            now.eq(Mux(self.start, 1, at)), action.eq(Mux(self.start, self.next_action, self.values.action)),
            venue.eq(Mux(self.start, self.next_venue, self.values.venue)),
            sum_port.addr.eq(Cat(cycle | Const(0, POSITION_BITS), self.values.action, 1)),
            play_port.addr.eq(Cat(now, action, 0)), play_port.en.eq(self.start | advance),
            texts.image_addr.eq(Cat(now[1:], Const(0, IMAGE_BITS - POSITION_BITS), action, venue)),
            texts.image_en.eq(self.start | advance),
        ]
        m.d.sync += sums.eq(sum_port.data)
        with m.If(self.start | starting):       # the sums of a frame that did not leave may still be under way
            m.d.sync += sums.eq(0)
        with m.If(self.start):
            m.d.sync += [at.eq(2), play.eq(0)]
        with m.Elif(advance):
            m.d.sync += [at.eq(at + 1), play.eq(play_port.data)]
        return at, play, sums

    def _choose(self, m: Module, cycle, advance, play, sums, words, digits, texts):
        """Each lane is the sums' first, then the player's."""
        for lane, name, end in ((words, "words", program.WORDS_END), (digits, "digits", program.DIGITS_END)):
            summing = Signal(name=f"summing_{name}")
            m.d.comb += [summing.eq(cycle <= end), lane.step.eq(summing | advance),
                         lane.code.eq(Mux(summing, sums[name], play[name]))]
        m.d.comb += [texts.symbol_addr.eq(Cat(words.code[:3], self.values.symbol)), texts.symbol_en.eq(words.step),
                     words.symbol_data.eq(texts.symbol_data)]

    def _fill(self, m: Module, cycle, words, digits, checksums, texts):
        """What the lanes choose from. Returns what is known of the image."""
        m.submodules.decimals = decimals = Decimals()
        v, head = self.values, Signal(Head)
        seq, ack, time = Signal(32), Signal(32), Signal.like(digits.digits.time)
        m.d.comb += texts.which.eq(Cat(self.next_action, self.next_venue))
        with m.If(self.start):
            m.d.sync += head.eq(texts.head)
        with m.If(cycle == 0):
            m.d.sync += [seq.eq(v.tcp_seq), ack.eq(v.tcp_ack), time.eq(Cat(
                digit for digits in (v.stamp.time_digits, v.stamp.date_digits) for digit in reversed(list(digits))))]
        with m.Switch(v.side):
            for code, char in SIDE_CHARS.items():
                with m.Case(code):
                    m.d.comb += words.slots.side.eq(ord(char))
        m.d.comb += [
            words.slots.order_id.eq(v.order_id), words.slots.orig_id.eq(v.orig_id), words.slots.tcp_seq.eq(seq),
            words.slots.tcp_ack.eq(ack), words.slots.tcp_checksum.eq(checksums.tcp), words.slots.tif.eq(v.tif),
            words.slots.static.eq(head.tcp), digits.digits.time.eq(time), decimals.cycle.eq(cycle),
            decimals.values.checksum.eq(checksums.fix), *(decimals.values[name].eq(v[name]) for name in NUMBERS),
            *(digits.digits[name].eq(decimals.digits[name]) for name in (*NUMBERS, "checksum")),
        ]
        return head

    def _play(self, m: Module, at, advance, play, words, digits, texts):
        """The next beat, out of the lanes or the image."""
        beat, come = self.o.payload, Signal(PlayStep)      # of the next beat
        char = Signal(8)
        with m.Switch(come.source):
            with m.Case(Source.WORDS):
                m.d.comb += char.eq(Mux(come.second, words.o[:8], words.o[8:]))
            with m.Case(Source.DIGITS):
                m.d.comb += char.eq(Const(ord("0"), 8) | Mux(come.second, digits.o[:4], digits.o[4:]))
            with m.Default():
                m.d.comb += char.eq(Mux(at[0], texts.image_data[:8], texts.image_data[8:]))
        with m.If(self.start):
            m.d.sync += [come.eq(0), beat.data.eq(texts.head.first), beat.last.eq(0), beat.error.eq(0)]
        with m.Elif(advance):
            m.d.sync += [come.eq(play), beat.data.eq(char), beat.last.eq(come.last),
                         beat.error.eq(come.last & self.poison)]
