"""The exact partial likelihood by writing out every subset of as many patients as died."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np


def log_likelihood(time: Any, event: Any, x: Any, beta: Any, entry: Any = None, strata: Any = None) -> float:
    """Sum over event times of log(product of the dead's hazards / sum of such products over all subsets)."""
    n = len(time)
    start = [-np.inf] * n if entry is None else entry
    stratum = [0] * n if strata is None else strata
    eta = np.asarray(x, dtype=float).reshape(n, -1) @ np.asarray(beta, dtype=float)
    total = 0.0
    for s, t in sorted({(stratum[i], time[i]) for i in range(n) if event[i]}):
        risk = [i for i in range(n) if stratum[i] == s and start[i] < t <= time[i]]
        dead = [i for i in risk if event[i] and time[i] == t]
        products = [np.exp(sum(eta[i] for i in subset)) for subset in combinations(risk, len(dead))]
        total += sum(eta[i] for i in dead) - np.log(sum(products))
    return total
