"""Robust variances of estimates from the scores of rows, summed within clusters (Lin and Wei 1989)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Floats, Integers, group_sums
from twoarm.statistics.linear_algebra import one_thread, weighted_cross_product


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MemberClusters:
    """Whom rows with frequencies stand for, one by one, and what they belong to."""

    place: Integers  # row of each, in the order of ``patient_order``, shape (k,)
    clusters: Integers  # codes, shape (k,)


def sandwich(
    naive: Floats, residuals: Floats, frequency: Floats, sampling: Floats, clusters: Integers | None
) -> Floats:
    """Return the robust variance: inverse information around the meat of (clustered) weighted scores."""
    if clusters is None:
        meat = weighted_cross_product(residuals, frequency * sampling * sampling)
    else:
        meat = _products_of_sums(clusters, (frequency * sampling * column for column in residuals.T))
    return np.asarray(naive @ meat @ naive)


def clustered_products(scores: Floats, members: MemberClusters) -> Floats:
    """Return sums of squares and products of the rows' scores (n, p), summed within their members' clusters; (p, p)."""
    return _products_of_sums(members.clusters, (np.take(column, members.place) for column in scores.T))


def _products_of_sums(clusters: Integers, columns: Iterable[Floats]) -> Floats:
    groups = int(clusters.max()) + 1
    summed = np.array([group_sums(clusters, column, groups) for column in columns]).T
    with one_thread():
        return weighted_cross_product(summed, np.ones(groups))
