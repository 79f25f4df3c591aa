"""What is kept of decisions, and what is said of them."""

import json

import numpy as np
import pytest

from hdl.config import GBE
from hdl.layouts import BOOK_TOP, DECISION, MARKET_EVENT, ORDER_SENT, RECORD_BYTES, Inexact, Reason, Side
from hdl.risk.checks import CHECKS
from host.messages import NewOrder
from host.risk.cases import Session
from host.risk.control import ControlEvent
from host.risk.explain import explain, money, says
from host.risk.gate import Book
from host.risk.journal import DECISIONS, EVENTS, Journal
from host.risk.limits import load
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL", "MSFT"), ("XTGA", "XTGB"))
ORDER = {"order_id": 0xAB, "price": 1_850_000, "qty": 100, "reference": 1_850_100, "notional": 185_000_000,
         "exposure": 100, "rate_slack": 50, "time": 2_000_000, "serial_limits": 1}


def raw(record, **values):
    return record.make(**values).view(np.uint8).reshape(-1, RECORD_BYTES)


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "session", GBE, UNIVERSE, seed=5)
    made.on_limits(1_000_000, load())
    yield made
    made.close()


def case_of(journal, *records, **decision):
    """What is found of one decision after these records."""
    for one in records:
        journal.on_records(one)
    journal.on_records(raw(DECISION, **ORDER | decision))
    journal.close()
    (found,) = Session(journal.folder).find(ORDER["order_id"])
    return found


def rejected(journal, reason, *records, **decision):
    return explain(case_of(journal, *records, reasons=1 << reason, **decision).case)[reason]


@pytest.mark.parametrize(("reason", "decision", "said"), [
    (Reason.QUANTITY, {"qty": 1_500}, ["500 shares too many", "max_qty 1000 (symbols.AAPL.max_qty, set by symbol)"]),
    (Reason.QUANTITY, {"qty": 0}, ["a quantity of zero", "1 shares too few"]),
    (Reason.NOTIONAL, {"notional": 2_500_000_001}, ["0.0001 USD too much", "notional_usd 250000"]),
    (Reason.COLLAR, {"reference": 1_849_400}, ["0.0100 USD beyond the band", "0.0600 USD above", "184.9400"]),
    (Reason.COLLAR, {"price": 1_850_050}, ["0.0050 USD over", "tick_usd 0.01"]),
    (Reason.POSITION, {"exposure": 2_050}, ["50 shares too many", "would be 2,050", "without this order 1,950"]),
    (Reason.POSITION, {"exposure": -2_001, "side": Side.SELL}, ["1 shares too many", "without this order -1,901"]),
    (Reason.RATE, {"rate_slack": -100}, ["the next one 800 ns later", "rate.burst 64 (firm.rate.burst"]),
    (Reason.RATE, {"rate_slack": -(1 << 31)}, ["never a token"]),
    (Reason.RATE, {"strategy": 1}, ["400 ns to spare", "rate.interval_us 600 (strategies.taker.rate.interval_us"]),
    (Reason.RESTRICTED, {"strategy": 7}, ["strategy 7 has no limits"]),
    (Reason.RESTRICTED, {}, ["halted, or its limits had only just been written"]),
    (Reason.OPEN_ORDERS, {}, ["00000000000000AB"]),
    (Reason.STALE, {}, ["no book of this stock was known"]),
    (Reason.KILL, {}, ["a kill was in force"]),
    (Reason.SHORT_SALE, {"exposure": -2_100, "side": Side.SELL}, ["no locate for 100 shares", "locates 2000"]),
    (Reason.GROSS, {}, ["18,500.0000 USD", "entered_usd 1000000000 (firm.entered_usd", "(strategies.maker.net_usd"]),
    (Reason.DELTA, {}, ["order of 100 shares, at the delta", "delta 10000 (firm.delta, set by firm)"]),
    (Reason.DUPLICATE, {}, ["duplicate_us 1 (firm.duplicate_us", "number 00000000000000AB"]),
    (Reason.LOSS, {}, ["loss hold", "loss_usd 25000 (firm.loss_usd, set by firm)"]),
    (Reason.WATCHDOG, {}, ["not heard from the host", "watchdog_us 100000 (firm.watchdog_us"]),
    (Reason.INTEGRITY, {}, ["price 1,850,000", "qty 100"]),
])
def test_each_reason_in_words_with_its_figures(journal, reason, decision, said):
    text = rejected(journal, reason, **decision)
    for part in said:
        assert part in text


def test_every_check_of_the_gate_says_something(journal):
    found = case_of(journal, reasons=sum(1 << check.reason for check in CHECKS))
    told = explain(found.case)
    assert set(told) == {check.reason for check in CHECKS}
    assert all(told.values())


def test_a_stale_book_is_told_by_its_cause_and_age(journal):
    top = raw(BOOK_TOP, time=1_500_000, bid_price=10, bid_qty=1, inexact=1 << Inexact.GAP)
    other = raw(BOOK_TOP, time=1_900_000, symbol=1, bid_price=10, bid_qty=1)
    text = rejected(journal, Reason.STALE, top, other)
    assert "not exact (gap)" in text
    assert "500.000 us old" in text


def test_a_halt_is_told(journal):
    halt = raw(MARKET_EVENT, type=ord("H"), detail=ord("P"))
    assert "trading action P" in rejected(journal, Reason.RESTRICTED, halt)


def test_a_kill_is_told_with_who_and_why_until_it_is_lifted(journal):
    journal.on_control(ControlEvent(True, False, 0, 1, "anna", "drill", 1_100_000))
    journal.on_control(ControlEvent(True, False, 2, 0, "bob", "venue down", 1_200_000))
    journal.on_control(ControlEvent(True, True, 0, 0, "risk", "loss", 1_300_000))
    journal.on_control(ControlEvent(False, True, 0, 0, "anna", "checked", 1_400_000))
    found = case_of(journal, reasons=1 << Reason.KILL)
    assert found.case.kills == ["strategy maker, by anna: drill"]
    assert found.venue == "XTGA"


def test_limits_are_those_of_the_moment(journal):
    tighter = load()
    tighter.symbols["AAPL"].values["max_qty"] = 50
    journal.on_limits(3_000_000, tighter)
    assert "max_qty 1000" in rejected(journal, Reason.QUANTITY, qty=1_001)
    assert Session(journal.folder).find(0xAC) == []


def test_an_order_that_passed_says_when_its_frame_left(journal):
    found = case_of(journal, reasons=0)
    assert found.sent == "no record says that its frame left"
    assert not explain(found.case)
    assert "0.0100 USD below the reference" in says(found.case, Reason.COLLAR)


@pytest.mark.parametrize(("flags", "said"), [(0, "left 16 ns after"), (1, "did not reach its venue")])
def test_what_became_of_an_order_that_passed(journal, flags, said):
    journal.on_records(raw(DECISION, **ORDER))
    journal.on_records(raw(ORDER_SENT, order_id=ORDER["order_id"], time=ORDER["time"] + 16, flags=flags))
    journal.close()
    assert said in Session(journal.folder).find(ORDER["order_id"])[0].sent


def test_what_the_host_rejected_is_explained_with_what_it_had(journal):
    limits = load()
    book = Book(limits.firm.gross_usd - 1, 0, -limits.firm.loss_usd)
    order = NewOrder(7, "MSFT", Side.BUY, 10, 1_000_000, 0)
    journal.on_rejected(2_000_000, order, 1 << Reason.GROSS | 1 << Reason.LOSS, book)
    journal.close()
    (found,) = Session(journal.folder).find(7)
    told = explain(found.case)
    assert (found.by, found.strategy) == ("host", "maker")
    assert "999.9999 USD more than gross_usd 2000000 (firm.gross_usd, set by firm)" in told[Reason.GROSS]
    assert "-25,000.0000 USD" in told[Reason.LOSS]
    assert list(Session(journal.folder).rejected()) == [(2_000_000, 7, 1 << Reason.GROSS | 1 << Reason.LOSS)]


def test_a_stock_that_risk_reduces_is_not_called_halted(journal):
    order = NewOrder(7, "MSFT", Side.BUY, 10, 1_000_000, 0)
    journal.on_rejected(2_000_000, order, 1 << Reason.RESTRICTED, Book(0, 0, 0))
    journal.close()
    (found,) = Session(journal.folder).find(7)
    assert "risk was reducing the stock" in explain(found.case)[Reason.RESTRICTED]


def test_every_decision_is_kept_and_context_only_where_it_is_needed(journal, rng):
    kept = 0
    for n in range(300):
        symbol, reasons = rng.randrange(4), rng.choice([0, 0, 1 << Reason.COLLAR])
        journal.on_records(np.concatenate([
            raw(BOOK_TOP, symbol=symbol, time=n), raw(MARKET_EVENT, symbol=symbol, type=ord("A")),
            raw(DECISION, order_id=n, symbol=symbol, reasons=reasons)]))
        kept += 1 + bool(reasons)
    journal.close()
    session = Session(journal.folder)
    assert len(session.raw) == kept
    assert journal.decisions == 300
    assert [found.case.decision["order_id"] for n in range(300) for found in session.find(n)] == list(range(300))


@pytest.mark.parametrize("name", [DECISIONS, EVENTS])
def test_a_session_that_was_cut_short_is_read_up_to_there(journal, name):
    for n in range(3):
        journal.on_records(raw(DECISION, order_id=n))
    journal.close()
    path = journal.folder / name
    path.write_bytes(path.read_bytes() + path.read_bytes()[:37])
    assert len(Session(journal.folder).find(2)) == 1


def test_the_digests_are_those_of_the_files(journal):
    import hashlib

    journal.on_records(raw(DECISION, **ORDER))
    for name, digest in journal.close().items():
        assert hashlib.sha256((journal.folder / name).read_bytes()).hexdigest() == digest
    assert json.loads((journal.folder / "session.json").read_text())["seed"] == 5


def test_money_is_exact():
    assert [money(value) for value in (0, 1, -1, 12_345_678)] == [
        "0.0000 USD", "0.0001 USD", "-0.0001 USD", "1,234.5678 USD"]
