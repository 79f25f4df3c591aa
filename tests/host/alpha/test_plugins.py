"""Strategies of others; and the one in the documentation works as it stands there."""

import re
from pathlib import Path

import pytest

from hdl.layouts import Side
from host.alpha.plugins import VARIABLE, found
from host.alpha.strategy import Base, Context, Propose
from host.ems.ids import OrderIds
from host.marketdata.books import Books, Top
from host.messages import IOC, Rejection, Report
from host.universe import Universe

DOCS = Path(__file__).resolve().parents[3] / "docs" / "strategy.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def context(held=0):
    ids = OrderIds(4)
    return Context(0, Universe.grid(("AAPL",), ("XTGA",)), Books(), lambda: ids.take(0), lambda order_id: None,
                   lambda stock: held)


def top(bid_qty, ask_qty, **more):
    return Top(0, 10_000, bid_qty, 10_200, ask_qty, more.get("inexact", 0), 0, 1, 1)


def test_the_example_of_the_documentation(folder, monkeypatch):
    code = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]
    (folder / "leaning_example.py").write_text(code)
    monkeypatch.setenv(VARIABLE, "leaning=leaning_example:Leaning")
    strategy = found()["leaning"](context())
    (order,) = strategy.on_top(top(500, 100), 0)
    assert (order.side, order.qty, order.price, order.tif) == (Side.BUY, 100, 10_200, IOC)
    assert isinstance(order, Propose)
    assert strategy.on_top(top(500, 100), 10) == [], "it pauses"
    assert strategy.on_top(top(100, 500), 10**7)[0].side == Side.SELL
    assert strategy.on_top(top(300, 200), 10**8) == []
    assert strategy.on_top(top(500, 100, inexact=1), 10**8) == []
    full = found()["leaning"](context(held=450))
    assert full.on_top(top(500, 100), 0) == []


@pytest.mark.parametrize(("named", "what"), [
    ("thing", "is not name=module:Class"), ("x=no_such_module_here:X", "cannot load"),
    ("x=json:Nothing", "cannot load"), ("x=json:__name__", "not a class"), ("x=:", "cannot load"),
])
def test_what_cannot_be_loaded_is_said(monkeypatch, named, what):
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(ValueError, match=what):
        found()


def test_a_module_with_a_mistake_is_said(folder, monkeypatch):
    (folder / "mistaken_strategy.py").write_text("def (")
    monkeypatch.setenv(VARIABLE, "x=mistaken_strategy:X")
    with pytest.raises(ValueError, match="strategy x: cannot load"):
        found()


def test_without_any_there_are_none(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert found() == {}


def test_base_does_nothing():
    base = Base(context())
    assert base.on_top(top(1, 1), 0) == base.on_fired(1, 0, 0) == base.on_cancel_rejected(1, 0) == []
    assert base.on_report(Report(1, "", "F", "", "AAPL", Side.BUY, 0), 0) == []
    assert base.on_rejection(Rejection(1, "AAPL", Side.BUY, 1, 1, 0, 1), 0) == []
