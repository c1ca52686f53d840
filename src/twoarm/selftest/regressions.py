"""What the regressions say of the known samples."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from twoarm.statistics.balancing_weights import balancing_weights
from twoarm.statistics.cox import CoxFit, fit_cox
from twoarm.statistics.cox_risk_sets import Ties
from twoarm.statistics.exact_cox import fit_exact_cox
from twoarm.statistics.firth_cox import fit_firth_cox
from twoarm.statistics.firth_logistic import fit_firth_logistic
from twoarm.statistics.kaplan_meier import fit_kaplan_meier
from twoarm.statistics.log_rank import log_rank
from twoarm.statistics.logistic import fit_logistic
from twoarm.statistics.standardised_difference import continuous_difference

Columns = Mapping[str, Any]
Found = Iterator[tuple[str, float]]
TIES: tuple[Ties, Ties] = ("breslow", "efron")


def six_rows(columns: Columns) -> Found:
    """Cox models in closed form, their residuals, and a likelihood without a maximum under exact ties."""
    for ties in TIES:
        fit = fit_cox(**columns, ties=ties)
        yield from _model(ties, fit)
        for row, residual in enumerate(fit.residuals("schoenfeld")[:3, 0], start=1):
            yield f"{ties}_schoenfeld_{row}", float(residual)
    yield "efron_robust_variance", float(fit_cox(**columns, robust=True).covariance[0, 0])
    yield "exact_coefficient", float(fit_exact_cox(**columns).coefficients[0])


def late_entries(columns: Columns) -> Found:
    """Cox models and the curve of patients who come under observation late."""
    for ties in TIES:
        yield from _model(ties, fit_cox(**columns, ties=ties))
    km = fit_kaplan_meier(time=columns["time"], event=columns["event"], entry=columns["entry"])
    for time, at_risk, survival in zip(km.time[:6], km.at_risk, km.survival, strict=False):
        yield f"at_risk_{time:g}", float(at_risk)
        yield f"survival_{time:g}", float(survival)


def weighted_rows(columns: Columns) -> Found:
    """Sampling and frequency weights, in Cox models and in a curve."""
    weight = columns["weight"]
    sample = {name: columns[name] for name in ("time", "event", "covariates")}
    for ties in TIES:
        fit = fit_cox(**sample, weight=weight, ties=ties)
        yield f"{ties}_coefficient", float(fit.coefficients[0])
        yield f"{ties}_naive_variance", float(fit.naive_covariance[0, 0])
        yield f"{ties}_robust_variance", float(fit.covariance[0, 0])
        yield f"{ties}_null_log_likelihood", fit.null_log_likelihood
        yield f"{ties}_log_likelihood", fit.log_likelihood
    yield "frequency_coefficient", float(fit_cox(**sample, frequency=weight).coefficients[0])
    curve = {"time": columns["time"], "event": columns["event"], "weight": weight}
    km, robust = fit_kaplan_meier(**curve), fit_kaplan_meier(**curve, robust=True)
    for row in (0, 1, 3):
        time = f"{km.time[row]:g}"
        yield f"survival_{time}", float(km.survival[row])
        yield f"log_std_error_{time}", float(km.std_error[row])
        yield f"robust_std_error_{time}", float(robust.survival[row] * robust.std_error[row])


def float_ties(columns: Columns) -> Found:
    """Thirty patients whose times tie in days and not in years."""
    x = np.arange(1, 31)
    enrolled = datetime.date.fromisoformat(columns["enrolled"]).toordinal() + x
    ended = datetime.date.fromisoformat(columns["ended"]).toordinal() + x + np.repeat([np.arange(1, 11)], 3, 0).ravel()
    days = ended - enrolled
    yield "distinct_times", float(np.unique(days).size)
    yield "coefficient", float(fit_cox(time=days, event=np.tile([0, 1], 15), covariates=x).coefficients[0])


def separated(columns: Columns) -> Found:
    """All events in one arm: no maximum, a log-rank test, and Firth's estimate."""
    test = log_rank(time=columns["time"], event=columns["event"], arm=columns["covariates"])
    yield "log_rank_chi_squared", test.statistic
    yield "cox_coefficient", float(fit_cox(**columns).coefficients[0])
    firth = fit_firth_cox(**columns)
    yield "firth_coefficient", float(firth.coefficients[0])
    yield "firth_log_likelihood", firth.log_likelihood
    yield "firth_null_log_likelihood", firth.null_log_likelihood
    yield "firth_likelihood_ratio", firth.likelihood_ratio_test()[0]


def separated_level(columns: Columns) -> Found:
    """A level without events: its term is not estimable, the likelihood goes to its bound."""
    fit = fit_cox(
        time=columns["time"], event=columns["event"], covariates=np.column_stack([columns["x1"], columns["x2"]])
    )
    yield "coefficient_2", float(fit.coefficients[1])
    yield "null_log_likelihood", fit.null_log_likelihood


def firth_logistic(columns: Columns) -> Found:
    """Four patients whom the covariate separates."""
    fit = fit_firth_logistic(**columns)
    yield "intercept", float(fit.coefficients[0])
    yield "slope", float(fit.coefficients[1])


def endometrial(columns: Columns) -> Found:
    """Firth's logistic regression of three terms, one of which separates."""
    fit = fit_firth_logistic(
        outcome=columns["hg"], covariates=np.column_stack([columns["nv"], columns["pi"], columns["eh"]])
    )
    for row, name in enumerate(("intercept", "nv", "pi", "eh")):
        yield name, float(fit.coefficients[row])
        yield f"{name}_std_error", float(fit.std_errors[row])


def pairs(columns: Columns) -> Found:
    """Matched pairs as clusters (marginal) and as strata (conditional)."""
    sample = {name: columns[name] for name in ("time", "event", "covariates")}
    marginal = fit_cox(**sample, cluster=columns["pair"])
    yield "coefficient", float(marginal.coefficients[0])
    yield "naive_std_error", float(np.sqrt(marginal.naive_covariance[0, 0]))
    yield "clustered_std_error", float(marginal.std_errors[0])
    conditional = fit_cox(**sample, strata=columns["pair"])
    yield "stratified_coefficient", float(conditional.coefficients[0])
    yield "stratified_std_error", float(conditional.std_errors[0])


def untied(columns: Columns) -> Found:
    """Without ties the score test is the log-rank test."""
    yield "log_rank", log_rank(time=columns["time"], event=columns["event"], arm=columns["covariates"]).statistic
    yield "score", fit_cox(**columns).score_statistic


def ovarian(columns: Columns) -> Found:
    """A Cox model of two terms, log-rank tests, a propensity score and its weights."""
    time, event = columns["futime"], columns["fustat"]
    rx, age = np.array(columns["rx"]), np.array(columns["age"])
    cox = fit_cox(time=time, event=event, covariates=np.column_stack([age, rx]))
    for row, name in enumerate(("cox_age", "cox_rx")):
        yield name, float(cox.coefficients[row])
        yield f"{name}_std_error", float(cox.std_errors[row])
    yield "cox_log_likelihood", cox.log_likelihood
    yield "log_rank", log_rank(time=time, event=event, arm=rx).statistic
    yield "stratified_log_rank", log_rank(time=time, event=event, arm=rx, strata=columns["resid_ds"]).statistic
    treated = rx == 1
    terms = np.column_stack([age, columns["resid_ds"], columns["ecog_ps"]])
    score = fit_logistic(outcome=treated, covariates=terms)
    for row, name in enumerate(("intercept", "age", "residual", "ecog")):
        yield f"score_{name}", float(score.coefficients[row])
    yield "score_age_std_error", float(score.std_errors[1])
    yield "score_deviance", score.deviance
    weight = balancing_weights(score=score.probabilities, treated=treated).weight
    fit = fit_cox(time=time, event=event, covariates=treated.astype(float), weight=weight)
    yield "weighted_coefficient", float(fit.coefficients[0])
    yield "weighted_robust_std_error", float(fit.std_errors[0])
    yield "weighted_naive_std_error", float(np.sqrt(fit.naive_covariance[0, 0]))
    overlap = balancing_weights(score=score.probabilities, treated=treated, estimand="ATO").weight
    for name, values in (("age", age), ("residual", np.array(columns["resid_ds"]))):
        yield f"overlap_{name}", continuous_difference(values=values, treated=treated, weight=overlap)


def _model(name: str, fit: CoxFit) -> Found:
    yield f"{name}_coefficient", float(fit.coefficients[0])
    yield f"{name}_std_error", float(fit.std_errors[0])
    yield f"{name}_null_log_likelihood", fit.null_log_likelihood
    yield f"{name}_log_likelihood", fit.log_likelihood
    yield f"{name}_likelihood_ratio", fit.likelihood_ratio_test()[0]
    yield f"{name}_score", fit.score_statistic
