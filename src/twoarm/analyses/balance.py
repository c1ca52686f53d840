"""Standardised differences of every covariate, with the spread of the original and of the adjusted sample."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twoarm.analyses.request import Request
from twoarm.cohort.covariates import CategoricalValues, ContinuousValues, CovariateValues
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counting import counted, frequencies_of
from twoarm.statistics.standardised_difference import (
    arm_moments,
    counts_by_arm,
    kolmogorov_smirnov,
    mahalanobis_of_shares,
    mean_and_variance,
    standardised_difference,
)

ORIGINAL = "SD of the original sample"
OWN = "SD of this sample"
UNDEFINED = "no standard deviation: one patient in an arm"
SEPARATED = "infinite: a difference without any spread"


class Sample(NamedTuple):
    """One covariate of some rows, their arms, and how many identical patients each stands for; shape (n,) each."""

    covariate: CovariateValues
    treated: Booleans
    frequency: Integers | None


def balance(request: Request) -> None:
    """Write the standardised differences, and the largest one for the gate."""
    request = request.by_patient()
    adjusted, original = request.adjusted, request.unadjusted
    ledger = request.ledger.within(arm=request.contrast)
    before, treated, frequency = request.covariates(original), adjusted.treated, adjusted.frequency
    fewer = adjusted.count(np.ones_like(treated)) < original.count(np.ones_like(original.treated))
    largest = 0.0
    for name, covariate in request.covariates().items():
        own = Sample(covariate, treated, frequency)
        whole = own if adjusted is original else Sample(before[name], original.treated, original.frequency)
        spreads = [(ORIGINAL, whole)]
        if adjusted.sets is not None or fewer:
            spreads.append((OWN, own))
        for method, spread in spreads:
            differences = standardised_differences(own, spread, adjusted.weights)
            for level, value in differences.items():
                here = ledger.within(variable=name, variable_level=level, method=method)
                here.add("smd", value, note=smd_note(value))
            largest = float(np.max(np.abs([largest, *differences.values()])))  # NaN stays NaN
        if isinstance(covariate, ContinuousValues):
            _shape(ledger.within(variable=name), covariate.values, adjusted)
    ledger.add("largest_absolute_smd", largest, note=smd_note(largest))


def smd_note(value: float) -> str:
    """Return why a standardised difference is no number."""
    if np.isnan(value):
        return UNDEFINED
    return SEPARATED if np.isinf(value) else ""


def standardised_differences(sample: Sample, spread: Sample, weight: Floats | None) -> dict[str, float]:
    """Return the standardised difference as a whole (level ``""``), and of each level of a categorical covariate.

    A covariate of two levels is summed up by the signed difference of the level that is not the reference, one of more
    levels by the Mahalanobis distance, which has no sign. ``spread`` is the sample whose SD is the yardstick, without
    weights: those move the means and shares alone.
    """
    values, wider = sample.covariate, spread.covariate
    same = spread is sample and weight is None
    if isinstance(values, CategoricalValues):
        assert isinstance(wider, CategoricalValues), "both samples hold the same covariate"
        shares = _shares(values, sample.treated, counted(weight, sample.frequency))
        wide_shares = shares if same else _shares(wider, spread.treated, counted(None, spread.frequency))
        return _of_levels(values, shares, wide_shares)
    assert isinstance(wider, ContinuousValues), "both samples hold the same covariate"
    if weight is None:
        own, comparator = arm_moments(values.values, sample.treated, sample.frequency)
        mean_1, mean_0 = own.mean, comparator.mean
    else:
        (mean_1, _), (mean_0, _) = _weighted_moments(values.values, sample.treated, weight, sample.frequency)
    wide, wide_comparator = (own, comparator) if same else arm_moments(wider.values, spread.treated, spread.frequency)
    size = max(abs(mean_1), abs(mean_0))
    return {"": standardised_difference(mean_1 - mean_0, wide.variance, wide_comparator.variance, size)}


def _weighted_moments(
    values: Floats, treated: Booleans, weight: Floats, frequency: Integers | None
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return mean and variance of the treated and of the comparator arm."""
    one, other = (
        mean_and_variance(values[arm], weight[arm], frequencies_of(arm, frequency)) for arm in (treated, ~treated)
    )
    return one, other


def _of_levels(
    covariate: CategoricalValues, shares: tuple[Floats, Floats], spread: tuple[Floats, Floats]
) -> dict[str, float]:
    """Return the differences of shares of levels, given the shares of each arm, and of each arm of the yardstick."""
    (share_1, share_0), (wide_1, wide_0) = shares, spread
    levels = {
        level: standardised_difference(p - q, a * (1 - a), b * (1 - b))
        for level, p, q, a, b in zip(covariate.levels, share_1, share_0, wide_1, wide_0, strict=True)
    }
    if len(covariate.levels) == 2:
        whole = levels[covariate.levels[1 - covariate.reference]]
    else:
        whole = mahalanobis_of_shares(share_1, share_0, wide_1, wide_0)
    return {"": whole, **levels}


def _shares(covariate: CategoricalValues, treated: Booleans, weight: Floats | None) -> tuple[Floats, Floats]:
    """Return the share of each level in the treated and in the comparator arm."""
    comparator, own = counts_by_arm(covariate.codes, treated, len(covariate.levels), weight)
    return np.asarray(own / own.sum()), np.asarray(comparator / comparator.sum())


def _shape(ledger: Ledger, values: Floats, adjusted: AdjustedCohort) -> None:
    """Write the variance ratio and the largest distance between distribution functions."""
    treated, weight, frequency = adjusted.treated, adjusted.weights, adjusted.frequency
    if weight is None:
        own, comparator = arm_moments(values, treated, frequency)
        variance_1, variance_0 = own.variance, comparator.variance
    else:
        (_, variance_1), (_, variance_0) = _weighted_moments(values, treated, weight, frequency)
    ratio = variance_1 / variance_0 if variance_0 > 0 else float("nan")
    ledger.add("variance_ratio", ratio, note="" if np.isfinite(ratio) else "no spread in the comparator arm")
    ledger.add("kolmogorov_smirnov", kolmogorov_smirnov(values, treated, counted(weight, frequency)))
