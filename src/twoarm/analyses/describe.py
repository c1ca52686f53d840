"""Counts, percentages, medians and means of a covariate, written to the ledger."""

from __future__ import annotations

import numpy as np

from twoarm.cohort.covariates import CategoricalValues, ContinuousValues, CovariateValues
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counting import frequencies_of, level_counts
from twoarm.statistics.rank_tests import medians_and_quartiles
from twoarm.statistics.standardised_difference import mean_and_variance
from twoarm.statistics.weighted_quantile import weighted_quantile

QUARTILES = {"median": 0.5, "q1": 0.25, "q3": 0.75}


def describe(
    ledger: Ledger,
    covariate: CovariateValues,
    rows: Booleans,
    weight: Floats | None,
    frequency: Integers | None,
) -> None:
    """Describe a covariate in some rows: one row a number.

    Under weights, counts are still of patients, so that small ones can be told; all else is weighted. ``frequency``
    says how many identical patients each row stands for, shape (n,); None where one each.
    """
    here = ledger.within(variable=covariate.name)
    if weight is not None:
        _describe_weighted(here, covariate, rows, weight, frequency)
        return
    if isinstance(covariate, CategoricalValues):
        counts = level_counts(covariate.codes[rows], len(covariate.levels), frequencies_of(rows, frequency))
        write_counts(here, covariate, counts)
        return
    _describe_numbers(here, covariate, rows, frequency)


def write_counts(ledger: Ledger, covariate: CategoricalValues, counts: Integers) -> None:
    """Write how many have each level, and their share; ``counts`` has shape (levels,)."""
    here, total = ledger.within(variable=covariate.name), int(counts.sum())
    for level, count in zip(covariate.levels, counts.tolist(), strict=True):
        here.add("n", count, variable_level=level)
        percent = 100 * count / total if total else None
        here.add("percent", percent, variable_level=level, unit="%", note="" if total else "no patients")


def _describe_weighted(
    here: Ledger, covariate: CovariateValues, rows: Booleans, weight: Floats, frequency: Integers | None
) -> None:
    often = frequencies_of(rows, frequency)
    mine = weight[rows] if often is None else weight[rows] * often
    if isinstance(covariate, CategoricalValues):
        k = len(covariate.levels)
        counts = level_counts(covariate.codes[rows], k, often)
        sums = np.bincount(covariate.codes[rows], weights=mine, minlength=k)
        for level, count, total in zip(covariate.levels, counts.tolist(), sums.tolist(), strict=True):
            here.add("n", count, variable_level=level)
            here.add("weighted_percent", 100 * total / float(sums.sum()), variable_level=level, unit="%")
        return
    values = covariate.values[rows]
    mean, variance = mean_and_variance(values, weight[rows], often)
    numbers = {name: weighted_quantile(values, mine, share) for name, share in QUARTILES.items()}
    for statistic, value in {**numbers, "mean": mean, "sd": float(np.sqrt(variance))}.items():
        here.add(statistic, value, unit=covariate.unit, note="" if np.isfinite(value) else "one patient")


def _describe_numbers(here: Ledger, covariate: ContinuousValues, rows: Booleans, frequency: Integers | None) -> None:
    values = covariate.values[rows]
    if values.size == 0:
        here.not_estimable("median", "q1", "q3", "minimum", "maximum", "mean", "sd", reason="no patients")
        return
    low, middle, high = medians_and_quartiles(covariate.values, rows, frequency)
    mean, variance = mean_and_variance(values, None, frequencies_of(rows, frequency))
    numbers = {
        "median": middle,
        "q1": low,
        "q3": high,
        "minimum": float(values.min()),
        "maximum": float(values.max()),
    }
    for statistic, value in {**numbers, "mean": mean, "sd": float(np.sqrt(variance))}.items():
        here.add(statistic, value, unit=covariate.unit, note="" if np.isfinite(value) else "one patient")
