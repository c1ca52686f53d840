"""Hazard ratios with the variance of resamples: patients are drawn anew, and scores, pairs and weights made anew."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from twoarm.analyses.cox_model import STATISTICS, arm_column, fit_observed, of_cause, ties_name
from twoarm.analyses.request import Request
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.design.random_streams import streams
from twoarm.errors import NotEstimableError
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Floats
from twoarm.statistics.distributions import normal_quantile, two_sided_normal

MONTE_CARLO = "monte_carlo_error"  # of a pooled estimate, or of the standard error of resamples: over seeds
MOST_WITHOUT = 0.05  # share of resamples without an estimate; beyond it what is left is no fair sample of them


def bootstrap_hazard_ratios(request: Request) -> None:
    """Write every endpoint's hazard ratio with its interval from resamples, where the protocol asks for them."""
    adjusted = request.adjusted
    if not adjusted.replicates or request.imputed:
        return
    draws = _draw(request)
    verb = "matched" if adjusted.pair is not None else "weighted"
    method = f"Cox, {ties_name(request)}, normal interval, variance of {adjusted.replicates:,} resamples {verb} anew"
    for name, endpoint in request.endpoints.items():
        named = of_cause(method, request.observed(endpoint))
        here = request.ledger.within(endpoint=name, arm=request.contrast, method=named)
        with here.estimating(*STATISTICS):
            _write(request, here, name, draws[name])


def _draw(request: Request) -> dict[str, Floats]:
    """Return the log hazard ratio of each endpoint in every resample, NaN where there is none."""
    adjusted = request.adjusted
    assert adjusted.again is not None, "a cohort by design can be made again"
    assert adjusted.frequency is None, "patients are drawn one by one"
    n = adjusted.completed.key.size
    draws = {name: np.full(adjusted.replicates, np.nan) for name in request.endpoints}
    for i, generator in enumerate(_generators(request)):
        try:
            made = adjusted.again(generator.integers(0, n, n))
        except NotEstimableError:
            continue
        for name in request.endpoints:
            draws[name][i] = _log_hazard_ratio(request, made, name)
    return draws


def _log_hazard_ratio(request: Request, made: AdjustedCohort, endpoint: str) -> float:
    resampled = replace(request, adjusted=made)
    observed = resampled.observed(request.endpoints[endpoint])
    try:
        fit = fit_observed(resampled, observed, arm_column(observed), clustered=False)
    except NotEstimableError:
        return float("nan")
    return float(fit.coefficients[0])


def _write(request: Request, here: Ledger, endpoint: str, drawn: Floats) -> None:
    observed = request.observed(request.endpoints[endpoint])
    fit = fit_observed(request, observed, arm_column(observed), clustered=False)
    if fit.reasons[0]:
        raise NotEstimableError(fit.reasons[0])
    usable = drawn[np.isfinite(drawn)]
    without = drawn.size - usable.size
    if without > MOST_WITHOUT * drawn.size:
        raise NotEstimableError(f"no estimate in {without} of {drawn.size} resamples")
    coefficient, std_error = float(fit.coefficients[0]), float(np.std(usable, ddof=1))
    spread = normal_quantile(request.protocol.confidence_level) * std_error
    ratios = np.exp([coefficient, coefficient - spread, coefficient + spread]).tolist()
    note = f"{without} resamples without an estimate were left out" if without else ""
    for statistic, value in zip(STATISTICS, (*ratios, two_sided_normal(coefficient / std_error)), strict=True):
        here.add(statistic, value, note=note)
    here.add("log_hazard_ratio_se", std_error)
    here.add(MONTE_CARLO, std_error / math.sqrt(2 * (usable.size - 1)))  # of a standard deviation of normal draws


def _generators(request: Request) -> list[np.random.Generator]:
    """Spawn a stream a resample from the protocol's seed and the names of what is resampled."""
    context, seed = request.ledger.context, request.protocol.seed
    assert seed is not None, "the protocol asks for a seed where there are draws"
    step = ("bootstrap", context.population, context.missing, context.adjustment)
    return streams(seed, request.adjusted.replicates, *step)
