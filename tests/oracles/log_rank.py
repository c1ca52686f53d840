"""The log-rank family from its two-way tables, one event time after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def log_rank(
    time: Sequence[float],
    event: Sequence[int],
    arm: Sequence[Any],
    strata: Sequence[Any] | None = None,
    entry: Sequence[float] | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(observed, expected, variance, statistic), the statistic by a generalised inverse."""
    n = len(time)
    stratum = [0] * n if strata is None else strata
    start = [-np.inf] * n if entry is None else entry
    labels = sorted(set(arm))
    observed, expected = np.zeros(len(labels)), np.zeros(len(labels))
    variance = np.zeros((len(labels), len(labels)))
    for s in sorted(set(stratum)):
        survival = 1.0
        for t in sorted({time[i] for i in range(n) if event[i] and stratum[i] == s}):
            risk = [i for i in range(n) if stratum[i] == s and start[i] < t <= time[i]]
            dead = [i for i in risk if event[i] and time[i] == t]
            at_risk = np.array([sum(arm[i] == k for i in risk) for k in labels], dtype=float)
            deaths = np.array([sum(arm[i] == k for i in dead) for k in labels], dtype=float)
            total, d = len(risk), len(dead)
            weight = survival**rho * (1 - survival) ** gamma
            observed += weight * deaths
            expected += weight * d * at_risk / total
            if total > 1:
                share = at_risk / total
                factor = weight**2 * d * (total - d) / (total - 1)
                variance += factor * (np.diag(share) - np.outer(share, share))
            survival *= 1 - d / total
    difference = observed - expected
    return (
        observed,
        expected,
        variance,
        float(difference @ np.linalg.pinv(variance, rcond=1e-10) @ difference),
    )
