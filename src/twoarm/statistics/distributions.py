"""The tails and quantiles that tests and intervals need; ``scipy.stats`` takes too long to import."""

from __future__ import annotations

import math

from scipy import special


def normal_quantile(confidence_level: float) -> float:
    """Return z such that a standard normal lies within -z and z with the given probability."""
    return float(special.ndtri(0.5 + confidence_level / 2))


def two_sided_normal(z: float) -> float:
    """Return P(\\|Z\\| >= \\|z\\|) for a standard normal Z."""
    return float(2 * special.ndtr(-abs(z)))


def chi_squared_tail(statistic: float, degrees_of_freedom: int) -> float:
    """Return P(X >= statistic) for a chi-squared X."""
    if degrees_of_freedom < 1:
        return math.nan
    return float(special.chdtrc(degrees_of_freedom, statistic))
