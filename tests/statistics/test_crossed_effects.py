"""Effects where patients stand in several matched sets, and robust tests of constant hazard ratios: R, by influence."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from oracles.stored import read_data, reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.crossed_clusters import LARGER
from twoarm.statistics.fine_gray import fit_fine_gray
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.proportional_hazards import proportional_hazards_test
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.robust_proportional_hazards import robust_proportional_hazards_test
from twoarm.statistics.survival_difference import survival_difference

CLOSE = {"rel": 1e-8, "abs": 0.0}  # what a reviewer is promised of standard errors
SETS = {study["label"]: study for study in reference("crossed_clusters")["studies"]}
STUDIES = reference("crossed_effects")["studies"]
each = pytest.mark.parametrize("study", STUDIES, ids=lambda study: study["label"])


def rows_of(study: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], np.ndarray[Any, Any]]:
    """Return time, event and arm of the rows; their weights and labels; and the covariate beside the arm."""
    sets, data = SETS[study["label"]], read_data("lalonde")
    at = {key: i for i, key in enumerate(data["id"].tolist())}
    columns = {name: values[[at[key] for key in sets["patient"]]] for name, values in data.items()}
    outcome = {
        "time": 1 + np.floor(columns["re78"] + 7 * columns["age"] + columns["re75"]) % 997,
        "event": (np.floor(columns["re78"]) + columns["age"]) % 3 != 0,
        "treated": columns["treat"] == 1,
    }
    return outcome, {"weight": sets["weight"], "cluster": sets["set"], "crossed": sets["patient"]}, columns["educ"]


@each
def test_restricted_means_equal_r(study: dict[str, Any]) -> None:
    outcome, labels, _ = rows_of(study)
    expected = study["restricted_mean"]
    found = compare_restricted_means(**outcome, **labels, tau=700)
    assert [found.treated.mean, found.comparator.mean] == pytest.approx(expected["arms"], **CLOSE)
    assert [found.treated.std_error, found.comparator.std_error] == pytest.approx(expected["arm_se"], **CLOSE)
    assert found.difference_std_error == pytest.approx(expected["se"], **CLOSE)
    assert np.log(found.ratio) == pytest.approx(expected["log_ratio"], **CLOSE)
    assert found.log_ratio_std_error == pytest.approx(expected["log_se"], **CLOSE)
    assert found.clusters == min(len(set(labels["cluster"])), len(set(labels["crossed"])))
    assert found.n == len(set(labels["crossed"]))


@each
def test_survival_at_a_time_equals_r(study: dict[str, Any]) -> None:
    outcome, labels, _ = rows_of(study)
    expected = study["survival"]
    found = survival_difference(**outcome, **labels, at=400)
    assert [found.treated, found.comparator] == pytest.approx(expected["arms"], **CLOSE)
    assert [found.treated_std_error, found.comparator_std_error] == pytest.approx(expected["arm_se"], **CLOSE)
    assert found.difference_std_error == pytest.approx(expected["se"], **CLOSE)
    spread = (np.log(found.ratio_upper) - np.log(found.ratio_lower)) / 2 / 1.959963984540054
    assert spread == pytest.approx(expected["log_se"], **CLOSE)
    assert found.n == len(set(labels["crossed"]))


@each
def test_intervals_of_follow_up_equal_r(study: dict[str, Any]) -> None:
    outcome, labels, _ = rows_of(study)
    expected = study["piecewise"]
    found = piecewise_hazard_ratio(**outcome, **labels, cuts=[300])
    assert [piece.log_hazard_ratio for piece in found.pieces] == pytest.approx(expected["coefficients"], **CLOSE)
    scale = np.sqrt(np.diag(expected["covariance"]))
    assert np.abs((found.covariance - expected["covariance"]) / np.outer(scale, scale)).max() < 1e-8
    assert found.statistic == pytest.approx(expected["equality"], **CLOSE)
    patients = dict(zip(labels["crossed"], outcome["time"].tolist(), strict=True))
    assert sum(found.pieces[0].at_risk) == len(patients)
    assert sum(found.pieces[1].at_risk) == sum(t > 300 for t in patients.values())


@each
def test_subdistribution_hazards_equal_r(study: dict[str, Any]) -> None:
    outcome, labels, educ = rows_of(study)
    cause = np.where(outcome["event"], 1 + educ % 2, 0)
    for label, expected in zip((1, 2), study["fine_gray"], strict=True):
        fit = fit_fine_gray(
            time=outcome["time"],
            cause=cause,
            covariates=outcome["treated"],
            cause_of_interest=label,
            variant="finegray",
            **labels,
        )
        assert abs(fit.coefficients[0] - expected["coefficient"]) < 1e-8 * expected["se"]
        assert fit.std_errors[0] == pytest.approx(expected["se"], **CLOSE)
        assert fit.n == len(set(labels["crossed"]))


@each
def test_robust_tests_of_proportional_hazards_equal_r(study: dict[str, Any]) -> None:
    outcome, labels, educ = rows_of(study)
    base = {"time": outcome["time"], "event": outcome["event"], "weight": labels["weight"]}
    fit = fit_cox(**base, covariates=np.column_stack([outcome["treated"], educ]))
    clustered = fit_cox(**base, covariates=np.column_stack([outcome["treated"], educ]), cluster=labels["cluster"])
    for found, key in (
        (robust_proportional_hazards_test(clustered, crossed=labels["crossed"]), "crossed"),
        (robust_proportional_hazards_test(clustered), "by_set"),
        (robust_proportional_hazards_test(fit), "alone"),
        (proportional_hazards_test(fit), "own"),
    ):
        statistics = [*found.statistic, found.global_statistic]
        assert statistics == pytest.approx(study["zph"][key], rel=1e-7)  # p-values to far below 1e-6


def test_without_weights_and_at_large_n_the_robust_test_is_near_the_models() -> None:
    rng = np.random.default_rng(4)
    n = 4000
    x = rng.integers(0, 2, n)
    late = rng.exponential(1.0, n) / np.where(rng.random(n) < 0.5, 1, 2.0**x)
    fit = fit_cox(time=late, event=rng.random(n) < 0.7, covariates=x)
    own, robust = proportional_hazards_test(fit), robust_proportional_hazards_test(fit)
    assert robust.statistic[0] == pytest.approx(own.statistic[0], rel=0.1)


def test_a_term_without_enough_clusters_has_no_test() -> None:
    fit = fit_cox(
        time=[1, 2, 3, 4, 5, 6],
        event=[1, 1, 1, 1, 1, 1],
        covariates=[[1, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]],
        cluster=[1] * 6,
    )
    assert np.isnan(robust_proportional_hazards_test(fit).global_statistic)


def test_no_crossed_variance_takes_the_larger_and_says_so() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        n = 12
        outcome = {"time": rng.integers(1, 9, n), "event": rng.random(n) < 0.8, "treated": np.arange(n) % 2 == 0}
        labels = {"cluster": rng.integers(0, 3, n), "crossed": rng.integers(0, 3, n)}
        with suppress(NotEstimableError):
            found.append(compare_restricted_means(**outcome, **labels, tau=4))
    noted = [one for one in found if one.variance_note]
    assert noted
    assert {one.variance_note for one in noted} == {LARGER}
    assert all(one.difference_std_error > 0 for one in found)


@pytest.mark.parametrize("call", [compare_restricted_means, survival_difference, piecewise_hazard_ratio])
def test_crossed_clusters_need_the_first(call: Any) -> None:
    where = {
        compare_restricted_means: {"tau": 3},
        survival_difference: {"at": 2},
        piecewise_hazard_ratio: {"cuts": [2]},
    }
    base = {"time": [1, 2, 3, 4], "event": [1, 1, 1, 1], "treated": [0, 1, 0, 1]}
    with pytest.raises(ArgumentError, match="crossed: found without cluster; expected both"):
        call(**base, **where[call], crossed=[1, 2, 3, 4])


def test_crr_has_no_crossed_clusters() -> None:
    base = {"time": [1, 2, 3, 4], "cause": [1, 1, 2, 0], "covariates": [0, 1, 0, 1]}
    with pytest.raises(ArgumentError, match="variant: found crr with crossed; expected finegray"):
        fit_fine_gray(**base, cluster=[1, 1, 2, 2], crossed=[1, 2, 3, 4])


def test_a_row_a_patient_is_the_first_clustering_alone() -> None:
    outcome, labels, _ = rows_of(STUDIES[2])
    alone = {"weight": labels["weight"], "cluster": labels["cluster"]}
    everybody = np.arange(len(labels["crossed"]))
    for call, where in ((compare_restricted_means, {"tau": 700}), (survival_difference, {"at": 400})):
        errors = [
            one.difference_std_error
            for one in (call(**outcome, **alone, **where), call(**outcome, **alone, crossed=everybody, **where))
        ]
        assert all(a == pytest.approx(b, rel=1e-12) for a, b in pairwise(errors))
