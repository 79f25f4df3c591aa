"""Order frames out: an image is played, its slots are patched, checksums are made on the way."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from fixparse.templates import MSG_SEQ
from hdl.config import NicConfig
from hdl.fix.checksums import DIGITS_CYCLE, DONE_CYCLE, NUMBER_LOAD, REST, SYMBOL_LOAD, Checksums
from hdl.fix.decimal import ToDecimal
from hdl.fix.slot import UNSUMMED, SlotRegister, slots
from hdl.layouts import Action
from hdl.messages import SYMBOL_BITS, VENUE_BITS
from hdl.net.clock import TimeOfDay
from hdl.order.image import FRAMES, SIDE_CHARS, SUMS_WORD, WORD
from hdl.registers import IMAGE_WORDS, WORD_BITS
from hdl.streams import axis

MSG_SEQ_DIGITS = MSG_SEQ.chars
#: Byte of a frame: its word in the image, and its place in the word.
WORD_INDEX_BITS, PLACE_BITS = (IMAGE_WORDS - 1).bit_length(), (WORD - 1).bit_length()
#: Cycles, 0 being the first beat, in which the sums word and word 0 of the image come out of the memory.
SUMS_READ, FIRST_READ = 1, 2


class FrameValues(data.Struct):
    """What is patched into a frame."""
    action: Action
    venue: unsigned(VENUE_BITS)
    symbol: unsigned(SYMBOL_BITS)
    tcp_seq: unsigned(32)
    tcp_ack: unsigned(32)
    msg_seq: unsigned(4 * MSG_SEQ_DIGITS)   # last digit lowest
    stamp: TimeOfDay
    order_id: unsigned(64)
    orig_id: unsigned(64)
    price: unsigned(32)
    qty: unsigned(32)
    side: unsigned(2)
    tif: unsigned(8)


def first_lowest(value, bits: int):
    """A number whose first character is in its highest `bits`, turned so that it is in the lowest."""
    return Cat(value.word_select(n, bits) for n in reversed(range(len(value) // bits)))


class Encoder(wiring.Component):
    """Plays the image of one venue and action, and patches every slot of its frame.

    Latency: 1 cycle from `start` to the first beat. Throughput: one byte a cycle, without a gap; a frame may
    start in the cycle after the last beat of the one before. The first bytes (the destination) are given with
    `start`, while the image is still to be read; sums, digits and both checksums are ready `DONE_CYCLE` cycles
    after the first beat, before the byte at which TCP wants its checksum (checked when this is built). If the
    MAC holds the stream back, only playing waits.

    Written for 8 bits. All positions come from `hdl.order.image.FRAMES`; a 64-bit variant replaces the player
    (`_play`, `_windows`) and starts the sums before the decision.

    Ports
    -----
    start : In, the next cycle may be the first beat of a frame; not while one is under way. `destination`:
        In(48), its first six bytes.
    go : In, in the cycle after `start`: the frame leaves, and this is its first beat. Else nothing leaves.
    values : In(FrameValues), right in the cycle of `go`; `action`, `venue`, `symbol` until the last beat.
    poison : In, sampled when the last byte is taken from its source: the frame ends with `error`.
    o : Out(axis).
    busy : Out, a first beat is being offered or a frame is under way.
    done : Out, the last beat moves in this cycle; `done_error`: it was poisoned.
    image_addr, image_data, symbol_addr, symbol_data : read ports of the IMAGE and SYMBOL_TEXT memories, data in
        the cycle after the address. `image_addr` is venue, action and word; `symbol_addr` symbol and half.
    """

    def __init__(self, config: NicConfig):
        if config.data_width != 8:
            raise ValueError(f"{config.name}: this encoder is 8 bits wide, not {config.data_width}")
        wanted = min(frame.slots["tcp_checksum"].places[0][0] for frame in FRAMES.values())
        if wanted - 1 < DONE_CYCLE + 1:
            raise ValueError(f"the TCP checksum is wanted {wanted - 1} cycles after the first beat, "
                             f"and made in {DONE_CYCLE + 1}")
        self.config = config
        super().__init__({
            "start": In(1), "destination": In(48), "go": In(1), "values": In(FrameValues), "poison": In(1),
            "o": Out(axis(config.data_width)), "busy": Out(1), "done": Out(1), "done_error": Out(1),
            "image_addr": Out(VENUE_BITS + 1 + WORD_INDEX_BITS), "image_data": In(WORD_BITS),
            "symbol_addr": Out(SYMBOL_BITS + 1), "symbol_data": In(WORD_BITS)})

    def elaborate(self, platform):
        m = Module()
        self.slots = {name: (places, SlotRegister(places)) for name, places in slots().items()}
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
        for name, (_, register) in self.slots.items():
            m.submodules[name] = register
        checksums = self._checksums(m, cycle)
        static = self._play(m, cycle, advance)
        self._load(m, cycle, checksums)
        m.d.comb += [checksums.fix_static.eq(static[:8]), checksums.tcp_static.eq(static[16:32])]
        return m

    def _checksums(self, m: Module, cycle):
        m.submodules.checksums = checksums = Checksums()
        m.d.comb += [checksums.cycle.eq(cycle), checksums.action.eq(self.values.action)]
        for name, (_, register) in self.slots.items():
            if name not in UNSUMMED:
                m.d.comb += getattr(checksums.slots, name).eq(register.sums)
        return checksums

    # ---- slots -------------------------------------------------------------------------------------

    def _load(self, m: Module, cycle, checksums):
        """Every slot gets its characters in the cycle that the schedule of the checksums names."""
        v, first = self.values, cycle == 0
        side, symbol_low = Signal(8), Signal(WORD_BITS, reset_less=True)
        with m.Switch(v.side):
            for code, char in SIDE_CHARS.items():
                with m.Case(code):
                    m.d.comb += side.eq(ord(char))
        m.d.comb += self.symbol_addr.eq(Cat(cycle == SYMBOL_LOAD - 1, v.symbol))
        m.d.sync += symbol_low.eq(self.symbol_data)
        sources = {
            "destination": (self.start, first_lowest(self.destination, 8).rotate_right(8)),  # its first byte leaves now
            "tcp_seq": (first, first_lowest(v.tcp_seq, 8)), "tcp_ack": (first, first_lowest(v.tcp_ack, 8)),
            "msg_seq": (first, first_lowest(v.msg_seq, 4)),
            "time": (first, Cat(v.stamp.date_digits, v.stamp.time_digits)),
            "order_id": (first, first_lowest(v.order_id, 4)), "orig_id": (first, first_lowest(v.orig_id, 4)),
            "side": (first, side), "tif": (first, v.tif),
            "symbol": (cycle == SYMBOL_LOAD, Cat(symbol_low, self.symbol_data)),
            "checksum": (cycle == DIGITS_CYCLE, first_lowest(checksums.digits, 4)),
            "tcp_checksum": (cycle == DONE_CYCLE, first_lowest(checksums.tcp, 8)),
        }
        for name in ("price", "qty"):
            m.submodules[f"{name}_digits"] = digits = ToDecimal(32, self.slots[name][1].chars)
            m.d.comb += [digits.start.eq(first), digits.value.eq(v[name])]
            sources[name] = (cycle == NUMBER_LOAD, first_lowest(digits.digits, 4))
        for name, (_, register) in self.slots.items():
            load, value = sources[name]
            m.d.comb += [register.load.eq(load), register.value.eq(value)]

    # ---- player ------------------------------------------------------------------------------------

    def _play(self, m: Module, cycle, advance):
        """`position` is that of the byte which is taken from its source next, the one behind the beat that is out."""
        beat = self.o.payload
        position, word = Signal(WORD_INDEX_BITS + PLACE_BITS), Signal(WORD_INDEX_BITS)
        held, static = Signal(WORD_BITS, reset_less=True), Signal(WORD_BITS, reset_less=True)
        patched = self._windows(m, position, advance)
        last = Signal()
        for action, frame in FRAMES.items():
            with m.If(self.values.action == action):
                m.d.comb += last.eq(position == frame.length - 1)
        with m.If(self.start):
            m.d.sync += [position.eq(1), beat.data.eq(self.destination[-8:]), beat.last.eq(0), beat.error.eq(0)]
        with m.Elif(advance):
            m.d.sync += [position.eq(position + 1), beat.data.eq(held.word_select(position[:PLACE_BITS], 8)),
                         beat.last.eq(last), beat.error.eq(last & self.poison)]
            with m.If(patched.any()):
                m.d.sync += beat.data.eq(reduce(or_, (
                    Mux(active, register.char, 0)
                    for active, (_, register) in zip(patched, self.slots.values(), strict=True))))

        # The sums word is the last of an image, so that one count reads it first and then word after word.
        following = (cycle == FIRST_READ) | advance & position[:PLACE_BITS].all()
        m.d.comb += self.image_addr.eq(Cat(word, self.values.action, self.values.venue))
        with m.If(self.start):
            m.d.sync += word.eq(SUMS_WORD)
        with m.Elif((cycle == SUMS_READ - 1) | following):
            m.d.sync += word.eq(word + 1)
        with m.If(cycle == SUMS_READ):
            m.d.sync += static.eq(self.image_data)
        with m.If(following):
            m.d.sync += held.eq(self.image_data)
        return static

    def _windows(self, m: Module, position, advance):
        """One bit a slot: `position` is in it. Set and cleared one byte ahead, as `position` moves."""
        patched = Signal(len(self.slots))
        for n, (name, (places, register)) in enumerate(self.slots.items()):
            enter, leave = Signal(name=f"{name}_enter"), Signal(name=f"{name}_leave")
            for action, slot in places.items():
                offsets = {offset for place in slot.places for offset in place}
                with m.If(self.values.action == action):
                    m.d.comb += [
                        enter.eq(self._is_any(position, (n - 1 for n in offsets if n - 1 not in offsets and n))),
                        leave.eq(self._is_any(position, (n for n in offsets if n + 1 not in offsets)))]
            with m.If(self.start):
                m.d.sync += patched[n].eq(int(name == "destination"))
            with m.Elif(advance & (enter | leave)):
                m.d.sync += patched[n].eq(enter)
            m.d.comb += register.turn.eq(advance & patched[n])
        return patched

    @staticmethod
    def _is_any(position, offsets):
        return Cat(position == offset for offset in sorted(offsets)).any()
