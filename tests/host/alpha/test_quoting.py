"""The quoting models against their formulas in floating point, and what every model must keep to."""

from math import log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.alpha.quoting import CHARGES, ONE, AvellanedaStoikov, Fixed, Glft, fixed_point

VARIANCE = 40 * 40 * ONE * ONE  # a standard deviation of 40 ticks a square root of a second
MODELS = (Fixed(), AvellanedaStoikov(), Glft())


@pytest.mark.parametrize("q", [-9, -1, 0, 1, 4])
@pytest.mark.parametrize("charge", CHARGES)
def test_avellaneda_stoikov_equations_29_and_30(q, charge):
    model = AvellanedaStoikov(gamma=0.05, k=1.2, horizon=0.004)
    gamma, risk = 0.05 * charge, 0.05 * charge * 40 * 40 * 0.004
    reservation = -q * risk
    spread = risk + 2 / gamma * log(1 + gamma / 1.2)
    bid, ask = model.distances(q, VARIANCE, charge)
    assert bid / ONE == pytest.approx(spread / 2 - reservation, abs=0.02)
    assert ask / ONE == pytest.approx(spread / 2 + reservation, abs=0.02)


@pytest.mark.parametrize("q", [-9, -1, 0, 1, 4])
@pytest.mark.parametrize("charge", CHARGES)
def test_glft_closed_form(q, charge):
    gamma, k, rate = 0.05 * charge, 0.8, 300
    c = sqrt(40 * 40 * gamma / (2 * k * rate) * (1 + gamma / k) ** (1 + k / gamma))
    base = log(1 + gamma / k) / gamma
    bid, ask = Glft(0.05, k, rate).distances(q, VARIANCE, charge)
    assert bid / ONE == pytest.approx(base + (2 * q + 1) / 2 * c, abs=0.02)
    assert ask / ONE == pytest.approx(base - (2 * q - 1) / 2 * c, abs=0.02)


def test_glft_with_the_parameters_of_the_papers_figures():
    """sigma 0.3, A 0.9, k 0.3, gamma 0.01, in ticks and seconds: 3.279 + 0.068 / 2 at q = 0, 0.068 more a unit."""
    model, variance = Glft(gamma=0.01, k=0.3, rate=0.9), 9 * ONE * ONE // 100
    bid, ask = model.distances(0, variance, 1)
    assert bid / ONE == pytest.approx(3.313, abs=0.003)
    assert ask / ONE == pytest.approx(3.313, abs=0.003)
    assert (model.distances(1, variance, 1)[0] - bid) / ONE == pytest.approx(0.068, abs=0.002)


@given(st.integers(-50, 50), st.integers(0, 10**10), st.sampled_from(CHARGES), st.sampled_from(MODELS))
def test_models_are_symmetric_and_lean_against_what_is_held(q, variance, charge, model):
    bid, ask = model.distances(q, variance, charge)
    other_bid, other_ask = model.distances(-q, variance, charge)
    assert abs(bid - other_ask) <= 1
    assert abs(ask - other_bid) <= 1
    assert bid + ask > 0
    longer, _ = model.distances(q + 1, variance, charge)
    assert longer >= bid
    assert isinstance(bid, int)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e30])
def test_a_parameter_that_cannot_be_used(value):
    with pytest.raises(ValueError, match="cannot be used"):
        fixed_point(value)
