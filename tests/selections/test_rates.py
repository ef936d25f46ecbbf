"""True rates from strides: floors and nearest whole numbers of them, in one file or several."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.selections.rates import rate_of_strides, stated_rate

RATES = [Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)]


@pytest.mark.parametrize("rate", RATES)
def test_the_floor_tells_the_rate(rate: Fraction) -> None:
    floor, nearest = math.floor(rate), round(rate)
    assert rate_of_strides([floor]) == pytest.approx(float(rate))
    assert rate_of_strides([floor, nearest]) == pytest.approx(float(rate))
    assert rate_of_strides([nearest]) == nearest  # which films of that very rate have too


@pytest.mark.parametrize("rate", [10, 12, 15, 20, 24, 25, 30, 50, 60, 120, 144])
def test_whole_rates(rate: int) -> None:
    assert rate_of_strides([rate]) == rate
    assert rate_of_strides([rate, rate, 2 * rate]) == rate


def test_multiples_of_a_stride() -> None:
    assert rate_of_strides([58]) == rate_of_strides([29]) == rate_of_strides([29, 60])
    assert rate_of_strides([46]) == rate_of_strides([23, 72]) == rate_of_strides([23])
    assert rate_of_strides([]) is None


@given(st.fractions(5, 240), st.integers(1, 3))
def test_a_guess_is_near_the_rate(rate: Fraction, files: int) -> None:
    """A stride is within half a frame, or a frame, of the rate; so is what is made of it."""
    strides = [math.floor(rate), round(rate)][:files]
    found = rate_of_strides(strides)
    assert found is not None
    multiples = {n * f for n in (2, 3) for f in (23, 29, 47, 59, 119)}  # taken for such
    if not multiples & set(strides):
        assert abs(found - rate) <= 1


@pytest.mark.parametrize("rate", [*RATES, Fraction(15000, 1001), Fraction(25), Fraction(59, 2)])
def test_rounded_rates(rate: Fraction) -> None:
    for digits in (2, 3, 5):
        assert stated_rate(round(float(rate), digits)) == pytest.approx(float(rate), abs=1e-9)


@pytest.mark.parametrize("rate", RATES)
def test_a_stated_floor_is_the_rate_that_strides_make_of_it(rate: Fraction) -> None:
    floor = math.floor(rate)
    assert stated_rate(floor) == stated_rate(float(floor)) == pytest.approx(float(rate))
    assert stated_rate(math.ceil(rate)) == math.ceil(rate)
