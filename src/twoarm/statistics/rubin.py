"""One answer from m imputations: numbers (Rubin 1987; Barnard and Rubin 1999), tests (Li et al. 1991), proportions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats
from twoarm.statistics.distributions import f_tail, t_quantile, two_sided_t

PooledInterval = Literal["rubin-logit", "wilson"]


@dataclass(frozen=True, slots=True)
class Pooled:
    """An estimate from m imputations with its t interval and the test that it is 0."""

    estimate: float
    std_error: float
    lower: float
    upper: float
    p_value: float
    degrees_of_freedom: float
    within: float  # mean variance inside an imputation
    between: float  # variance of the estimates
    relative_increase: float  # of the variance, due to what is missing
    fraction_missing: float  # information about the estimate that is missing
    monte_carlo_error: float  # standard deviation of the estimate over seeds


@dataclass(frozen=True, slots=True)
class PooledTest:
    """An F test from m chi-squared statistics."""

    statistic: float
    numerator_df: int
    denominator_df: float
    p_value: float
    relative_increase: float


@dataclass(frozen=True, slots=True)
class PooledProportion:
    """A proportion from m imputations with its interval and the rule that gave it."""

    proportion: float
    lower: float
    upper: float
    interval: PooledInterval
    degrees_of_freedom: float


def pool(*, estimates: ArrayLike, variances: ArrayLike, complete_df: float, confidence_level: float = 0.95) -> Pooled:
    """Pool estimates by Rubin's rules.

    Args:
        estimates: one an imputation, on a scale on which they are about normal, shape (m,).
        variances: their squared standard errors, shape (m,).
        complete_df: degrees of freedom if nothing were missing, such as events less parameters; may be infinite.
        confidence_level: of the interval.

    Raises:
        ArgumentError: fewer than two imputations, missing values, negative variances.
        NotEstimableError: no variance within the imputations, or no complete-data degrees of freedom.

    Source: Rubin (1987), section 3.1; Barnard and Rubin (1999), degrees of freedom, which with estimates all alike are
    complete_df (complete_df + 1) / (complete_df + 3); White, Royston and Wood (2011), section 7, Monte Carlo error.
    R: ``mice::pool.scalar(Q, U, n = complete_df + 1, k = 1)``.

    >>> found = pool(estimates=[1.0, 1.2, 0.9], variances=[0.1, 0.12, 0.09], complete_df=49)
    >>> round(found.estimate, 4), round(found.std_error, 4), round(found.degrees_of_freedom, 2)
    (1.0333, 0.3667, 18.39)
    """
    q = _imputations("estimates", estimates)
    u = arrays.numbers("variances", variances, q.size)
    if (u < 0).any():
        raise ArgumentError("variances: found negative ones")
    if not complete_df > 0:
        raise NotEstimableError("no degrees of freedom are left in the complete data")
    estimate, within, between = float(q.mean()), float(u.mean()), _between(q)
    if within == 0:
        raise NotEstimableError("the estimates have no variance within the imputations")
    added = (1 + 1 / q.size) * between
    increase, std_error = added / within, float(np.sqrt(within + added))
    df = _barnard_rubin(q.size, within, added, complete_df)
    spread = t_quantile(arrays.level(confidence_level), df) * std_error
    return Pooled(
        estimate=estimate,
        std_error=std_error,
        lower=estimate - spread,
        upper=estimate + spread,
        p_value=two_sided_t(estimate / std_error, df),
        degrees_of_freedom=df,
        within=within,
        between=between,
        relative_increase=increase,
        fraction_missing=(increase + 2 / (df + 3)) / (increase + 1),
        monte_carlo_error=float(np.sqrt(between / q.size)),
    )


def _imputations(name: str, values: ArrayLike) -> Floats:
    array = arrays.numbers(name, values)
    if array.size < 2:
        raise ArgumentError(f"{name}: found {array.size} imputations; expected at least two")
    return array


def _between(values: Floats) -> float:
    """Return the variance between imputations, exactly 0 for values all alike."""
    return 0.0 if values.min() == values.max() else float(values.var(ddof=1))


def _barnard_rubin(m: int, within: float, added: float, complete_df: float) -> float:
    """Return the degrees of freedom of a variance, ``added`` being its part that is due to what is missing."""
    # the reciprocals add up, so that an infinite part drops out
    total = within + added
    reciprocal = (added / total) ** 2 / (m - 1)
    if np.isfinite(complete_df):
        reciprocal += (complete_df + 3) / ((complete_df + 1) * complete_df * (within / total))
    return float(1 / reciprocal) if reciprocal > 0 else np.inf


def pool_chi_squared(*, statistics: ArrayLike, degrees_of_freedom: int) -> PooledTest:
    """Pool chi-squared statistics when nothing but they is known (the statistic D2).

    Its p-value is rough and serves where no estimates can be pooled. A negative statistic,
    which the formula gives where the statistics differ much and are small, is reported as 0, with p-value 1.

    Args:
        statistics: one an imputation, at least 0, shape (m,).
        degrees_of_freedom: of each.

    Raises:
        ArgumentError: fewer than two imputations, negative or missing statistics, degrees of freedom below 1.

    Source: Li, Meng, Raghunathan and Rubin (1991). R: ``miceadds::micombine.chisquare(d, df)``.

    >>> found = pool_chi_squared(statistics=[4.0, 5.0, 6.0], degrees_of_freedom=1)
    >>> round(found.statistic, 4), round(found.p_value, 4)
    (4.558, 0.0332)
    """
    d = _imputations("statistics", statistics)
    if (d < 0).any():
        raise ArgumentError("statistics: found negative ones")
    if degrees_of_freedom < 1:
        raise ArgumentError(f"degrees_of_freedom: found {degrees_of_freedom}; expected at least 1")
    m, k = d.size, degrees_of_freedom
    increase = (1 + 1 / m) * _between(np.sqrt(d))
    statistic = max(0.0, float((d.mean() / k - (m + 1) / (m - 1) * increase) / (1 + increase)))
    freedom = float(k ** (-3 / m) * (m - 1) * (1 + 1 / increase) ** 2) if increase > 0 else np.inf
    return PooledTest(statistic, k, freedom, f_tail(statistic, k, freedom), increase)


def pool_proportion(*, events: ArrayLike, n: ArrayLike, confidence_level: float = 0.95) -> PooledProportion:
    """Pool proportions by Rubin's rules on the logit, or by Wilson's interval where a logit is infinite.

    The complete-data degrees of freedom are n - 1 (of the smallest n). Where some imputation has no events or nothing
    but events, the estimate is the mean proportion, and the limits are the proportions p at which
    (mean - p)^2 = t^2 (1 + r) p (1 - p) / n, r being the relative increase of the variance and n the harmonic mean;
    with all imputations alike this is Wilson's interval.

    Args:
        events: one an imputation, shape (m,).
        n: patients, shape (m,).
        confidence_level: of the interval.

    Raises:
        ArgumentError: fewer than two imputations, counts that are no whole numbers, more events than patients.
        NotEstimableError: nobody in some imputation.

    Source: Rubin (1987), section 3.1; Lott and Reiter (2020). R, on the logit:
    ``mice::pool(with(imputed, glm(y ~ 1, binomial)))``.

    >>> found = pool_proportion(events=[7, 8, 9], n=[25, 25, 25])
    >>> round(found.proportion, 4), round(found.lower, 4), round(found.upper, 4), found.interval
    (0.3191, 0.1426, 0.569, 'rubin-logit')
    """
    x = _imputations("events", events)
    size = arrays.numbers("n", n, x.size)
    if ((x % 1 != 0) | (size % 1 != 0) | (x < 0) | (x > size)).any():
        raise ArgumentError("events, n: expected whole numbers with 0 <= events <= n")
    if (size == 0).any():
        raise NotEstimableError("nobody (0 of 0) in some imputation")
    if ((x == 0) | (x == size)).any() or size.min() < 2:
        return _pooled_wilson(x, size, arrays.level(confidence_level))
    logits = pool(
        estimates=np.log(x / (size - x)),
        variances=1 / x + 1 / (size - x),
        complete_df=float(size.min() - 1),
        confidence_level=confidence_level,
    )
    estimate, lower, upper = (float(special.expit(v)) for v in (logits.estimate, logits.lower, logits.upper))
    return PooledProportion(estimate, lower, upper, "rubin-logit", logits.degrees_of_freedom)


def _pooled_wilson(x: Floats, size: Floats, confidence_level: float) -> PooledProportion:
    p = x / size
    within, between = float((p * (1 - p) / size).mean()), _between(p)
    added = (1 + 1 / p.size) * between
    # nothing between the imputations is missing; nothing within but something between is all that is missing
    increase = 0.0 if added == 0 else (added / within if within > 0 else np.inf)
    df = _barnard_rubin(p.size, within, added, np.inf) if added > 0 else np.inf
    estimate = float(p.mean())
    if np.isinf(increase):
        return PooledProportion(estimate, 0.0, 1.0, "wilson", df)
    a = t_quantile(confidence_level, df) ** 2 * (1 + increase) * float((1 / size).mean())
    spread = np.sqrt(a * (a / 4 + estimate * (1 - estimate)))
    lower, upper = (estimate + a / 2 - spread) / (1 + a), (estimate + a / 2 + spread) / (1 + a)
    lower, upper = (0.0 if estimate == 0 else float(lower)), (1.0 if estimate == 1 else float(upper))
    return PooledProportion(estimate, lower, upper, "wilson", df)
