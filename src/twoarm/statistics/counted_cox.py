"""Cox models of counts of equal rows that belong to clusters, such as the patients of matched pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Integers
from twoarm.statistics.cox import CoxFit
from twoarm.statistics.robust_variance import MemberClusters, clustered_products


def with_clusters_of_members(fit: CoxFit, *, place: Integers, cluster: ArrayLike) -> CoxFit:
    """Return a model of counted rows with the robust variance clustered over those who were counted.

    Equal rows have equal influence on the estimates, so that the influence of each who was counted is that of the row
    that stands for them; nothing is fitted anew.

    Args:
        fit: a Cox model of m rows with their frequencies.
        place: which of these rows stands for each of n patients, shape (n,).
        cluster: what belongs together, shape (n,).

    Raises:
        ArgumentError: labels that are missing or of another length; patients other than those who were counted.

    Source and R: see ``fit_cox`` with ``cluster``.

    >>> from twoarm.statistics.cox import fit_cox
    >>> counted = fit_cox(time=[1, 1, 2], event=[1, 1, 1], covariates=[1, 0, 0], frequency=[2, 1, 1])
    >>> found = with_clusters_of_members(counted, place=np.array([0, 1, 2, 0]), cluster=[7, 7, 8, 8])
    >>> rows = fit_cox(time=[1, 1, 2, 1], event=[1, 1, 1, 1], covariates=[1, 0, 0, 1], cluster=[7, 7, 8, 8])
    >>> round(float(found.std_errors[0] / rows.std_errors[0]), 12)
    1.0
    """
    patients = fit.problem.patients
    codes, labels = arrays.codes("cluster", cluster, place.size)
    counts = np.bincount(place, minlength=patients.order.size)[patients.order]
    if not np.array_equal(counts, patients.frequency):
        raise ArgumentError("place: found other patients than the model counts; expected one row for each")
    sorted_place = np.empty_like(patients.order)
    sorted_place[patients.order] = np.arange(patients.order.size)
    members = MemberClusters(sorted_place[place], codes)
    usable = np.flatnonzero(np.isfinite(fit.coefficients))
    covariance = fit.covariance.copy()
    influence = fit.residuals("dfbeta")[patients.order][:, usable]
    covariance[np.ix_(usable, usable)] = clustered_products(influence, members)
    problem = replace(fit.problem, patients=replace(patients, members=members))
    return replace(fit, covariance=covariance, clusters=labels.size, robust=True, problem=problem)
