"""Student's and Welch's t test of two means (Student 1908; Welch 1947)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from twoarm.errors import NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.standardised_difference import CONSTANT, arm_moments


@dataclass(frozen=True, slots=True)
class TTest:
    """Difference of means, treated minus comparator, and its two-sided p-value."""

    difference: float
    statistic: float
    degrees_of_freedom: float
    p_value: float


def t_test(
    *, values: ArrayLike, treated: ArrayLike, equal_variances: bool = False, frequency: ArrayLike | None = None
) -> TTest:
    """Compare two means, by default without assuming equal variances (Welch), else Student's test.

    ``frequency`` are whole numbers; k stands for k identical patients, shape (n,).

    R: ``t.test(x, y, var.equal = equal_variances)``.

    Raises:
        ArgumentError: missing values or lengths that differ.
        NotEstimableError: fewer than two patients in an arm, or no spread.

    >>> round(t_test(values=[1, 2, 2, 3, 5, 8, 2, 4, 4, 6, 9, 9, 10], treated=[1] * 6 + [0] * 7).p_value, 6)
    0.104839
    """
    x = arrays.numbers("values", values)
    arm = arrays.events("treated", treated, x.size)
    one, other = arm_moments(x, arm, None if frequency is None else arrays.frequencies(frequency, x.size))
    n1, n0 = int(one.n), int(other.n)
    if min(n1, n0) < 2:
        raise NotEstimableError("fewer than two patients in an arm")
    (mean_1, variance_1), (mean_0, variance_0) = (one.mean, one.variance), (other.mean, other.variance)
    if equal_variances:
        pooled = ((n1 - 1) * variance_1 + (n0 - 1) * variance_0) / (n1 + n0 - 2)
        variance_1 = variance_0 = pooled
    part_1, part_0 = variance_1 / n1, variance_0 / n0
    if part_1 + part_0 <= (CONSTANT * max(abs(mean_1), abs(mean_0))) ** 2:
        raise NotEstimableError("no spread in either arm")
    statistic = (mean_1 - mean_0) / np.sqrt(part_1 + part_0)
    freedom = n1 + n0 - 2 if equal_variances else (part_1 + part_0) ** 2 / (part_1**2 / (n1 - 1) + part_0**2 / (n0 - 1))
    p_value = float(2 * special.stdtr(freedom, -abs(statistic)))
    return TTest(mean_1 - mean_0, float(statistic), float(freedom), p_value)
