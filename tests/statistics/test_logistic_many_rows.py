"""Logistic regression on so many rows that the first passes are in single precision: it must leave no trace."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.errors import NotEstimableError
from twoarm.statistics import logistic
from twoarm.statistics.logistic import MANY, fit_logistic

EXACT = 1e-12  # both are at the maximum; what is left are roundings of sums
COVARIANCE = 1e-10  # the information is that of a place at most so far from the maximum


def in_single_precision(monkeypatch):
    """Return a list that grows by one for each pass: whether it was in single precision."""
    passes, evaluate = [], logistic._likelihood

    def noted(*arguments):
        passes.append(arguments[-1] is np.float32)
        return evaluate(*arguments)

    monkeypatch.setattr(logistic, "_likelihood", noted)
    return passes


def test_the_log_odds_ratio_of_many_patients(monkeypatch):
    passes = in_single_precision(monkeypatch)
    cells = np.array([60_000, 9_000, 7_000, 30_000])  # exposed no or yes, outcome no or yes
    exposed, outcome = np.repeat([0, 0, 1, 1], cells), np.repeat([0, 1, 0, 1], cells)
    fit = fit_logistic(outcome=outcome, covariates=exposed)
    a, b, c, d = cells.tolist()
    assert fit.coefficients == pytest.approx([np.log(b / a), np.log(a * d / (b * c))], rel=EXACT)
    assert fit.covariance == pytest.approx(
        np.array([[1 / a + 1 / b, -1 / a - 1 / b], [-1 / a - 1 / b, (1 / cells).sum()]]), rel=COVARIANCE
    )
    height = sum(n * np.log(n / whole) for n, whole in ((a, a + b), (b, a + b), (c, c + d), (d, c + d)))
    assert fit.deviance == pytest.approx(-2 * height, rel=EXACT)
    assert passes[0]
    assert not passes[-1]


def many(seed, n=MANY):
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random((n, 3)) < (0.5, 0.1, 0.002), rng.normal(2015, 3, n), rng.standard_t(3, n)])
    return x, rng.random(n) < 1 / (1 + np.exp(1 - (x - x.mean(axis=0)) @ [1.5, -1, 2, 0.3, 0.4])), rng


def test_the_fit_is_that_of_double_precision(monkeypatch):
    x, outcome, rng = many(1)
    frequency = rng.integers(1, 2_000, MANY)
    fit = fit_logistic(outcome=outcome, covariates=x, frequency=frequency)
    monkeypatch.setattr(logistic, "MANY", MANY + 1)
    passes = in_single_precision(monkeypatch)
    double = fit_logistic(outcome=outcome, covariates=x, frequency=frequency)
    assert not any(passes)
    assert fit.coefficients == pytest.approx(double.coefficients, rel=EXACT)
    assert fit.covariance == pytest.approx(double.covariance, rel=COVARIANCE)
    assert fit.deviance == pytest.approx(double.deviance, rel=EXACT)
    assert np.abs(fit.linear_predictor - double.linear_predictor).max() < COVARIANCE


def test_nearly_collinear_columns_are_not_left_to_single_precision(monkeypatch):
    x, outcome, rng = many(2)
    passes = in_single_precision(monkeypatch)
    fit_logistic(outcome=outcome, covariates=np.column_stack([x, x[:, 4] + 0.01 * rng.normal(size=MANY)]))
    assert not any(passes)


def test_separation_is_named_as_in_few_rows():
    x, outcome, _ = many(3)
    with pytest.raises(NotEstimableError, match=r"^separation: the arms are told apart by rare$"):
        fit_logistic(outcome=outcome | (x[:, 2] == 1), covariates=x, names=("sex", "stage", "rare", "year", "score"))
