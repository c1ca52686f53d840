"""Standardised differences between two arms (Austin 2009; Yang and Dalton 2012)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats

CONSTANT = 1e-12  # an SD below this share of the mean's size is no spread but rounding


def mean_and_variance(values: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Return the mean and the n - 1 variance, by two passes; weights give the mean only its weighting."""
    if values.size == 0:
        return float("nan"), float("nan")
    if weight is None:
        mean = float(values.sum() / values.size)
        spread = float(((values - mean) ** 2).sum())
        return mean, spread / (values.size - 1) if values.size > 1 else float("nan")
    total = float(weight.sum())
    mean = float((weight * values).sum() / total)
    spread = float((weight * (values - mean) ** 2).sum()) / total
    if np.count_nonzero(weight) < 2:
        return mean, float("nan")
    return mean, spread * total**2 / (total**2 - float((weight**2).sum()))


def standardised_difference(difference: float, variance_1: float, variance_0: float, size: float = 1.0) -> float:
    """Return difference / sqrt((variance_1 + variance_0) / 2).

    0 when there is neither difference nor spread; signed infinity when there is a difference without spread. ``size``
    is the magnitude of the values, against which an SD counts as rounding error.

    >>> standardised_difference(1.0, 4.0, 4.0)
    0.5
    """
    deviation = float(np.sqrt((variance_1 + variance_0) / 2))
    if deviation <= CONSTANT * abs(size):
        return 0.0 if abs(difference) <= CONSTANT * abs(size) else float(np.copysign(np.inf, difference))
    return difference / deviation


def continuous_difference(*, values: ArrayLike, treated: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the standardised mean difference, treated minus comparator, of a continuous covariate.

    Weights move the means only; the SD stays that of the patients as they are, so that a spread which the weights
    change does not pass for balance.

    Source: Austin (2009), equation 1; Austin and Stuart (2015) with weights.

    >>> round(continuous_difference(values=[1, 2, 3, 2, 3, 4], treated=[0, 0, 0, 1, 1, 1]), 3)
    1.0
    """
    x = arrays.numbers("values", values)
    arm = arrays.events("treated", treated, x.size)
    (mean_1, variance_1), (mean_0, variance_0) = mean_and_variance(x[arm]), mean_and_variance(x[~arm])
    if weight is not None:
        w = _arm_weights(weight, arm)
        mean_1, mean_0 = (float((w[rows] * x[rows]).sum() / w[rows].sum()) for rows in (arm, ~arm))
    return standardised_difference(mean_1 - mean_0, variance_1, variance_0, max(abs(mean_1), abs(mean_0)))


def binary_difference(
    share_1: float, share_0: float, spread_1: float | None = None, spread_0: float | None = None
) -> float:
    """Return the standardised difference of two proportions (Austin 2009, equation 2).

    The SD comes from ``spread_1`` and ``spread_0``, shares of another sample such as the unweighted one; by default
    from the shares themselves.

    >>> round(binary_difference(0.5, 0.4), 4)
    0.202
    """
    p, q = share_1 if spread_1 is None else spread_1, share_0 if spread_0 is None else spread_0
    return standardised_difference(share_1 - share_0, p * (1 - p), q * (1 - q))


def categorical_difference(*, levels: ArrayLike, treated: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the Mahalanobis standardised difference of a covariate with several levels (Yang and Dalton 2012).

    Infinite when some level, or combination of levels, separates the arms. A covariate of two levels gives the
    absolute standardised difference of proportions. Weights move the shares only; their covariance stays that of the
    patients as they are.
    """
    values = np.asarray(levels)
    arm = arrays.events("treated", treated, values.size)
    codes, labels = arrays.codes("levels", values, arm.size)
    shares_1, shares_0 = _shares(codes, arm, labels.size), _shares(codes, ~arm, labels.size)
    if weight is None:
        return mahalanobis_of_shares(shares_1, shares_0)
    w = _arm_weights(weight, arm)
    weighted = [arrays.group_sums(codes[rows], w[rows], labels.size) / w[rows].sum() for rows in (arm, ~arm)]
    return mahalanobis_of_shares(weighted[0], weighted[1], shares_1, shares_0)


def mahalanobis_of_shares(
    shares_1: Floats, shares_0: Floats, spread_1: Floats | None = None, spread_0: Floats | None = None
) -> float:
    """Return the Mahalanobis distance between two multinomial distributions given as shares over k levels.

    The covariance comes from ``spread_1`` and ``spread_0``, shares of another sample such as the one before matching;
    by default from the shares themselves.
    """
    if shares_1.shape != shares_0.shape:
        raise ArgumentError("shares: found different numbers of levels in the two arms")
    spread_1, spread_0 = (
        (shares_1 if spread_1 is None else spread_1),
        (shares_0 if spread_0 is None else spread_0),
    )
    occupied = (shares_1 > 0) | (shares_0 > 0) | (spread_1 > 0) | (spread_0 > 0)
    difference = (shares_1 - shares_0)[occupied][1:]
    if not difference.any():
        return 0.0
    if not ((spread_1 > 0) & (spread_0 > 0)).any():
        return float("inf")
    p, q = spread_1[occupied][1:], spread_0[occupied][1:]
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    values, vectors = np.linalg.eigh(covariance)
    projected = vectors.T @ difference
    flat = values < 1e-12
    if (np.abs(projected[flat]) > 1e-9).any():
        return float("inf")
    return float(np.sqrt((projected[~flat] ** 2 / values[~flat]).sum()))


def _arm_weights(weight: ArrayLike, arm: Booleans) -> Floats:
    found = arrays.weights(weight, arm.size)
    if not (found[arm].any() and found[~arm].any()):
        raise ArgumentError("weight: found an arm whose weights are all 0")
    return found


def _shares(codes: arrays.Integers, rows: Booleans, k: int) -> Floats:
    counts = np.bincount(codes[rows], minlength=k).astype(np.float64)
    if counts.sum() == 0:
        raise ArgumentError("treated: found an arm without patients")
    return np.asarray(counts / counts.sum())


def kolmogorov_smirnov(values: Floats, treated: Booleans, weight: Floats | None = None) -> float:
    """Return the largest distance between the arms' (weighted) distribution functions.

    >>> kolmogorov_smirnov(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    1.0
    """
    points, at = np.unique(values, return_inverse=True)
    if weight is not None:
        sums = [np.bincount(at[arm], weights=weight[arm], minlength=points.size) for arm in (treated, ~treated)]
        return float(np.abs(np.cumsum(sums[0]) / sums[0].sum() - np.cumsum(sums[1]) / sums[1].sum()).max())
    shares = [np.searchsorted(np.sort(values[arm]), points, side="right") / arm.sum() for arm in (treated, ~treated)]
    return float(np.abs(shares[0] - shares[1]).max())
