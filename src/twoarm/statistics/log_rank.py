"""Log-rank test and its weighted family for two or more arms (Mantel 1966; Fleming and Harrington 1991)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.errors import NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.blocks import over_blocks, summed
from twoarm.statistics.distributions import chi_squared_tail
from twoarm.statistics.strata import first_of_stratum, running

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
    counted = None if frequency is None else arrays.frequencies(frequency, exits.size)
    arm_codes, labels = arrays.codes("arm", arm, exits.size)
    stratum = None if strata is None else arrays.codes("strata", strata, exits.size)[0]
    k = labels.size
    if k < 2:
        raise NotEstimableError("one arm only")
    if not happened.any():
        raise NotEstimableError("no events")
    tables = _two_way_tables(exits, happened, arm_codes, k, enters=enters, frequency=counted, stratum=stratum)
    observed, expected, variance = _sums(tables, rho, gamma)
    statistic, freedom = quadratic_form(observed - expected, variance)
    if freedom == 0:
        raise NotEstimableError("never two arms at risk at an event")
    return LogRank(
        arms=labels,
        n=arrays.group_counts(arm_codes, counted, k),
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


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """The two-way tables of k arms at m event times within strata, in the order of strata and times."""

    at_risk: Floats  # (k, m)
    deaths: Floats  # (k, m)
    stratum: Integers | None  # (m,); None without strata


def _two_way_tables(
    time: Floats,
    event: Booleans,
    arm: Integers,
    k: int,
    *,
    enters: Floats | None,
    frequency: Floats | None,
    stratum: Integers | None,
) -> _Tables:
    """Count who is at risk and who dies at each event time of all strata at once; whole numbers lose no digit."""
    distinct = arrays.sorted_distinct(time[event])
    leaves = arrays.count_up_to(distinct, time)  # at risk at the first `leaves` tables
    entered = None if enters is None else arrays.count_up_to(distinct, enters)
    of_table, m = None, distinct.size
    if stratum is not None:
        width = m + 1
        key = stratum * width + leaves
        tables = arrays.sorted_distinct(key[event])
        leaves = arrays.count_up_to(tables, key)  # those of earlier strata among them
        entered = None if entered is None else arrays.count_up_to(tables, stratum * width + entered)
        of_table, m = tables // width, tables.size
    dying = None if frequency is None else frequency[event]
    deaths = arrays.group_counts(arm[event] * m + (leaves[event] - 1), dying, k * m).reshape(k, m)
    at_risk = _at_or_after(arm, leaves, frequency, k, m)
    if entered is not None:
        at_risk -= _at_or_after(arm, entered, frequency, k, m)
    elif stratum is not None and of_table is not None:  # less those of later strata
        strata = int(stratum.max()) + 1
        for code in range(k):
            own = arm == code
            counts = arrays.group_counts(stratum[own], None if frequency is None else frequency[own], strata)
            at_risk[code] -= (counts.sum() - np.cumsum(counts))[of_table]
    return _Tables(at_risk, deaths, of_table)


def _at_or_after(arm: Integers, leaves: Integers, frequency: Floats | None, k: int, m: int) -> Floats:
    counts = arrays.group_counts(arm * (m + 1) + leaves, frequency, k * (m + 1)).reshape(k, m + 1)
    return counts[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]


def _sums(tables: _Tables, rho: float, gamma: float) -> tuple[Floats, Floats, Floats]:
    """Return (observed, expected, variance) of the arms, summed over the tables."""
    k, m = tables.deaths.shape
    plain = rho == 0 and gamma == 0
    before = np.ones(0) if plain else _survival_before(tables)

    def part(columns: slice) -> Floats:
        at_risk, deaths = tables.at_risk[:, columns], tables.deaths[:, columns]
        n, d = at_risk.sum(axis=0), deaths.sum(axis=0)
        share = at_risk / n
        spread = d * (n - d) / np.maximum(n - 1, 1.0)  # nothing varies where one patient is at risk
        if not plain:
            weight = before[columns] ** rho * (1 - before[columns]) ** gamma
            deaths, d, spread = weight * deaths, weight * d, weight * weight * spread
        out = np.empty((k + 2, k))
        out[0], out[1] = deaths.sum(axis=1), (d * share).sum(axis=1)
        spread_share = spread * share
        out[2:] = np.diag(spread_share.sum(axis=1)) - spread_share @ share.T
        return out

    total = summed(over_blocks(m, part))
    return total[0], total[1], total[2:]


def _survival_before(tables: _Tables) -> Floats:
    """Return Kaplan and Meier's survival of all arms just before each table, anew in each stratum, shape (m,)."""
    stays = 1 - tables.deaths.sum(axis=0) / tables.at_risk.sum(axis=0)
    before = np.ones(stays.size)
    before[1:] = running(stays, tables.stratum, by=np.multiply)[:-1]
    if tables.stratum is not None:
        before[first_of_stratum(tables.stratum)] = 1.0
    return before
