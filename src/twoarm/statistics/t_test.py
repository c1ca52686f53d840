"""Welch's t test of two means (Welch 1947)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from twoarm.errors import NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.standardised_difference import mean_and_variance


@dataclass(frozen=True, slots=True)
class TTest:
    """Difference of means, treated minus comparator, and its two-sided p-value."""

    difference: float
    statistic: float
    degrees_of_freedom: float
    p_value: float


def welch(*, values: ArrayLike, treated: ArrayLike) -> TTest:
    """Compare two means without assuming equal variances. R: ``t.test(x, y)``.

    Raises:
        ArgumentError: missing values or lengths that differ.
        NotEstimableError: fewer than two patients in an arm, or no spread.

    >>> round(welch(values=[1, 2, 2, 3, 5, 8, 2, 4, 4, 6, 9, 9, 10], treated=[1] * 6 + [0] * 7).p_value, 6)
    0.104839
    """
    x = arrays.numbers("values", values)
    arm = arrays.events("treated", treated, x.size)
    n1, n0 = int(arm.sum()), int((~arm).sum())
    if min(n1, n0) < 2:
        raise NotEstimableError("fewer than two patients in an arm")
    (mean_1, variance_1), (mean_0, variance_0) = mean_and_variance(x[arm]), mean_and_variance(x[~arm])
    part_1, part_0 = variance_1 / n1, variance_0 / n0
    if part_1 + part_0 == 0:
        raise NotEstimableError("no spread in either arm")
    statistic = (mean_1 - mean_0) / np.sqrt(part_1 + part_0)
    freedom = (part_1 + part_0) ** 2 / (part_1**2 / (n1 - 1) + part_0**2 / (n0 - 1))
    p_value = float(2 * special.stdtr(freedom, -abs(statistic)))
    return TTest(mean_1 - mean_0, float(statistic), float(freedom), p_value)
