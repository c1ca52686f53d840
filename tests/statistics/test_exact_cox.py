"""Exact ties: published fits, R, all subsets written out, the log-rank identity, limits and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import exact_cox as oracle
from oracles.samples import FREIREICH, IS_CONTROL, T1
from oracles.stored import column, floats, happened, reference, rows
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.cox import MONOTONE, fit_cox
from twoarm.statistics.exact_cox import fit_exact_cox
from twoarm.statistics.log_rank import log_rank

TEN_DIGITS = 1e-9  # known answers were noted with nine or ten significant digits
STORED = 1e-8  # of a standard error
KEYS = ("time", "entry", "strata", "offset")
CASES = [case for case in reference("cox_more")["cases"] if case["ties"] == "exact"]


def test_freireich():
    fit = fit_exact_cox(**FREIREICH, covariates=IS_CONTROL)
    assert fit.coefficients[0] == pytest.approx(1.628243952, rel=TEN_DIGITS)
    assert fit.std_errors[0] == pytest.approx(0.4331312965, rel=TEN_DIGITS)
    assert fit.likelihood_ratio_test()[0] == pytest.approx(16.25235618, rel=TEN_DIGITS)
    assert fit.score_statistic == pytest.approx(log_rank(**FREIREICH, arm=IS_CONTROL).statistic, rel=1e-12)
    assert (fit.n, fit.events, fit.largest_tie) == (42, 30, 4)


def test_six_rows_are_monotone():
    fit = fit_exact_cox(**T1)
    assert fit.reasons == (MONOTONE,)
    assert np.isnan(fit.coefficients[0])
    assert fit.log_likelihood == pytest.approx(-2 * np.log(3), abs=1e-8)  # 2 (b - log(3 r + 3)) at infinity
    assert fit.null_log_likelihood == pytest.approx(-2 * np.log(6), rel=1e-12)


def test_six_rows_in_closed_form():
    # 2 b - log(3 r + 3) - log(r^2 + 4 r + 1) is highest at r = 1 + sqrt 2
    fit = fit_exact_cox(time=[1, 1, 2, 2, 3, 4], event=[1, 0, 1, 1, 0, 1], covariates=[1, 0, 1, 0, 1, 0])
    assert fit.coefficients[0] == pytest.approx(np.log1p(np.sqrt(2)), rel=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["label"])
def test_r_agrees(case):
    data = rows(case["data"], case["subset"], [case["event"], *case["covariates"], *(case[key] for key in KEYS)])
    fit = fit_exact_cox(
        event=happened(case["data"], data, case["event"]),
        covariates=np.column_stack([column(data, name) for name in case["covariates"]]),
        **{key: data[case[key]] for key in KEYS if case[key]},
    )
    standard = np.sqrt(np.diag(np.atleast_2d(case["covariance"])))
    assert np.abs((fit.coefficients - floats(case["coefficients"])) / standard).max() < STORED
    np.testing.assert_allclose(fit.std_errors, standard, rtol=STORED)
    assert fit.log_likelihood == pytest.approx(case["log_likelihood"], rel=1e-11)
    assert fit.null_log_likelihood == pytest.approx(case["null_log_likelihood"], rel=1e-11)
    assert fit.score_statistic == pytest.approx(case["score"], rel=STORED)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_all_subsets_written_out(seed, truncated, stratified):
    rng = np.random.default_rng(seed)
    n = 14
    entry = rng.integers(0, 3, n).astype(float) if truncated else None
    columns = {"time": (0 if entry is None else entry) + rng.integers(1, 5, n), "event": rng.random(n) < 0.6}
    columns |= {"entry": entry, "strata": rng.integers(0, 2, n) if stratified else None}
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)])
    try:
        fit = fit_exact_cox(**columns, covariates=x)
    except NotEstimableError:
        return
    if any(fit.reasons):
        return
    terms = (columns["time"], columns["event"], x)
    others = (entry, columns["strata"])
    assert fit.null_log_likelihood == pytest.approx(
        oracle.log_likelihood(*terms, [0, 0], *others), rel=1e-10, abs=1e-10
    )
    top = oracle.log_likelihood(*terms, fit.coefficients, *others)
    assert fit.log_likelihood == pytest.approx(top, rel=1e-10, abs=1e-10)
    for step in (1e-3, -1e-3):
        for j in range(2):
            assert oracle.log_likelihood(*terms, fit.coefficients + step * np.eye(2)[j], *others) <= top + 1e-12


def test_without_ties_the_partial_likelihood():
    rng = np.random.default_rng(5)
    columns = {"time": rng.random(60), "event": rng.random(60) < 0.6, "covariates": rng.normal(size=(60, 2))}
    exact, efron = fit_exact_cox(**columns), fit_cox(**columns)
    np.testing.assert_allclose(exact.coefficients, efron.coefficients, rtol=1e-8)
    np.testing.assert_allclose(exact.covariance, efron.naive_covariance, rtol=1e-7)


def test_a_constant_offset_cancels():
    plain, moved = (fit_exact_cox(**FREIREICH, covariates=IS_CONTROL, offset=o) for o in (None, np.full(42, 700.0)))
    assert moved.coefficients == pytest.approx(plain.coefficients, rel=1e-10)


def test_constant_and_collinear_columns_carry_their_reason():
    x = np.array(IS_CONTROL, dtype=float)
    fit = fit_exact_cox(**FREIREICH, covariates=np.column_stack([np.ones(42), x, 1 - x]))
    assert fit.reasons == ("constant", "", "collinear with the terms before it")
    assert fit.coefficients[1] == pytest.approx(1.628243952, rel=TEN_DIGITS)


def test_an_arm_without_events_is_monotone():
    fit = fit_exact_cox(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 0, 0], covariates=[1, 1, 1, 0, 0, 0])
    assert fit.reasons == (MONOTONE,)


def test_everybody_dies_at_once():
    with pytest.raises(NotEstimableError, match="constant within every risk set"):
        fit_exact_cox(time=[1] * 6, event=[1] * 6, covariates=[0, 1, 0, 1, 1, 0])


def test_the_work_has_a_stated_limit():
    with pytest.raises(NotEstimableError, match="101 deaths at one time; exact ties go up to 100"):
        fit_exact_cox(time=[1] * 101, event=[1] * 101, covariates=np.arange(101))
    n = 60_000
    late = {"time": np.repeat([1.0, 2.0], n // 2), "event": np.arange(n) < 80, "covariates": np.ones((n, 12))}
    with pytest.raises(NotEstimableError, match="operations a step; take Efron's ties"):
        fit_exact_cox(**late)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"event": [0, 0, 0]}, NotEstimableError, "no events"),
        ({"covariates": np.empty((3, 0))}, NotEstimableError, "no covariates"),
        ({"names": ["a", "b"]}, ArgumentError, "names: found 2 names; expected 1"),
        ({"offset": [1, 2]}, ArgumentError, "offset: found 2 values; expected 3"),
    ],
)
def test_bad_arguments_are_named(changed, error, message):
    with pytest.raises(error, match=message):
        fit_exact_cox(**{"time": [1, 2, 3], "event": [1, 0, 1], "covariates": [1, 0, 1], **changed})
