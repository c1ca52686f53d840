"""Residuals, baseline hazard, concordance and proportional hazards of a Cox model: by hand, and against R."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.concordance import pairs, weighted_pairs
from oracles.samples import FREIREICH, IS_CONTROL, T1, T2, TW, TW_WEIGHTS, repeated
from oracles.stored import column, floats, happened, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.concordance import concordance
from twoarm.statistics.cox import fit_cox
from twoarm.statistics.proportional_hazards import proportional_hazards_test

NOTED = 5e-9  # known answers were noted with nine or ten significant digits
STORED = 1e-8  # R stops at a relative change of 1e-12 of the likelihood, hence about 1e-9 of a coefficient's SE
CLOSED_FORM = 1e-12  # Newton's last step is far below its own tolerance
STATISTIC = 1e-7  # score and information each at an estimate good to STORED
TAIL = 1e-6  # a tail moves by a multiple of what its statistic moves
SUM = 1e-10  # a few hundred terms that cancel
COUNTED = 1e-12  # ratio of whole numbers
CASES = reference("cox_diagnostics")["cases"]
TRANSFORMS = ("km", "identity", "log", "rank")
COLUMNS = ["trt", "celltype=smallcell", "celltype=adeno", "celltype=large", "karno", "diagtime", "age", "prior"]


def label(case):
    return case["label"]


def fitted(case):
    names = [name for block in case["blocks"].values() for name in block]
    data = rows(case["data"], case["subset"], [case["time"], case["event"], *names, case["entry"], case["strata"]])
    optional = {key: data[case[key]] for key in ("entry", "strata", "weight") if case[key]}
    return fit_cox(
        time=data[case["time"]],
        event=happened(case["data"], data, case["event"]),
        covariates=np.column_stack([column(data, name) for name in names]),
        names=names,
        ties=case["ties"],
        robust=False,
        **optional,
    )


def spread(values):
    """The size of a column's numbers, against which errors are told."""
    return np.abs(values).max(axis=0)


def close(found, expected, tolerance=STORED):
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert (np.abs(found - expected).max(axis=0) <= tolerance * spread(expected)).all()


@pytest.mark.parametrize("case", CASES, ids=label)
@pytest.mark.parametrize("kind", ["martingale", "score", "dfbeta"])
def test_residuals_of_r(case, kind):
    close(fitted(case).residuals(kind), case[kind])


@pytest.mark.parametrize("case", [case for case in CASES if case["schoenfeld"]], ids=label)
def test_schoenfeld_residuals_of_r(case):
    close(fitted(case).residuals("schoenfeld"), case["schoenfeld"])


@pytest.mark.parametrize("case", CASES, ids=label)
def test_baseline_hazard_of_r(case):
    found = fitted(case).baseline_hazard()
    expected = case["baseline"]
    order = np.lexsort((expected["time"], expected["stratum"]))
    assert found.time.tolist() == np.array(expected["time"])[order].tolist()
    assert found.stratum.tolist() == np.unique(np.array(expected["stratum"])[order], return_inverse=True)[1].tolist()
    np.testing.assert_allclose(found.cumulative_hazard, np.array(expected["cumulative_hazard"])[order], rtol=STORED)


@pytest.mark.parametrize("case", [c for c in CASES if not (c["entry"] or c["weight"])], ids=label)
def test_concordance_of_r(case):
    assert fitted(case).concordance() == pytest.approx(case["concordance"], rel=COUNTED)


@pytest.mark.parametrize("case", [c for c in CASES if c["entry"] and not c["weight"]], ids=label)
def test_concordance_of_r_with_left_truncation(case):
    assert fitted(case).concordance() == pytest.approx(case["concordance"], rel=COUNTED)


@pytest.mark.parametrize("case", [c for c in CASES if c["weight"] and not c["entry"]], ids=label)
def test_concordance_of_r_with_sampling_weights(case):
    assert fitted(case).concordance() == pytest.approx(case["concordance"], rel=COUNTED)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_likelihood_ratio_of_r(case):
    assert fitted(case).likelihood_ratio_test()[0] == pytest.approx(case["likelihood_ratio"], rel=STORED)


@pytest.mark.parametrize("case", CASES, ids=label)
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("terms", ["columns", "terms"])
def test_proportional_hazards_of_r(case, transform, terms):
    factors = {name: block for name, block in case["blocks"].items() if len(block) > 1} if terms == "terms" else None
    found = proportional_hazards_test(fitted(case), transform=transform, factors=factors)
    expected = case["zph"][transform][terms]
    np.testing.assert_allclose(found.statistic, expected["statistic"], rtol=STATISTIC)
    assert found.degrees_of_freedom.tolist() == expected["degrees_of_freedom"]
    np.testing.assert_allclose(found.p_values, expected["p_values"], rtol=TAIL)
    overall = (found.global_statistic, found.global_degrees_of_freedom, found.global_p_value)
    assert overall == pytest.approx(expected["global"], rel=TAIL)
    assert found.transform == transform


def veteran():
    return fitted(next(case for case in CASES if case["label"] == "veteran efron"))


def test_lifelines_997_veteran_in_the_score_form():
    found = proportional_hazards_test(veteran(), factors={"celltype": COLUMNS[1:4]})
    assert found.names == ("trt", "celltype", "karno", "diagtime", "age", "prior")
    lines = dict(zip(found.names, found.statistic.tolist(), strict=True))
    assert (lines["karno"], lines["celltype"]) == pytest.approx((12.9351978, 15.2273639), rel=NOTED)
    assert found.degrees_of_freedom.tolist() == [1, 3, 1, 1, 1, 1]
    assert found.global_statistic == pytest.approx(34.5524911, rel=NOTED)
    assert found.global_degrees_of_freedom == 8
    five_digits = 5e-5
    assert found.global_p_value == pytest.approx(3.2252e-05, rel=five_digits)
    assert found.p_values[2] == pytest.approx(0.00032246, rel=five_digits)


def test_freireich_proportional_hazards():
    fit = fit_cox(**FREIREICH, covariates=IS_CONTROL)
    six_digits = 5e-6
    for transform, expected in (("km", 0.0228634), ("identity", 0.000196625)):
        found = proportional_hazards_test(fit, transform=transform)
        assert found.statistic[0] == pytest.approx(expected, rel=six_digits)
        assert found.statistic[0] == found.global_statistic
    assert fit.concordance() == pytest.approx(0.6900420757, rel=NOTED)


def test_unknown_factor_terms_and_transforms_are_refused():
    with pytest.raises(ArgumentError, match="factors: found nobody"):
        proportional_hazards_test(veteran(), factors={"celltype": ["nobody"]})
    with pytest.raises(ArgumentError, match="transform: found 'sqrt'"):
        proportional_hazards_test(veteran(), transform="sqrt")


def test_the_log_of_an_event_at_time_zero_is_refused():
    fit = fit_cox(time=[0, 1, 2, 3, 4, 5], event=[1, 1, 1, 1, 0, 1], covariates=[1, 0, 1, 0, 0, 1])
    with pytest.raises(ArgumentError, match="transform: log needs event times above 0"):
        proportional_hazards_test(fit, transform="log")


def test_one_event_time_is_not_estimable():
    fit = fit_cox(time=[1, 1, 1, 2, 2, 2], event=[1, 1, 1, 0, 0, 0], covariates=[1, 0, 1, 0, 1, 0])
    with pytest.raises(NotEstimableError, match="one event time only"):
        proportional_hazards_test(fit)


def monotone():
    return fit_cox(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 0, 0], covariates=[1, 1, 1, 0, 0, 0])


@pytest.mark.parametrize("ask", [proportional_hazards_test, lambda fit: fit.baseline_hazard()])
def test_an_infinite_estimate_has_no_baseline_and_no_test(ask):
    with pytest.raises(NotEstimableError, match="an estimate is infinite"):
        ask(monotone())


def test_a_term_that_was_not_estimated_has_nan_residuals():
    x = np.column_stack([T1["covariates"], np.ones(6)])
    fit = fit_cox(time=T1["time"], event=T1["event"], covariates=x)
    alone = fit_cox(**T1)
    for kind in ("score", "schoenfeld", "dfbeta"):
        found = fit.residuals(kind)
        assert np.isnan(found[:, 1]).all()
        np.testing.assert_allclose(found[:, 0], alone.residuals(kind)[:, 0], atol=CLOSED_FORM)


@pytest.mark.parametrize(
    ("ties", "expected"),
    [
        ("breslow", [0.1861406616, 0.4069296692, -0.5930703308, 0]),
        ("efron", [0.1575120381, 0.4212439809, -0.5787560191, 0]),
    ],
)
def test_six_rows_schoenfeld(ties, expected):
    found = fit_cox(**T1, ties=ties).residuals("schoenfeld")[:, 0]
    np.testing.assert_allclose(found, expected, atol=5e-10)


def test_residuals_of_an_unknown_kind_are_refused():
    with pytest.raises(ArgumentError, match="kind: found 'partial'"):
        fit_cox(**T1).residuals("partial")


@pytest.mark.parametrize("sample", [T1, T2], ids=["six rows", "ten rows with late entry"])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_residuals_sum_to_zero(sample, ties):
    fit = fit_cox(**sample, ties=ties)
    for kind in ("martingale", "score", "schoenfeld", "dfbeta"):
        assert fit.residuals(kind).sum(axis=0) == pytest.approx(0, abs=SUM)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_weighted_residuals_sum_to_zero(ties):
    fit = fit_cox(**TW, weight=TW_WEIGHTS, ties=ties)
    weight = np.array(TW_WEIGHTS)
    deaths = np.flatnonzero(TW["event"])
    by_time = deaths[np.argsort(np.array(TW["time"])[deaths], kind="stable")]
    assert weight @ fit.residuals("martingale") == pytest.approx(0, abs=SUM)
    assert weight @ fit.residuals("score") == pytest.approx(0, abs=SUM)
    assert weight[by_time] @ fit.residuals("schoenfeld") == pytest.approx(0, abs=SUM)


def test_the_robust_variance_is_the_cross_product_of_dfbeta():
    fit = fit_cox(**T2, robust=True)
    dfbeta = fit.residuals("dfbeta")
    np.testing.assert_allclose(dfbeta.T @ dfbeta, fit.covariance, rtol=STORED)


def test_without_ties_the_baseline_is_the_sum_of_one_over_the_hazards_at_risk():
    time, x = np.array([3.0, 1, 7, 5, 2]), np.array([0.5, 2, 1, 0, 1])
    fit = fit_cox(time=time, event=[1, 1, 0, 1, 1], covariates=x)
    hazard = np.exp(x * fit.coefficients[0])
    steps = [1 / hazard[time >= t].sum() for t in (1, 2, 3, 5)]
    found = fit.baseline_hazard()
    assert found.time.tolist() == [1, 2, 3, 5]
    np.testing.assert_allclose(found.cumulative_hazard, np.cumsum(steps), rtol=CLOSED_FORM)


def test_the_baseline_far_from_the_covariates_mean():
    time, event, x = [3, 1, 7, 5, 2, 9], [1, 1, 0, 1, 1, 1], np.array([0.5, 2, 1, 0, 1, 0.2])
    near, far = (fit_cox(time=time, event=event, covariates=x + shift) for shift in (0, 40))
    moved = near.baseline_hazard().cumulative_hazard * np.exp(-40 * near.coefficients[0])
    np.testing.assert_allclose(far.baseline_hazard().cumulative_hazard, moved, rtol=1e-7)


def test_one_term_wald_test_is_the_square_of_z():
    fit = fit_cox(**T2)
    statistic, freedom, p = fit.wald_test()
    assert statistic == pytest.approx(float(fit.coefficients[0] / fit.std_errors[0]) ** 2, rel=CLOSED_FORM)
    assert (freedom, p) == (1, pytest.approx(fit.p_values[0], rel=CLOSED_FORM))


def test_wald_test_of_a_factor_is_its_block():
    fit = veteran()
    statistic, freedom, _ = fit.wald_test(COLUMNS[1:4])
    block, beta = fit.covariance[1:4, 1:4], fit.coefficients[1:4]
    assert (statistic, freedom) == (pytest.approx(beta @ np.linalg.inv(block) @ beta, rel=STORED), 3)


def test_wald_test_of_nothing_estimable():
    statistic, freedom, p = monotone().wald_test()
    assert (np.isnan(statistic), freedom, np.isnan(p)) == (True, 0, True)


@pytest.mark.parametrize("seed", range(8))
def test_equal_patients_have_equal_risks_whatever_their_rows(seed):
    case = next(case for case in CASES if case["label"] == "lung efron")
    fit = fitted(case)
    shuffled = np.random.default_rng(seed).permutation(fit.problem.patients.time.size)
    names = [name for block in case["blocks"].values() for name in block]
    data = rows("lung", None, names)
    other = fit_cox(
        time=data["time"][shuffled],
        event=(data["status"] == 2)[shuffled],
        covariates=np.column_stack([column(data, name) for name in names])[shuffled],
    )
    assert other.concordance() == fit.concordance()


def test_a_frequency_stands_for_that_many_patients_in_the_concordance():
    fit = fit_cox(**TW, frequency=TW_WEIGHTS)
    assert fit.concordance() == pytest.approx(fit_cox(**repeated(TW, TW_WEIGHTS)).concordance(), rel=COUNTED)


COUNTS = reference("concordance")["cases"]


@pytest.mark.parametrize("case", COUNTS, ids=label)
def test_concordance_counts_of_r(case):
    data = rows(case["data"], None, [case["time"], case["event"], case["risk"], case["strata"]])
    strata = {"strata": data[case["strata"]]} if case["strata"] else {}
    found = concordance(
        time=data[case["time"]],
        event=happened(case["data"], data, case["event"]),
        risk=floats(data[case["risk"]].tolist()),
        **strata,
    )
    assert found.concordance == pytest.approx(case["concordance"], rel=COUNTED)
    assert [found.concordant, found.discordant, found.tied_risk] == case["counts"]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.booleans(), st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=40
    )
)
def test_concordance_by_a_double_loop(drawn):
    time, event, risk, strata = (list(values) for values in zip(*drawn, strict=True))
    expected = pairs(time, event, risk, strata)
    if sum(expected) == 0:
        with pytest.raises(NotEstimableError, match="no two patients can be compared"):
            concordance(time=time, event=event, risk=risk, strata=strata)
        return
    found = concordance(time=time, event=event, risk=risk, strata=strata)
    assert (found.concordant, found.discordant, found.tied_risk) == expected
    assert found.concordance == pytest.approx((expected[0] + expected[2] / 2) / sum(expected), rel=COUNTED)


@pytest.mark.parametrize(("risk", "share"), [([4, 3, 2, 1], 1.0), ([1, 2, 3, 4], 0.0), ([5, 5, 5, 5], 0.5)])
def test_perfect_reversed_and_constant_scores(risk, share):
    assert concordance(time=[1, 2, 3, 4], event=[1, 1, 1, 1], risk=risk).concordance == share


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 4), st.booleans(), st.integers(-2, 2), st.integers(1, 8)),
        min_size=2,
        max_size=30,
    )
)
def test_concordance_with_late_entry_and_weights_by_a_double_loop(drawn):
    entry, follow_up, event, risk, quarters = (list(values) for values in zip(*drawn, strict=True))
    time = [start + length for start, length in zip(entry, follow_up, strict=True)]
    weight = [quarter / 4 for quarter in quarters]
    expected = weighted_pairs(time, event, risk, entry, weight)
    columns = {"time": time, "event": event, "risk": risk, "entry": entry, "weight": weight}
    if sum(expected) == 0:
        with pytest.raises(NotEstimableError, match="no two patients can be compared"):
            concordance(**columns)
        return
    found = concordance(**columns)
    assert (found.concordant, found.discordant, found.tied_risk) == pytest.approx(expected, rel=COUNTED, abs=COUNTED)
