"""Risk sets of the Cox partial likelihood, summarised per distinct event time.

A patient is at risk at the event times of their stratum with entry < t <= time: a run of consecutive *groups*. Sums
over risk sets are then reversed cumulative sums over groups, and sums over a patient's groups are differences of
cumulative sums, so one pass over patients costs O(n p) and no array has n x p^2 entries. Sums start anew in each
stratum: as a difference of sums over all, a stratum of small hazards would be lost in the rounding of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twoarm.statistics.arrays import Booleans, Floats, Integers, group_sums

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True, slots=True, eq=False)
class RiskSets:
    """Who is at risk when: n patients, m groups (distinct event times within strata)."""

    last: Integers  # last group at which a patient is at risk, shape (n,); equals `skip` if at none
    skip: Integers  # the patient is not yet at risk at this group and before, shape (n,); first group is skip + 1
    exit_bucket: Integers  # `last`, or m for a patient at risk at no group
    entry_bucket: Integers | None  # `skip`, or m for a patient at risk from the first group; None if all are
    time: Floats  # event time of each group, shape (m,)
    group_stratum: Integers
    weight: Floats  # frequency times sampling weight, shape (n,)
    deaths: Integers  # rows with the event, shape (e,)
    death_group: Integers  # their groups, shape (e,)
    death_weight: Floats  # total weight of the deaths of each group, shape (m,)
    tied: Integers  # deaths of each group counted with frequency, shape (m,)
    step_group: Integers  # one step a tied death (Efron), or one a group (Breslow), shape (s,)
    step_fraction: Floats  # share of the tied deaths already removed, shape (s,)
    step_weight: Floats  # weight that the step carries, shape (s,)

    @property
    def groups(self) -> int:
        """Number of distinct event times, counted per stratum."""
        return int(self.time.size)

    def at_risk_sum(self, values: Floats) -> Floats:
        """Sum a value (n,) over the risk set of each group (m,)."""
        size = self.groups + 1
        sums = group_sums(self.exit_bucket, values, size)[:-1]
        if self.entry_bucket is not None:
            sums = sums - group_sums(self.entry_bucket, values, size)[:-1]
        backwards = _running(sums[::-1].astype(np.longdouble), self.group_stratum[::-1])
        return backwards[::-1].astype(np.float64)

    def over_groups(self, per_group: Floats) -> Floats:
        """Sum a group's value (m,) over the groups at which each patient is at risk (n,)."""
        running = np.concatenate(([0.0], _running(per_group, self.group_stratum)))
        before = running[self.skip + 1]
        if self.group_stratum.size and self.group_stratum[0] != self.group_stratum[-1]:
            elsewhere = self.skip < self._stratum_start[self.last]
            before = np.where(elsewhere, 0.0, before)
        return np.where(self.last > self.skip, running[self.last + 1] - before, 0.0)

    @property
    def _stratum_start(self) -> Integers:
        """Index of the first group of each group's stratum (m,)."""
        return np.searchsorted(self.group_stratum, self.group_stratum, side="left")

    def death_sum(self, values: Floats) -> Floats:
        """Sum a value of the deaths (e,) per group (m,)."""
        return group_sums(self.death_group, values, self.groups)


def _running(values: NDArray[Any], stratum: Integers) -> NDArray[Any]:
    """Return cumulative sums (m,) that start anew where the stratum changes; strata stand together."""
    if not stratum.size or stratum[0] == stratum[-1]:
        return np.asarray(np.cumsum(values))
    total = values.copy()
    reach, longest = 1, int(np.bincount(stratum).max())
    while reach < longest:  # each pass doubles how far back a sum reaches
        total[reach:] += np.where(stratum[reach:] == stratum[:-reach], total[:-reach], 0)
        reach *= 2
    return total


def build_risk_sets(
    *,
    time: Floats,
    event: Booleans,
    entry: Floats | None,
    stratum: Integers,
    weight: Floats,
    frequency: Floats,
    ties: Ties,
) -> RiskSets:
    """Sort out the risk sets once; every iteration of the fit then only sums."""
    total_weight = weight * frequency
    deaths = np.flatnonzero(event & (weight > 0))
    rank_time, distinct = _ranks(time[deaths], time)
    rank_entry = np.full(time.size, -1) if entry is None else np.searchsorted(distinct, entry, side="right") - 1
    strata = int(stratum.max()) + 1
    width = distinct.size
    cell = np.unique(stratum[deaths] * width + rank_time[deaths])
    group_stratum = cell // width
    bounds = np.searchsorted(group_stratum, np.arange(strata + 1))
    # last group with time <= t within the stratum; bounds - 1 when there is none
    last = np.searchsorted(cell, stratum * width + rank_time, side="right") - 1
    first_skip = bounds[stratum] - 1
    last = np.maximum(last, first_skip)
    skip = first_skip if entry is None else np.searchsorted(cell, stratum * width + rank_entry, side="right") - 1
    skip = np.minimum(np.maximum(skip, first_skip), last)
    death_group = last[deaths]
    death_weight = group_sums(death_group, total_weight[deaths], cell.size)
    tied = group_sums(death_group, frequency[deaths], cell.size).astype(np.int64)
    if ties == "efron":
        step_group = np.repeat(np.arange(cell.size), tied)
        index = np.arange(step_group.size) - np.repeat(np.cumsum(tied) - tied, tied)
        step_fraction = index / tied[step_group]
        step_weight = (death_weight / tied)[step_group]
    else:
        step_group, step_fraction, step_weight = np.arange(cell.size), np.zeros(cell.size), death_weight
    return RiskSets(
        last=last,
        skip=skip,
        exit_bucket=np.where(last > skip, last, cell.size),
        entry_bucket=np.where((skip > first_skip) & (last > skip), skip, cell.size) if entry is not None else None,
        time=distinct[cell % width] if width else np.empty(0),
        group_stratum=group_stratum,
        weight=total_weight,
        deaths=deaths,
        death_group=death_group,
        death_weight=death_weight,
        tied=tied,
        step_group=step_group,
        step_fraction=step_fraction,
        step_weight=step_weight,
    )


def _ranks(event_times: Floats, time: Floats) -> tuple[Integers, Floats]:
    """Return (index of the last distinct event time <= time, or -1; the distinct event times)."""
    distinct = np.unique(event_times)
    return np.searchsorted(distinct, time, side="right") - 1, distinct
