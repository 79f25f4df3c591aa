"""`tickgate bench`: the software gate, one call a decision, with all checks, as a trading process makes it."""

import time

import numpy as np

from hdl.config import GBE
from hdl.layouts import DECISION, INTENT
from host.risk.fields import FIELDS, FIRM, MICROSECOND, STRATEGY_LEVEL
from host.risk.limits import Limits, load
from host.risk.registers import writes
from host.risk.software import SoftwareGate, decide, decide_all, report
from host.universe import Universe

ORDERS = 50_000
_START = 10**18
_STEP_NS = 50_000
_FILL = ord("F")


def figures() -> dict[str, float]:
    """Of each decision from call to return, the clock's own cost taken off; and of a batch, an order."""
    gate, intents = _gate(load()), _intents()
    spans = _one_by_one(gate, intents)
    empty = sorted(_empty() for _ in range(ORDERS))[ORDERS // 2]
    spans.sort()
    return {"gate.software_p50_ns": float(spans[ORDERS // 2] - empty),
            "gate.software_p99_ns": float(spans[ORDERS * 99 // 100] - empty),
            "gate.software_batch_ns": _batch(_gate(load()), intents)}


def _gate(limits: Limits) -> SoftwareGate:
    """Rates wide open, everything else as it ships; so an order passes as long as the position allows it."""
    limits.firm.values["duplicate_us"] = 1
    limits.firm.values["watchdog_us"] = FIELDS[FIRM]["watchdog_us"].most // MICROSECOND
    for level, _, table in limits.tables():
        if level in (FIRM, STRATEGY_LEVEL):
            wide = {"entered_usd", "net_usd", "delta"} & set(FIELDS[level])
            table.values.update({"rate.burst": 1_000, "rate.interval_us": 1} |
                                {name: FIELDS[level][name].most for name in wide})
    gate = SoftwareGate(GBE)
    gate.apply(writes(limits, Universe.grid(("AAPL", "MSFT"), ("XTGA", "XTGB"))), _START)
    for symbol in range(4):
        gate.on_top(symbol, bid_price=1_850_000, bid_qty=500, ask_price=1_850_100, ask_qty=500, rx_time=_START)
    return gate


def _intents() -> np.ndarray:
    """Buys and sells of four symbols in turn; one in ten is off the collar."""
    intents = np.zeros(ORDERS, INTENT.dtype)
    at = np.arange(ORDERS)
    intents["kind"], intents["order_id"], intents["qty"] = INTENT.kind, at + 1, 100
    intents["symbol"], intents["side"], intents["strategy"] = at % 4, at // 4 % 2, at % 2
    intents["price"] = np.where(at % 10 == 9, 1_900_000, 1_850_000)
    return intents


def _one_by_one(gate: SoftwareGate, intents: np.ndarray) -> list[int]:
    """What passes is filled before the next, so that the state is that of a desk at work."""
    state, decisions, clock = gate.state, np.zeros(ORDERS, DECISION.dtype), time.perf_counter_ns
    decide(state, intents, 0, _START, gate.cycle(_START), np.zeros(1, DECISION.dtype))  # compiles
    spans, passed = [], 0
    for at in range(ORDERS):
        now = _START + at * 10
        cycle = gate.cycle(_START + at * _STEP_NS)
        before = clock()
        reasons = decide(state, intents, at, now, cycle, decisions)
        spans.append(clock() - before)
        if not reasons:
            passed += 1
            report(state, _FILL, np.uint64(at + 1), 100)
    if passed < ORDERS // 2:
        raise RuntimeError(f"only {passed} of {ORDERS} orders passed: this measures rejections")
    return spans


def _empty() -> int:
    clock = time.perf_counter_ns
    before = clock()
    return clock() - before


def _batch(gate: SoftwareGate, intents: np.ndarray) -> float:
    now = _START + np.arange(ORDERS, dtype=np.int64)
    decisions = np.zeros(ORDERS, DECISION.dtype)
    decide_all(gate.state, intents[:1], now[:1], now[:1], decisions)  # compiles
    before = time.perf_counter_ns()
    decide_all(gate.state, intents, now, now, decisions)
    return (time.perf_counter_ns() - before) / ORDERS
