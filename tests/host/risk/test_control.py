"""Kill and resume, the host's checks, utilisation."""

import pytest

from hdl.layouts import Reason, Side
from hdl.registers import GATE, RESUME_KEY
from host.messages import NewOrder
from host.positions.positions import Positions
from host.risk.control import Control
from host.risk.gate import Book, PreTrade
from host.risk.limits import load
from host.risk.utilisation import Level, Utilisation, utilisation

ORDER = NewOrder(1, "AAPL", Side.BUY, 100, 1_850_000, 0)
NOTHING = Book(0, 0, 0)


@pytest.fixture
def gate():
    return PreTrade(load(), Control())


def reasons(bits):
    return {reason for reason in Reason if bits >> reason & 1}


def test_an_ordinary_order_passes(gate):
    assert gate.check(ORDER, NOTHING) == 0


@pytest.mark.parametrize(("order", "book", "reason"), [
    (NewOrder(1, "ZZZ", Side.BUY, 1, 10_000, 0), NOTHING, Reason.RESTRICTED),
    (NewOrder(1, "AAPL", Side.BUY, 1, 10_000, 7), NOTHING, Reason.RESTRICTED),
    (ORDER, Book(2_000_000 * 10_000, 0, 0), Reason.GROSS),
    (ORDER, Book(0, 1_000_000 * 10_000, 0), Reason.GROSS),
    (ORDER, Book(0, 0, -25_000 * 10_000), Reason.LOSS),
])
def test_each_check_says_its_reason(gate, order, book, reason):
    assert reasons(gate.check(order, book)) == {reason}


def test_gross_passes_exactly_at_its_limit(gate):
    limit, notional = gate.limits.firm.gross_usd, ORDER.qty * ORDER.price
    assert gate.check(ORDER, Book(limit - notional, 0, 0)) == 0
    assert reasons(gate.check(ORDER, Book(limit - notional + 1, 0, 0))) == {Reason.GROSS}


def test_kill_and_resume_by_scope(gate):
    control = gate.control
    writes = control.kill("anna", "drill", 5, strategies=1 << 0)
    assert [(write.block, write.register, write.value) for write in writes] == [(GATE, "strategy_kill", 1)]
    assert reasons(gate.check(ORDER, NOTHING)) == {Reason.KILL}
    assert gate.check(NewOrder(1, "AAPL", Side.BUY, 100, 1_850_000, 1), NOTHING) == 0
    control.kill("anna", "all of it", 6)
    control.resume("anna", "", 7, strategies=1 << 0)
    assert reasons(gate.check(ORDER, NOTHING)) == {Reason.KILL}, "the global kill is still set"
    (write,) = control.resume("anna", "", 8)
    assert GATE["resume"].unpack(write.value) == {"key": RESUME_KEY, "all": 1, "venues": 0, "strategies": 0}
    assert gate.check(ORDER, NOTHING) == 0
    assert [event.kill for event in control.history] == [True, True, False, False]


def test_utilisation_levels():
    for level, first, last in ((Level.OK, 0, 749), (Level.WARN, 750, 899), (Level.THROTTLE, 900, 999),
                               (Level.HALT, 1_000, 5_000)):
        assert {Utilisation("x", used, 1_000).level for used in (first, last)} == {level}
    assert Utilisation("x", 0, 0).level is Level.OK
    assert Utilisation("x", 1, 0).level is Level.HALT
    assert Utilisation("x", -50, 100).permille == 0


def test_utilisation_follows_the_worst_venue():
    positions = Positions()
    positions.on_fill("AAPL", 0, Side.BUY, 1_500, 10_000)
    positions.on_fill("AAPL", 1, Side.SELL, 1_900, 10_000)
    found = {one.path: one for one in utilisation(load(), positions, -10_000 * 10_000, 10**10)}
    assert found["symbols.AAPL.long"].permille == 750
    assert found["symbols.AAPL.short"].permille == 950
    shares = {("AAPL", 0, 0): 300, ("AAPL", 2, 0): 1_900, ("AAPL", 1, 1): 200, ("MSFT", 0, 1): 100}
    worst = {one.path: one.used for one in utilisation(load(), positions, 0, 0, {}, shares)}
    assert [worst[f"symbols.{path}"] for path in ("AAPL.long", "AAPL.short", "MSFT.long", "MSFT.short")] == [
        1_900, 2_100, 0, 100]
    assert found["firm.loss_usd"].permille == 400
    assert found["firm.gross_usd"].permille == 500
