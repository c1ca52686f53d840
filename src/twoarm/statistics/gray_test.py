"""Gray's test of equal cumulative incidence in two or more arms (Gray 1988), rho = 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.competing_causes import read_causes
from twoarm.statistics.cumulative_incidence import EXHAUSTED, tied_share
from twoarm.statistics.distributions import chi_squared_tail
from twoarm.statistics.log_rank import quadratic_form

ROUNDING = 1e-9  # of a variance; an eigenvalue further below 0 is negative


@dataclass(frozen=True, slots=True, eq=False)
class GrayTest:
    """Observed and expected events of one cause in each of k arms, and the chi-squared test of equal incidence."""

    cause: Any  # its label
    arms: NDArray[Any]  # labels, shape (k,)
    n: Floats
    observed: Floats  # events of the cause
    expected: Floats  # if the arms shared one subdistribution hazard
    variance: Floats  # of observed - expected, shape (k, k)
    statistic: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class _Stratum:
    """One stratum at its m event times; arrays of shape (k, m) have a row an arm."""

    at_risk: Floats
    events: Floats  # of the cause
    others: Floats  # events of all other causes
    before: Floats  # each arm's S(t-)
    after: Floats  # each arm's S(t)
    incidence_before: Floats  # each arm's F(t-)


def gray_test(
    *,
    time: ArrayLike,
    cause: ArrayLike,
    arm: ArrayLike,
    cause_of_interest: Any = 1,
    strata: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    censored: Any = 0,
) -> GrayTest:
    """Test whether k arms share one cumulative incidence of a cause, whatever the other causes do.

    Args:
        time: time to the first event of any cause or end of follow-up, shape (n,).
        cause: why it ended: ``censored``, or a cause's label, shape (n,).
        arm: arm of each patient, any labels, shape (n,).
        cause_of_interest: the cause that is tested.
        strata: compare within these strata only, shape (n,).
        frequency: whole numbers; k stands for k identical patients, shape (n,).
        censored: the label of end of follow-up.

    Raises:
        ArgumentError: an argument that is missing, negative, miscoded or of another length.
        NotEstimableError: one arm only, no event of the cause, never two arms at risk at one, or so few patients at
            risk for the events tied that the estimated variance is not positive (cmprsk prints a negative statistic).

    Source: Gray (1988) with rho = 0; tied events are less variable by 1 - (d - 1) / (n - 1).
    Without competing causes the statistic is the log-rank test's, and its variance is estimated differently.
    R: ``cmprsk::cuminc(time, cause, arm)$Tests``.

    >>> test = gray_test(time=[1, 2, 3, 4, 5, 6], cause=[1, 1, 2, 1, 0, 2], arm=[0, 0, 0, 1, 1, 1])
    >>> round(test.statistic, 4)
    2.4381
    """
    exits = arrays.times("time", time)
    found = read_causes(cause, exits.size, censored=censored)
    frequencies = arrays.frequencies(frequency, exits.size)
    arm_codes, labels = arrays.codes("arm", arm, exits.size)
    stratum = np.zeros(exits.size, np.int64) if strata is None else arrays.codes("strata", strata, exits.size)[0]
    if cause_of_interest == censored:
        raise ArgumentError(f"cause_of_interest: found {censored!r}, the label of end of follow-up; expected a cause")
    k = labels.size
    if k < 2:
        raise NotEstimableError("one arm only")
    if cause_of_interest not in found.labels.tolist():
        raise NotEstimableError(f"no events of cause {cause_of_interest}")
    own = found.codes == found.labels.tolist().index(cause_of_interest)
    other = (found.codes >= 0) & ~own
    expected, variance = np.zeros(k), np.zeros((k, k))
    order = np.argsort(stratum, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1):
        if own[rows].any():
            parts = _expected(_stratum(exits[rows], own[rows], other[rows], arm_codes[rows], frequencies[rows], k))
            expected, variance = expected + parts[0], variance + parts[1]
    observed = arrays.group_sums(arm_codes[own], frequencies[own], k)
    spread = np.linalg.eigvalsh(variance)
    if spread[0] < -ROUNDING * max(1.0, float(np.abs(spread).max())):
        raise NotEstimableError("the variance is not positive: too few patients at risk for the events tied")
    statistic, freedom = quadratic_form(observed - expected, variance)
    if freedom == 0:
        raise NotEstimableError("never two arms at risk at an event of the cause")
    return GrayTest(
        cause=cause_of_interest,
        arms=labels,
        n=arrays.group_sums(arm_codes, frequencies, k),
        observed=observed,
        expected=expected,
        variance=variance,
        statistic=statistic,
        degrees_of_freedom=freedom,
        p_value=chi_squared_tail(statistic, freedom),
    )


def _stratum(time: Floats, own: Booleans, other: Booleans, arm: Integers, frequency: Floats, k: int) -> _Stratum:
    distinct = arrays.distinct(time[own | other])[0]
    m = distinct.size
    leaves = arrays.count_up_to(distinct, time)  # at risk at the first `leaves` event times
    events, others = (_counts(arm[which], leaves[which] - 1, frequency[which], k, m) for which in (own, other))
    at_risk = np.cumsum(_counts(arm, leaves, frequency, k, m + 1)[:, ::-1], axis=1)[:, ::-1][:, 1:]
    some = np.maximum(at_risk, 1)
    after = np.cumprod(1 - (events + others) / some, axis=1)
    before = np.column_stack((np.ones(k), after[:, :-1]))
    incidence = np.cumsum(before * events / some, axis=1)
    left = np.asarray(after, dtype=np.float64)
    return _Stratum(at_risk, events, others, before, left, np.column_stack((np.zeros(k), incidence[:, :-1])))


def _counts(arm: Integers, position: Integers, frequency: Floats, k: int, m: int) -> Floats:
    return arrays.group_sums(arm * m + position, frequency, k * m).reshape(k, m)


def _expected(stratum: _Stratum) -> tuple[Floats, Floats]:
    """Return (expected events of the cause, variance of observed - expected) of one stratum."""
    present = stratum.at_risk > 0
    events = stratum.events.sum(axis=0)
    potential = np.zeros(present.shape)  # who would be at risk if nobody had left for another cause or been censored
    np.divide(stratum.at_risk, stratum.before, out=potential, where=present)
    in_subdistribution = potential * (1 - stratum.incidence_before)
    share = in_subdistribution / in_subdistribution.sum(axis=0)
    return (share * events).sum(axis=1), _variance(stratum, potential, events)


def _variance(stratum: _Stratum, potential: Floats, events: Floats) -> Floats:
    """Return the variance of observed - expected, shape (k, k), as the sum of squares of what each event moves.

    An event of the cause in arm r moves the score of arm i by a(i, r) + (1 - (1 - F) / S_r) (C(i, r) - c(i, r)), of
    another cause by -(1 - F) / S_r (C(i, r) - c(i, r)): c is the integral of a dF / (1 - F) up to the event, C over all
    of follow-up, F the pooled incidence.
    """
    present, k = stratum.at_risk > 0, potential.shape[0]
    total = potential.sum(axis=0)
    rise = events / total
    pooled = np.cumsum(rise)
    remaining = 1 - np.concatenate(([0.0], pooled[:-1]))
    together = (present.sum(axis=0) > 1) & (events > 0)
    if (np.abs(remaining[together]) < EXHAUSTED).any():
        raise NotEstimableError("the pooled cumulative incidence reaches 1 while arms are compared")
    identity = np.eye(k)[:, :, None]
    a = potential[None, :, :] * (identity - (potential / total)[:, None, :])  # zero where only one arm is left
    a = np.where(present.sum(axis=0) > 1, a, 0.0)
    growth = np.zeros(rise.size)
    np.divide(rise, remaining, out=growth, where=together)
    c = np.cumsum(a * growth, axis=2)
    still = c[:, :, -1:] - c
    left = np.zeros(present.shape)
    np.divide(1 - pooled, stratum.after, out=left, where=stratum.after > 0)
    own_effect = a + (1 - left) * still
    other_effect = left * still
    # variances of the two counting processes' increments, of the cause from all arms pooled
    own_spread = np.zeros(present.shape)
    np.divide(stratum.before * rise, stratum.at_risk, out=own_spread, where=present)
    size = np.where(events > 1, total * stratum.before - 1, 1.0)
    own_spread = own_spread * np.where(events > 1, 1 - (events - 1) / np.where(size == 0, np.inf, size), 1.0)
    other_spread = np.zeros(present.shape)
    np.divide(stratum.before**2 * stratum.others, stratum.at_risk**2, out=other_spread, where=present)
    other_spread = np.where(stratum.after > 0, other_spread * tied_share(stratum.others, stratum.at_risk), 0.0)
    return np.asarray(
        np.einsum("irm,jrm,rm->ij", own_effect, own_effect, own_spread)
        + np.einsum("irm,jrm,rm->ij", other_effect, other_effect, other_spread)
    )
