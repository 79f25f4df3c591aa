"""Orders of people from a file: what it says, every error with its place, and that they are worked."""

import pytest

from hdl.config import GBE
from hdl.layouts import Side
from hdl.venue import SIMULATED
from host.alpha.strategy import Context
from host.alpha.worker import VARIABLE, Wanted, Worker, load
from host.bus.topics import PARENTS, PROPOSED
from host.desk.desk import Desk
from host.ems.algos import ALGOS, Pov, Twap, Vwap, read, write
from host.marketdata.books import Books
from host.risk.limits import DEFAULT_FILE, check
from host.risk.limits import read as read_limits
from host.universe import Universe
from tests.host.desk.test_flow import ASK, UNIVERSE, Nic

ORDER = """
[[order]]
after_us = 5
stock = "AAPL"
side = "sell"
qty = 2_000
limit_usd = 184.5
algo = "Vwap"
duration = 1_000
curve = [3, 1]

[[order]]
stock = "AAPL"
side = "buy"
qty = 100
limit_usd = 186
algo = "Pov"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "orders.toml"
    path.write_text(ORDER)
    return path


def test_orders_are_what_the_file_says_by_time(file):
    assert load(file) == [Wanted(0, "AAPL", Side.BUY, 100, 1_860_000, Pov()),
                          Wanted(5_000, "AAPL", Side.SELL, 2_000, 1_845_000, Vwap(1_000, (3, 1)))]


@pytest.mark.parametrize(("change", "said"), [
    (("qty = 100", "qty = -5"), "order 2: qty"), (("qty = 100", "qty = 1.5"), "order 2: qty"),
    (('"sell"', '"sold"'), "order 1: side is one of buy, sell"), (('"Pov"', '"Best"'), "order 2: .*algo one of"),
    (('"Pov"', '"Pov"\nspeed = 3'), "order 2: Pov has no parameter 'speed'"), (("184.5", "-1"), "order 1: limit_usd"),
    (("duration = 1_000", "duration = -1_000"), "order 1: Vwap"), (('stock = "AAPL"', ""), "order 1: stock"),
    (("duration = 1_000", 'duration = "x"'), "order 1: "), (("[[order]]", "[[orders]]"), "only tables"),
    (("[[order]]", "[[order"), "orders.toml")])
def test_what_is_wrong_is_said_with_its_place(file, change, said):
    file.write_text(ORDER.replace(*change, 1))
    with pytest.raises(ValueError, match=said):
        load(file)


def test_a_file_that_is_not_there_and_a_stock_that_is_not_traded(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        load(tmp_path / "none.toml")
    context = Context(0, Universe.grid(("MSFT",), ("XTGA",)), Books(), lambda: 1, lambda order_id: None,
                      lambda stock: 0)
    with pytest.raises(ValueError, match="AAPL, which this desk does not trade"):
        Worker(context, [Wanted(0, "AAPL", Side.BUY, 1, 1, Twap())])


@pytest.mark.parametrize("kind", ALGOS.values(), ids=lambda kind: kind.__name__)
def test_every_algorithm_is_reached_from_a_file_and_sends_a_child(kind, file, monkeypatch):
    """From the file to the NIC's ring, through the gate, as `tickgate run` does it."""
    limit = ASK // 10_000 + 1
    file.write_text(f'[[order]]\nstock = "AAPL"\nside = "buy"\nqty = 300\nlimit_usd = {limit}\n'
                    f'algo = "{kind.__name__}"')
    monkeypatch.setenv(VARIABLE, str(file))
    tree = read_limits(DEFAULT_FILE)
    tree["strategies"] = {"worker": tree["strategies"]["maker"]}
    now, seen = 1_000, []
    desk = Desk(GBE, UNIVERSE, check(tree, "test"), SIMULATED, lambda writes: None, lambda: now)
    desk.bus.tap(lambda message: seen.append(message))
    desk.working.traded["AAPL"] = 0
    nic = Nic(desk)
    nic.top(0)
    nic.top(1)
    if kind is Pov:
        desk.working.traded["AAPL"] += 2_000
        now += 1_000
        nic.top(0, time=now)
    nic.serve()
    parent = next(message.payload for message in seen if message.topic is PARENTS)
    assert (parent["algo"], parent["qty"]) == (kind.__name__, 300)
    assert nic.intents, "a child has left"
    assert b"847=%d" % kind.code in next(message.payload for message in seen if message.topic is PROPOSED)
    assert read(*write(kind())) == kind()
