"""Variance where rows belong to two clusterings at once, such as matched sets and patients who stand in several."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.statistics import arrays
from twoarm.statistics.arrays import Floats, Integers, group_sums
from twoarm.statistics.cox import CoxFit

FLAT = 1e-12  # a variance below this share of the one-way variances is rounding


@dataclass(frozen=True, slots=True, eq=False)
class CrossedVariance:
    """Variance of q estimates by crossed clusters; the larger one-way variance where they give none."""

    covariance: Floats  # shape (q, q)
    first: Floats  # clustered by the first labels alone
    second: Floats
    both: Floats  # clustered by pairs of labels
    clusters: int  # of the clustering that has fewer
    positive: bool  # False: first + second - both is no variance, and the larger of first and second stands in


def crossed_variance(*, influence: ArrayLike, first: ArrayLike, second: ArrayLike) -> CrossedVariance:
    """Return V(first) + V(second) - V(first and second) of estimates with known influence of every row.

    Args:
        influence: how much each row moves each of q estimates, such as weighted dfbeta residuals, shape (n, q).
        first: cluster labels such as matched sets, shape (n,).
        second: cluster labels such as patients, shape (n,).

    Raises:
        ArgumentError: labels that are missing or of another length.

    No correction for few clusters. Where the difference is no variance (a negative eigenvalue, or nothing on the
    diagonal), the larger one-way variance is taken; of several estimates, by the sum of their variances, each relative
    to its larger one. Source: Cameron, Gelbach and Miller (2011), equations 2.13 and 2.14;
    Miglioretti and Heagerty (2007); for matched sets Austin and Cafri (2020). R: ``sandwich::vcovCL(fit, cluster =
    ~ set + patient, type = "HC0", cadjust = FALSE)``.

    >>> found = crossed_variance(influence=[1.0, -1.0, 2.0], first=["a", "a", "b"], second=[1, 2, 1])
    >>> found.covariance.tolist()
    [[8.0]]
    """
    parts = arrays.matrix("influence", influence, np.asarray(influence).shape[0])
    one, labels = arrays.codes("first", first, parts.shape[0])
    two, others = arrays.codes("second", second, parts.shape[0])
    both = np.unique(one * others.size + two, return_inverse=True)[1].reshape(-1)
    by_first, by_second, by_both = (_sum_of_squares(parts, codes) for codes in (one, two, both))
    combined = by_first + by_second - by_both
    fewer = min(labels.size, others.size)
    scale = np.sqrt(np.maximum(np.diag(by_first), np.diag(by_second)))
    scale = np.where(scale > 0, scale, 1.0)
    relative = combined / np.outer(scale, scale)
    positive = bool(np.diag(relative).min() > FLAT and np.linalg.eigvalsh(relative).min() > -FLAT)
    if not positive:
        combined = max((by_first, by_second), key=lambda variance: float((np.diag(variance) / scale**2).sum()))
    return CrossedVariance(combined, by_first, by_second, by_both, fewer, positive)


def _sum_of_squares(influence: Floats, codes: Integers) -> Floats:
    summed = np.column_stack([group_sums(codes, column, int(codes.max()) + 1) for column in influence.T])
    return np.asarray(summed.T @ summed)


LARGER = "crossed clusters gave no variance: the larger of the one-way variances"


def with_crossed_clusters(fit: CoxFit, *, first: ArrayLike, second: ArrayLike) -> CoxFit:
    """Return a fitted Cox model with the variance by crossed clusters; nothing is fitted anew.

    Args:
        fit: a Cox model of n rows.
        first: cluster labels such as matched sets, shape (n,).
        second: cluster labels such as patients, shape (n,).

    Raises:
        ArgumentError: labels that are missing or of another length.

    Source and equal R call: see ``crossed_variance``.
    """
    usable = np.flatnonzero(np.isfinite(fit.coefficients))
    if not usable.size:
        return fit
    patients = fit.problem.patients
    often = np.empty_like(patients.frequency)
    often[patients.order] = patients.frequency
    influence = fit.residuals("dfbeta")[:, usable]
    influence *= often[:, None]
    found = crossed_variance(influence=influence, first=first, second=second)
    covariance: NDArray[np.float64] = np.full_like(fit.covariance, np.nan)
    covariance[np.ix_(usable, usable)] = found.covariance
    note = "" if found.positive else LARGER
    return replace(fit, covariance=covariance, clusters=found.clusters, robust=True, variance_note=note)
