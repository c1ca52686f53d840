"""The bias of a binary confounder and its tipping point, against closed forms worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.unmeasured_confounding import bias_factor, tipping_point, without_confounder

CLOSED = 1e-12  # a handful of arithmetic operations

shares = st.floats(0, 1)
ratios = st.floats(0.01, 100)


@pytest.mark.parametrize(
    ("g", "p1", "p0", "expected"),
    [
        (2, 0.4, 0.2, 1.4 / 1.2),
        (3, 0.5, 0.0, 2.0),  # nobody in the comparator arm: 1 + p1 (g - 1)
        (3, 0.0, 0.5, 0.5),
        (4, 1.0, 0.0, 4.0),  # the arm is the confounder
        (0.5, 0.4, 0.2, 0.8 / 0.9),
        (1, 0.9, 0.1, 1.0),
    ],
)
def test_the_bias_factor_is_the_ratio_of_the_mean_hazards(g: float, p1: float, p0: float, expected: float) -> None:
    found = bias_factor(confounder=g, prevalence_treated=p1, prevalence_comparator=p0)
    assert found == pytest.approx(expected, rel=CLOSED)


@pytest.mark.parametrize(
    ("ratio", "p1", "p0", "expected"),
    [
        (0.8, 0.2, 0.4, 8 / 3),  # 1 + (-0.2) / (0.2 - 0.32)
        (1.5, 0.4, 0.2, 6.0),  # 1 + 0.5 / (0.4 - 0.3)
        (0.9, 0.4, 0.2, 1 - 0.1 / 0.22),  # a confounder that protects
        (2.0, 1.0, 0.0, 2.0),
        (1.0, 0.3, 0.3, 1.0),
    ],
)
def test_the_tipping_point_solves_for_the_confounder(ratio: float, p1: float, p0: float, expected: float) -> None:
    found = tipping_point(ratio=ratio, prevalence_treated=p1, prevalence_comparator=p0)
    assert found == pytest.approx(expected, rel=CLOSED)


@pytest.mark.parametrize(
    ("ratio", "p1", "p0"),
    [
        (2.0, 0.4, 0.2),  # the bias tends to p1 / p0 = 2 and does not reach it
        (2.5, 0.4, 0.2),
        (0.7, 0.4, 0.2),  # and to (1 - p1) / (1 - p0) = 0.75 on the other side
    ],
)
def test_a_ratio_beyond_all_bias_is_not_reached(ratio: float, p1: float, p0: float) -> None:
    with pytest.raises(NotEstimableError, match="not reached"):
        tipping_point(ratio=ratio, prevalence_treated=p1, prevalence_comparator=p0)


def test_equal_prevalences_tip_nothing() -> None:
    with pytest.raises(NotEstimableError, match="equal prevalences"):
        tipping_point(ratio=0.8, prevalence_treated=0.3, prevalence_comparator=0.3)


@given(g=ratios, p1=shares, p0=shares)
def test_the_tipping_point_of_a_bias_is_its_confounder(g: float, p1: float, p0: float) -> None:
    assume(abs(p1 - p0) > 0.01 and abs(math.log(g)) > 0.01)
    bias = bias_factor(confounder=g, prevalence_treated=p1, prevalence_comparator=p0)
    found = tipping_point(ratio=bias, prevalence_treated=p1, prevalence_comparator=p0)
    assert found == pytest.approx(g, rel=1e-6)  # the divisor loses digits where the bias is near its bound


@given(g=ratios, p1=shares, p0=shares)
def test_swapping_the_arms_inverts_the_bias(g: float, p1: float, p0: float) -> None:
    one = bias_factor(confounder=g, prevalence_treated=p1, prevalence_comparator=p0)
    other = bias_factor(confounder=g, prevalence_treated=p0, prevalence_comparator=p1)
    assert one * other == pytest.approx(1, rel=CLOSED)
    assert min(1 / g, g) * (1 - CLOSED) <= one <= max(1 / g, g) * (1 + CLOSED)


def test_estimate_and_limits_are_divided_alike() -> None:
    found = without_confounder(
        hazard_ratio=1.4, lower=1.05, upper=1.75, confounder=2, prevalence_treated=0.4, prevalence_comparator=0.2
    )
    assert (found.hazard_ratio, found.lower, found.upper) == pytest.approx((1.2, 0.9, 1.5), rel=CLOSED)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confounder": 0.0}, "confounder"),
        ({"confounder": math.inf}, "confounder"),
        ({"confounder": math.nan}, "confounder"),
        ({"prevalence_treated": 1.1}, "prevalence_treated"),
        ({"prevalence_comparator": -0.1}, "prevalence_comparator"),
        ({"prevalence_comparator": math.nan}, "prevalence_comparator"),
        ({"lower": 2.0}, "hazard_ratio"),
        ({"lower": 0.0}, "hazard_ratio"),
        ({"upper": math.nan}, "hazard_ratio"),
    ],
)
def test_bad_arguments_are_refused(changes: dict[str, float], message: str) -> None:
    good = {"hazard_ratio": 1.4, "lower": 1.1, "upper": 1.8, "confounder": 2.0}
    good |= {"prevalence_treated": 0.4, "prevalence_comparator": 0.2}
    with pytest.raises(ArgumentError, match=message):
        without_confounder(**{**good, **changes})


def test_a_ratio_of_zero_has_no_tipping_point() -> None:
    with pytest.raises(ArgumentError, match="ratio"):
        tipping_point(ratio=0.0, prevalence_treated=0.4, prevalence_comparator=0.2)
