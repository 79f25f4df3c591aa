"""The words of all limits: a block RAM that the bus writes and reads, and a walk that takes them to where they act."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
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
    """Most cycles from the last of some writes until all rows are ready, everything being made anew."""
    limits = 2 * DIVISOR_CYCLES + len(LIMITS.regs) + 8
    rates = RATE_CYCLES + len(STRATEGY.regs) + 8
    return (symbol_rows(config) + 1) * limits + (config.strategies + 2) * rates


class LoadSignature(wiring.Signature):
    """Words on their way from the walk to where they act.

    Members
    -------
    strobe : `word` is register `reg` of `row`. The registers of a row come in falling order.
    remake : with `strobe`: the row was written since its words came last, so what is derived from them is old.
    busy : derived values are being made; high from the cycle after the strobe that starts it.
    """

    def __init__(self, rows: int, block):
        super().__init__({"strobe": Out(1), "row": Out(range(rows)), "reg": Out(stride_bits(block)),
                          "word": Out(WORD_BITS), "remake": Out(1), "busy": In(1)})


class LimitWords(wiring.Component):
    """LIMITS, STRATEGY and the rate registers of GATE.

    What the bus writes is kept here and read back from here. A walk goes round all rows without end and takes
    their words to the memories that orders look at, which so are refreshed all the time. From the cycle after a
    write is made until the walk has brought the whole row, and what is derived from it is made, the row is not `ready`,
    and nothing may pass by it: for an order, the words of a row change at once. It takes at most
    `walk_cycles(config)`, while nothing else is written.

    Members
    -------
    bus : `READ_LATENCY` holds; a write is made one cycle after its strobe.
    limits : words of LIMITS, a row a symbol.
    rates : words of a rate limit, a row a strategy, and after them one for the session.
    limits_ready, rates_ready : one bit a row.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "bus": In(BusSignature()),
            "limits": Out(LoadSignature(symbol_rows(config), LIMITS)),
            "rates": Out(LoadSignature(rate_rows(config), STRATEGY)),
            "limits_ready": Out(symbol_rows(config)), "rates_ready": Out(config.strategies + 1),
        })

    def elaborate(self, platform):
        m = Module()
        self.place_bits = max(len(self.limits.row) + stride_bits(LIMITS), len(self.rates.row) + stride_bits(STRATEGY))
        m.submodules.words = words = Memory(shape=WORD_BITS, depth=2 << self.place_bits, init=[],
                                            attrs={"ram_style": "block"})
        #: Where the walk is: in the rates or the limits, at which row and register.
        self.rate, self.row = Signal(), Signal(max(len(self.limits.row), len(self.rates.row)))
        self.reg = Signal(max(stride_bits(LIMITS), stride_bits(STRATEGY)))
        self.remake = Signal()
        self.passing = Signal(3)    # words between the memory and what is made of them
        starts, done = Signal(), Signal()
        here, place = self._bus_place(m)
        write, read = words.write_port(), words.read_port()
        written, written_place = Signal(), Signal.like(place)
        given, word = Signal(WORD_BITS, reset_less=True), Signal(WORD_BITS, reset_less=True)
        m.d.sync += [written.eq(here & self.bus.write), written_place.eq(place), given.eq(self.bus.wdata)]
        m.d.comb += [
            write.addr.eq(written_place), write.data.eq(given), write.en.eq(written),
            read.addr.eq(Mux(self.bus.read, place, self._place(self.rate, self.row, self.reg))),
        ]
        asked = Signal(2)
        m.d.sync += [word.eq(read.data), asked.eq(Cat(here & self.bus.read, asked))]
        m.d.comb += self.bus.rdata.eq(Mux(asked[1], word, 0))

        self._walk(m, starts, done)
        self._ready(m, starts, done, written, written_place)
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
        assert [where.address(GATE, reg.name) - session for reg in STRATEGY.regs] == [0, 1]
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

    def _walk(self, m: Module, starts, done):
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
                m.d.comb += done.eq(made)
                with m.If(done):
                    m.next = "START"
        m.d.sync += made.eq(fsm.ongoing("MAKE") & ~made & (self.passing == 0) & ~self.limits.busy & ~self.rates.busy)
        last = self.row == Mux(self.rate, self.config.strategies, symbol_rows(self.config) - 1)
        with m.If(done):
            m.d.sync += [self.row.eq(Mux(last, 0, self.row + 1)), self.rate.eq(self.rate ^ last)]

    def _ready(self, m: Module, starts, done, written, place):
        """A row is ready when the walk is through with it, unless it was written since the walk came to it."""
        torn = Signal()
        rows = ((self.limits_ready, LIMITS), (self.rates_ready, STRATEGY))
        with m.If(starts):
            m.d.sync += [torn.eq(0), self.remake.eq(~Mux(self.rate, *(ready.bit_select(self.row, 1)
                                                                      for ready, _ in reversed(rows))))]
        for n, (ready, block) in enumerate(rows):
            row = place[stride_bits(block):self.place_bits]
            with m.If(done & (self.rate == n)):
                m.d.sync += ready.bit_select(self.row, 1).eq(~torn)
            with m.If(written & (place[-1] == n)):
                m.d.sync += ready.bit_select(row, 1).eq(0)
                with m.If((self.rate == n) & (row == self.row)):
                    m.d.sync += torn.eq(1)

    def _load(self, m: Module, word):
        """A word has passed the memory and its register: two cycles after it was read it is there."""
        reg = Signal.like(self.reg)
        m.d.sync += reg.eq(self.reg)
        for n, load in enumerate((self.limits, self.rates)):
            m.d.sync += [load.strobe.eq(self.passing[0] & (self.rate == n)), load.reg.eq(reg)]
            m.d.comb += [load.word.eq(word), load.row.eq(self.row), load.remake.eq(self.remake)]
