"""E-value: the published example, R's formulas, direction, limits."""

from __future__ import annotations

import math

import pytest

from oracles.stored import reference
from twoarm.errors import ArgumentError
from twoarm.statistics.e_value import e_value

CLOSED_FORM = 1e-13  # a few operations, but for powers near 1 that R subtracts from 1
CASES = reference("e_value")["cases"]


def test_published_example():
    """VanderWeele and Ding (2017): a risk ratio of 3.9 (1.8 to 8.7) has E-values of 7.2 and 3.0."""
    found = e_value(hazard_ratio=3.9, lower=1.8, upper=8.7, event_share=0.01)
    assert found.estimate == pytest.approx(7.26, abs=5e-3)
    assert found.limit == pytest.approx(3.0, abs=5e-3)
    assert found.scale == "hazard ratio as risk ratio"


@pytest.mark.parametrize("case", CASES, ids=[f"{case['hr']} rare {case['rare']}" for case in CASES])
def test_r_agrees(case):
    share = 0.1499 if case["rare"] else 0.15
    found = e_value(hazard_ratio=case["hr"], lower=case["lo"], upper=case["hi"], event_share=share)
    assert found.risk_ratio == pytest.approx(case["rr"], rel=CLOSED_FORM)
    assert found.estimate == pytest.approx(case["e"], rel=CLOSED_FORM)
    assert found.limit == pytest.approx(case["limit"], rel=CLOSED_FORM)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_protection_is_harm_inverted(share):
    harm = e_value(hazard_ratio=2, lower=1.25, upper=4, event_share=share)
    protection = e_value(hazard_ratio=0.5, lower=0.25, upper=0.8, event_share=share)
    assert protection.estimate == pytest.approx(harm.estimate, rel=1e-13)
    assert protection.limit == pytest.approx(harm.limit, rel=1e-13)
    assert protection.risk_ratio == pytest.approx(1 / harm.risk_ratio, rel=1e-13)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_nothing_to_explain_away(share):
    assert e_value(hazard_ratio=1, lower=0.8, upper=1.3, event_share=share).estimate == 1
    assert e_value(hazard_ratio=2, lower=0.8, upper=3, event_share=share).limit == 1
    assert e_value(hazard_ratio=2, lower=1, upper=3, event_share=share).limit == 1


def test_an_infinite_limit_is_allowed():
    assert e_value(hazard_ratio=2, lower=1.5, upper=math.inf, event_share=0.1).upper == math.inf
    assert e_value(hazard_ratio=2, lower=1.5, upper=math.inf, event_share=0.5).upper == math.inf


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hazard_ratio": 4}, "hazard_ratio: found 4"),
        ({"lower": 0}, "hazard_ratio: found 2"),
        ({"upper": math.nan}, "hazard_ratio: found 2"),
        ({"event_share": 15}, "event_share: found 15"),
        ({"event_share": math.nan}, "event_share: found nan"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        e_value(**{"hazard_ratio": 2, "lower": 1.5, "upper": 3, "event_share": 0.1, **changed})
