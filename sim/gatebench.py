"""Drives the gate cycle by cycle in cocotb and holds it to the golden model.

The bench draws what happens in each cycle, remembers it, and afterwards gives the model the same events
in the order in which the gate's contract says that they act. Nothing is read from inside the gate.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cocotb.triggers import ReadOnly, RisingEdge

from hdl.config import NicConfig
from hdl.intents import GATE_LATENCY
from hdl.layouts import EXECUTION
from hdl.messages import Decision, ExecReport, Intent, TopOfBook
from hdl.registers import EXPOSURE, GATE, LIMITS, STRATEGY, Block, RegisterMap
from hdl.risk.words import walk_cycles
from sim.bus import pack, reset, unpack
from sim.models.risk import GateModel, Limits, Order, Top

#: A report acts on orders accepted so many cycles later; its record leaves so many after it.
SETTLES, RECORDED = 6, 9
#: Its record shows orders accepted until so many cycles after it.
SHOWN = 4
#: Cycles between two reports or orders unsent, so that none waits for another.
SPACING = RECORDED
#: What it gives back of notional acts on orders accepted so many cycles after it.
CREDITS = 11
#: And what it gives back of delta.
DELTAS = 9
#: A hold, a release or a heartbeat written in a cycle acts on orders accepted so many cycles later, and on.
WRITTEN = 2
CLOCK_START, PERIOD = 10**18, 8


@dataclass
class Cycle:
    """What the gate is given in one cycle. `None`: nothing."""
    intent: dict | None = None
    top: dict | None = None
    report: dict | None = None
    unsent: dict | None = None
    halted: int = 0
    trip: int = 0
    write: tuple[int, int] | None = None


@dataclass
class Seen:
    decisions: list[tuple[int, dict]] = field(default_factory=list)
    executions: list[tuple[int, dict]] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    serials: list[int] = field(default_factory=list)
    rdata: list[int] = field(default_factory=list)


STREAMS = {"intent": ("i", Intent), "top": ("top", TopOfBook), "report": ("report", ExecReport),
           "unsent": ("unsent", Intent)}


def limit_words(limits: Limits) -> dict[str, int]:
    """The LIMITS registers of one symbol."""
    return {
        "control": LIMITS["control"].pack(enable=limits.enable, lot=limits.lot, tick=limits.tick),
        "qty": LIMITS["qty"].pack(min=limits.qty_min, max=limits.qty_max), "notional": limits.notional,
        "collar": LIMITS["collar"].pack(band=limits.band),
        "position": LIMITS["position"].pack(long=limits.long, short=limits.short), "max_age": limits.max_age,
        "short_sale": LIMITS["short_sale"].pack(locates=limits.locates, restricted=limits.short_restricted),
    }


def delta_word(delta: int | None) -> int:
    """EXPOSURE.delta of a delta in 1/256, or of one that is not known."""
    return EXPOSURE["delta"].pack(per_share=(delta or 0) & 0xFFFF, known=delta is not None)


def model_top(top: dict) -> Top:
    return Top(top["bid"]["price"], top["bid"]["qty"], top["ask"]["price"], top["ask"]["qty"], top["inexact"],
               top["crossed"], top["rx_time"])


def model_order(intent: dict) -> Order:
    names = ("order_id", "symbol", "side", "price", "qty", "action", "strategy", "venue", "invalid")
    return Order(**{name: intent.get(name, 0) for name in names})


class GateBench:
    """One gate under test."""

    def __init__(self, dut, config: NicConfig):
        self.dut, self.config, self.where = dut, config, RegisterMap(config)
        self.model = GateModel(config)
        self.commands = {self.where.address(GATE, reg.name): reg.name for reg in GATE.regs}
        self.deltas = {self.where.address(EXPOSURE, "delta", symbol): symbol for symbol in range(config.symbols)}
        self.cycle = 0
        self.seen = Seen()
        self.done: list[Cycle] = []
        self._words, self.serial = 0, 0        # words staged; number of the last set
        self._staged: list[Callable[[], None]] = []
        self._sets: dict[int, list[Callable[[], None]]] = {}    # what a set does to the model, by its number's low byte
        self._in_force = 0

    async def start(self):
        await reset(self.dut)
        for name, _shape in STREAMS.values():
            getattr(self.dut, f"{name}__valid").value = 0
        for name in ("halted", "trip", "bus__write", "bus__read"):
            getattr(self.dut, name).value = 0
        await RisingEdge(self.dut.clk)
        while not self.dut.i__ready.value:
            await RisingEdge(self.dut.clk)

    def now(self, cycle: int) -> int:
        return CLOCK_START + PERIOD * cycle

    async def step(self, given: Cycle):
        """One clock cycle."""
        dut = self.dut
        for key, (name, shape) in STREAMS.items():
            value = getattr(given, key)
            getattr(dut, f"{name}__valid").value = value is not None
            if value is not None:
                getattr(dut, f"{name}__payload").value = pack(shape, value)
        dut.now.value = self.now(self.cycle)
        dut.halted.value, dut.trip.value = given.halted, given.trip
        dut.bus__write.value = given.write is not None
        if given.write is not None:
            dut.bus__addr.value, dut.bus__wdata.value = given.write
        await ReadOnly()
        if dut.o__valid.value == 1:
            self.seen.decisions.append((self.cycle, unpack(Decision, dut.o__payload.value.to_unsigned())))
        if dut.execution__valid.value == 1:
            record = unpack(EXECUTION.layout, dut.execution__payload.value.to_unsigned())
            self.seen.executions.append((self.cycle, record))
        self.seen.killed.append(int(dut.killed.value))
        self.seen.serials.append(int(dut.limits_serial.value))
        self.done.append(given)
        await RisingEdge(dut.clk)
        self.cycle += 1

    async def idle(self, cycles: int):
        for _ in range(cycles):
            await self.step(Cycle())

    async def write(self, block: Block, name: str, value: int, index: int = 0):
        await self.step(Cycle(write=(self.where.address(block, name, index), value)))
        await self.idle(1)      # address and word hold

    async def read(self, block: Block, name: str, index: int = 0) -> int:
        dut = self.dut
        dut.bus__addr.value, dut.bus__read.value = self.where.address(block, name, index), 1
        await self.step(Cycle())
        dut.bus__read.value = 0
        await self.step(Cycle())
        await ReadOnly()
        value = dut.bus__rdata.value.to_unsigned()
        await RisingEdge(dut.clk)
        self.done.append(Cycle())
        self.seen.killed.append(int(dut.killed.value))
        self.seen.serials.append(int(dut.limits_serial.value))
        self.cycle += 1
        return value

    def stage(self, block: Block, index: int, words: dict[str, int], act: Callable[[], None]) -> list[tuple[int, int]]:
        """Writes of a row of limits, to be made in this order. `act` makes the model hold them: they are in force."""
        self._words += len(words)
        self._staged.append(act)
        return [(self.where.address(block, name, index), word) for name, word in words.items()]

    def stage_limits(self, symbol: int, limits: Limits) -> list[tuple[int, int]]:
        return self.stage(LIMITS, symbol, limit_words(limits),
                          lambda: self.model.limits.__setitem__(symbol, limits))

    def stage_rate(self, interval: int, burst: int, strategy: int | None = None) -> list[tuple[int, int]]:
        """Of the session, or of a strategy."""
        block, index = (GATE, 0) if strategy is None else (STRATEGY, strategy)
        bucket = self.model.session if strategy is None else self.model.strategies[strategy]

        def act():
            bucket.interval, bucket.burst = interval, burst
        return self.stage(block, index, {"rate_burst": burst, "rate_interval": interval}, act)

    def stage_account(self, entered: int, net: int, strategy: int | None = None) -> list[tuple[int, int]]:
        """Limits of notional, of the firm or of a strategy."""
        block, index = (GATE, 0) if strategy is None else (STRATEGY, strategy)
        account = self.model.firm if strategy is None else self.model.accounts[strategy]

        def act():
            account.most_entered, account.most_net = entered, net
        return self.stage(block, index, {"entered": entered, "net": net}, act)

    def stage_switch(self, whole: bool = True) -> tuple[int, int]:
        """The write that puts what was staged in force, if that is written as it was staged."""
        self.serial += 1
        word = GATE["limits_switch"].pack(serial=self.serial, words=self._words)
        if whole:
            self._sets[self.serial & 0xFF] = self._staged
        self._words, self._staged = 0, []
        return self.where.address(GATE, "limits_switch"), word

    def stage_more(self, words: int):
        """So many are written besides."""
        self._words += words

    async def make(self, writes: list[tuple[int, int]]):
        for write in writes:
            await self.step(Cycle(write=write))
            await self.idle(1)      # address and word hold

    async def set_limits(self, symbol: int, limits: Limits):
        """Writes them; they act after `settle`."""
        await self.make(self.stage_limits(symbol, limits))

    async def set_rate(self, interval: int, burst: int, strategy: int | None = None):
        """Writes them; they act after `settle`."""
        await self.make(self.stage_rate(interval, burst, strategy))

    async def set_delta(self, symbol: int, delta: int | None):
        """Writes it; nothing passes before `delta_cycles`."""
        await self.write(EXPOSURE, "delta", delta_word(delta), symbol)

    async def settle(self):
        """Puts every limit that was written in force."""
        await self.make([self.stage_switch()])
        await self.idle(walk_cycles(self.config))
        assert self.seen.serials[-1] == self.serial & 0xFF, "not in force in time"

    def check(self, kills: dict[int, int] | None = None, first: int = 0):
        """Holds everything since cycle `first` to the model. `kills`: changes of the global kill by cycle."""
        accepted = [(cycle, given.intent) for cycle, given in enumerate(self.done) if given.intent and cycle >= first]
        decided = [(cycle, value) for cycle, value in self.seen.decisions if cycle >= first]
        assert [cycle - GATE_LATENCY for cycle, _ in decided] == [cycle for cycle, _ in accepted]
        expected = []   # EXECUTION fields
        reserved = []   # (accepted, symbol, side, qty) of what passed
        verdicts = {cycle: value for cycle, value in decided}
        for cycle in range(WRITTEN, len(self.done)):
            given, wrote = self.done[cycle], self.done[cycle - WRITTEN].write
            if wrote is not None:
                self._written(cycle, *wrote)
            self.model.pass_time(cycle + GATE_LATENCY)
            self._switched(cycle + GATE_LATENCY)
            if cycle < first:
                continue
            if cycle >= CREDITS and (given_back := self.done[cycle - CREDITS]) and (
                    self.model.credits and (given_back.report or given_back.unsent)):
                self.model.take_credit()
            if cycle >= DELTAS and (self.done[cycle - DELTAS].report or self.done[cycle - DELTAS].unsent):
                self.model.take_moves()
            if cycle >= SETTLES:
                self._settle(cycle - SETTLES, expected, reserved)
            if given.top is not None:
                self.model.top(given.top["symbol"], model_top(given.top))
            if given.intent is not None:
                self._verdict(cycle, given.intent, verdicts[cycle + GATE_LATENCY], kills or {}, reserved)
        got = [(cycle, {name: value[name] for name in fields}) for (cycle, value), (_, fields) in
               zip(self.seen.executions, expected, strict=True)]
        assert got == expected
        return verdicts

    def _switched(self, cycle: int):
        """A decision of this cycle goes by the set with the number that the gate shows in it."""
        serial = self.seen.serials[cycle] if cycle < len(self.seen.serials) else self._in_force
        if serial != self._in_force:
            self._in_force = serial
            for act in self._sets.pop(serial):
                act()

    def _verdict(self, cycle: int, intent: dict, decision: dict, kills: dict[int, int], reserved: list):
        verdict_at, order = cycle + GATE_LATENCY, model_order(intent)
        self.model.killed = bool(self.seen.killed[verdict_at])
        if order.symbol < self.config.symbols:
            self.model.halted[order.symbol] = bool(self.done[cycle + 1].halted >> order.symbol & 1)
        verdict = self.model.decide(order, self.now(cycle + 1), verdict_at)
        seen = {name: decision[name] for name in vars(verdict)}
        assert seen == vars(verdict), f"cycle {cycle}: {intent}"
        assert decision["time"] == self.now(verdict_at)
        assert decision["intent"] == dict.fromkeys(decision["intent"], 0) | intent
        if verdict.reasons == 0 and order.action == 0:
            reserved.append((cycle, order.symbol, order.side & 1, order.qty))

    def _written(self, cycle: int, addr: int, value: int):
        """A write to a command of GATE that acts on orders accepted from `cycle` on; others are told apart."""
        if addr in self.deltas:
            delta = EXPOSURE["delta"].unpack(value)
            signed = (delta["per_share"] ^ 0x8000) - 0x8000
            self.model.set_delta(self.deltas[addr], signed if delta["known"] else None)
        name = self.commands.get(addr)
        if name in ("heartbeat", "watchdog"):
            self.model.beat(cycle + GATE_LATENCY, value if name == "watchdog" else None)
        elif name == "loss":
            self.model.hold_loss(firm=bool(value & 1))
        elif name == "strategy_loss":
            self.model.hold_loss(strategies=value)
        elif name == "release":
            self.model.release(**GATE["release"].unpack(value))

    def _settle(self, cycle: int, expected: list, reserved: list):
        """What a report or an unsent order of `cycle` did."""
        given = self.done[cycle]
        if given.report is not None:
            report = given.report
            after = self.model.report(report["exec_type"], report["order_id"], report["last_qty"], credit=False)
            if after["known"]:
                after["open_qty"] -= sum(qty for at, symbol, sell, qty in reserved if at > cycle + SHOWN and
                                         (symbol, sell) == (after["symbol"], after["side"] & 1))
            same = {name: report[name] for name in ("order_id", "last_qty", "exec_type", "venue")}
            expected.append((cycle + RECORDED, after | same | {"kind": EXECUTION.kind, "time": report["rx_time"]}))
        if given.unsent is not None and given.unsent["action"] == 0:
            self.model.unsent(given.unsent["order_id"], credit=False)
