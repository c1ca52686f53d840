"""Restricted means with weights and clusters, survival at a time, pieces, landmarks, residuals: what R gives."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.stored import column, happened, reference, rows
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.distributions import chi_squared_tail, normal_quantile, two_sided_normal
from twoarm.statistics.landmark import at_landmark
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.schoenfeld_smooth import scaled_schoenfeld, smooth_schoenfeld
from twoarm.statistics.survival_difference import survival_difference

CASES = reference("time_effect")["cases"]
LABELS = [case["label"] for case in CASES]
CLUSTERED = [case for case in CASES if case["weight"] or case["cluster"]]
EXACT = 1e-10  # sums of at most a few thousand terms, stored with 15 digits
CONVERGED = 1e-8  # R's last Newton step
Z = normal_quantile(0.95)


def sample(case):
    data = rows(case["data"], None, [case[key] for key in ("time", "event", "x", "weight", "cluster")])
    found = {"time": data[case["time"]], "event": happened(case["data"], data, case["event"])}
    found["treated"] = column(data, case["treated"])
    found |= {key: data[case[key]] for key in ("weight", "cluster") if case[key]}
    return found, data[case["x"]]


def check(found, answer, names):
    one, other, difference_se, ratio = names(found)
    assert (one[0], other[0]) == pytest.approx(tuple(answer["values"]), rel=EXACT)
    assert (one[1], other[1]) == pytest.approx(tuple(answer["errors"]), rel=EXACT)
    assert found.difference == pytest.approx(answer["difference"], rel=EXACT)
    assert difference_se == pytest.approx(answer["difference_se"], rel=EXACT)
    assert found.difference_p_value == pytest.approx(
        two_sided_normal(answer["difference"] / answer["difference_se"]), rel=1e-8
    )
    log_ratio, error = answer["log_ratio"], answer["log_ratio_se"]
    expected = np.exp([log_ratio, log_ratio - Z * error, log_ratio + Z * error])
    assert ratio == pytest.approx(expected, rel=EXACT)
    assert found.ratio_p_value == pytest.approx(two_sided_normal(log_ratio / error), rel=1e-8)


@pytest.mark.parametrize("case", CLUSTERED, ids=[case["label"] for case in CLUSTERED])
def test_restricted_means_with_weights_and_clusters(case):
    columns, _ = sample(case)
    for answer in case["means"]:
        found = compare_restricted_means(**columns, tau=answer["tau"])
        check(
            found,
            answer,
            lambda f: (
                (f.treated.mean, f.treated.std_error),
                (f.comparator.mean, f.comparator.std_error),
                (f.difference_upper - f.difference) / Z,
                (f.ratio, f.ratio_lower, f.ratio_upper),
            ),
        )


@pytest.mark.parametrize("case", CASES, ids=LABELS)
def test_survival_at_a_time(case):
    columns, _ = sample(case)
    for answer in case["gaps"]:
        found = survival_difference(**columns, at=answer["at"])
        check(
            found,
            answer,
            lambda f: (
                (f.treated, f.treated_std_error),
                (f.comparator, f.comparator_std_error),
                f.difference_std_error,
                (f.ratio, f.ratio_lower, f.ratio_upper),
            ),
        )
        assert found.difference_upper - found.difference == pytest.approx(Z * found.difference_std_error, rel=EXACT)
        assert found.log_log_p_value == pytest.approx(two_sided_normal(answer["log_log_z"]), rel=1e-8)


@pytest.mark.parametrize("case", CASES, ids=LABELS)
def test_pieces(case):
    columns, _ = sample(case)
    for answer in case["pieces"]:
        found = piecewise_hazard_ratio(**columns, cuts=np.atleast_1d(answer["cuts"]), ties=answer["ties"])
        for k, piece in enumerate(found.pieces):
            beta, error = answer["log_hazard_ratio"][k], answer["std_error"][k]
            assert piece.log_hazard_ratio == pytest.approx(beta, abs=CONVERGED * error)
            assert piece.std_error == pytest.approx(error, rel=CONVERGED)
            assert piece.at_risk == (answer["at_risk"][0][k], answer["at_risk"][1][k])
            assert piece.events == (answer["events"][0][k], answer["events"][1][k])
        assert found.statistic == pytest.approx(answer["chi_squared"], rel=1e-7)
        assert found.degrees_of_freedom == answer["df"]
        assert found.p_value == pytest.approx(answer["p_value"], rel=1e-6)
        assert found.p_value == chi_squared_tail(found.statistic, found.degrees_of_freedom)


@pytest.mark.parametrize("case", CASES, ids=LABELS)
def test_landmarks(case):
    columns, _ = sample(case)
    for answer in case["landmarks"]:
        found = at_landmark(time=columns["time"], event=columns["event"], at=answer["at"])
        treated = columns["treated"][found.rows]
        more = {key: columns[key][found.rows] for key in ("weight", "cluster") if key in columns}
        assert (found.rows.size, found.event.sum()) == (answer["n"], answer["events"])
        assert found.rows.size + found.had_event.sum() + found.censored.sum() == columns["time"].size
        fit = fit_cox(time=found.time, event=found.event, covariates=treated, **more)
        assert fit.coefficients[0] == pytest.approx(answer["coefficient"], abs=CONVERGED * answer["std_error"])
        assert fit.std_errors[0] == pytest.approx(answer["std_error"], rel=CONVERGED)
        test = log_rank(time=found.time, event=found.event, arm=treated)
        assert test.statistic == pytest.approx(answer["log_rank"], rel=1e-9)
        # counted from time zero, with entry at the landmark, the comparison is the same
        entry = np.full(treated.size, answer["at"])
        late = fit_cox(time=found.time + answer["at"], event=found.event, covariates=treated, entry=entry)
        assert late.coefficients[0] == pytest.approx(answer["truncated"], abs=CONVERGED)


@pytest.mark.parametrize("case", CASES, ids=LABELS)
def test_scaled_schoenfeld_residuals_and_their_smooth(case):
    columns, x = sample(case)
    fit = fit_cox(
        time=columns["time"],
        event=columns["event"],
        covariates=np.column_stack([columns["treated"], x]),
        names=("arm", "x"),
        weight=columns.get("weight"),
    )
    answer = case["schoenfeld"]
    found = scaled_schoenfeld(fit, term="arm")
    assert found.scale == pytest.approx(np.array(answer["scale"]), rel=EXACT, abs=EXACT)
    by_time = np.lexsort((answer["value"], answer["scale"]))  # within a day the order is free
    here = np.lexsort((found.value, found.scale))
    assert found.value[here] == pytest.approx(np.array(answer["value"])[by_time], rel=1e-8, abs=1e-8)
    assert found.variance == pytest.approx(answer["variance"], rel=1e-8)
    smooth = smooth_schoenfeld(found)
    assert smooth.value == pytest.approx(np.array(answer["smooth"]), rel=1e-7, abs=1e-8)
    assert (smooth.upper - smooth.value) / Z == pytest.approx(np.array(answer["smooth_se"]), rel=1e-7)
    assert (smooth.value - smooth.lower) == pytest.approx(smooth.upper - smooth.value, rel=1e-9)
