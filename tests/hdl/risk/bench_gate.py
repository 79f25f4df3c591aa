"""cocotb testbench of the gate: random streams at one intent a cycle, with everything else going on."""

import os
import random
from itertools import pairwise

import cocotb

from hdl.config import GBE, TINY, VARIANTS
from hdl.intents import GATE_LATENCY
from hdl.layouts import Action, Reason
from hdl.registers import EXPOSURE, GATE, RESUME_KEY
from hdl.risk.deltasettlement import CHANGE_CYCLES, delta_cycles
from hdl.risk.words import walk_cycles
from sim.gatebench import SPACING, Cycle, GateBench, delta_word
from sim.models.risk import Limits

CONFIG = VARIANTS[os.environ.get("GATE_CONFIG", TINY.name)]
CYCLES = int(os.environ.get("GATE_CYCLES", 3000))
MIDDLE, TICK, LOT = 100_0000, 100, 10


def limits(rng) -> Limits:
    return Limits(enable=1, lot=LOT, tick=TICK, qty_min=20, qty_max=400, notional=300 * MIDDLE, band=5 * TICK,
                  long=rng.choice([900, 3000]), short=rng.choice([0, 1200]), max_age=2000,
                  locates=rng.choice([0, 400, 900, 2000]), short_restricted=rng.getrandbits(1))


def draw_top(bench, rng) -> dict:
    bid = MIDDLE + TICK * rng.randrange(-4, 4)
    sides = rng.random()
    return {
        "symbol": rng.randrange(bench.config.symbols + (rng.random() < 0.05)),
        "bid": {"price": bid, "qty": 100} if sides > 0.1 else {"price": 0, "qty": 0},
        "ask": {"price": bid + TICK, "qty": 100} if sides < 0.9 else {"price": 0, "qty": 0},
        "inexact": rng.choice([0] * 20 + [1, 0x8000]), "crossed": rng.random() < 0.03,
        "rx_time": bench.now(bench.cycle) - rng.choice([0, 500, 1992, 2000, 2008, -8]) * (rng.random() < 0.3),
    }


def draw_intent(bench, rng, serial: int) -> dict:
    """Mostly an order that might pass; one field at a time at or beyond its limit."""
    intent = {
        "order_id": serial, "symbol": rng.randrange(bench.config.symbols), "side": rng.choice([0, 0, 1, 1, 3]),
        "price": MIDDLE + TICK * rng.randrange(-6, 7), "qty": LOT * rng.randrange(2, 12), "action": int(Action.NEW),
        "strategy": rng.randrange(bench.config.strategies), "venue": rng.randrange(bench.config.venues), "tif": 0x30,
        "rx_time": rng.getrandbits(64), "needed": rng.getrandbits(32), "orig_id": rng.getrandbits(64),
    }
    odd = {
        "order_id": [max(0, serial - rng.randrange(5)), rng.getrandbits(64)], "symbol": [bench.config.symbols, 255],
        "side": [2], "price": [0, 2**32 - 1, MIDDLE + 1, MIDDLE - 100 * TICK], "action": [1], "invalid": [1],
        "qty": [0, 10, 20, 25, 300, 310, 400, 410, 2**32 - 1], "strategy": [15, bench.config.strategies % 16],
        "venue": [3],
    }
    if rng.random() < 0.2:
        name = rng.choice(list(odd))
        intent[name] = rng.choice(odd[name])
    if rng.random() < 0.1 and (before := [given.intent for given in bench.done[-20:] if given.intent]):
        again = rng.choice(before)
        intent |= {name: again[name] for name in ("symbol", "side", "price", "qty")}
    return intent


def draw_report(bench, rng, alive: list) -> dict:
    """A fill or an end of an order that passed, now and then of one that nobody knows."""
    report = {"last_qty": 0, "last_price": MIDDLE, "leaves_qty": 0, "cum_qty": 0, "ord_status": 0x30,
              "venue": rng.randrange(bench.config.venues), "rx_time": rng.getrandbits(64)}
    if rng.random() < 0.1 or not alive:
        return report | {"order_id": rng.getrandbits(64) | 1 << 63, "exec_type": rng.choice(b"04C8")}
    entry = rng.choice(alive)
    if rng.random() < 0.75:
        fill = entry["left"] if rng.random() < 0.5 else rng.randrange(entry["left"] + 1)
        entry["left"] -= fill
        report |= {"exec_type": ord("F"), "last_qty": fill}
    else:
        report |= {"exec_type": rng.choice(b"04C8B36A"), "last_qty": rng.choice([0, 7])}
        if report["exec_type"] in b"4C8B3":
            entry["left"] = 0
    if not entry["left"]:
        alive.remove(entry)
    return report | {"order_id": entry["order_id"]}


#: Of the watchdog in the random stream, in ns; and what is written now and then.
TIMEOUT = 1600


def draw_write(bench, rng) -> tuple[int, int]:
    """A beat of the host, mostly; else a hold, what lifts holds and kills, or another time for the watchdog."""
    masks = {"strategy_loss": rng.getrandbits(bench.config.strategies)}
    key = rng.choice([RESUME_KEY] * 4 + [RESUME_KEY ^ 0x100])
    name, value = rng.choice([
        *24 * [("heartbeat", rng.getrandbits(64))], ("loss", rng.getrandbits(1)),
        ("strategy_loss", masks["strategy_loss"]), ("watchdog", rng.choice([0, 7, 8, 100, TIMEOUT, TIMEOUT, 1 << 40])),
        *4 * [("release", GATE["release"].pack(key=key, loss=rng.getrandbits(1), **masks))],
        *2 * [("watchdog", TIMEOUT)],
        *6 * [("resume", GATE["resume"].pack(key=RESUME_KEY, all=1))]])
    return bench.where.address(GATE, name), value


def draw_set(bench, rng) -> list[tuple[int, int]]:
    """Writes of every row of limits; without those that put them in force."""
    writes = []
    for symbol in range(CONFIG.symbols):
        writes += bench.stage_limits(symbol, limits(rng))
    writes += bench.stage_rate(40, 50)
    writes += bench.stage_account(MIDDLE * rng.choice([20_000, 400_000]), MIDDLE * rng.choice([500, 1000]))
    for strategy in range(CONFIG.strategies):
        writes += bench.stage_rate(rng.choice([1, 60, 64, 200]), rng.choice([3, 20, 60_000]), strategy)
        writes += bench.stage_account(MIDDLE * rng.choice([300, 40_000]), MIDDLE * rng.choice([200, 700]), strategy)
    return writes


def draw_switch(bench, rng) -> list[tuple[int, int]]:
    """Writes of a set, and the one that puts it in force; of half of them it must not, as the set is not whole."""
    writes, fault = draw_set(bench, rng), rng.choice(["", "", "", "lost", "early", "repeated", "late"])
    switch, late = bench.stage_switch(whole=not fault), []
    if fault == "lost":
        writes.pop(rng.randrange(len(writes)))
    elif fault == "early":
        writes.insert(rng.randrange(1, len(writes)), switch)
    elif fault == "repeated":
        writes.append(rng.choice(writes))
    elif fault == "late":
        late = [rng.choice(writes)]
    bench.stage_more(len(late))
    return [*writes, switch, *late]


async def prepared(dut, rng) -> GateBench:
    bench = GateBench(dut, CONFIG)
    await bench.start()
    await bench.make(draw_set(bench, rng))
    for symbol in range(CONFIG.symbols):
        await bench.set_delta(symbol, rng.choice([256, -128, 60, 2_560]))
    bench.model.most_delta = rng.choice([900, 3_000, 30_000, (1 << 32) - 1])
    await bench.write(GATE, "delta", bench.model.most_delta)
    bench.model.window = rng.choice([7, 8, 20, 160, 400])
    await bench.write(GATE, "duplicate", bench.model.window)
    await bench.settle()
    return bench


@cocotb.test()
async def equals_model(dut):
    """Every verdict and figure, and every EXECUTION record, in its exact cycle."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await prepared(dut, rng)
    alive: list[dict] = []
    next_event, serial, used = bench.cycle + SPACING, 1, 0
    first, bursts, writes = bench.cycle, 0.0, bench.cycle
    staged, switched = [*draw_set(bench, rng), bench.stage_switch()], bench.cycle
    await bench.write(GATE, "watchdog", TIMEOUT)
    for count in range(CYCLES):
        if count % (CYCLES // 4) == CYCLES // 8:
            await bench.idle(20)
            for symbol in range(CONFIG.symbols):
                await bench.set_delta(symbol, rng.choice([256, 256, -128, 60, 2_560, None]))
            await bench.idle(CONFIG.symbols * delta_cycles(CONFIG))
        given = Cycle(halted=rng.getrandbits(CONFIG.symbols) if rng.random() < 0.02 else 0, trip=0)
        if bench.cycle >= writes:
            if not staged and bench.cycle > switched + walk_cycles(CONFIG):
                staged = draw_switch(bench, rng)
            given.write = staged.pop(0) if staged and rng.random() < 0.9 else draw_write(bench, rng)
            switched = bench.cycle if staged else switched
            writes = bench.cycle + rng.choice([2, 2, 3] if staged else [2, 5, 20, 60])
        if rng.random() < 0.02:
            bursts = rng.choice([0.1, 0.5, 1.0, 1.0])
        if rng.random() < bursts:
            serial += 1
            given.intent = draw_intent(bench, rng, serial)
        if rng.random() < 0.3:
            given.top = draw_top(bench, rng)
        for cycle, decision in bench.seen.decisions[used:]:
            if cycle < bench.cycle - 2:
                used += 1
                if decision["reasons"] == 0 and decision["intent"]["action"] == 0:
                    alive.append({"order_id": decision["intent"]["order_id"], "left": decision["intent"]["qty"]})
        if bench.cycle >= next_event and rng.random() < 0.5:
            next_event = bench.cycle + SPACING
            if rng.random() < 0.1 and alive:
                entry = alive.pop()
                given.unsent = {"order_id": entry["order_id"], "action": 0}
            else:
                given.report = draw_report(bench, rng, alive)
        await bench.step(given)
    await bench.idle(20)
    verdicts = bench.check(first=first)
    found = 0
    for decision in verdicts.values():
        found |= decision["reasons"]
    passed = sum(decision["reasons"] == 0 for decision in verdicts.values())
    sets = sum(before != after for before, after in pairwise(bench.seen.serials[first:]))
    assert sets, "a set of limits must have been switched to"
    dut._log.info("%d verdicts, %d passed, reasons seen %#x", len(verdicts), passed, found)
    assert passed > CYCLES // 400, "the stream must pass some orders to say anything"
    assert GBE.symbols


@cocotb.test()
async def nothing_passes_while_a_delta_is_changed(dut):
    """From the cycle after the write on, and not for longer than it says; reads of the bus come in between."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = GateBench(dut, CONFIG)
    await bench.start()
    await bench.write(GATE, "delta", (1 << 32) - 1)
    await bench.idle(40)
    held = [await bench.read(EXPOSURE, "position", symbol) for symbol in range(CONFIG.symbols)]
    for serial in range(12):
        symbol, delta = rng.randrange(CONFIG.symbols), rng.choice([1, -1, 256, 32_767, -32_768, None])
        start = bench.cycle
        await bench.step(Cycle(write=(bench.where.address(EXPOSURE, "delta", symbol), delta_word(delta)),
                               intent={"symbol": symbol, "order_id": serial}))
        reads = rng.randrange(4)
        for _ in range(reads):
            assert await bench.read(EXPOSURE, "delta", symbol) == delta_word(delta)
            assert await bench.read(EXPOSURE, "position", symbol) == held[symbol]
        for cycle in range(delta_cycles(CONFIG) + 4 * reads + 4):
            await bench.step(Cycle(intent={"symbol": symbol, "order_id": serial << 8 | cycle}))
        tilted = [(cycle - start, value["reasons"] >> Reason.DELTA & 1) for cycle, value in bench.seen.decisions
                  if cycle > start]
        ends = next((cycle for cycle, rejects in tilted if not rejects), None)
        assert ends is None if delta is None else ends is not None and ends > CHANGE_CYCLES
        assert {rejects for cycle, rejects in tilted if ends and cycle >= ends} <= {0}


@cocotb.test()
async def a_silent_host_is_stopped_in_the_exact_cycle(dut):
    """Timeouts around whole periods; after the last cycle the watchdog rejects, and the kill has fallen."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = GateBench(dut, CONFIG)
    await bench.start()
    serial = 0
    for timeout in (0, 7, 8, 9, 15, 16, 80, rng.randrange(81, 400)):
        first = bench.cycle
        for name, value in (("resume", GATE["resume"].pack(key=RESUME_KEY, all=1)), ("watchdog", timeout)):
            await bench.write(GATE, name, value)
        beaten = bench.cycle
        for cycle in range(timeout // 8 + 24):
            given = Cycle(intent={"order_id": serial})
            if timeout >= 80 and cycle == 8:
                given.write, beaten = (bench.where.address(GATE, "heartbeat"), 0), bench.cycle + 2
            await bench.step(given)
            serial += 1
        verdicts = [(cycle, value["reasons"]) for cycle, value in bench.seen.decisions if cycle >= first + 6]
        ends = beaten + GATE_LATENCY + timeout // 8
        assert {cycle >= ends for cycle, _ in verdicts} == {False, True} if timeout >= 8 else {True}
        for cycle, reasons in verdicts:
            if cycle >= beaten + GATE_LATENCY:
                assert bool(reasons >> Reason.WATCHDOG & 1) == (cycle >= ends), (timeout, cycle, ends)
                assert bool(reasons >> Reason.KILL & 1) == (cycle >= ends and timeout >= 8), (timeout, cycle, ends)
        cause = GATE["cause"].unpack(await bench.read(GATE, "cause"))
        assert cause["watchdog"] == (timeout >= 8)


@cocotb.test()
async def holds_last_until_the_key_lifts_them(dut):
    """The firm's and each strategy's: who is rejected for a loss, and what the registers read."""
    bench = GateBench(dut, CONFIG)
    await bench.start()
    strategies, serial = range(CONFIG.strategies), 0

    async def held() -> set[int]:
        nonlocal serial
        for strategy in strategies:
            serial += 1
            await bench.step(Cycle(intent={"order_id": serial, "strategy": strategy}))
        await bench.idle(GATE_LATENCY + 1)
        return {value["intent"]["strategy"] for _, value in bench.seen.decisions[-len(strategies):]
                if value["reasons"] >> Reason.LOSS & 1}

    def lifted(key: int, **bits: int) -> int:
        return GATE["release"].pack(key=key, **bits)

    last = strategies[-1]
    assert await held() == set()
    for name, value, expected in (
            ("strategy_loss", 1 << last, {last}), ("strategy_loss", 0, {last}), ("strategy_loss", 1, {0, last}),
            ("release", lifted(RESUME_KEY ^ 1, strategy_loss=-1 & 0xFFFF), {0, last}),
            ("release", lifted(RESUME_KEY, loss=1, strategy_loss=1), {last}), ("loss", 1, set(strategies)),
            ("loss", 0, set(strategies)), ("release", lifted(RESUME_KEY, loss=1), {last}),
            ("resume", GATE["resume"].pack(key=RESUME_KEY, all=1, strategies=0xFFFF), {last}),
            ("release", lifted(RESUME_KEY, strategy_loss=0xFFFF), set())):
        await bench.write(GATE, name, value)
        await bench.idle(1)
        assert await held() == expected, name
    await bench.write(GATE, "strategy_loss", 1)
    await bench.idle(2)
    assert (await bench.read(GATE, "strategy_loss"), await bench.read(GATE, "loss")) == (1, 0)


#: Cycles from the strobe of a write to the cycle in which it kills, or no longer does.
KILL_CYCLES = 3


def draw_kill(bench, rng) -> tuple[str, int]:
    """A register of GATE that kills or lifts, and what is written to it."""
    venues, strategies = (rng.getrandbits(count) for count in (bench.config.venues, bench.config.strategies))
    return rng.choice([
        ("kill", 1), ("kill", 0), ("venue_kill", venues), ("strategy_kill", strategies),
        *3 * [("resume", GATE["resume"].pack(key=RESUME_KEY, all=rng.getrandbits(1), venues=venues,
                                             strategies=strategies))],
        ("resume", GATE["resume"].pack(key=RESUME_KEY ^ 1, all=1, venues=venues, strategies=strategies)),
    ])


@cocotb.test()
async def kills_act_in_the_cycle_of_the_verdict(dut):
    """Writes and trips in any cycle, an intent in every one: its kill bit says what is killed in its own cycle."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = GateBench(dut, CONFIG)
    await bench.start()
    held, tripped, venues, strategies, hits = 0, 0, 0, 0, 0
    pending = [None] * KILL_CYCLES
    for serial in range(CYCLES // 4):
        given = Cycle(trip=rng.random() < 0.02, intent={
            "order_id": serial, "strategy": rng.randrange(CONFIG.strategies), "venue": rng.randrange(CONFIG.venues),
            "action": int(rng.random() < 0.2)})
        name, value = draw_kill(bench, rng)
        writes = pending[-1] is None and rng.random() < 0.25     # the bus holds a word for two cycles
        given.write = (bench.where.address(GATE, name), value) if writes else None
        await bench.step(given)

        wrote, word = pending.pop(0) or (None, 0)
        pending.append((name, value) if writes else None)
        lifts = GATE["resume"].unpack(word if wrote == "resume" else 0)
        if lifts["key"] == RESUME_KEY:
            held, venues = held & ~lifts["all"], venues & ~lifts["venues"]
            strategies &= ~lifts["strategies"]
        held |= tripped | ((wrote == "kill") & word)     # in the cycle of a lift it stays
        venues |= word if wrote == "venue_kill" else 0
        strategies |= word if wrote == "strategy_kill" else 0
        cycle, decision = bench.seen.decisions[-1] if bench.seen.decisions else (None, None)
        assert bench.seen.killed[-1] == held | given.trip
        if cycle == bench.cycle - 1:
            intent = decision["intent"]
            killed = held | given.trip | venues >> intent["venue"] & 1 | strategies >> intent["strategy"] & 1
            assert decision["reasons"] & 1 == (killed and not intent["action"]), f"cycle {cycle}"
            hits += decision["reasons"] & 1
        tripped = given.trip
    assert CYCLES // 40 < hits < CYCLES // 5
