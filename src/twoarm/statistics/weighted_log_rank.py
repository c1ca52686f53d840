"""Log-rank test with sampling weights and robust variance (Lin and Wei 1989; Xie and Liu 2005)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats
from twoarm.statistics.cox_likelihood import PartialLikelihood
from twoarm.statistics.cox_residuals import score_residuals
from twoarm.statistics.cox_risk_sets import RiskSets, Ties, build_risk_sets
from twoarm.statistics.crossed_clusters import LARGER, crossed_variance
from twoarm.statistics.distributions import chi_squared_tail
from twoarm.statistics.linear_algebra import one_thread
from twoarm.statistics.log_rank import quadratic_form
from twoarm.statistics.robust_variance import sandwich

FLAT = 1e-12  # a variance below this share of the expected events is rounding


@dataclass(frozen=True, slots=True, eq=False)
class WeightedLogRank:
    """Weighted observed and expected events of each of k arms, and the robust test of equal hazards."""

    arms: NDArray[Any]  # labels, shape (k,)
    n: Floats  # patients, shape (k,)
    weight: Floats  # sums of weights, shape (k,)
    observed: Floats  # sums of weights of the events, shape (k,)
    expected: Floats
    variance: Floats  # robust, of observed - expected, shape (k, k)
    statistic: float
    degrees_of_freedom: int
    p_value: float
    ties: Ties
    variance_note: str = ""  # why the variance is not the one that was asked for


def weighted_log_rank(
    *,
    time: ArrayLike,
    event: ArrayLike,
    arm: ArrayLike,
    weight: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    crossed: ArrayLike | None = None,
    ties: Ties = "breslow",
) -> WeightedLogRank:
    """Test whether k weighted arms share one survival curve: the robust score test of a weighted Cox model.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        arm: arm of each patient, any labels, shape (n,).
        weight: sampling weights, shape (n,); a patient of weight 0 counts nowhere.
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        strata: compare within these strata only, shape (n,).
        entry: left truncation, shape (n,).
        cluster: scores are summed within clusters such as matched pairs, shape (n,).
        crossed: a second clustering beside the first, such as the patient whom several rows stand for, shape (n,).
        ties: Breslow's expected events are the log-rank test's; Efron's are those of the default Cox model.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: one arm only, no event, or never two arms at risk at an event.

    Source: Lin and Wei (1989), the score at 0 and the sum of squares of its weighted residuals.
    R: ``coxph(Surv(time, event) ~ arm, weights = w, robust = TRUE, ties = "breslow")$rscore``.

    >>> test = weighted_log_rank(time=[1, 2, 3, 4], event=[1, 1, 1, 1], arm=[0, 1, 0, 1], weight=[1, 2, 1, 2])
    >>> round(test.statistic, 4)
    1.5315
    """
    exits = arrays.times("time", time)
    n = exits.size
    happened = arrays.events("event", event, n)
    enters = arrays.entries(entry, exits)
    codes, labels = arrays.codes("arm", arm, n)
    sampling, frequencies = arrays.weights(weight, n), arrays.frequencies(frequency, n)
    stratum = np.zeros(n, np.int64) if strata is None else arrays.codes("strata", strata, n)[0]
    clusters = None if cluster is None else arrays.codes("cluster", cluster, n)[0]
    if ties not in ("efron", "breslow"):
        raise ArgumentError(f"ties: found {ties!r}; expected efron or breslow")
    if np.unique(codes[sampling > 0]).size < 2:
        raise NotEstimableError("one arm only")
    if not (happened & (sampling > 0)).any():
        raise NotEstimableError("no events")
    risk = build_risk_sets(
        time=exits, event=happened, entry=enters, stratum=stratum, weight=sampling, frequency=frequencies, ties=ties
    )
    indicators = np.asfortranarray(codes[:, None] == np.arange(labels.size), dtype=np.float64)
    with one_thread():
        note = ""
        score, residuals = _at_zero(risk, happened, indicators)
        variance = sandwich(np.eye(labels.size), residuals, frequencies, sampling, clusters)
        if clusters is not None and crossed is not None:
            weighted = residuals * (frequencies * sampling)[:, None]
            found = crossed_variance(influence=weighted, first=clusters, second=crossed)
            variance, note = found.covariance, "" if found.positive else LARGER
    total = frequencies * sampling
    totals = [arrays.group_sums(codes, values, labels.size) for values in (frequencies, total, total * happened)]
    if np.diag(variance).max() <= FLAT * float(totals[2].sum()):
        raise NotEstimableError("never two arms at risk at an event")
    statistic, freedom = quadratic_form(score, variance)
    return WeightedLogRank(
        arms=labels,
        n=totals[0],
        weight=totals[1],
        observed=totals[2],
        expected=totals[2] - score,
        variance=variance,
        statistic=statistic,
        degrees_of_freedom=freedom,
        p_value=chi_squared_tail(statistic, freedom),
        ties=ties,
        variance_note=note,
    )


def _at_zero(risk: RiskSets, event: Booleans, x: Floats) -> tuple[Floats, Floats]:
    """Return (observed minus expected weight of events (k,), each patient's unweighted share (n, k)) at hazard 1."""
    at = PartialLikelihood.at(risk, x, np.zeros(x.shape[1]))
    return at.score, score_residuals(risk, event, x, at)
