"""The pre-trade risk gate: the one way out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.config import NicConfig
from hdl.csr import BusSignature, Counters, RegisterBank
from hdl.intents import GATE_LATENCY
from hdl.layouts import RECORD_BITS, Reason, Side
from hdl.messages import Decision, ExecReport, Intent, TopOfBook
from hdl.registers import GATE, STRATEGY
from hdl.risk.arithmetic import product, split_add
from hdl.risk.buckets import TokenBuckets
from hdl.risk.check import STAGE_1, STAGE_2, STAGE_3, is_new, is_sell
from hdl.risk.checks import CHECKS
from hdl.risk.credits import Credits
from hdl.risk.delta import PortfolioDelta
from hdl.risk.exposure import Exposure
from hdl.risk.headroom import Headroom
from hdl.risk.holds import Holds
from hdl.risk.killswitch import CAUSES, KillSwitch
from hdl.risk.limits import LimitStore
from hdl.risk.pipeline import Stage
from hdl.risk.recent import RecentOrders
from hdl.risk.reference import ReferenceStore
from hdl.risk.settlement import FAULTS
from hdl.risk.watchdog import Watchdog
from hdl.risk.words import LimitWords

assert GATE_LATENCY == 3, "the gate has three stages"


class Gate(wiring.Component):
    """Decides on every intent: `Reason` bits, none of which means pass.

    An intent accepted in cycle t is decided in cycle t + 3, always; one a cycle. What it is judged by:

    | as of | |
    |---|---|
    | t | the top of book (a top in cycle t counts) |
    | t + 1 | limits, holds, the heartbeat, notional given back, `halted`, and `now` for the age of the reference |
    | t + 3 | exposure and tokens after every earlier verdict; kill, `trip` included; `time` of the decision |

    Limits come in force as a whole set, between two orders (`hdl.risk.words`): each order is judged by the set as of
    its t + 1, and pays for its token by it.

    A passing new order is reserved in the cycle of its verdict. The verdict of the order behind it is known
    by then for both cases, and its own one picks (see `hdl.risk.check`). Executions act later, see
    `Exposure`. Cancels are subject to the range of their indices alone, and take no token: a kill must not keep
    anybody from taking orders back.

    Parameters
    ----------
    checks : which checks it is made of. Fewer checks only pass more, so that a proof about some of them
        holds for all.

    Members
    -------
    i : intents; `ready` is high from the second cycle after reset on.
    asked : the intent accepted the cycle before, valid-only: whoever sends it can prepare.
    passed : a decision without a reason is on `o`.
    o : decisions, valid-only, each with the figures it saw (also those of a rejected order or a cancel).
    now, halted, top : the clock; a bit a symbol; tops of book.
    report, unsent, execution : see `Exposure`.
    trip : kills globally, from its own cycle on. Must come from a register.
    killed, venue_killed, strategy_killed : what is killed in this cycle. poisons : frames under way, too.
    limits_serial : low byte of the serial number of the set that the decision of this cycle went by.
    bus : GATE, LIMITS, STRATEGY, EXPOSURE.
    """

    def __init__(self, config: NicConfig, checks=CHECKS):
        self.config, self.checks = config, checks
        super().__init__({
            "i": In(stream.Signature(Intent)), "o": Out(stream.Signature(Decision, always_ready=True)),
            "asked": Out(stream.Signature(Intent, always_ready=True)), "passed": Out(1),
            "now": In(64), "halted": In(config.symbols), "top": In(stream.Signature(TopOfBook, always_ready=True)),
            "report": In(stream.Signature(ExecReport, always_ready=True)),
            "unsent": In(stream.Signature(Intent, always_ready=True)),
            "execution": Out(stream.Signature(RECORD_BITS, always_ready=True)),
            "trip": In(1), "killed": Out(1), "venue_killed": Out(config.venues),
            "strategy_killed": Out(config.strategies), "poisons": Out(1), "limits_serial": Out(8),
            "bus": In(BusSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        self.at = [Signal(Stage, name=f"at{n}") for n in range(4)]
        self.reserve = Signal()
        self._advance(m)
        m.submodules.words = words = LimitWords(self.config)
        m.submodules.limits = limits = LimitStore(self.config)
        m.submodules.reference = reference = ReferenceStore(self.config)
        m.submodules.exposure = exposure = Exposure(self.config)
        m.submodules.buckets = buckets = TokenBuckets(self.config)
        m.submodules.credits = credits = Credits()
        m.submodules.headroom = headroom = Headroom(self.config)
        m.submodules.delta = delta = PortfolioDelta(self.config)
        m.submodules.recent = recent = RecentOrders(self.config)
        m.submodules.kill = kill = KillSwitch(self.config)
        m.submodules.holds = holds = Holds(self.config)
        m.submodules.watchdog = watchdog = Watchdog(self.config)
        self._connect(m, words, limits, reference, exposure, buckets, headroom)
        self._follow(m, exposure, buckets, headroom, recent, delta)
        m.d.comb += [
            credits.i.eq(exposure.portion), headroom.credit.eq(credits.o), delta.change.eq(exposure.change),
            exposure.ask.eq(delta.ask), exposure.ask_symbol.eq(delta.ask_symbol), delta.granted.eq(exposure.granted),
            delta.adverse.eq(exposure.adverse),
        ]
        inputs = self._check_inputs(m, limits, reference, exposure, buckets, kill)
        self._standing(m, inputs["standing"], words.in_force, holds, watchdog)
        m.d.comb += [inputs["recent"].eq(recent.recent), inputs["beyond"].eq(headroom.beyond),
                     inputs["tilted"].eq(delta.beyond), headroom.notional.eq(self.o.payload.notional)]
        self._decide(m, inputs)
        self._figures(m, inputs, exposure, buckets)
        self._registers(m, words, exposure, delta)
        m.d.comb += [recent.window.eq(self.bank.duplicate_value), delta.limit.eq(self.bank.delta_value)]
        self._stops(m, kill, holds, watchdog, exposure)
        return m

    def _advance(self, m):
        m.d.sync += self.i.ready.eq(1)
        m.d.comb += [self.at[0].valid.eq(self.i.valid & self.i.ready), self.at[0].intent.eq(self.i.payload)]
        m.d.comb += [self.asked.valid.eq(self.at[1].valid), self.asked.payload.eq(self.at[1].intent)]
        for n in range(3):
            valid, intent = Signal(name=f"valid{n + 1}"), Signal(Intent, name=f"intent{n + 1}", reset_less=True)
            m.d.sync += [valid.eq(self.at[n].valid), intent.eq(self.at[n].intent)]
            m.d.comb += [self.at[n + 1].valid.eq(valid), self.at[n + 1].intent.eq(intent)]

    def _connect(self, m, words, limits, reference, exposure, buckets, headroom):
        symbol = self.at[0].intent.symbol
        connect(m, words.limits, limits.load)
        connect(m, words.rates, buckets.load)
        m.d.comb += [
            limits.bank.eq(words.in_force.bank), limits.next_bank.eq(words.in_force.next_bank),
            buckets.in_force.eq(words.in_force), headroom.bank.eq(words.in_force.bank),
            limits.symbol.eq(symbol), reference.symbol.eq(symbol), reference.sell.eq(is_sell(self.at[1].intent)),
        ]
        connect(m, flipped(self.top), reference.top)
        for name in ("report", "unsent", "execution"):
            connect(m, flipped(getattr(self, name)), getattr(exposure, name))

    def _follow(self, m, *parts):
        """Those that follow orders through the gate; and the headroom takes the words that the buckets take."""
        for part in parts:
            m.d.comb += [part.pipeline.reserve.eq(self.reserve),
                         *(part.pipeline.at[n].eq(self.at[n]) for n in range(4))]
        buckets, headroom = parts[1:3]
        for name in ("strobe", "row", "bank", "reg", "word", "remake"):
            m.d.comb += getattr(headroom.load, name).eq(getattr(buckets.load, name))

    def _check_inputs(self, m, limits, reference, exposure, buckets, kill):
        """One set of signals for all checks, by the names in `hdl.risk.check`."""
        inputs = {name: Signal(shape, name=name) for name, shape in {**STAGE_1, **STAGE_2, **STAGE_3}.items()}
        intent, following = self.at[1].intent, self.at[2].intent
        m.d.comb += [
            inputs["intent"].eq(intent), inputs["limits"].eq(limits.row), inputs["divisors"].eq(limits.divisors),
            inputs["reference"].eq(reference.reference), inputs["now"].eq(self.now),
            inputs["exposed"].eq(exposure.exposed), inputs["tokens"].eq(buckets.tokens),
            inputs["killed"].eq(is_new(following) & (
                kill.next_killed | kill.next_venues.bit_select(following.venue, 1) |
                kill.next_strategies.bit_select(following.strategy, 1))),
        ]
        self._product(m, intent, inputs["notional"])
        return inputs

    def _standing(self, m, standing, in_force, holds, watchdog):
        """Who may trade, at stage 1."""
        intent, config = self.at[1].intent, self.config
        m.d.comb += [
            standing.in_range.eq(
                (intent.symbol < config.symbols) & (intent.strategy < config.strategies) &
                (intent.venue < config.venues) & ~intent.invalid & (intent.side != Side.SELL_SHORT - Side.SELL)),
            standing.ready.eq(in_force.loaded),
            standing.halted.eq(self.halted.bit_select(intent.symbol[:(config.symbols - 1).bit_length()], 1)),
            standing.loss.eq(holds.loss | holds.strategy_loss.bit_select(intent.strategy, 1)),
            standing.silent.eq(watchdog.silent),
        ]

    def _product(self, m, intent, notional):
        """price x quantity, left as two numbers to add."""
        rest, carries = product(m, intent.price, intent.qty)
        m.d.sync += [notional[0].eq(rest), notional[1].eq(carries)]

    def _decide(self, m, inputs):
        """Stage 2: the bit of each check, given the verdict of the order ahead. At stage 3 all is known but the late
        checks, and the trip that may come just now.
        """
        found, tripped = Signal(len(self.o.payload.reasons)), Signal()
        new = is_new(self.at[2].intent)
        bits, late = Signal.like(found), Signal.like(found)
        for kind in self.checks:
            check = kind(self.config)
            m.submodules[f"check_{kind.reason.name.lower()}"] = check
            m.d.comb += [getattr(check, name).eq(value) for name, value in inputs.items()]
            if kind.late:
                m.d.comb += late[kind.reason].eq(check.reject)
            else:
                m.d.comb += bits[kind.reason].eq(
                    Mux(self.reserve, check.reject_after, check.reject) & (new | kind.cancels))
        passes, reserves = Signal(), Signal()
        m.d.sync += [found.eq(bits), passes.eq(self.at[2].valid & (bits == 0)),
                     reserves.eq(self.at[2].valid & (bits == 0) & new)]
        m.d.comb += [
            tripped.eq(self.trip & is_new(self.at[3].intent)),
            self.passed.eq(passes & ~late.any() & ~tripped), self.reserve.eq(reserves & ~late.any() & ~self.trip),
            self.o.valid.eq(self.at[3].valid), self.o.payload.intent.eq(self.at[3].intent),
            self.o.payload.reasons.eq(found | late | tripped << Reason.KILL), self.o.payload.time.eq(self.now),
        ]

    def _figures(self, m, inputs, exposure, buckets):
        reference = Signal(32)
        m.d.sync += [
            reference.eq(inputs["reference"].price), self.o.payload.reference.eq(reference),
            self.o.payload.notional.eq(split_add(inputs["notional"][0], inputs["notional"][1])),
        ]
        m.d.comb += [self.o.payload.exposure.eq(exposure.worst), self.o.payload.rate_slack.eq(buckets.slack)]

    def _registers(self, m, words, *others):
        m.submodules.bank = self.bank = bank = RegisterBank(self.config, GATE,
                                                            without=tuple(reg.name for reg in STRATEGY.regs))
        m.submodules.counters = counters = Counters(("decisions", "passed"))
        serial = Signal(len(self.limits_serial))       # at stage 2
        m.d.sync += [serial.eq(words.in_force.serial), self.limits_serial.eq(serial)]
        m.d.comb += [
            words.switch.eq(bank.limits_switch_stb), words.wdata.eq(bank.limits_switch_wdata),
            bank.limits_serial_status.eq(Cat(words.in_force.serial, words.staged, words.waiting)),
            counters.i.decisions.eq(self.o.valid), counters.i.passed.eq(self.passed),
            bank.decisions_status.eq(counters.o.decisions), bank.passed_status.eq(counters.o.passed),
        ]
        answer = Const(0)
        for unit in (words, *others, bank):
            bus = unit.bus
            m.d.comb += [bus.addr.eq(self.bus.addr), bus.wdata.eq(self.bus.wdata), bus.write.eq(self.bus.write),
                         bus.read.eq(self.bus.read)]
            answer = answer | bus.rdata
        m.d.comb += self.bus.rdata.eq(answer)

    def _stops(self, m, kill, holds, watchdog, exposure):
        """Kills and holds, and the faults that kill."""
        bank, faults = self.bank, dict(zip(FAULTS, exposure.faults, strict=True)) | {"watchdog": watchdog.expired}
        m.d.comb += [
            kill.kill.eq(bank.kill_stb), kill.venue_kill.eq(bank.venue_kill_stb),
            kill.strategy_kill.eq(bank.strategy_kill_stb), kill.resume.eq(bank.resume_stb),
            kill.wdata.eq(self.bus.wdata), kill.trip.eq(self.trip),
            kill.faults.eq(Cat(faults[name] for name in CAUSES[2:])), bank.cause_status.eq(kill.cause),
            self.killed.eq(kill.killed), self.venue_killed.eq(kill.venues), self.strategy_killed.eq(kill.strategies),
            self.poisons.eq(bank.kill_poisons_value),
            holds.loss_stb.eq(bank.loss_stb), holds.strategy_loss_stb.eq(bank.strategy_loss_stb),
            holds.release_stb.eq(bank.release_stb), holds.wdata.eq(self.bus.wdata),
            watchdog.timeout.eq(bank.watchdog_value), watchdog.beat.eq(bank.heartbeat_stb | bank.watchdog_stb),
        ]
        for name, value in (("kill", kill.killed), ("venue_kill", kill.venues), ("strategy_kill", kill.strategies),
                            ("loss", holds.loss), ("strategy_loss", holds.strategy_loss)):
            m.d.comb += [getattr(bank, f"{name}_set").eq(1), getattr(bank, f"{name}_data").eq(value)]
