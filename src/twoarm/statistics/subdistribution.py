"""Risk sets of a subdistribution hazard: who had another cause stays at risk, weighted (Fine and Gray 1999)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers, group_sums
from twoarm.statistics.cox_risk_sets import RiskSets


@dataclass(frozen=True, slots=True, eq=False)
class SubdistributionRiskSets(RiskSets):
    """Risk sets in which a patient with another cause at u weighs ``free`` / G(u-) at the event times after u."""

    reach: Floats  # 1 / G(u-) of a patient with another cause at u, else 0; shape (n,)
    beyond: Integers  # first group after a patient's time, shape (n,)
    free: Floats  # G(t-) at each group's time, shape (m,)

    def at_risk_sum(self, values: Floats) -> Floats:
        """Sum a value (n,) over the weighted risk set of each group (m,)."""
        joined: Floats = np.cumsum(group_sums(self.beyond, values * self.reach, self.groups + 1)[:-1])
        total: Floats = RiskSets.at_risk_sum(self, values) + self.free * joined
        return total

    def over_groups(self, per_group: Floats) -> Floats:
        """Sum a group's value (m,), weighted, over the groups at which each patient is at risk (n,)."""
        after = np.append(np.cumsum((self.free * per_group)[::-1])[::-1], 0.0)
        total: Floats = RiskSets.over_groups(self, per_group) + self.reach * after[self.beyond]
        return total


@dataclass(frozen=True, slots=True, eq=False)
class CensoringSurvival:
    """The chance G of not being censored, at m distinct times."""

    time: Floats
    before: Floats  # G(t-)


def censoring_survival(
    *, time: Floats, ended: Booleans, events_first: bool, frequency: Floats | None = None
) -> CensoringSurvival:
    """Estimate G by Kaplan and Meier, shape (m,); events may come before censorings at one time.

    >>> free = censoring_survival(time=np.array([1.0, 1, 2]), ended=np.array([True, False, False]), events_first=False)
    >>> free.before.round(4).tolist()
    [1.0, 0.6667]
    """
    one = np.ones(time.size) if frequency is None else frequency
    distinct, position = arrays.distinct(time)
    leaving = group_sums(position, one, distinct.size)
    censorings = group_sums(position, one * ended, distinct.size)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    if events_first:
        at_risk = at_risk - (leaving - censorings)
    after = np.cumprod(1 - np.divide(censorings, at_risk, out=np.zeros_like(at_risk), where=censorings > 0))
    return CensoringSurvival(distinct, np.concatenate(([1.0], after[:-1])))


def extend_risk_sets(
    risk: RiskSets, *, time: Floats, competing: Booleans, free: CensoringSurvival
) -> SubdistributionRiskSets:
    """Keep patients with another cause at risk after their time."""
    own = free.before[np.searchsorted(free.time, time)]
    reach = np.zeros(time.size)
    np.divide(1.0, own, out=reach, where=competing)
    return SubdistributionRiskSets(
        **{field.name: getattr(risk, field.name) for field in fields(risk)},
        reach=reach,
        beyond=np.searchsorted(risk.time, time, side="right"),
        free=free.before[np.searchsorted(free.time, risk.time)],
    )
