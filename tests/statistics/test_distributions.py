"""Tails and quantiles against printed tables and identities."""

from __future__ import annotations

import math

import pytest

from twoarm.statistics.distributions import chi_squared_tail, normal_quantile, two_sided_normal

LAST_BITS = 1e-14  # the special functions are good to a few units in the last place


@pytest.mark.parametrize(
    ("level", "z"), [(0.95, 1.959963984540054), (0.9, 1.6448536269514722), (0.99, 2.5758293035489004)]
)
def test_normal_quantile(level, z):
    assert normal_quantile(level) == pytest.approx(z, rel=LAST_BITS)


@pytest.mark.parametrize("z", [0.0, 0.5, -1.96, 6.0, -30.0])
def test_two_sided_normal(z):
    assert two_sided_normal(z) == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-13)  # exponent of 450


def test_a_normal_at_z_is_a_chi_squared_at_z_squared():
    assert chi_squared_tail(1.7**2, 1) == pytest.approx(two_sided_normal(1.7), rel=LAST_BITS)


@pytest.mark.parametrize("statistic", [0.0, 1.0, 12.5, 300.0])
def test_two_degrees_of_freedom_are_exponential(statistic):
    assert chi_squared_tail(statistic, 2) == pytest.approx(math.exp(-statistic / 2), rel=1e-13)  # exponent of 150


def test_no_degrees_of_freedom_have_no_tail():
    assert math.isnan(chi_squared_tail(3.0, 0))


def test_missing_stays_missing():
    assert math.isnan(two_sided_normal(math.nan))
