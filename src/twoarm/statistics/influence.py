"""What each patient moves of a survival curve and of its area: the infinitesimal jackknife (Jaeckel 1972)."""

from __future__ import annotations

import numpy as np

from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.kaplan_meier import KaplanMeier


def survival_influence(*, exits: Floats, event: Booleans, km: KaplanMeier, at: float) -> Floats:
    """Return the derivative of S(at) by each patient's weight, shape (n,).

    Args:
        exits: time to event or end of follow-up of the curve's own patients, all of weight above 0, shape (n,).
        event: True where the event happened, shape (n,).
        km: the weighted curve of these patients.
        at: a time.

    Source: Jaeckel (1972); S(t) times the sum over u <= t of d / (n (n - d)) while at risk, less 1 / (n - d) at an
    event of one's own. R: ``survfit(Surv(time, event) ~ 1, weights = w, robust = TRUE, influence = 1)``.
    """
    last = int(np.searchsorted(km.time, at, side="right")) - 1
    survival = float(km.survival[last]) if last >= 0 else 1.0
    return _moved(exits, event, km, np.where(km.time <= at, survival, 0.0))


def area_influence(*, exits: Floats, event: Booleans, km: KaplanMeier, beyond: Floats) -> Floats:
    """Return the derivative of the area under the curve up to tau by each patient's weight, shape (n,).

    ``beyond`` is the area from each of the curve's m times to tau, 0 from tau on, shape (m,); the other arguments are
    those of ``survival_influence``.
    """
    return _moved(exits, event, km, beyond)


def _moved(exits: Floats, event: Booleans, km: KaplanMeier, beyond: Floats) -> Floats:
    """Sum what a change of each step moves; where everybody at risk dies, nobody's weight changes that S is 0."""
    steps = (km.events > 0) & (km.at_risk > km.events) & (beyond > 0)
    left = np.where(steps, km.at_risk - km.events, 1.0)
    own = np.where(steps, beyond / left, 0.0)
    rise = np.where(steps, own * km.events / np.where(steps, km.at_risk, 1.0), 0.0)
    position = np.searchsorted(km.time, exits)
    return np.asarray(np.cumsum(rise)[position] - np.where(event, own[position], 0.0))


def score_variance(scores: Floats, clusters: Integers | None) -> float:
    """Return the sum of squares of weighted scores (n,), summed within clusters first."""
    total = scores if clusters is None else arrays.group_sums(clusters, scores, int(clusters.max()) + 1)
    return float(total @ total)
