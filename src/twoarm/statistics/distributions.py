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


def t_quantile(confidence_level: float, degrees_of_freedom: float) -> float:
    """Return t such that Student's t lies within -t and t with the given probability; infinite df are the normal."""
    if math.isinf(degrees_of_freedom):
        return normal_quantile(confidence_level)
    return float(special.stdtrit(degrees_of_freedom, 0.5 + confidence_level / 2))


def two_sided_t(t: float, degrees_of_freedom: float) -> float:
    """Return P(\\|T\\| >= \\|t\\|) for Student's t; infinite df are the normal."""
    if math.isinf(degrees_of_freedom):
        return two_sided_normal(t)
    return float(2 * special.stdtr(degrees_of_freedom, -abs(t)))


def f_tail(statistic: float, numerator_df: float, denominator_df: float) -> float:
    """Return P(F >= statistic); infinite denominator df are chi-squared over its df."""
    if math.isinf(denominator_df):
        return float(special.chdtrc(numerator_df, numerator_df * statistic))
    return float(special.fdtrc(numerator_df, denominator_df, statistic))
