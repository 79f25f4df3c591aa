"""cocotb testbench of the gate: random streams at one intent a cycle, with everything else going on."""

import os
import random

import cocotb

from hdl.config import GBE, TINY, VARIANTS
from hdl.layouts import Action
from hdl.registers import GATE, RESUME_KEY
from sim.gatebench import SPACING, Cycle, GateBench
from sim.models.risk import Limits

CONFIG = VARIANTS[os.environ.get("GATE_CONFIG", TINY.name)]
CYCLES = int(os.environ.get("GATE_CYCLES", 3000))
MIDDLE, TICK, LOT = 100_0000, 100, 10


def limits(rng) -> Limits:
    return Limits(enable=1, lot=LOT, tick=TICK, qty_min=20, qty_max=400, notional=300 * MIDDLE, band=5 * TICK,
                  long=rng.choice([900, 3000]), short=rng.choice([0, 1200]), max_age=2000)


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
        "order_id": [serial - rng.randrange(5), rng.getrandbits(64)], "symbol": [bench.config.symbols, 255],
        "side": [2], "price": [0, 2**32 - 1, MIDDLE + 1, MIDDLE - 100 * TICK], "action": [1], "invalid": [1],
        "qty": [0, 10, 20, 25, 300, 310, 400, 410, 2**32 - 1], "strategy": [15, bench.config.strategies % 16],
        "venue": [3],
    }
    if rng.random() < 0.2:
        name = rng.choice(list(odd))
        intent[name] = rng.choice(odd[name])
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


async def prepared(dut, rng) -> GateBench:
    bench = GateBench(dut, CONFIG)
    await bench.start()
    for symbol in range(CONFIG.symbols):
        await bench.set_limits(symbol, limits(rng))
    await bench.set_rate(40, 50)
    for strategy in range(CONFIG.strategies):
        await bench.set_rate(rng.choice([1, 60, 64, 200]), rng.choice([3, 20, 60_000]), strategy)
    await bench.settle()
    return bench


@cocotb.test()
async def equals_model(dut):
    """Every verdict and figure, and every EXECUTION record, in its exact cycle."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await prepared(dut, rng)
    alive: list[dict] = []
    next_event, serial, used = bench.cycle + SPACING, 1, 0
    first, bursts = bench.cycle, 0.0
    for _ in range(CYCLES):
        given = Cycle(halted=rng.getrandbits(CONFIG.symbols) if rng.random() < 0.02 else 0, trip=0)
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
    dut._log.info("%d verdicts, %d passed, reasons seen %#x", len(verdicts), passed, found)
    assert passed > CYCLES // 400, "the stream must pass some orders to say anything"
    assert GBE.symbols


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
