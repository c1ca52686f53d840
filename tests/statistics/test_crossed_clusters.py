"""Variance by crossed clusters: R with sandwich, the textbook double loop, and where it is no variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.stored import read_data, reference
from twoarm.errors import ArgumentError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.crossed_clusters import LARGER, crossed_variance, with_crossed_clusters
from twoarm.statistics.weighted_log_rank import weighted_log_rank
from twoarm.statistics.weighted_proportions import weighted_proportions

CLOSE = {
    "rel": 1e-8,
    "abs": 0.0,
}  # coxph and ours both run to their last digits; sandwich adds some hundreds of squares
STUDIES = reference("crossed_clusters")["studies"]
MODELS = [(study, model) for study in STUDIES for model in study["models"]]
by_label = pytest.mark.parametrize(("study", "model"), MODELS, ids=[f"{s['label']} {m['ties']}" for s, m in MODELS])


def rows_of(study):
    data = read_data("lalonde")
    at = {key: i for i, key in enumerate(data["id"].tolist())}
    rows = np.array([at[key] for key in study["patient"]])
    columns = {name: values[rows] for name, values in data.items()}
    time = 1 + np.floor(columns["re78"] + 7 * columns["age"] + columns["re75"]) % 997
    event = (np.floor(columns["re78"]) + columns["age"]) % 3 != 0
    return time, event, columns["treat"] == 1, columns["educ"]


@by_label
def test_cox_equals_r(study, model):
    time, event, arm, other = rows_of(study)
    fit = fit_cox(time=time, event=event, covariates=np.column_stack([arm, other]), weight=study["weight"],
                  ties=model["ties"])  # fmt: skip
    assert fit.coefficients == pytest.approx(model["coefficients"], **CLOSE)
    crossed = with_crossed_clusters(fit, first=study["set"], second=study["patient"])
    # 1e-8 of the product of standard errors: an off-diagonal element may be small by chance
    scale = np.sqrt(np.diag(model["covariance"]))
    assert np.abs(crossed.covariance - model["covariance"]).max() < 1e-8 * np.outer(scale, scale).max()
    assert crossed.variance_note == ""
    found = crossed_variance(influence=fit.residuals("dfbeta"), first=study["set"], second=study["patient"])
    assert np.diag(found.first) == pytest.approx(np.diag(model["by_set"]), **CLOSE)
    assert np.diag(found.second) == pytest.approx(np.diag(model["by_patient"]), **CLOSE)
    assert crossed.clusters == min(study["sets"], len(set(study["patient"])))


@by_label
def test_one_term_equals_r(study, model):
    time, event, arm, _ = rows_of(study)
    fit = fit_cox(time=time, event=event, covariates=arm, weight=study["weight"], ties=model["ties"])
    assert fit.coefficients[0] == pytest.approx(model["alone"], **CLOSE)
    crossed = with_crossed_clusters(fit, first=study["set"], second=study["patient"])
    assert crossed.std_errors[0] == pytest.approx(model["alone_se"], **CLOSE)
    clustered = fit_cox(time=time, event=event, covariates=arm, weight=study["weight"], cluster=study["set"],
                        ties=model["ties"])  # fmt: skip
    assert clustered.coefficients[0] == pytest.approx(model["alone"], **CLOSE)


@by_label
def test_log_rank_and_proportions_equal_r(study, model):
    time, event, arm, _ = rows_of(study)
    labels = {"cluster": study["set"], "crossed": study["patient"]}
    test = weighted_log_rank(time=time, event=event, arm=arm, weight=study["weight"], **labels)
    assert test.statistic == pytest.approx(model["score_test"], **CLOSE)
    found = weighted_proportions(outcome=time > 400, treated=arm, weight=study["weight"], **labels)
    assert found.difference == pytest.approx(model["late"], **CLOSE)
    assert found.difference_se == pytest.approx(model["late_se"], **CLOSE)
    by_set = weighted_proportions(outcome=time > 400, treated=arm, weight=study["weight"], cluster=study["set"])
    assert by_set.difference_se == pytest.approx(model["late_set_se"], **CLOSE)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=14
    )
)
def test_equals_the_sum_over_all_rows_that_share_a_label(drawn):
    influence = np.array([row[:2] for row in drawn], dtype=float)
    first, second = [row[2] for row in drawn], [row[3] for row in drawn]
    total = np.zeros((2, 2))
    for i in range(len(drawn)):
        for j in range(len(drawn)):
            if first[i] == first[j] or second[i] == second[j]:
                total += np.outer(influence[i], influence[j])
    found = crossed_variance(influence=influence, first=first, second=second)
    assert (found.first + found.second - found.both == total).all()
    if found.positive:
        assert (found.covariance == total).all()
    else:
        assert any((found.covariance == one).all() for one in (found.first, found.second))
        assert np.linalg.eigvalsh(total).min() < 1e-9 or np.diag(total).min() <= 0


def test_where_the_difference_is_no_variance_the_larger_one_way_variance_stands_in():
    found = crossed_variance(influence=[1.0, -1.0, 1.0, -1.0], first=[1, 1, 2, 2], second=[1, 2, 2, 1])
    assert (found.first, found.second, found.both) == (0, 0, 4)
    assert not found.positive
    found = crossed_variance(influence=[1.0, -1.0, 1.0, -1.5], first=[1, 1, 2, 2], second=[1, 2, 2, 1])
    assert (found.covariance, found.positive) == (0.25, False)


def test_a_model_says_that_the_larger_variance_stands_in(monkeypatch):
    time, event = [3, 1, 4, 2, 6, 5], [1, 1, 1, 1, 1, 1]
    fit = fit_cox(time=time, event=event, covariates=[1, 0, 1, 0, 0, 1])
    influence = fit.residuals("dfbeta")[:, 0]
    pairs = [(i, j) for i in range(6) for j in range(i) if influence[i] * influence[j] < 0]
    labels = np.arange(6)
    first = labels.copy()
    i, j = max(pairs, key=lambda pair: -influence[pair[0]] * influence[pair[1]])
    first[i] = first[j]  # two who move the estimate against each other
    rest = [k for k in range(6) if k not in (i, j)]
    second = np.zeros(6, dtype=int)
    second[rest] = 1
    crossed = with_crossed_clusters(fit, first=first, second=second)
    found = crossed_variance(influence=influence, first=first, second=second)
    assert crossed.covariance[0, 0] == pytest.approx(found.covariance[0, 0])
    assert crossed.variance_note == ("" if found.positive else LARGER)


def test_everybody_a_cluster_of_their_own_is_the_robust_variance():
    rng = np.random.default_rng(3)
    time, event, x = rng.exponential(size=60), rng.random(60) < 0.7, rng.normal(size=(60, 2))
    fit = fit_cox(time=time, event=event, covariates=x, robust=True)
    crossed = with_crossed_clusters(fit, first=np.arange(60), second=np.arange(60)[::-1])
    assert crossed.covariance == pytest.approx(fit.covariance, rel=1e-10)


def test_a_term_without_an_estimate_stays_without():
    rng = np.random.default_rng(4)
    x = rng.normal(size=40)
    fit = fit_cox(time=rng.exponential(size=40), event=np.ones(40), covariates=np.column_stack([x, 2 * x]), robust=True)
    crossed = with_crossed_clusters(fit, first=np.arange(40) // 2, second=np.arange(40) % 7)
    assert np.isfinite(crossed.std_errors[0])
    assert np.isnan(crossed.std_errors[1])


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [([1, 2], [1, 2, 3], "first: found shape"), ([1, 2, 3], [1, None, 3], "second: found missing")],
)
def test_bad_labels_are_named(first, second, message):
    with pytest.raises(ArgumentError, match=message):
        crossed_variance(influence=[1.0, 2.0, 3.0], first=first, second=second)
