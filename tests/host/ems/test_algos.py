"""What each algorithm wishes, and how it is written on the wire."""

import pytest

from hdl.layouts import Side
from host.ems.algos import ALGOS, Iceberg, PassiveThenAggressive, Pov, Sweep, Twap, View, Vwap, read, write
from host.messages import DAY, IOC


def view(now=0, filled=0, side=Side.BUY, limit=10_500, traded=0, qty=1_000):
    return View(now, 0, side, qty, filled, limit, 10_000, 10_200, traded)


@pytest.mark.parametrize(("now", "filled", "wish"), [
    (0, 0, (200, 10_000, DAY)),         # the first slice rests
    (999, 0, (200, 10_000, DAY)),
    (1_000, 200, (400, 10_000, DAY)),   # it was filled: the second rests
    (1_000, 150, (200, 10_200, IOC)),   # it was not: what is missing is taken
    (4_999, 900, (1_000, 10_000, DAY)),
    (9_000, 900, (1_000, 10_200, IOC)),
])
def test_twap(now, filled, wish):
    assert Twap(5_000, 5).wish(view(now, filled)) == wish


@pytest.mark.parametrize(("now", "filled", "wish"), [
    (0, 0, (500, 10_000, DAY)), (1_000, 500, (750, 10_000, DAY)), (2_000, 600, (750, 10_200, IOC)),
    (3_000, 800, (1_000, 10_200, IOC)),
])
def test_vwap_follows_its_curve(now, filled, wish):
    assert Vwap(3_000, (2, 1, 1)).wish(view(now, filled)) == wish


@pytest.mark.parametrize(("traded", "total"), [(0, 0), (999, 99), (5_000, 500), (50_000, 1_000)])
def test_pov_is_a_share_of_the_market(traded, total):
    assert Pov(100).wish(view(traded=traded)) == (total, 10_200, IOC)


def test_iceberg_shows_its_display_at_the_limit():
    assert Iceberg(100).wish(view()) == (100, 10_500, DAY)
    assert Iceberg(100).wish(view(filled=950)) == (1_000, 10_500, DAY)


def test_passive_then_aggressive():
    assert PassiveThenAggressive(1_000).wish(view(999)) == (1_000, 10_000, DAY)
    assert PassiveThenAggressive(1_000).wish(view(1_000)) == (1_000, 10_200, IOC)
    assert PassiveThenAggressive(0).wish(view(0)).tif == IOC


def test_sweep_goes_to_the_limit():
    assert Sweep().wish(view()) == (1_000, 10_500, IOC)


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, 9_900), (Side.SELL, 10_400), (Side.SELL_SHORT, 10_400)])
@pytest.mark.parametrize("algo", [Twap(), Vwap(), Pov(), Iceberg(), PassiveThenAggressive(), Sweep()])
@pytest.mark.parametrize("now", [0, 10**9])
def test_no_wish_passes_the_limit(algo, side, limit, now):
    assert algo.wish(view(now, side=side, limit=limit, traded=10**6)).price == limit


@pytest.mark.parametrize("algo", [Twap(7, 3), Vwap(9, (4, 5)), Pov(50), Iceberg(300), PassiveThenAggressive(0),
                                  Sweep()])
def test_what_is_written_is_read(algo):
    assert read(*write(algo)) == algo


@pytest.mark.parametrize(("code", "text", "what"), [
    (77, "", "TargetStrategy 77"), (1001, "speed=5", "no parameter 'speed'"), (1001, "slices=0", "must be positive"),
    (1001, "slices=-1", "must be positive"), (1001, "slices=x", "invalid literal"), (1, "curve=0/0", "positive"),
])
def test_what_cannot_be_worked_is_an_error(code, text, what):
    with pytest.raises(ValueError, match=what):
        read(code, text)


def test_codes_are_of_the_standard_or_of_the_range_for_the_parties():
    assert all(code in (1, 2) or code >= 1000 for code in ALGOS)
