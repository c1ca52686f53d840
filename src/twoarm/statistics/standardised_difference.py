"""Standardised differences between two arms (Austin 2009; Yang and Dalton 2012)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.blocks import LONG_COLUMN, over_blocks, summed
from twoarm.statistics.largest_gap import largest_gap
from twoarm.statistics.linear_algebra import one_thread

CONSTANT = 1e-12  # an SD below this share of the mean's size is no spread but rounding


def mean_and_variance(
    values: Floats, weight: Floats | None = None, frequency: Floats | Integers | None = None
) -> tuple[float, float]:
    """Return the mean and the n - 1 variance, by two passes; weights give the mean only its weighting.

    ``frequency`` are whole numbers; k stands for k identical patients.
    """
    if values.size == 0:
        return float("nan"), float("nan")
    if frequency is not None:
        return _of_counted(values, np.ones(values.size) if weight is None else weight, frequency)
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


def _of_counted(values: Floats, weight: Floats, frequency: Floats | Integers) -> tuple[float, float]:
    counted = weight * frequency
    total = float(counted.sum())
    mean = float((counted * values).sum() / total)
    spread = float((counted * (values - mean) ** 2).sum()) / total
    if frequency[weight != 0].sum() < 2:
        return mean, float("nan")
    return mean, spread * total**2 / (total**2 - float((counted * weight).sum()))


@dataclass(frozen=True, slots=True)
class ArmMoments:
    """Patients, mean and n - 1 variance of a covariate in one arm; NaN where there are too few patients."""

    n: float
    mean: float
    variance: float


def arm_moments(
    values: Floats, treated: Booleans, frequency: Floats | Integers | None = None
) -> tuple[ArmMoments, ArmMoments]:
    """Return the moments of the treated arm and of the comparator arm, by one pass over blocks of rows.

    Squares are taken about each arm's mean in its block, and moved to its mean over all (Chan, Golub and LeVeque 1983).

    >>> one, other = arm_moments(np.array([1.0, 2, 3, 5]), np.array([True, True, False, False]))
    >>> one.mean, other.variance
    (1.5, 2.0)
    """

    n, total, squares = np.zeros((3, 0, 2)) if not values.size else _of_blocks(values, treated, frequency)
    size, means = n.sum(axis=0), np.full(2, np.nan)
    np.divide(total.sum(axis=0), size, out=means, where=size > 0)
    away = np.divide(total, n, out=np.zeros_like(n), where=n > 0) - np.where(n > 0, means, 0.0)
    variance = np.full(2, np.nan)
    np.divide((squares + n * away * away).sum(axis=0), size - 1, out=variance, where=size > 1)
    one, other = (ArmMoments(float(n), float(m), float(v)) for n, m, v in zip(size, means, variance, strict=True))
    return one, other


def _of_blocks(values: Floats, treated: Booleans, frequency: Floats | Integers | None) -> Floats:
    """Return the size, sum, and squares about its own mean of each arm in each block, shape (3, blocks, 2)."""

    def part(rows: slice) -> Floats:
        block, arms = values[rows], np.empty((2, rows.stop - rows.start))
        arms[0] = treated[rows]
        np.subtract(1.0, arms[0], out=arms[1])
        counted = arms if frequency is None else arms * frequency[rows]
        out = np.empty((3, 2))
        out[0] = counted.sum(axis=1)
        out[1] = counted @ block
        centred = np.divide(out[1], out[0], out=np.zeros(2), where=out[0] > 0) @ arms  # each row's arm has its mean
        np.subtract(block, centred, out=centred)
        centred *= centred
        out[2] = counted @ centred
        return out

    with one_thread():
        return np.stack(over_blocks(values.size, part, LONG_COLUMN), axis=1)


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


def continuous_difference(
    *,
    values: ArrayLike,
    treated: ArrayLike,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
) -> float:
    """Return the standardised mean difference, treated minus comparator, of a continuous covariate.

    Weights move the means only; the SD stays that of the patients as they are, so that a spread which the weights
    change does not pass for balance. ``frequency`` are whole numbers; k stands for k identical patients.

    Source: Austin (2009), equation 1; Austin and Stuart (2015) with weights.

    >>> round(continuous_difference(values=[1, 2, 3, 2, 3, 4], treated=[0, 0, 0, 1, 1, 1]), 3)
    1.0
    """
    x = arrays.numbers("values", values)
    arm = arrays.events("treated", treated, x.size)
    frequencies = None if frequency is None else arrays.frequencies(frequency, x.size)
    one, other = arm_moments(x, arm, frequencies)
    mean_1, mean_0 = one.mean, other.mean
    if weight is not None:
        w = _arm_weights(weight, arm) * (1.0 if frequencies is None else frequencies)
        mean_1, mean_0 = (float((w[rows] * x[rows]).sum() / w[rows].sum()) for rows in (arm, ~arm))
    return standardised_difference(mean_1 - mean_0, one.variance, other.variance, max(abs(mean_1), abs(mean_0)))


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


def categorical_difference(
    *,
    levels: ArrayLike,
    treated: ArrayLike,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
) -> float:
    """Return the Mahalanobis standardised difference of a covariate with several levels (Yang and Dalton 2012).

    Infinite when some level, or combination of levels, separates the arms. A covariate of two levels gives the
    absolute standardised difference of proportions. Weights move the shares only; their covariance stays that of the
    patients as they are. ``frequency`` are whole numbers; k stands for k identical patients.
    """
    values = np.asarray(levels)
    arm = arrays.events("treated", treated, values.size)
    codes, labels = arrays.codes("levels", values, arm.size)
    times = None if frequency is None else arrays.frequencies(frequency, arm.size)
    own, comparator = _shares(codes, arm, times, labels.size)
    if weight is None:
        return mahalanobis_of_shares(own, comparator)
    weights = _arm_weights(weight, arm) * (1.0 if times is None else times)
    return mahalanobis_of_shares(*_shares(codes, arm, weights, labels.size), own, comparator)


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


def counts_by_arm(codes: arrays.Integers, treated: Booleans, k: int, weight: Floats | None = None) -> Floats:
    """Count patients by arm and code of k levels, or sum their weights (n,); shape (2, k), the comparator arm first.

    >>> counts_by_arm(np.array([0, 1, 1]), np.array([True, True, False]), 2).tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """

    def count(rows: slice) -> Floats:
        return np.bincount(codes[rows] + k * treated[rows], minlength=2 * k).astype(np.float64)

    if weight is not None or not codes.size:
        return np.bincount(codes + k * treated, weight, 2 * k).reshape(2, k).astype(np.float64)
    return summed(over_blocks(codes.size, count, max(LONG_COLUMN, 8 * k))).reshape(2, k)


def _shares(codes: arrays.Integers, treated: Booleans, weight: Floats | None, k: int) -> tuple[Floats, Floats]:
    """Return the shares of k levels in the treated arm and in the comparator arm."""
    counts = counts_by_arm(codes, treated, k, weight)
    totals = counts.sum(axis=1, keepdims=True)
    if (totals == 0).any():
        raise ArgumentError("treated: found an arm without patients")
    comparator, own = counts / totals
    return own, comparator


def kolmogorov_smirnov(values: Floats, treated: Booleans, weight: Floats | None = None) -> float:
    """Return the largest distance between the arms' distribution functions; ``weight`` may be a frequency.

    >>> kolmogorov_smirnov(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    1.0
    """
    days = arrays.whole_days(values)
    if days is not None or weight is not None:
        codes = arrays.distinct(values)[1] if days is None else days
        below = np.cumsum(counts_by_arm(codes, treated, int(codes.max()) + 1, weight), axis=1)
        return float(np.abs(below[1] / below[1, -1] - below[0] / below[0, -1]).max())
    return largest_gap(values, treated)
