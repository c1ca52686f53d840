"""Tables of two by two and pairs: R's binom.test, clustered sandwich, glm and corrected chi-squared; hand-worked pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.contingency import pearson
from twoarm.statistics.paired_proportions import paired_proportions
from twoarm.statistics.proportions import odds_ratio

EXACT = 1e-9  # sums on both sides; R's zeros are a few bits
GLM = 1e-8  # R's odds come out of an iteration
Z = 1.959963984540054
STORED = reference("two_by_two")


def pairs(both: int, first_only: int, second_only: int, neither: int):
    counts = (both, first_only, second_only, neither)
    return paired_proportions(first=np.repeat([1, 1, 0, 0], counts), second=np.repeat([1, 0, 1, 0], counts))


@pytest.mark.parametrize("case", STORED["pairs"], ids=lambda case: str(case["counts"]))
def test_pairs_as_r(case):
    found = pairs(*case["counts"])
    assert found.difference == pytest.approx(case["difference"], rel=EXACT, abs=1e-12)
    assert found.difference_se == pytest.approx(case["difference_se"], rel=EXACT)
    assert found.p_value == pytest.approx(case["p_value"], rel=EXACT)
    spread = Z * case["difference_se"]
    limits = (case["difference"] - spread, case["difference"] + spread)
    assert (found.difference_lower, found.difference_upper) == pytest.approx(limits, rel=EXACT)
    if case["log_odds_ratio"] is None:
        assert math.isnan(found.odds_ratio)
        return
    centre, spread = case["log_odds_ratio"], Z * case["log_odds_ratio_se"]
    expected = tuple(math.exp(v) for v in (centre, centre - spread, centre + spread))
    assert (found.odds_ratio, found.odds_ratio_lower, found.odds_ratio_upper) == pytest.approx(expected, rel=GLM)


@pytest.mark.parametrize("case", STORED["tables"], ids=lambda case: str(case["counts"]))
def test_tables_as_r(case):
    x1, n1, x0, n0 = case["counts"]
    test = pearson(table=[[x1, x0], [n1 - x1, n0 - x0]], continuity=True)
    assert (test.method, test.degrees_of_freedom) == ("yates", 1)
    assert (test.statistic, test.p_value) == pytest.approx((case["yates"], case["p_value"]), rel=EXACT, abs=1e-12)
    table = {"events_1": x1, "n_1": n1, "events_0": x0, "n_0": n0}
    if case["odds_ratio"] is None:
        with pytest.raises(NotEstimableError, match="nobody or everybody"):
            odds_ratio(**table)
        return
    found = odds_ratio(**table)
    assert (found.odds_ratio, found.lower, found.upper) == pytest.approx(tuple(case["odds_ratio"]), rel=GLM)


def test_pairs_that_are_all_alike_have_no_interval():
    concordant = pairs(3, 0, 0, 4)
    assert (concordant.difference, concordant.odds_ratio, concordant.p_value) == (0, 1, 1)
    one_way = pairs(0, 6, 0, 0)
    assert (one_way.difference, one_way.p_value) == (1, pytest.approx(2 / 64))
    for found in (concordant, one_way):
        assert np.isnan([found.difference_lower, found.difference_upper]).all()
        assert np.isnan([found.odds_ratio_lower, found.odds_ratio_upper]).all()


def test_swapping_the_members_turns_the_sign():
    forward, back = pairs(10, 3, 7, 20), pairs(10, 7, 3, 20)
    assert back.difference == -forward.difference
    assert back.difference_lower == pytest.approx(-forward.difference_upper, rel=EXACT)
    assert back.odds_ratio == pytest.approx(1 / forward.odds_ratio, rel=EXACT)
    assert back.p_value == forward.p_value


def test_what_is_no_pair_is_refused():
    with pytest.raises(NotEstimableError, match="no pairs"):
        paired_proportions(first=[], second=[])
    with pytest.raises(ArgumentError):
        paired_proportions(first=[1, 0], second=[1])
