"""Positions: cost, P&L, fees and currencies, exact to the last unit; a function of the set of fills."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.layouts import Side
from host.messages import Report, direction
from host.positions import positions as module
from host.positions.cost import Average, Fifo
from host.positions.money import Fees, Fx, Instrument, NoRate, Rate, rounded
from host.positions.positions import Positions
from tests.host.test_executions import histories

BASES = pytest.mark.parametrize("basis", [Average, Fifo])
FEES = (Fees(-20, 30), Fees(maker=-25, taker=28, taker_ppb=1_234, sale_ppb=27_800))
FILLS = st.lists(st.tuples(st.sampled_from([Side.BUY, Side.SELL, Side.SELL_SHORT]), st.integers(1, 5_000),
                           st.integers(1, 2_000_000), st.integers(0, 1), st.booleans()), max_size=40)
OPTION = {"X": Instrument(multiplier=100)}


def trade(n, side, qty, price, venue=0, time=None, stock="X", **more):
    return Report(1, f"E{n}", "F", "", stock, side, venue, qty, price, time=n if time is None else time, **more)


def figures(positions, mark=1_000_000):
    """Everything there is to know of every position."""
    result = {}
    for stock in ("X", "Y"):
        one = positions.on_mark(stock, mark)
        result[stock] = (one.qty, one.cost, one.realised, one.unrealised, one.fees, one.bought, one.sold, one.net,
                         one.basis.snapshot())
    return result, {key: qty for key, qty in positions.by_symbol.items() if qty}


def told(reports, basis=Average, instruments=None):
    positions = Positions(FEES, instruments, basis)
    for report in reports:
        positions.on_report(report)
    return positions


# ---- cost

def test_average_cost_buying_twice_and_selling_some():
    book = Positions((Fees(maker=-20, taker=30),))
    book.on_fill("AAPL", 0, Side.BUY, 100, 10_000)
    book.on_fill("AAPL", 0, Side.BUY, 100, 20_000)
    position = book.on_fill("AAPL", 0, Side.SELL, 50, 25_000, maker=True)
    assert (position.qty, position.cost, position.realised) == (150, 2_250_000, 500_000)
    assert position.fees == 200 * 30 - 50 * 20
    assert position.unrealised == 0, "worth what it cost until there is a mark"
    book.on_mark("AAPL", 16_000)
    assert position.unrealised == 150 * 1_000
    assert position.net == book.net == 500_000 + 150_000 - 5_000


def test_first_in_first_out():
    book = Positions(basis=Fifo)
    book.on_fill("AAPL", 0, Side.BUY, 100, 10_000)
    book.on_fill("AAPL", 0, Side.BUY, 100, 20_000)
    position = book.on_fill("AAPL", 0, Side.SELL, 150, 25_000)
    assert (position.qty, position.cost, position.realised) == (50, 1_000_000, 100 * 15_000 + 50 * 5_000)


@BASES
def test_a_fill_through_zero_closes_and_opens(basis):
    book = Positions(basis=basis)
    book.on_fill("X", 0, Side.BUY, 100, 10_000)
    position = book.on_fill("X", 0, Side.SELL, 300, 11_000)
    assert (position.qty, position.cost, position.realised) == (-200, -2_200_000, 100_000)
    book.on_fill("X", 0, Side.BUY, 200, 10_500)
    assert (position.qty, position.cost, position.realised) == (0, 0, 200_000)


def test_average_cost_rounds_toward_zero_and_loses_nothing():
    book = Positions()
    book.on_fill("X", 0, Side.BUY, 3, 10_000)
    book.on_fill("X", 0, Side.BUY, 4, 10_001)
    position = book.on_fill("X", 0, Side.SELL, 1, 10_000)
    assert (position.cost, position.realised) == (70_004 - 10_000, 0), "70,004 / 7 = 10,000.57, cut off"
    book.on_fill("X", 0, Side.SELL, 6, 10_000)
    assert (position.cost, position.realised) == (0, -4)


@BASES
@given(FILLS, st.integers(1, 2_000_000))
def test_pnl_is_cash_plus_value_whatever_the_fills(basis, fills, mark):
    book = Positions(FEES, OPTION, basis)
    cash = held = fees = 0
    for side, qty, price, venue, maker in fills:
        book.on_fill("X", venue, side, qty, price, maker)
        sign = direction(side)
        cash -= sign * qty * price * 100
        held += sign * qty
        fees += FEES[venue].of(qty, qty * price * 100, sale=sign < 0, maker=maker)
    position = book.on_mark("X", mark)
    assert position.qty == held == sum(book.by_symbol.values())
    assert position.realised + position.unrealised == cash + held * mark * 100
    assert position.fees == fees
    assert position.net == book.net
    assert position.qty == 0 or (position.cost > 0) == (position.qty > 0) or position.cost == 0
    assert position.qty or not position.cost


@BASES
@given(FILLS)
def test_the_mirror_image_of_a_day_has_the_mirror_image_of_its_pnl(basis, fills):
    """Long and short are alike: no rounding prefers a side."""
    one, other = Positions(basis=basis), Positions(basis=basis)
    for side, qty, price, venue, _ in fills:
        one.on_fill("X", venue, side, qty, price)
        other.on_fill("X", venue, Side.BUY if side & 1 else Side.SELL, qty, price)
    a, b = one.position("X"), other.position("X")
    assert (a.qty, a.cost, a.realised) == (-b.qty, -b.cost, -b.realised)


@given(FILLS)
def test_first_in_first_out_is_what_matching_unit_by_unit_gives(fills):
    book, queue, realised = Positions(basis=Fifo), [], 0
    for side, qty, price, venue, _ in fills:
        qty = qty % 20 + 1
        book.on_fill("X", venue, side, qty, price)
        for _ in range(qty):
            if queue and queue[0][0] != direction(side):
                sign, paid = queue.pop(0)
                realised += sign * (price - paid)
            else:
                queue.append((direction(side), price))
    position = book.position("X")
    assert position.qty == sum(sign for sign, _ in queue)
    assert position.cost == sum(sign * paid for sign, paid in queue)
    assert position.realised == realised


# ---- a function of the set of fills

@st.composite
def days(draw):
    """Fills of a day with times, some corrected or busted, as a venue would tell them."""
    reports, _ = draw(histories())
    times = {report.exec_id: draw(st.integers(0, 6)) for report in reports}
    return [Report(1, one.exec_id, one.exec_type, "", "X" if one.exec_id[1] in "024" else "Y",
                   Side.BUY if one.exec_id[1] in "013" else Side.SELL, one.venue, one.last_qty,
                   10_000 + 7 * one.last_qty, ref_id=one.ref_id, maker=one.last_qty % 2 == 0,
                   time=times[one.exec_id]) for one in reports]


@BASES
@settings(max_examples=150)
@given(days(), st.integers(0, 2**32), st.booleans())
def test_positions_are_the_same_under_any_order_of_events(basis, reports, seed, twice):
    shuffled = reports + reports * twice
    random.Random(seed).shuffle(shuffled)
    assert figures(told(shuffled, basis)) == figures(told(reports, basis))


@BASES
@settings(max_examples=100)
@given(days(), st.integers(0, 2**32))
def test_positions_are_the_sum_of_the_fills_that_count(basis, reports, seed):
    random.Random(seed).shuffle(reports)
    positions = told(reports, basis)
    counting = [positions._executions.trades[key] for key in positions._executions.trades
                if positions._executions.counts(key)]
    for stock in ("X", "Y"):
        signed = sum(direction(one.side) * one.last_qty for one in counting if one.stock == stock)
        assert positions.position(stock).qty == signed
        assert sum(qty for (name, _), qty in positions.by_symbol.items() if name == stock) == signed


@BASES
def test_a_bust_and_a_correction_leave_what_would_be_without_them(basis, rng):
    """Over many snapshots: 400 fills, of which some are taken back or corrected at random moments."""
    assert module.STRIDE < 100
    reports = [trade(n, rng.choice([Side.BUY, Side.SELL]), rng.randrange(1, 90), 10_000 + rng.randrange(500),
                     n % 2, maker=rng.random() < 0.5) for n in range(400)]
    positions, expected = told([], basis), {}
    for n, report in enumerate(reports):
        positions.on_report(report)
        expected[n] = report
        if rng.random() < 0.1:
            at = rng.choice(list(expected))
            positions.on_report(Report(1, f"H{n}", "H", "", "X", Side.BUY, at % 2, ref_id=f"E{at}", time=n))
            del expected[at]
        if expected and rng.random() < 0.1:
            at = rng.choice(list(expected))
            old = expected[at]
            new = expected[at] = trade(at, old.side, old.last_qty + 1, old.last_price + 5, old.venue, maker=old.maker)
            positions.on_report(Report(1, f"G{n}", "G", "", "X", new.side, new.venue, new.last_qty, new.last_price,
                                       ref_id=old.exec_id, maker=new.maker, time=10_000 + n))
            assert figures(positions)[0]["X"] == figures(told(expected.values(), basis))[0]["X"]
    assert figures(positions)[0]["X"][0] != 0


def test_a_late_fill_takes_its_place_in_time():
    """FIFO by the times of the trades, not by the accident of their arrival."""
    first, second = trade(1, Side.BUY, 10, 100), trade(2, Side.BUY, 10, 200)
    close = trade(3, Side.SELL, 10, 300)
    for order in ([first, second, close], [second, close, first], [close, second, first]):
        assert told(order, Fifo).position("X").realised == 10 * 200


def test_execution_ids_of_one_moment_stand_as_they_count():
    reports = [trade(n, Side.BUY, 1, n, time=5) for n in range(1, 30)]
    positions = told(reversed(reports), Fifo)
    assert positions.position("X").basis.snapshot()[3] == tuple((1, n) for n in range(1, 30))


def test_what_is_told_twice_and_what_is_no_trade_change_nothing():
    positions = Positions()
    report = trade(1, Side.BUY, 10, 100)
    assert positions.on_report(report).qty == 10
    assert positions.on_report(report) is None
    assert positions.on_report(Report(1, "E9", "0", "", "X", Side.BUY, 0)) is None
    assert positions.position("X").qty == 10


@pytest.mark.parametrize(("qty", "price"), [(0, 1), (-5, 1), (5, 0), (5, -1)])
def test_an_impossible_fill_is_refused_and_changes_nothing(qty, price):
    book = Positions()
    with pytest.raises(ValueError, match="cannot be"):
        book.on_fill("X", 0, Side.BUY, qty, price)
    with pytest.raises(ValueError, match="cannot be"):
        book.on_report(trade(1, Side.BUY, qty, price))
    assert not book.by_stock


# ---- money

@pytest.mark.parametrize(("numerator", "denominator", "expected"), [
    (7, 2, 4), (-7, 2, -4), (5, 2, 3), (-5, 2, -3), (1, 3, 0), (-1, 3, 0), (2, 3, 1), (-2, 3, -1), (0, 5, 0),
    (10**40 + 1, 2, (10**40) // 2 + 1)])
def test_rounding_is_half_away_from_zero(numerator, denominator, expected):
    assert rounded(numerator, denominator) == expected


@given(st.integers(-10**15, 10**15), st.integers(1, 10**9))
def test_rounding_is_the_nearest_and_symmetric(numerator, denominator):
    whole = rounded(numerator, denominator)
    assert abs(2 * (numerator - whole * denominator)) <= denominator
    assert rounded(-numerator, denominator) == -whole


def test_fees_a_share_of_the_notional_and_of_sales():
    fees = Fees(maker=-20, taker=30, taker_ppb=100_000, sale_ppb=27_800)
    notional = 1_000 * 500_000
    assert fees.of(1_000, notional, sale=False, maker=False) == 30_000 + 50_000
    assert fees.of(1_000, notional, sale=True, maker=True) == -20_000 + 13_900
    assert fees.of(1, 10_000, sale=True, maker=True) == -20, "0.278 of a unit rounds to none"


def test_options_count_by_their_multiplier():
    book = Positions((Fees(taker=6_500),), {"AAPL 260619C200": Instrument(multiplier=100)})
    position = book.on_fill("AAPL 260619C200", 0, Side.BUY, 5, 32_500)
    assert (position.qty, position.cost, position.fees) == (5, 5 * 100 * 32_500, 5 * 6_500)
    book.on_mark("AAPL 260619C200", 33_000)
    assert position.unrealised == 5 * 100 * 500
    assert book.gross_notional == 5 * 100 * 33_000


def test_currencies_are_converted_once_as_totals():
    fx = Fx("USD", {"EUR": Rate(108_537, 100_000), "JPY": Rate(1, 150)})
    book = Positions(instruments={"SAP": Instrument("EUR"), "SIE": Instrument("EUR"), "7203": Instrument("JPY")}, fx=fx)
    for stock, price in (("SAP", 1), ("SIE", 1), ("7203", 75), ("AAPL", 10)):
        book.on_fill(stock, 0, Side.BUY, 1, price)
        book.on_mark(stock, 2 * price)
    assert book.net == rounded(2 * 108_537, 100_000) + rounded(75, 150) + 10 == 2 + 1 + 10
    assert book.gross_notional == rounded(4 * 108_537, 100_000) + 1 + 20


def test_a_currency_without_a_rate_is_an_error_and_never_left_out():
    book = Positions(instruments={"SAP": Instrument("EUR")})
    book.on_fill("SAP", 0, Side.BUY, 1, 100)
    with pytest.raises(NoRate, match="from EUR to USD"):
        _ = book.net


@pytest.mark.parametrize("make", [lambda: Instrument(multiplier=0), lambda: Rate(0, 1), lambda: Rate(1, 0)])
def test_impossible_terms_are_refused(make):
    with pytest.raises(ValueError, match="cannot be"):
        make()


def test_after_a_restart_positions_are_what_the_book_of_record_has():
    reports = [trade(n, Side.BUY, 10 + n, 100) for n in range(5)]
    positions = Positions(FEES)
    positions.recover(reports)
    assert figures(positions) == figures(told(reports))
