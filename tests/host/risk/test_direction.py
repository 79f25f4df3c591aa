"""Tightening means what it says: what passes after it passed before it. Asked of the compiled gate, for every limit."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from hdl.config import GBE
from hdl.layouts import DECISION, INTENT
from hdl.registers import Limit
from host.risk.direction import NONE, Effect, changes
from host.risk.fields import FIELDS, FIRM, STRATEGY_LEVEL, SYMBOL
from host.risk.limits import DEFAULT_FILE, check, load, read
from host.risk.overrides import Stack, difference
from host.risk.registers import writes
from host.risk.software import SoftwareGate, decide
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL", "MSFT"), ("XTGA", "XTGB"))
START = 10**18
#: Limits that the NIC holds and whose direction somebody declared.
HELD = [(level, name) for level, fields in FIELDS.items() for name, one in fields.items()
        if one.reg and one.limit.loosens]


def table(limits, level):
    """One table of a level."""
    return {FIRM: limits.firm, STRATEGY_LEVEL: limits.strategies["maker"], SYMBOL: limits.symbols["AAPL"]}[level]


def base(level):
    """Limits near what `orders` asks for, so that each of them bites; the rate of one level alone."""
    limits = load()
    for one in (limits.firm, limits.strategies["maker"]):
        tight = one is table(limits, level)
        if tight:
            one.values.update(entered_usd=1_850_000 * 1_000, net_usd=1_850_000 * 1_000)
        one.values.update({"rate.burst": 4 if tight else 1_000, "rate.interval_us": 2 if tight else 1})
    limits.firm.values.update(watchdog_us=9, duplicate_us=1)
    limits.symbols["AAPL"].values.update(max_age_us=41, min_qty=2, max_qty=1_000, notional_usd=1_850_000 * 1_000,
                                         long=1_500, short=1_500, locates=1_400)
    return limits


def verdicts(limits, intents):
    """Of one order after the other, 1 us apart."""
    gate, decisions = SoftwareGate(GBE), np.zeros(len(intents), DECISION.dtype)
    gate.apply(writes(limits, UNIVERSE), START)
    for symbol in range(4):
        gate.on_top(symbol, bid_price=1_850_000, bid_qty=5, ask_price=1_850_100, ask_qty=5, rx_time=START - 33_000)
    return [decide(gate.state, intents, at, START + 1_000 * at, (START + 1_000 * at) // 8, decisions) == 0
            for at in range(len(intents))]


def orders(rng, count):
    """One order with something odd about it, or several that are ordinary."""
    one = {"away": [-500, -400, 0, 0, 50, 600], "qty": [1, 2, 3, 10, 500, 900, 1_000, 1_400]}
    several = {"away": [0, 0, 0, 100], "qty": [100, 120]}
    choices, intents = one if count == 1 else several, np.zeros(count, INTENT.dtype)
    intents["order_id"] = 1 + np.arange(count)
    for at in range(count):
        intents[at]["side"], intents[at]["qty"] = rng.randrange(2), rng.choice(choices["qty"])
        intents[at]["price"] = 1_850_000 + rng.choice(choices["away"])
    return intents


@pytest.mark.parametrize(("level", "name"), HELD)
def test_what_passes_a_tighter_limit_passed_before(level, name, rng):
    """Values drawn around those in use; a stream that passes as a whole must have passed as a whole."""
    one = FIELDS[level][name]
    tightened = bitten = 0
    for _ in range(600):
        if tightened >= 12 and bitten:
            break
        old, new = base(level), base(level)
        for limits in (old, new):
            was = table(limits, level)[name]
            value = rng.choice([was, was // 2, was * 2, was + 1, max(was - 1, 0), rng.randrange(1, 2 * was + 2)])
            table(limits, level).values[name] = min(max(value, one.limit.least), one.most)
        (change,) = changes(old, new) or (None,)
        if change is None or change.effect is Effect.LOOSENS:
            continue
        tightened += 1
        for length in (1, 1, 1, 1, 3, 8):
            intents = orders(rng, length)
            before, after = verdicts(old, intents), verdicts(new, intents)
            assert not (all(after) and not all(before)), (change, intents)
            bitten += all(before) and not all(after)
    assert tightened
    assert bitten
    print(f"{level}.{name}: {tightened} tightenings, {bitten} of their streams rejected by the new limit alone")


def test_every_limit_is_one_or_the_other_and_unknown_is_loosening():
    field = FIELDS[SYMBOL]["max_qty"]
    assert not field.loosens(5, 5)
    assert (field.loosens(5, 6), field.loosens(6, 5)) == (True, False)
    unknown = replace(field, limit=Limit("x", field.limit.check))
    assert unknown.loosens(5, 6)
    assert unknown.loosens(6, 5)
    assert unknown.tighter(5, 6) is None
    lot = FIELDS[SYMBOL]["lot"]
    assert [lot.loosens(10, new) for new in (20, 10, 5, 15, 1)] == [False, False, True, True, True]
    assert (lot.tighter(10, 20), lot.tighter(20, 10), lot.tighter(4, 6)) == (20, 20, None)


def test_a_stock_or_strategy_that_comes_loosens_and_one_that_goes_tightens():
    tree = read(DEFAULT_FILE)
    fewer = copy.deepcopy(tree)
    del fewer["symbols"]["MSFT"], fewer["strategies"]["taker"]
    less, more = check(fewer, "x"), check(tree, "x")
    assert {(one.path, one.new, one.effect) for one in changes(more, less)} == {
        ("symbols.MSFT", NONE, Effect.TIGHTENS), ("strategies.taker", NONE, Effect.TIGHTENS)}
    assert {one.effect for one in changes(less, more)} == {Effect.LOOSENS}
    moved = copy.deepcopy(tree)
    moved["strategies"]["taker"]["index"] = 5
    (change,) = changes(more, check(moved, "x"))
    assert (change.path, change.effect) == ("strategies.taker.index", Effect.LOOSENS)


def test_a_bound_of_the_firm_counts_where_it_is_the_tighter_one():
    tree = read(DEFAULT_FILE)
    tree["firm"]["symbols"] = {"max_qty": 300, "min_qty": 5}
    tree["symbols"]["AAPL"]["max_qty"] = 200
    limits = check(tree, "x")
    assert [limits.symbols[name].max_qty for name in ("AAPL", "MSFT")] == [200, 300]
    assert [limits.symbols[name].sources["max_qty"] for name in ("AAPL", "MSFT")] == ["symbol", "firm"]
    assert limits.symbols["AAPL"].min_qty == 5
    without = copy.deepcopy(tree)
    del without["firm"]["symbols"]
    effects = {one.path: one.effect for one in changes(limits, check(without, "x"))}
    assert effects == {"symbols.AAPL.min_qty": Effect.LOOSENS, "symbols.MSFT.max_qty": Effect.LOOSENS,
                       "symbols.MSFT.min_qty": Effect.LOOSENS}
    tree["firm"]["symbols"] = {"lot": 3}
    tree["symbols"]["AAPL"]["lot"] = 2
    with pytest.raises(Exception, match="neither is the tighter"):
        check(tree, "x")


def test_a_change_below_an_override_is_judged_by_what_comes_after_it():
    tree = read(DEFAULT_FILE)
    old = Stack(tree)
    new = old.copy()
    new.base["symbols"]["AAPL"]["long"] = 9_000
    assert [one.effect for one in difference(old, new, 5, "x")] == [Effect.LOOSENS]
