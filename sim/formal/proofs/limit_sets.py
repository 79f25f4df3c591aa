"""No limit set is torn: what is in force is one whole set, as it was written, and changes by a switch alone.

On the real gate without checks, whatever is written to it in any cycle. Take any word of any symbol's limits. Claims:

- what orders find of it is what had been written of it last when the set was switched to, in every cycle from there to
  the next switch; so all words of all rows change in the same cycle;
- the divisors made of a row's words never change while they are in force;
- a switch happens only after one was asked for with the number of words that had been written since the one asked for
  before, and only if none has been written since; its serial number comes with it.

Rates take the same way (`LimitWords` walks over both); what is made of them is replaced by anything here, for it takes
long. That what is made of a word is right is left to the tests.
"""

from amaranth.asserts import AnyConst
from amaranth.hdl import Assume, Cat, Const, Module, Mux, Signal, Value

from hdl.config import TINY
from hdl.registers import GATE, LIMITS
from hdl.risk import gate
from hdl.risk.words import stride_bits, symbol_rows
from sim.formal.banks import peeked
from sim.formal.flow import Proof
from sim.formal.surgery import Alone, Fault, anything, claim

ROW_BITS, REG_BITS = (symbol_rows(TINY) - 1).bit_length(), stride_bits(LIMITS)


def one_word(base: type) -> type:
    """The gate, whose blocks look at the same word and row."""
    class Gate(base):
        def __init__(self, config):
            super().__init__(config, checks=())

        def elaborate(self, platform):
            m = super().elaborate(platform)
            words, limits = m.submodules.words, m.submodules.limits
            in_force = words.in_force
            m.d.comb += [words.row_at.eq(AnyConst(ROW_BITS)), words.reg_at.eq(AnyConst(REG_BITS)),
                         Assume(words.reg_at < len(LIMITS.regs)),
                         limits.row_at.eq(words.row_at), limits.reg_at.eq(words.reg_at),
                         words.stored.eq(Mux(in_force.bank, *reversed(limits.stored))),
                         words.other.eq(Mux(in_force.bank, *limits.stored))]
            _steady(m, limits, in_force.bank)
            return m
    return Gate


def _steady(m: Module, limits, bank) -> None:
    """Of divisors in both banks, those in force do not change."""
    before, banks = [Signal.like(value, name=f"before{n}") for n, value in enumerate(limits.made)], limits.made
    last, begun = Signal(), Signal()
    m.d.sync += [last.eq(bank), begun.eq(1), *(old.eq(now) for old, now in zip(before, banks, strict=True))]
    for n in range(2):
        claim(m, f"steady{n}", banks[n] == before[n], when=begun & (last == n) & (bank == n))


def showing(base: type) -> type:
    """Limits of all symbols, which show one word, and the divisors of its row, as both banks hold them."""
    class LimitStore(base):
        def __init__(self, config):
            super().__init__(config)
            self.row_at, self.reg_at = Signal(ROW_BITS), Signal(REG_BITS)
            self.stored = [Signal(64, name=f"stored{n}") for n in range(2)]
            self.made = [Signal(len(Value.cast(self.divisors)), name=f"made{n}") for n in range(2)]

        def elaborate(self, platform):
            m = super().elaborate(platform)
            for reg in LIMITS.regs:
                m.d.comb += m.submodules[reg.name].peek_row.eq(self.row_at)
            with m.Switch(self.reg_at):
                for n, reg in enumerate(LIMITS.regs):
                    with m.Case(n):
                        m.d.comb += [value.eq(shown) for value, shown in zip(
                            self.stored, m.submodules[reg.name].peek, strict=True)]
            for n, made in enumerate(self.made):
                ports = [m.submodules[f"{name}_divisors"].read_port(domain="comb") for name in ("lot", "tick")]
                m.d.comb += [made.eq(Cat(Value.cast(port.data) for port in ports)),
                             *(port.addr.eq(Cat(self.row_at, Const(n, 1))) for port in ports)]
            return m
    return LimitStore


def with_claims(base: type) -> type:
    class LimitWords(base):
        def __init__(self, config):
            super().__init__(config)
            self.row_at, self.reg_at = Signal(ROW_BITS), Signal(REG_BITS)
            self.stored, self.other = Signal(64), Signal(64)    # of the word: in force, and in the other bank

        def elaborate(self, platform):
            m = super().elaborate(platform)
            port = m.submodules.words.read_port(domain="comb")
            last = Signal(64)       # written, as far as its register has bits for it
            m.d.comb += port.addr.eq(self._place(0, self.row_at, self.reg_at))
            with m.Switch(self.reg_at):
                for n, reg in enumerate(LIMITS.regs):
                    with m.Case(n):
                        m.d.comb += last.eq(port.data[:reg.width])
            switches = Signal()
            m.d.comb += switches.eq(self.in_force.next_bank != self.in_force.bank)
            self._held(m, last, switches)
            self._asked(m, switches)
            return m

        def _held(self, m, last, switches):
            """The word, from where it is written to where it is in force."""
            promised, reg, seen, passing = Signal(64), Signal.like(self.reg), Signal(), Signal(2)
            here, beside = ~self.rate & (self.row == self.row_at), self.target != self.in_force.bank
            with m.If(switches):
                m.d.sync += promised.eq(last)
            m.d.sync += [reg.eq(self.reg), seen.eq((seen | passing[1]) & ~self.done)]
            m.d.comb += passing.eq(Cat(self.passing[0] & here & (reg == self.reg_at),
                                       self.passing[1] & here & (self.limits.reg == self.reg_at)))
            claim(m, "in_force", self.stored == promised, when=self.in_force.loaded)
            claim(m, "as_written", last == promised, when=self.in_force.loaded & ~self.staged)
            claim(m, "ready", self.other == last, when=self.ready[0].bit_select(self.row_at, 1))
            claim(m, "taken", self.other == last, when=seen & here & beside & ~self.torn)
            claim(m, "on_its_way", seen | passing.any(),
                  when=here & (self.making | self.reading & (self.reg < self.reg_at)))
            claim(m, "made_beside", self.remake & beside & ~self.ready_here & self.making & ~self.rate,
                  when=self.limits.busy)
            claim(m, "remakes_beside", beside & ~self.ready_here, when=self.remake & (self.reading | self.making))
            claim(m, "control_last", self.making,
                  when=self.passing[0] & (reg == 0) | self.passing[1] & (self.limits.reg == 0))
            claim(m, "row_exists", self.row < Mux(self.rate, self.config.strategies + 1, symbol_rows(self.config)))
            claim(m, "in_the_walk", self.reading | self.making, when=self.passing.any())
            claim(m, "all_there", ~self.passing.any() & ~self.limits.busy, when=self.done)

        def _asked(self, m, switches):
            """What was asked for, counted once more."""
            count, good, serial, told = Signal(16), Signal(), Signal(32), Signal(32)
            fields = GATE["limits_switch"].split(self.wdata)
            with m.If(switches):
                m.d.sync += told.eq(serial)
            with m.If(self.written):
                m.d.sync += [count.eq(Mux(count.all(), count, count + 1)), good.eq(0)]
            with m.If(self.switch):
                m.d.sync += [count.eq(0), good.eq((fields["words"] == count) & ~count.all()),
                             serial.eq(fields["serial"])]
            claim(m, "counted", self.words == count)
            claim(m, "asked", good & (self.serial == serial), when=self.waiting)
            claim(m, "only_as_asked", good & ~self.written, when=switches)
            claim(m, "its_number", self.in_force.serial == told)
    return LimitWords


PROOF = Proof(
    name="limit_sets", doc=__doc__.split("\n")[0], design=lambda: Alone(lambda: gate.Gate(TINY)),
    parts={"hdl.risk.gate.Gate": one_word, "hdl.risk.gate.LimitWords": with_claims, "hdl.risk.gate.LimitStore": showing,
           "hdl.risk.limits.Banked": peeked,
           **{f"hdl.risk.gate.{name}": anything for name in (
               "ReferenceStore", "TokenBuckets", "Headroom", "RecentOrders", "Credits", "Exposure", "KillSwitch",
               "Holds", "Watchdog")}},
    depth=6, search=26,
    mutants={
        "torn_rows_are_ready": Fault("hdl.risk.words", "ready.bit_select(self.row, 1).eq(~torn)",
                                     "ready.bit_select(self.row, 1).eq(1)"),
        "words_not_counted": Fault("hdl.risk.words", '(asked["words"] == words) & ~words.all()', "1"),
        "written_while_it_waits": Fault("hdl.risk.words", "words.eq(words + ~words.all()), self.waiting.eq(0)",
                                        "words.eq(words + ~words.all())"),
        "made_in_the_set_in_force": Fault("hdl.risk.words", "self.target.eq(in_force.bank ^ ~old)",
                                          "self.target.eq(in_force.bank)"),
    })
