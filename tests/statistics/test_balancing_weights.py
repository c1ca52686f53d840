"""Weights from propensity scores: their definitions in R, exact balance of overlap weights, truncation, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.stored import column, floats, read_data, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.balancing_weights import balancing_weights, effective_sample_size
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.standardised_difference import (
    binary_difference,
    categorical_difference,
    continuous_difference,
)

STORED = 1e-9  # of a weight; fitted probabilities near 0 and 1 differ by some 1e-11
BALANCED = 1e-10  # the score equations say 0; what is left is rounding
STORE = reference("balancing_weights")


def lalonde():
    data = read_data("lalonde")
    x = np.column_stack([column(data, name) for name in STORE["terms"]])
    return x, data["treat"] == 1


def score_of(x, arm):
    return fit_logistic(outcome=arm, covariates=x).probabilities


@pytest.mark.parametrize("case", STORE["cases"], ids=lambda case: case["label"])
def test_r_agrees(case):
    x, arm = lalonde()
    found = balancing_weights(
        score=score_of(x, arm),
        treated=arm,
        estimand=case["estimand"],
        stabilised=case["stabilised"],
        truncate_quantiles=case["quantiles"] and tuple(case["quantiles"]),
    )
    np.testing.assert_allclose(found.weight, floats(case["weight"]), rtol=STORED)
    sides = (found.treated, found.comparator)
    assert [side.total for side in sides] == pytest.approx(case["total"], rel=STORED)
    assert [side.effective_size for side in sides] == pytest.approx(case["effective"], rel=STORED)
    assert [side.largest for side in sides] == pytest.approx(case["largest"], rel=STORED)
    differences = [continuous_difference(values=x[:, j], treated=arm, weight=found.weight) for j in range(x.shape[1])]
    np.testing.assert_allclose(differences, floats(case["differences"]), rtol=STORED, atol=1e-12)


def test_noted_differences_of_lalonde():
    x, arm = lalonde()
    found = balancing_weights(score=score_of(x, arm), treated=arm)
    noted = {0: -0.1675675858, 1: 0.1296017915, 6: -0.273989426}
    for j, difference in noted.items():
        assert continuous_difference(values=x[:, j], treated=arm, weight=found.weight) == pytest.approx(
            difference, abs=1e-9
        )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_overlap_weights_of_a_logistic_score_balance_every_term(seed):
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=120), rng.random(120) < 0.3, rng.integers(0, 4, 120)]).astype(float)
    arm = rng.random(120) < 1 / (1 + np.exp(-x @ [0.8, -0.5, 0.3]))
    weight = balancing_weights(score=score_of(x, arm), treated=arm, estimand="ATO").weight
    for j in range(3):
        assert abs(continuous_difference(values=x[:, j], treated=arm, weight=weight)) < BALANCED
    assert categorical_difference(levels=x[:, 1], treated=arm, weight=weight) < BALANCED


def test_truncation_is_counted_and_leaves_the_rest():
    score, arm = [0.1, 0.2, 0.5, 0.9], [1, 1, 0, 0]
    plain = balancing_weights(score=score, treated=arm)
    cut = balancing_weights(score=score, treated=arm, truncate_at=(2.5, 8.0))
    np.testing.assert_allclose(plain.weight, [10, 5, 2, 10])
    assert cut.weight.tolist() == [8.0, 5.0, 2.5, 8.0]
    assert (cut.truncated_below, cut.truncated_above, cut.limits) == (1, 2, (2.5, 8.0))
    assert (plain.truncated_below, plain.truncated_above, plain.limits) == (0, 0, None)


def test_truncation_under_att_leaves_the_treated_at_one():
    found = balancing_weights(score=[0.1, 0.2, 0.5, 0.9], treated=[1, 1, 0, 0], estimand="ATT", truncate_at=(2.0, 5.0))
    assert found.weight.tolist() == [1.0, 1.0, 2.0, 5.0]


def test_effective_sample_size():
    assert effective_sample_size(np.ones(7)) == 7
    assert effective_sample_size(np.array([1.0, 0.0, 0.0])) == 1
    assert effective_sample_size(np.zeros(3)) == 0


def test_stabilised_weights_sum_to_the_arms():
    rng = np.random.default_rng(1)
    arm = rng.random(50) < 0.3
    found = balancing_weights(score=np.full(50, arm.mean()), treated=arm, stabilised=True)
    np.testing.assert_allclose(found.weight, 1.0)  # a score that knows nothing


def test_weighted_differences_keep_the_unweighted_spread():
    values, arm = np.array([0.0, 1, 0, 1]), [1, 1, 0, 0]
    weight = [1, 0, 0, 1]  # nobody varies any more
    assert continuous_difference(values=values, treated=arm, weight=weight) == pytest.approx(-1 / np.sqrt(0.5))
    assert binary_difference(0.0, 1.0, 0.5, 0.5) == pytest.approx(-2)
    assert categorical_difference(levels=values, treated=arm, weight=weight) == pytest.approx(2)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"score": [0.0, 0.5, 0.5]}, ArgumentError, r"score: found 1 scores outside \(0, 1\)"),
        ({"score": [np.nan, 0.5, 0.5]}, ArgumentError, "score: found 1 missing"),
        ({"score": [5e-324, 0.5, 0.5]}, ArgumentError, "so near 0 or 1"),
        ({"estimand": "ate"}, ArgumentError, "estimand: found 'ate'"),
        ({"estimand": "ATO", "stabilised": True}, ArgumentError, "stabilised: found with ATO"),
        ({"truncate_at": (1, 2), "truncate_quantiles": (0, 1)}, ArgumentError, "expected one of them"),
        ({"truncate_at": (3, 2)}, ArgumentError, "truncate_at: found"),
        ({"truncate_quantiles": (0.9, 0.1)}, ArgumentError, "truncate_quantiles: found"),
        ({"treated": [1, 1, 1]}, NotEstimableError, "one arm only"),
    ],
)
def test_bad_arguments_are_named(changed, error, message):
    with pytest.raises(error, match=message):
        balancing_weights(**{"score": [0.2, 0.5, 0.7], "treated": [1, 0, 0], **changed})


def test_an_arm_without_weight_has_no_difference():
    with pytest.raises(ArgumentError, match="an arm whose weights are all 0"):
        continuous_difference(values=[1, 2, 3], treated=[1, 1, 0], weight=[1, 1, 0])
