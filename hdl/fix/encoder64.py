"""Order frames out at eight bytes a beat: all of a frame is made while the gate decides and the header leaves."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fixparse.templates import Kind
from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.fix.checksums64 import Checksums64
from hdl.fix.encoder import FrameValues
from hdl.fix.fastdecimal import FastDecimal
from hdl.fix.slots64 import BYTE_BITS, NIBBLE_BITS, SLOTS, UNSUMMED, WORD_BITS, WORDS, Chars, SlotWords
from hdl.fix.sums64 import CHECKSUM, LATE, TIME
from hdl.intents import GATE_LATENCY
from hdl.layouts import Action
from hdl.order.image import FRAMES, SIDE_CHARS, WORD
from hdl.order.memory64 import FrameTexts64
from hdl.streams import axis

#: Cycles from `ask` to `go`: the gate is asked the cycle before `ask`.
ASKED = GATE_LATENCY - 1
#: Where the TCP checksum stands; the same in all frames.
CHECKSUM_WORD, CHECKSUM_LANE = divmod(FRAMES[Action.NEW].slots[UNSUMMED].places[0][0], WORD)


def check() -> None:
    """That the TCP checksum is there when its word is loaded. Raises ValueError if not."""
    for action, frame in FRAMES.items():
        if divmod(frame.slots[UNSUMMED].places[0][0], WORD) != (CHECKSUM_WORD, CHECKSUM_LANE):
            raise ValueError(f"{action.name}: the TCP checksum stands elsewhere")
    known = {"a number": FastDecimal.LATENCY - 1 + Checksums64.LATE_LATENCY, "an id": Checksums64.EARLY_LATENCY,
             "the time": ASKED + Checksums64.TIME_LATENCY}
    loaded = ASKED - 1 + CHECKSUM_WORD
    for name, cycles in known.items():
        if cycles > loaded:
            raise ValueError(f"the TCP checksum has {name} {cycles} cycles after `ask`, its word is loaded in {loaded}")


class Encoder64(wiring.Component):
    """Plays the image of one venue and action, and patches every slot of its frame.

    Latency: the first beat is there with `go`. Throughput: 32 beats of an order and 31 of a cancel, without a gap.

    The TCP checksum, in the seventh beat, covers every digit of the frame, and a frame that has begun cannot stop. So
    the numbers become digits all at once (`FastDecimal`), and all characters are added at once (`Checksums64`): 8
    cycles after the one in which `values` are there the checksum is, and its beat is loaded (`check`). Nothing is kept
    from one frame for the next, so nothing can be out of date.

    Ports
    -----
    bus : In(BusSignature), the IMAGE and SYMBOL_TEXT blocks.
    values : In(FrameValues), in the cycle before `ask`; `stamp` in that of `go`.
    ask : In, the frame of the `values` of the cycle before may leave in `ASKED` cycles; not while one is under way.
        What was asked before and did not leave is forgotten.
    held : Out(FrameValues), the values of the last `ask`, but for `stamp`; from the cycle after it on.
    go : In, `ASKED` cycles after `ask`: the frame leaves, and this is its first beat. Else nothing leaves.
    poison : In, sampled when the last beat is loaded, the cycle after the one before it has moved: the frame ends with
        `error`.
    o : Out(axis).
    done : Out, the last beat moves in this cycle; `done_error`: it was poisoned.
    """

    def __init__(self, config: NicConfig):
        if config.lanes != WORD:
            raise ValueError(f"{config.name}: this encoder is {8 * WORD} bits wide, not {config.data_width}")
        self.config = config
        super().__init__({
            "bus": In(BusSignature()), "values": In(FrameValues), "ask": In(1), "held": Out(FrameValues), "go": In(1),
            "poison": In(1), "o": Out(axis(config.data_width)), "done": Out(1), "done_error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        check()
        m.submodules.texts = texts = FrameTexts64(self.config)
        m.submodules.slots = slots = SlotWords()
        m.submodules.checksums = checksums = Checksums64()
        wiring.connect(m, wiring.flipped(self.bus), texts.bus)
        asked, playing, advance = Signal(FrameValues, reset_less=True), Signal(), Signal()
        m.d.sync += [asked.eq(self.values), playing.eq((self.go | playing) & ~self.done)]
        with m.If(self.ask):
            m.d.sync += self.held.eq(asked)
        m.d.comb += [
            self.o.valid.eq(self.go | playing), advance.eq(self.o.valid & self.o.ready),
            self.done.eq(advance & self.o.payload.last), self.done_error.eq(self.o.payload.error),
            texts.which.action.eq(self.values.action), texts.which.venue.eq(self.values.venue),
            texts.symbol.eq(self.values.symbol), checksums.take.eq(self.ask), checksums.action.eq(asked.action),
            checksums.static_tcp.eq(texts.static_tcp), checksums.static_fix.eq(texts.static_fix),
            checksums.sample.eq(self.go),
        ]
        slots_held, early = Signal(Chars), Signal(Chars)
        self._characters(m, self.held, slots_held)
        self._characters(m, asked, early)
        self._made_late(m, texts, checksums, slots_held, early)
        m.d.comb += [checksums.chars.eq(early), slots.chars.eq(slots_held)]
        self._play(m, asked, advance, texts, checksums, slots)
        return m

    @staticmethod
    def _characters(m: Module, values, chars):
        """The characters that are values."""
        m.d.comb += [
            chars.tif.eq(values.tif), *(chars[name].eq(_big_endian(
                values[name], BYTE_BITS if SLOTS[name].kind is Kind.BYTE else NIBBLE_BITS))
                for name in ("order_id", "orig_id", "tcp_seq", "tcp_ack"))]
        with m.Switch(values.side):
            for code, char in SIDE_CHARS.items():
                with m.Case(code):
                    m.d.comb += chars.side.eq(ord(char))

    def _made_late(self, m: Module, texts, checksums, slots, early):
        """Those that are read or made: as they come, for the checksums, and held, for their words."""
        symbol = Signal(Chars["symbol"].shape, reset_less=True)
        time, stamp = Signal(Chars[TIME].shape, reset_less=True), Signal(Chars[TIME].shape)
        with m.If(self.ask):
            m.d.sync += symbol.eq(texts.symbol_text)
        with m.If(self.go):
            m.d.sync += time.eq(stamp)
        m.d.comb += [
            stamp.eq(Cat(self.values.stamp.date_digits, self.values.stamp.time_digits)),
            early.symbol.eq(texts.symbol_text), slots.symbol.eq(symbol), early[TIME].eq(stamp), slots[TIME].eq(time),
            slots[CHECKSUM].eq(checksums.checksum),
        ]
        for name in LATE:
            m.submodules[name] = decimal = FastDecimal()
            digits = Cat(reversed(list(decimal.digits)[:SLOTS[name].chars]))
            m.d.comb += [decimal.en.eq(self.ask), decimal.value.eq(self.values[name]),
                         early[name].eq(digits), slots[name].eq(digits)]

    def _play(self, m: Module, asked, advance, texts, checksums, slots):
        """The beat that is out, and behind it the word `at`, read and ready to be loaded: image, and slots over it."""
        at, coming, load, read = Signal(WORD_BITS), Signal(WORD_BITS), Signal(), Signal()
        first = Signal()
        m.d.sync += first.eq(self.ask)
        m.d.comb += [
            load.eq(first | advance), read.eq(self.ask | load), coming.eq(Mux(self.ask, 0, at + 1)),
            texts.read.eq(read), texts.word.eq(coming),
            *(texts.image_of[name].eq(Mux(self.ask, asked[name], self.held[name])) for name in ("action", "venue")),
            slots.en.eq(read), slots.at.eq(coming), slots.action.eq(self.held.action),
        ]
        beat, word, tcp = self.o.payload, Signal(8 * WORD), Signal(16)
        m.d.comb += [tcp.eq(Mux(at == CHECKSUM_WORD, checksums.tcp, 0)), word.eq(
            texts.image | slots.o | Cat(tcp[8:], tcp[:8]) << 8 * CHECKSUM_LANE)]
        with m.If(read):
            m.d.sync += at.eq(coming)
        with m.If(load):
            m.d.sync += [beat.data.eq(word), beat.keep.eq((1 << WORD) - 1), beat.last.eq(0), beat.error.eq(0)]
            with m.Switch(self.held.action):
                for action, count in WORDS.items():
                    with m.Case(action):
                        with m.If(at == count - 1):
                            m.d.sync += [beat.last.eq(1), beat.error.eq(self.poison), beat.keep.eq(
                                (1 << FRAMES[action].length - WORD * (count - 1)) - 1)]


def _big_endian(value: Value, bits: int) -> Value:
    """Pieces of a number, highest first."""
    return Cat(reversed([value.word_select(n, bits) for n in range(len(value) // bits)]))


__all__ = ["ASKED", "Encoder64"]
