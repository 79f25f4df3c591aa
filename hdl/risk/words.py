"""The words of all limits: a block RAM that the bus writes and reads, a walk that takes them to a set that no order
looks at, and the switch that puts that set in force.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.registers import GATE, LIMITS, STRATEGY, WORD_BITS, RegisterMap
from hdl.risk.divisible import DIVISOR_CYCLES
from hdl.risk.rates import RATE_CYCLES


def symbol_rows(config: NicConfig) -> int:
    """Rows of a memory with one for each symbol; a power of two, so that low bits always address one."""
    return 1 << max(1, (config.symbols - 1).bit_length())


def rate_rows(config: NicConfig) -> int:
    """Rows of rate limits: one a strategy, then the session's; a power of two."""
    return 1 << config.strategies.bit_length()


def stride_bits(block) -> int:
    return (block.stride - 1).bit_length()


def walk_cycles(config: NicConfig) -> int:
    """Most cycles from the last of some writes until all rows are ready to be switched to, all being made anew."""
    limits = 2 * DIVISOR_CYCLES + len(LIMITS.regs) + 8
    rates = RATE_CYCLES + len(STRATEGY.regs) + 8
    return (symbol_rows(config) + 1) * limits + (config.strategies + 2) * rates


class LoadSignature(wiring.Signature):
    """Words on their way from the walk to where they act.

    Members
    -------
    strobe : `word` is register `reg` of `row` of the set in `bank`. The registers of a row come in falling order.
    remake : with `strobe`: what is derived from the row's words is old, and is to be made anew for that bank.
    busy : derived values are being made; high from the cycle after the strobe that starts it.
    """

    def __init__(self, rows: int, block):
        super().__init__({"strobe": Out(1), "row": Out(range(rows)), "bank": Out(1), "reg": Out(stride_bits(block)),
                          "word": Out(WORD_BITS), "remake": Out(1), "busy": In(1)})


class InForce(data.Struct):
    """Which set is in force, as of an order's stage 1."""
    bank: unsigned(1)
    next_bank: unsigned(1)      # in the next cycle
    loaded: unsigned(1)         # 0: none since reset; nothing may pass
    serial: unsigned(GATE["limits_serial"].bits[0].width)


class LimitWords(wiring.Component):
    """LIMITS, STRATEGY and the rate registers of GATE.

    What the bus writes is kept here and read back from here, and is in force for no order. The memories that orders
    look at have two banks. A walk goes round all rows without end and takes their words, and what is derived from them,
    to the bank that is not in force. A `switch` exchanges the banks, for all rows and limits and the serial number in
    one cycle, when every row has been brought since it was last written: that is at most `walk_cycles(config)` later.
    It does nothing if another number of words was written than it says, and if one is written before it happens: so no
    part of a set is ever in force. Words that were not written are those of the set before.

    As long as nothing has been written since the last switch, every other walk takes the words of the set in force to
    it once more: so it is refreshed.

    Members
    -------
    bus : `READ_LATENCY` holds; a write is made one cycle after its strobe.
    switch : strobe of a write to GATE.limits_switch, with its `wdata`.
    in_force : see there. staged, waiting : fields of GATE.limits_serial.
    limits : words of LIMITS, a row a symbol.
    rates : words of a rate limit, a row a strategy, and after them one for the session.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "bus": In(BusSignature()),
            "limits": Out(LoadSignature(symbol_rows(config), LIMITS)),
            "rates": Out(LoadSignature(rate_rows(config), STRATEGY)),
            "switch": In(1), "wdata": In(WORD_BITS), "in_force": Out(InForce), "staged": Out(1), "waiting": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        self.place_bits = max(len(self.limits.row) + stride_bits(LIMITS), len(self.rates.row) + stride_bits(STRATEGY))
        m.submodules.words = words = Memory(shape=WORD_BITS, depth=2 << self.place_bits, init=[],
                                            attrs={"ram_style": "block"})
        #: Where the walk is: in the rates or the limits, at which row and register.
        self.rate, self.row = Signal(), Signal(max(len(self.limits.row), len(self.rates.row)))
        self.reg = Signal(max(stride_bits(LIMITS), stride_bits(STRATEGY)))
        self.remake, self.target = Signal(), Signal()      # the bank that this row is taken to
        self.passing = Signal(3)    # words between the memory and what is made of them
        #: The walk reads words, waits for what is made of them, is through with the row.
        self.reading, self.making, self.done = Signal(), Signal(), Signal()
        #: Rows that are ready to be switched to; whether the one where the walk is is, or was written since.
        self.ready = (Signal(symbol_rows(self.config), name="limits_ready"),
                      Signal(self.config.strategies + 1, name="rates_ready"))
        self.ready_here, self.torn = Signal(), Signal()
        starts, complete, switches = Signal(), Signal(), Signal()
        here, place = self._bus_place(m)
        write, read = words.write_port(), words.read_port()
        self.written, written_place = Signal(), Signal.like(place)
        given, word = Signal(WORD_BITS, reset_less=True), Signal(WORD_BITS, reset_less=True)
        m.d.sync += [self.written.eq(here & self.bus.write), written_place.eq(place), given.eq(self.bus.wdata)]
        m.d.comb += [
            write.addr.eq(written_place), write.data.eq(given), write.en.eq(self.written),
            read.addr.eq(Mux(self.bus.read, place, self._place(self.rate, self.row, self.reg))),
        ]
        asked = Signal(2)
        m.d.sync += [word.eq(read.data), asked.eq(Cat(here & self.bus.read, asked))]
        m.d.comb += self.bus.rdata.eq(Mux(asked[1], word, 0))

        self._walk(m, starts)
        self._ready(m, starts, written_place, complete, switches)
        self._switch(m, here, complete, switches)
        self._load(m, word)
        return m

    def _place(self, rate, row, reg):
        """Address of a word in the memory."""
        limit, other = (Cat(reg[:stride_bits(block)], row)[:self.place_bits] for block in (LIMITS, STRATEGY))
        return Cat(Mux(rate, other, limit), rate)

    def _bus_place(self, m: Module):
        """Whether the bus means a word of this memory, and the word's address there if it does: that is known from
        the few bits that tell one span from the others.
        """
        where = RegisterMap(self.config)
        session = where.address(GATE, "rate_interval")
        assert [where.address(GATE, reg.name) - session for reg in STRATEGY.regs] == list(range(len(STRATEGY.regs)))
        assert session % STRATEGY.stride == 0
        spans = ((where.base[LIMITS.name], where.size[LIMITS.name], 0),
                 (where.base[STRATEGY.name], where.size[STRATEGY.name], 1 << self.place_bits),
                 (session, STRATEGY.stride, (1 << self.place_bits) + STRATEGY.stride * self.config.strategies))
        addr, here, place = self.bus.addr, Const(0, 1), Const(0, self.place_bits + 1)
        for n, (base, size, start) in enumerate(spans):
            bits = (size - 1).bit_length()
            here |= addr[bits:] == base >> bits
            others = {(base ^ other).bit_length() - 1 for other, *_ in spans[:n]}    # bits that differ
            place = Mux(Cat(Const(1, 1), *(addr[bit] == base >> bit & 1 for bit in others)).all(),
                        addr[:bits] | start, place)
        return here, place

    def _walk(self, m: Module, starts):
        """Row after row: read its words, wait until all is made of them. A read of the bus goes first."""
        reads = Signal()
        m.d.sync += self.passing.eq(Cat(reads, self.passing))
        made = Signal()     # a cycle late
        with m.FSM() as fsm:
            with m.State("START"):
                m.d.comb += starts.eq(1)
                m.d.sync += self.reg.eq(Mux(self.rate, len(STRATEGY.regs) - 1, len(LIMITS.regs) - 1))
                m.next = "READ"
            with m.State("READ"):
                m.d.comb += reads.eq(~self.bus.read)
                with m.If(reads):
                    m.d.sync += self.reg.eq(self.reg - 1)
                    with m.If(self.reg == 0):
                        m.next = "MAKE"
            with m.State("MAKE"):
                m.d.comb += self.done.eq(made)
                with m.If(self.done):
                    m.next = "START"
        m.d.comb += [self.reading.eq(fsm.ongoing("READ")), self.making.eq(fsm.ongoing("MAKE"))]
        m.d.sync += made.eq(self.making & ~made & (self.passing == 0) & ~self.limits.busy & ~self.rates.busy)
        last = self.row == Mux(self.rate, self.config.strategies, symbol_rows(self.config) - 1)
        with m.If(self.done):
            m.d.sync += [self.row.eq(Mux(last, 0, self.row + 1)), self.rate.eq(self.rate ^ last)]

    def _ready(self, m: Module, starts, place, complete, switches):
        """A row is ready when the walk has taken it to the bank that is not in force, unless it was written since the
        walk came to it. `complete`: all are, a cycle late.
        """
        torn, refresh, in_force = self.torn, Signal(), self.in_force
        rows = tuple(zip(self.ready, (LIMITS, STRATEGY), strict=True))
        old = Signal()      # this row is taken to the set in force
        m.d.comb += [old.eq(refresh & complete & ~self.staged), self.ready_here.eq(
            Mux(self.rate, *(ready.bit_select(self.row, 1) for ready in reversed(self.ready))))]
        m.d.sync += complete.eq(Cat(self.ready).all() & ~switches)
        with m.If(self.done & self.rate & (self.row == self.config.strategies)):
            m.d.sync += refresh.eq(~refresh)
        with m.If(starts):
            m.d.sync += [torn.eq(0), self.target.eq(in_force.bank ^ ~old), self.remake.eq(~self.ready_here & ~old)]
        for n, (ready, block) in enumerate(rows):
            row = place[stride_bits(block):self.place_bits]
            with m.If(self.done & (self.rate == n) & (self.target != in_force.bank)):
                m.d.sync += ready.bit_select(self.row, 1).eq(~torn)
            with m.If(self.written & (place[-1] == n)):
                m.d.sync += ready.bit_select(row, 1).eq(0)
                with m.If((self.rate == n) & (row == self.row)):
                    m.d.sync += torn.eq(1)
            with m.If(switches):
                m.d.sync += [ready.eq(0), torn.eq(1)]

    def _switch(self, m: Module, here, complete, switches):
        """`words`: how many were written since the last time that a switch was asked for. What is written in the cycle
        of a switch, or later, belongs to the next set.
        """
        asked = GATE["limits_switch"].split(self.wdata)
        self.serial, self.words = serial, words = Signal.like(asked["serial"]), Signal.like(asked["words"])
        in_force = self.in_force
        m.d.comb += [switches.eq(self.waiting & complete & ~self.written),
                     in_force.next_bank.eq(in_force.bank ^ switches)]
        m.d.sync += in_force.bank.eq(in_force.next_bank)
        with m.If(switches):
            m.d.sync += [in_force.loaded.eq(1), in_force.serial.eq(serial), self.waiting.eq(0), self.staged.eq(0)]
        with m.If(self.written):
            m.d.sync += [words.eq(words + ~words.all()), self.waiting.eq(0)]
        with m.If(self.switch):
            m.d.sync += [serial.eq(asked["serial"]), words.eq(0),
                         self.waiting.eq((asked["words"] == words) & ~words.all())]
        with m.If(here & self.bus.write):
            m.d.sync += self.staged.eq(1)

    def _load(self, m: Module, word):
        """A word has passed the memory and its register: two cycles after it was read it is there. Words that are not
        those of the set in force never go there.
        """
        reg, allowed = Signal.like(self.reg), Signal()
        m.d.sync += reg.eq(self.reg)
        m.d.comb += allowed.eq((self.target != self.in_force.bank) | ~self.staged)
        for n, load in enumerate((self.limits, self.rates)):
            strobe = Signal(name=f"strobe{n}")
            m.d.sync += [strobe.eq(self.passing[0] & (self.rate == n)), load.reg.eq(reg)]
            m.d.comb += [load.strobe.eq(strobe & allowed), load.word.eq(word), load.row.eq(self.row),
                         load.bank.eq(self.target), load.remake.eq(self.remake)]
