"""Proportions of weighted arms and their contrast, with the robust variance that takes the weights for known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twoarm.errors import NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.crossed_clusters import LARGER, crossed_variance
from twoarm.statistics.distributions import normal_quantile, two_sided_normal


@dataclass(frozen=True, slots=True)
class WeightedProportion:
    """Share of the weight with the outcome; the limits come from the logit, NaN where nobody or everybody has it."""

    proportion: float
    std_error: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class WeightedProportions:
    """Treated minus comparator, with Wald limits; the odds ratio is NaN where nobody or everybody in an arm has it."""

    treated: WeightedProportion
    comparator: WeightedProportion
    difference: float
    difference_se: float
    difference_lower: float
    difference_upper: float
    p_value: float  # of the difference
    odds_ratio: float
    odds_ratio_lower: float
    odds_ratio_upper: float
    variance_note: str = ""  # why the variance of the difference is not the one that was asked for


def weighted_proportions(
    *,
    outcome: ArrayLike,
    treated: ArrayLike,
    weight: ArrayLike,
    cluster: ArrayLike | None = None,
    crossed: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> WeightedProportions:
    """Compare the proportions of two weighted arms.

    Args:
        outcome: True (or 1) for patients with the outcome, shape (n,).
        treated: True for the treated arm, shape (n,).
        weight: sampling weights, shape (n,).
        cluster: patients who belong together, such as matched sets, shape (n,).
        crossed: a second clustering, such as the patient whom several rows stand for, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        confidence_level: of all limits.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: an arm without weight, or no variance.

    Source: Lunceford and Davidian (2004), the ratio form of the weighted mean; linearised (infinitesimal jackknife)
    variance. R: ``sandwich::vcovHC(lm(y ~ arm, weights = w), type = "HC0")``.

    >>> found = weighted_proportions(outcome=[1, 0, 1, 0], treated=[1, 1, 0, 0], weight=[3, 1, 1, 1])
    >>> found.difference
    0.25
    """
    y = arrays.events("outcome", outcome, np.asarray(outcome).size)
    arm = arrays.events("treated", treated, y.size)
    w = arrays.weights(weight, y.size)
    often = None if frequency is None else arrays.frequencies(frequency, y.size)
    level = arrays.level(confidence_level)
    if not (w[arm].any() and w[~arm].any()):
        raise NotEstimableError("an arm has no weight")
    counted = w if often is None else w * often
    shares = [float((counted[rows] * y[rows]).sum() / counted[rows].sum()) for rows in (arm, ~arm)]
    influence = np.zeros(y.size)
    for rows, share in zip((arm, ~arm), shares, strict=True):
        influence[rows] = w[rows] * (y[rows] - share) / counted[rows].sum()
    codes = _Clusters(
        None if cluster is None else arrays.codes("cluster", cluster, y.size)[0],
        None if crossed is None else arrays.codes("crossed", crossed, y.size)[0],
        often,
    )
    difference = shares[0] - shares[1]
    error, note = codes.std_error(np.where(arm, influence, -influence))
    if error == 0:
        raise NotEstimableError("no variance: within each arm all outcomes are alike")
    spread = normal_quantile(level) * error
    odds = _odds_ratio(shares, np.where(arm, influence, -influence), arm, codes, level)
    sides = [
        _side(share, codes.std_error(np.where(rows, influence, 0.0))[0], level)
        for rows, share in zip((arm, ~arm), shares, strict=True)
    ]
    return WeightedProportions(
        treated=sides[0],
        comparator=sides[1],
        difference=difference,
        difference_se=error,
        difference_lower=difference - spread,
        difference_upper=difference + spread,
        p_value=two_sided_normal(difference / error),
        odds_ratio=odds[0],
        odds_ratio_lower=odds[1],
        odds_ratio_upper=odds[2],
        variance_note=note,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Clusters:
    first: arrays.Integers | None
    second: arrays.Integers | None
    frequency: Floats | None

    def std_error(self, influence: Floats) -> tuple[float, str]:
        """Return the standard error, and why it is not the one that was asked for; influence is of one patient each."""
        counted = influence if self.frequency is None else influence * self.frequency
        if self.second is None:
            if self.first is None:
                return float(np.sqrt((influence * counted).sum())), ""
            summed = arrays.group_sums(self.first, counted, int(self.first.max()) + 1)
            return float(np.sqrt((summed * summed).sum())), ""
        first = np.arange(influence.size) if self.first is None else self.first
        found = crossed_variance(influence=counted, first=first, second=self.second)
        return float(np.sqrt(found.covariance[0, 0])), "" if found.positive else LARGER


def _side(share: float, error: float, level: float) -> WeightedProportion:
    if not 0 < share < 1:
        return WeightedProportion(share, error, float("nan"), float("nan"))
    logit, spread = np.log(share / (1 - share)), normal_quantile(level) * error / (share * (1 - share))
    lower, upper = (1 / (1 + np.exp(-np.array([logit - spread, logit + spread])))).tolist()
    return WeightedProportion(share, error, lower, upper)


def _odds_ratio(
    shares: list[float], influence: Floats, arm: Booleans, codes: _Clusters, level: float
) -> tuple[float, float, float]:
    if not all(0 < share < 1 for share in shares):
        return float("nan"), float("nan"), float("nan")
    slopes = [1 / (share * (1 - share)) for share in shares]
    error, _ = codes.std_error(influence * np.where(arm, *slopes))
    log_odds = np.log(shares[0] / (1 - shares[0])) - np.log(shares[1] / (1 - shares[1]))
    spread = normal_quantile(level) * error
    middle, lower, upper = np.exp([log_odds, log_odds - spread, log_odds + spread]).tolist()
    return middle, lower, upper
