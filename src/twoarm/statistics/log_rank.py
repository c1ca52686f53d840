"""Log-rank test and its weighted family for two or more arms (Mantel 1966; Fleming and Harrington 1991)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.errors import NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.distributions import chi_squared_tail

RANK = 1e-10  # an eigenvalue below this share of the largest is rounding


@dataclass(frozen=True, slots=True, eq=False)
class LogRank:
    """Observed and expected events of each of k arms, and the chi-squared test of equal hazards."""

    arms: NDArray[Any]  # labels, shape (k,)
    n: Floats
    observed: Floats  # weighted by the test's weights when rho or gamma is not 0
    expected: Floats
    variance: Floats  # of observed - expected, shape (k, k)
    statistic: float
    degrees_of_freedom: int
    p_value: float


def log_rank(
    *,
    time: ArrayLike,
    event: ArrayLike,
    arm: ArrayLike,
    strata: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRank:
    """Test whether k arms share one survival curve.

    Args:
        time: time to event or end of follow-up, shape (n,).
        event: True (or 1) where the event happened, shape (n,).
        arm: arm of each patient, any labels, shape (n,).
        strata: compare within these strata only, shape (n,).
        entry: left truncation, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        rho: Fleming-Harrington weight S(t-)^rho (1 - S(t-))^gamma; 0, 0 is the log-rank test.
        gamma: see rho.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: one arm only, or no event.

    Source: Mantel (1966); Fleming and Harrington (1991), chapter 7. R: ``survdiff(Surv(time, event) ~ arm)``.

    >>> test = log_rank(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 1, 1, 1], arm=[0, 0, 0, 1, 1, 1])
    >>> round(test.statistic, 4)
    5.0517
    """
    exits = arrays.times("time", time)
    happened = arrays.events("event", event, exits.size)
    enters = arrays.entries(entry, exits)
    frequencies = arrays.frequencies(frequency, exits.size)
    arm_codes, labels = arrays.codes("arm", arm, exits.size)
    stratum = np.zeros(exits.size, np.int64) if strata is None else arrays.codes("strata", strata, exits.size)[0]
    k = labels.size
    if k < 2:
        raise NotEstimableError("one arm only")
    if not happened.any():
        raise NotEstimableError("no events")
    observed, expected, variance = np.zeros(k), np.zeros(k), np.zeros((k, k))
    order = np.argsort(stratum, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1):
        if happened[rows].any():
            enter = None if enters is None else enters[rows]
            parts = _stratum(exits[rows], happened[rows], arm_codes[rows], enter, frequencies[rows], k, (rho, gamma))
            observed, expected, variance = observed + parts[0], expected + parts[1], variance + parts[2]
    statistic, freedom = quadratic_form(observed - expected, variance)
    if freedom == 0:
        raise NotEstimableError("never two arms at risk at an event")
    return LogRank(
        arms=labels,
        n=arrays.group_sums(arm_codes, frequencies, k),
        observed=observed,
        expected=expected,
        variance=variance,
        statistic=statistic,
        degrees_of_freedom=freedom,
        p_value=chi_squared_tail(statistic, freedom),
    )


def quadratic_form(difference: Floats, variance: Floats) -> tuple[float, int]:
    """Return (d' V- d, rank of V); arms that never meet, or meet in separate strata only, lower the rank."""
    values, vectors = np.linalg.eigh(variance)
    kept = values > RANK * max(float(values[-1]), np.finfo(np.float64).tiny)
    projected = vectors.T[kept] @ difference
    return float((projected**2 / values[kept]).sum()), int(kept.sum())


def _stratum(
    time: Floats,
    event: Booleans,
    arm: Integers,
    entry: Floats | None,
    frequency: Floats,
    k: int,
    family: tuple[float, float],
) -> tuple[Floats, Floats, Floats]:
    """Return (observed, expected, variance) of one stratum, summed over its m distinct event times."""
    distinct = arrays.distinct(time[event])[0]
    m = distinct.size
    leaves = arrays.count_up_to(distinct, time)  # at risk at the first `leaves` event times
    deaths = arrays.group_sums(arm[event] * m + (leaves[event] - 1), frequency[event], k * m).reshape(k, m)
    at_risk = _at_or_after(arm, leaves, frequency, k, m)
    if entry is not None:
        at_risk = at_risk - _at_or_after(arm, arrays.count_up_to(distinct, entry), frequency, k, m)
    n, d = at_risk.sum(axis=0), deaths.sum(axis=0)
    survival = np.cumprod(1 - d / n)
    before = np.concatenate(([1.0], survival[:-1]))
    rho, gamma = family
    weight = before**rho * (1 - before) ** gamma
    share = at_risk / n
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(n > 1, weight**2 * d * (n - d) / (n - 1), 0.0)
    variance = np.diag((spread * share).sum(axis=1)) - (spread * share) @ share.T
    return (weight * deaths).sum(axis=1), (weight * d * share).sum(axis=1), variance


def _at_or_after(arm: Integers, leaves: Integers, frequency: Floats, k: int, m: int) -> Floats:
    counts = arrays.group_sums(arm * (m + 1) + leaves, frequency, k * (m + 1)).reshape(k, m + 1)
    return np.asarray(np.cumsum(counts[:, ::-1], axis=1)[:, ::-1][:, 1:], dtype=np.float64)
