"""Prices, quantities and times: exact both ways, and nothing odd accepted."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixparse.values import format_price, format_time, parse_int, parse_price, parse_qty, parse_time


@pytest.mark.parametrize(("text", "price"), [
    (b"123.45", 1_234_500), (b"0000123.4500", 1_234_500), (b"123", 1_230_000), (b"123.", 1_230_000), (b".5", 5_000),
    (b"0.0001", 1), (b"-0.0001", -1), (b"-5", -50_000), (b"99.0", 990_000), (b"1.23450000", 12_345), (b"0", 0)])
def test_price(text, price):
    assert parse_price(text) == price


@pytest.mark.parametrize("text", [b"", b".", b"-", b"-.", b"1.00005", b"1.2.3", b"1e5", b"+1", b" 1", b"1 ", b"1_0",
                                  b"--1", b"1.-5", b"nan", b"inf", b"0x10", b"1,5", b"1.0000x", b"\xd9\xa1"])
def test_what_is_no_price(text):
    with pytest.raises(ValueError, match="decimal"):
        parse_price(text)


@given(st.integers(-10**12, 10**12))
def test_price_round_trip(price):
    text = format_price(price)
    assert parse_price(text) == price
    assert Decimal(text.decode()) * 10_000 == price


@given(st.text("0123456789.-+e_ ", max_size=12))
def test_price_is_what_decimal_says(text):
    """`Decimal` accepts more forms; where both accept, they agree."""
    try:
        price = parse_price(text.encode())
    except ValueError:
        return
    try:
        exact = Decimal(text) * 10_000
    except InvalidOperation:
        pytest.fail(f"{text!r} was taken for {price}")
    assert exact == price


def test_qty():
    assert parse_qty(b"000000100") == 100
    assert parse_qty(b"100.000") == 100
    for text in (b"100.5", b"", b"x", b"1e2"):
        with pytest.raises(ValueError, match=r"whole number|decimal"):
            parse_qty(text)


def test_int():
    assert parse_int(b"-007") == -7
    for text in (b"", b"-", b"1.0", b"+1", b" 1"):
        with pytest.raises(ValueError, match="integer"):
            parse_int(text)


@given(st.integers(0, 4_102_444_800 * 10**9 - 1), st.sampled_from([0, 3, 6, 9]))
def test_time_round_trip(ns, places):
    step = 10**(9 - places)
    text = format_time(ns, places)
    assert parse_time(text) == ns // step * step
    assert text[:17].decode() == datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y%m%d-%H:%M:%S")


@pytest.mark.parametrize("text", [
    b"", b"20260102", b"20260102-14:30", b"20260102 14:30:00", b"20260102-14:30:00.", b"20260102-14:30:00.1",
    b"20260102-14:30:00.1234", b"20260102-14:30:00,123", b"20260102-24:00:00", b"20260102-14:60:00",
    b"20260102-14:30:61", b"20261302-14:30:00", b"20260230-14:30:00", b"2026010a-14:30:00", b"20260102-1x:30:00",
    b"20260102-14:30:00.12x", b"20260102-14:30:00Z", b"20260102-14.30.00"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError):
        parse_time(text)


def test_leap_second_is_the_next_minute():
    assert parse_time(b"20161231-23:59:60.500") == parse_time(b"20170101-00:00:00.500")


@pytest.mark.parametrize("convert", [parse_int, parse_price, parse_qty])
def test_numbers_of_any_length_are_judged_not_crashed_on(convert):
    convert(b"0" * 30 + b"7")
    for text in (b"9" * 41, b"9" * 5000, b"0" * 10**5, b"-" + b"9" * 5000):
        with pytest.raises(ValueError, match=r"is not an? (integer|decimal|whole)"):
            convert(text)
