"""What each patient moves of a survival curve and of its area: the infinitesimal jackknife (Jaeckel 1972)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import ArgumentError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.crossed_clusters import LARGER, crossed_variance
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


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What the scores of n patients or rows are summed within before they are squared."""

    cluster: Integers | None  # codes of matched pairs or sets, shape (n,)
    crossed: Integers | None = None  # codes of a second clustering beside the first: whom each row stands for, (n,)
    frequency: Floats | None = None  # identical patients that each row stands for, shape (n,)

    @classmethod
    def of(
        cls, cluster: ArrayLike | None, crossed: ArrayLike | None, n: int, frequency: ArrayLike | None = None
    ) -> Units:
        """Read labels of n rows, and how many identical patients each stands for.

        Raises:
            ArgumentError: labels that are missing or of another length, or a second clustering without the first.
        """
        if crossed is not None and cluster is None:
            raise ArgumentError("crossed: found without cluster; expected both")
        first = None if cluster is None else arrays.codes("cluster", cluster, n)[0]
        second = None if crossed is None else arrays.codes("crossed", crossed, n)[0]
        return cls(first, second, None if frequency is None else arrays.frequencies(frequency, n))

    def within(self, rows: Booleans | Integers) -> Units:
        """Return the labels of some rows."""
        first, second = (None if part is None else part[rows] for part in (self.cluster, self.crossed))
        return Units(first, second, None if self.frequency is None else self.frequency[rows])

    @property
    def count(self) -> int:
        """Number of clusters, 0 without; where they cross, of the clustering that has fewer."""
        parts = [part for part in (self.cluster, self.crossed) if part is not None]
        return min((arrays.count_distinct(part) for part in parts), default=0)

    def patients(self, rows: int) -> int:
        """Return how many patients so many rows stand for."""
        if self.crossed is not None:
            return arrays.count_distinct(self.crossed)
        return rows if self.frequency is None else int(self.frequency.sum())

    def variance(self, scores: Floats) -> ScoreVariance:
        """Return the sum of squares of one patient's weighted scores (n,), summed within clusters first."""
        counted = scores if self.frequency is None else scores * self.frequency
        if self.cluster is None:
            return ScoreVariance(float(scores @ counted), "")
        if self.crossed is not None:
            found = crossed_variance(influence=counted, first=self.cluster, second=self.crossed)
            return ScoreVariance(float(found.covariance[0, 0]), "" if found.positive else LARGER)
        total = arrays.group_sums(self.cluster, counted, int(self.cluster.max()) + 1)
        return ScoreVariance(float(total @ total), "")


@dataclass(frozen=True, slots=True)
class ScoreVariance:
    """A variance, and why it is not the one that was asked for, or ""."""

    value: float
    note: str
