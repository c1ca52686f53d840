"""Wald's test that several terms of a model are all zero (Wald 1943)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twoarm.statistics.arrays import Floats
from twoarm.statistics.distributions import chi_squared_tail


def wald_test(
    *, names: Sequence[str], coefficients: Floats, covariance: Floats, terms: Sequence[str] | None
) -> tuple[float, int, float]:
    """Return (statistic, degrees of freedom, p) of the named terms being all zero; all terms by default.

    Terms that could not be estimated are left out; where none is left the statistic is NaN.

    >>> wald_test(names=["x"], coefficients=np.array([2.0]), covariance=np.array([[1.0]]), terms=None)[:2]
    (4.0, 1)
    """
    wanted = [i for i, name in enumerate(names) if terms is None or name in terms]
    usable = [i for i in wanted if np.isfinite(coefficients[i])]
    if not usable:
        return np.nan, 0, np.nan
    beta = coefficients[usable]
    statistic = float(beta @ np.linalg.solve(covariance[np.ix_(usable, usable)], beta))
    return statistic, len(usable), chi_squared_tail(statistic, len(usable))
