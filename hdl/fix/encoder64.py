"""Order frames out at eight bytes a beat: the sums patch the frame before it leaves."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import Out

from hdl.config import NicConfig
from hdl.fix import patches, program
from hdl.fix.checksums import Checksums
from hdl.fix.encoder import Encoder
from hdl.fix.lanes import DigitLane, WordLane
from hdl.fix.patches import CHECKSUM_LANE, CHECKSUM_WORD, FIRST, WORD_BITS, WORDS, Row
from hdl.fix.program import ADDRESS_BITS, CYCLE_BITS, REST, Source, SumStep
from hdl.order.image import FRAMES, WORD
from hdl.order.memory import INDEX_BITS, FrameTexts, address_bits
from hdl.registers import IMAGE, IMAGE_WORDS, RegisterMap

#: Cycles from a decision to the first beat of its frame, beyond the one that it takes at eight bits.
LEAD = FIRST
_SOURCE_BITS = 2


class PatchMemory(wiring.Component):
    """The characters of one lane where they stand in the frame: a small memory for each byte of a word.

    The two characters of a pair stand at one even and one odd offset, so never in the same of these memories.

    Ports
    -----
    spots : In, where the high and the low character go. chars : In, the two. at : In, number of a word.
    o : Out(64), the word, in the same cycle. Bytes that no character was written to are of no meaning.
    """

    def __init__(self):
        super().__init__({"spots": wiring.In(Row.as_shape()["words"].shape), "chars": wiring.In(data.ArrayLayout(8, 2)),
                          "at": wiring.In(WORD_BITS), "o": Out(8 * WORD)})

    def elaborate(self, platform):
        m = Module()
        for lane in range(WORD):
            m.submodules[f"lane{lane}"] = bytes_ = memory.Memory(shape=8, depth=1 << WORD_BITS, init=[])
            write, read = bytes_.write_port(), bytes_.read_port(domain="comb")
            mine = [spot.there & (spot.lane == lane) for spot in self.spots]
            m.d.comb += [
                write.en.eq(mine[0] | mine[1]), write.addr.eq(Mux(mine[1], self.spots[1].word, self.spots[0].word)),
                write.data.eq(Mux(mine[1], self.chars[1], self.chars[0])), read.addr.eq(self.at),
                self.o.word_select(lane, 8).eq(read.data),
            ]
        return m


class Encoder64(Encoder):
    """Patches a frame, then plays it, eight bytes a cycle.

    The TCP checksum, at byte 50, covers digits that take 48 cycles to make, and a frame that has begun cannot stop: so
    a frame is begun when its checksum will be there in time. Latency: 1 + `LEAD` = 44 cycles from `start` to the first
    beat. Throughput: 32 beats of an order and 31 of a cancel, without a gap.

    Ports
    -----
    As of `Encoder`, but that `go` is asked in the cycle of `due`, and `values` must be right in the cycle after
    `start`, all but `tcp_seq`, `tcp_ack` and `stamp` until the last beat.
    due : Out, this is the cycle in which the first beat is offered, if `go`.
    """

    LANES = WORD

    def __init__(self, config: NicConfig):
        super().__init__(config)
        self.due = Signal()

    def elaborate(self, platform):
        m = Module()
        m.submodules.texts = texts = FrameTexts(self.config)
        m.submodules.words = words = WordLane()
        m.submodules.digits = digits = DigitLane()
        m.submodules.checksums = checksums = Checksums()
        wiring.connect(m, wiring.flipped(self.bus), texts.bus)
        cycle = Signal(range(REST + 1), init=REST)      # 0 is that after `start`
        starting, preparing, playing, advance = Signal(), Signal(), Signal(), Signal()
        m.d.sync += starting.eq(self.start)
        with m.If(self.start):
            m.d.sync += [cycle.eq(0), preparing.eq(1)]
        with m.Elif(cycle != REST):
            m.d.sync += cycle.eq(cycle + 1)
        with m.If(self.due):
            m.d.sync += [preparing.eq(0), playing.eq(self.go)]
        with m.If(self.done):
            m.d.sync += playing.eq(0)
        m.d.comb += [
            self.due.eq(preparing & (cycle == FIRST)), self.busy.eq(preparing | playing),
            self.o.valid.eq(self.due & self.go | playing), advance.eq(self.o.valid & self.o.ready),
            self.done.eq(advance & self.o.payload.last), self.done_error.eq(self.o.payload.error),
        ]
        how, row = self._programs(m, cycle, starting, words, digits, texts)
        head = self._fill(m, cycle, words, digits, checksums, texts)
        m.d.comb += [checksums.clear.eq(starting), checksums.fix_static.eq(head.fix), checksums.how.eq(how),
                     checksums.word.eq(words.o), checksums.digits.eq(digits.o)]
        self._beats(m, preparing & (cycle == FIRST - 1) | advance, row, words, digits, checksums)
        return m

    def _programs(self, m: Module, cycle, starting, words, digits, texts):
        """What the lanes choose, and where it goes: the instruction of the sums, and the places, for what is there."""
        m.submodules.program = steps = memory.Memory(shape=SumStep, depth=1 << ADDRESS_BITS,
                                                     init=[SumStep.from_bits(word & _SUM_MASK)
                                                           for word in program.words()])
        m.submodules.places = places = memory.Memory(shape=Row, depth=len(FRAMES) << CYCLE_BITS,
                                                     init=[Row.from_bits(row) for row in patches.rows()])
        step_port, row_port = steps.read_port(), places.read_port()
        sums, how, fresh = Signal(SumStep), Signal(SumStep), Signal()
        m.d.comb += [
            step_port.addr.eq(Cat(cycle | Const(0, ADDRESS_BITS - 2), self.values.action, 1)),
            row_port.addr.eq(Cat(cycle | Const(0, CYCLE_BITS), self.values.action)),
            words.step.eq(1), words.code.eq(sums.words), digits.step.eq(1), digits.code.eq(sums.digits),
            texts.symbol_addr.eq(Cat(sums.words[:3], self.values.symbol)), texts.symbol_en.eq(1),
            words.symbol_data.eq(texts.symbol_data),
        ]
        m.d.sync += [sums.eq(step_port.data), how.eq(sums), fresh.eq(starting)]
        with m.If(self.start | starting):       # those of a frame that did not leave may still be under way
            m.d.sync += sums.eq(0)
        row = Signal(Row)
        with m.If(~fresh & ~starting):
            m.d.comb += row.eq(row_port.data)
        return how, row

    def _beats(self, m: Module, load, row, words, digits, checksums):
        """The next beat, out of the image and what was patched over it."""
        at, now = Signal(WORD_BITS), Signal(WORD_BITS)      # of the word that is read and can be loaded
        m.d.comb += now.eq(Mux(load, at + 1, at))
        m.d.sync += at.eq(now)
        with m.If(self.start):
            m.d.sync += at.eq(0)
            m.d.comb += now.eq(0)
        image, source = self._image(m, now)
        chars = {"words": (words.o[8:], words.o[:8]),
                 "digits": tuple(Cat(digit, Const(3, 4)) for digit in (digits.o[4:], digits.o[:4]))}
        patched = {}
        for name, pair in chars.items():
            m.submodules[f"{name}_patches"] = patched[name] = store = PatchMemory()
            m.d.comb += [store.spots.eq(row[name]), store.chars[0].eq(pair[0]), store.chars[1].eq(pair[1]),
                         store.at.eq(at)]
        beat, frame = self.o.payload, Signal(8 * WORD)
        for lane in range(WORD):
            where = source.word_select(lane, _SOURCE_BITS)
            m.d.comb += frame.word_select(lane, 8).eq(Mux(
                where == Source.WORDS, patched["words"].o.word_select(lane, 8),
                Mux(where == Source.DIGITS, patched["digits"].o.word_select(lane, 8), image.word_select(lane, 8))))
        with m.If(at == CHECKSUM_WORD):
            m.d.comb += frame[8 * CHECKSUM_LANE:8 * CHECKSUM_LANE + 16].eq(Cat(checksums.tcp[8:], checksums.tcp[:8]))
        with m.If(load):
            m.d.sync += [beat.data.eq(frame), beat.keep.eq((1 << WORD) - 1), beat.last.eq(0), beat.error.eq(0)]
            with m.Switch(self.values.action):
                for action, count in WORDS.items():
                    with m.Case(action):
                        with m.If(at == count - 1):
                            m.d.sync += [beat.last.eq(1), beat.error.eq(self.poison), beat.keep.eq(
                                (1 << FRAMES[action].length - WORD * (count - 1)) - 1)]

    def _image(self, m: Module, word):
        """The image's word, and where each of its bytes comes from, the cycle after."""
        bits = address_bits(self.config, IMAGE) - INDEX_BITS
        m.submodules.image = words = memory.Memory(shape=8 * WORD, depth=1 << bits, init=[])
        sources = [sum(source << _SOURCE_BITS * lane for lane, source in enumerate(bytes_))
                   for action in FRAMES for bytes_ in patches.sources(action)]
        m.submodules.sources = kinds = memory.Memory(shape=_SOURCE_BITS * WORD, depth=len(sources), init=sources)
        write, read, kind = words.write_port(), words.read_port(), kinds.read_port()
        base = RegisterMap(self.config).base[IMAGE.name]
        action, venue = (Mux(self.start, early, self.values[name]) for name, early in
                         (("action", self.next_action), ("venue", self.next_venue)))
        m.d.comb += [
            write.addr.eq(self.bus.addr), write.data.eq(self.bus.wdata),
            write.en.eq(self.bus.write & (self.bus.addr[bits:] == base >> bits)),
            read.addr.eq(Cat(word, Const(0, (IMAGE_WORDS - 1).bit_length() - len(word)), action, venue)),
            kind.addr.eq(Cat(word, action)),
        ]
        return read.data, kind.data


_SUM_MASK = (1 << SumStep.as_shape().size) - 1

__all__ = ["LEAD", "Encoder64"]
