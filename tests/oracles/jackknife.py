"""The infinitesimal jackknife by its definition: what a little more weight of one patient moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from oracles.kaplan_meier import kaplan_meier

LITTLE = 1e-6


def survival_at(time: Sequence[float], event: Sequence[int], weight: Sequence[float], at: float) -> float:
    survival = 1.0
    for t, _, _, s, _ in kaplan_meier(time, event, None, weight):
        if t <= at:
            survival = s
    return survival


def mean_until(time: Sequence[float], event: Sequence[int], weight: Sequence[float], tau: float) -> float:
    before, survival, area = 0.0, 1.0, 0.0
    for t, _, _, s, _ in kaplan_meier(time, event, None, weight):
        if t < tau:
            area, before, survival = area + survival * (t - before), t, s
    return area + survival * (tau - before)


def influences(statistic: Callable[..., float], time, event, weight, at: float) -> np.ndarray:
    """Central differences by each patient's weight, shape (n,)."""
    found = []
    for i in range(len(time)):
        moved = []
        for sign in (1, -1):
            changed = np.array(weight, dtype=float)
            changed[i] += sign * LITTLE
            moved.append(statistic(time, event, changed, at))
        found.append((moved[0] - moved[1]) / (2 * LITTLE))
    return np.array(found)


def contrast_variance(statistic, time, event, treated, weight, cluster, at: float) -> float:
    """Sum over clusters of the squared sum of weighted influences on treated minus comparator."""
    score = np.zeros(len(time))
    for arm, sign in ((True, 1.0), (False, -1.0)):
        rows = treated == arm
        score[rows] = sign * weight[rows] * influences(statistic, time[rows], event[rows], weight[rows], at)
    return sum(score[cluster == c].sum() ** 2 for c in set(cluster.tolist()))
