"""Risk sets of the Cox partial likelihood, summarised per distinct event time.

A patient is at risk at the event times of their stratum with entry < t <= time: a run of consecutive *groups*. Sums
over risk sets are then reversed cumulative sums over groups, and sums over a patient's groups are differences of
cumulative sums, so one pass over patients costs O(n p) and no array has n x p^2 entries. Sums start anew in each
stratum: as a difference of sums over all, a stratum of small hazards would be lost in the rounding of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from twoarm.statistics import arrays
from twoarm.statistics.arrays import Booleans, Floats, Integers, group_sums
from twoarm.statistics.blocks import over_blocks, summed
from twoarm.statistics.cox_few_rows import FEW, FewRows, few_rows
from twoarm.statistics.strata import running
from twoarm.statistics.tied_steps import LARGEST_SHARE, MANY, TiedSteps

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Stretches of rows that leave at the same group, deaths apart from the others; r of them."""

    start: Integers  # first row, shape (r,)
    length: Integers  # rows, shape (r,)
    cell: Integers  # twice the group, and one more for those who do not die; 2 m for who is at risk at no group

    def spread(self, values: Floats, rows: slice) -> Floats:
        """Return values of the cells (k, 2 m + 1) for each of some rows, shape (k, b)."""
        first, beyond = np.searchsorted(self.start, (rows.start + 1, rows.stop))
        inside = slice(first - 1, beyond)
        length = np.diff(np.append(np.maximum(self.start[inside], rows.start), rows.stop))
        return values[:, self.cell[inside]].repeat(length, axis=1)


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
    steps: TiedSteps  # one a tied death (Efron), or one a group (Breslow); many of one group are joined
    runs: Runs | None  # where many patients who leave together stand together, as after ``patient_order``
    few: FewRows | None  # where there are few, in that order

    @property
    def ordered(self) -> bool:
        """Whether sums can run along the rows as they stand."""
        return (self.few is not None or self.runs is not None) and type(self) is RiskSets

    @property
    def has_ties(self) -> bool:
        """Whether the tied deaths of a group are removed in several steps."""
        return self.steps.group.size > self.time.size

    def steps_where(self, at_risk: Floats, dying: Floats) -> TiedSteps:
        """Return the steps, given the hazards at risk and those of the deaths at each group, shape (m,) each.

        Those of many deaths stay joined unless the deaths of a group have more than half of the hazards.
        """
        joined = self.steps.joined
        if (dying[joined] <= LARGEST_SHARE * at_risk[joined]).all():
            return self.steps
        return TiedSteps.of_deaths(self.tied, self.death_weight)

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
        return self.accumulated(sums)

    def accumulated(self, sums: Floats) -> Floats:
        """Sum what leaves at each group (..., m) over that group and all later ones of its stratum (..., m)."""
        backwards = running(sums[..., ::-1], self.group_stratum[::-1], np.longdouble)
        return backwards[..., ::-1].astype(np.float64)

    def over_groups(self, per_group: Floats) -> Floats:
        """Sum a group's value (m,) over the groups at which each patient is at risk (n,)."""
        # the last one stands for group -1
        reached = np.concatenate((running(per_group, self.group_stratum), [0.0]))
        several = self.group_stratum.size > 0 and self.group_stratum[0] != self.group_stratum[-1]
        first = np.append(self._stratum_start, 0)
        out = np.empty(self.last.size)

        def fill(rows: slice) -> None:
            last, skip = self.last[rows], self.skip[rows]
            np.subtract(reached[last], reached[skip], out=out[rows])
            if several:  # a sum does not reach back into another stratum
                elsewhere = skip < first[last]
                out[rows][elsewhere] = np.where(last > skip, reached[last], 0.0)[elsewhere]

        over_blocks(out.size, fill)
        return out

    @property
    def _stratum_start(self) -> Integers:
        """Index of the first group of each group's stratum (m,)."""
        return np.searchsorted(self.group_stratum, self.group_stratum, side="left")

    def exposure(self, per_group: Floats, at_death: Floats) -> Floats:
        """Sum a group's value over the groups of each patient, less ``at_death`` at their own death; shape (n,)."""
        if self.ordered:
            return self.exposures(per_group, at_death)
        out = self.over_groups(per_group)
        if at_death.any():
            out[self.deaths] -= at_death[self.death_group]
        return out

    def exposures(self, per_group: Floats, at_death: Floats) -> Floats:
        """Do the same to values of shape (..., m), of ordered rows; shape (..., n)."""
        if self.few is not None:
            return self.few.exposures(per_group, at_death)
        assert self.runs is not None, "asked only of ordered rows"
        return self._of_cells(per_group, at_death)[..., self.runs.cell].repeat(self.runs.length, axis=-1)

    def exposure_of_rows(self, per_group: Sequence[Floats], at_death: Sequence[Floats]) -> Callable[[slice], Floats]:
        """Return what does the same to k values (m,) each, for some rows at a time; shape (k, b)."""
        pairs = zip(per_group, at_death, strict=True)
        if self.runs is None or not self.ordered:
            whole = np.array([self.exposure(*pair) for pair in pairs])
            return lambda rows: whole[:, rows]
        return partial(self.runs.spread, np.array([self._of_cells(*pair) for pair in pairs]))

    def _of_cells(self, per_group: Floats, at_death: Floats) -> Floats:
        """Return the exposures of the cells of the runs, (..., 2 m + 1)."""
        survived = running(per_group, self.group_stratum)
        each = np.zeros((*survived.shape[:-1], 2 * self.groups + 1))
        np.subtract(survived, at_death, out=each[..., 0:-1:2])
        each[..., 1::2] = survived
        return each

    def observed(self, x: Floats) -> Floats:
        """Sum covariates (n, p) over the deaths, weighted; shape (p,)."""
        dying = np.zeros(x.shape[0])
        dying[self.deaths] = self.weight[self.deaths]
        return summed(over_blocks(x.shape[0], lambda rows: x.T[:, rows] @ dying[rows]))

    def death_sum(self, values: Floats) -> Floats:
        """Sum a value of the deaths (e,) per group (m,)."""
        return group_sums(self.death_group, values, self.groups)


def patient_order(*, time: Floats, event: Booleans, stratum: Integers) -> Integers:
    """Return the rows sorted by stratum, time, deaths first, and row: sums over risk sets then run along memory.

    >>> patient_order(time=np.array([2.0, 1, 1]), event=np.array([True, False, True]), stratum=np.zeros(3, np.int64))
    array([2, 1, 0])
    """
    n = time.size
    if n <= FEW:
        return np.lexsort((~event, time, stratum))
    whole = time.astype(np.int64) if n and time.max() < 2**40 else np.full(n, -1)
    if not (whole == time).all():  # any ranks will do
        ascending = np.argsort(time)
        whole = np.empty(n, np.int64)
        whole[ascending] = np.cumsum(np.diff(time[ascending], prepend=time[ascending[0]]) > 0)
    width, row_bits = int(whole.max(initial=0)) + 1, n.bit_length()
    if (int(stratum.max(initial=0)) + 1) * width * 2 >= 2 ** (63 - row_bits):
        return np.lexsort((~event, time, stratum))
    key = (stratum * width + whole) * 2 + ~event
    return np.sort((key << row_bits) | np.arange(n)) & ((1 << row_bits) - 1)


def _runs(exit_bucket: Integers, deaths: Integers, m: int, strata: int) -> Runs | None:
    cell = exit_bucket * 2 + 1
    cell[deaths] -= 1
    cell[exit_bucket == m] = 2 * m
    start = np.concatenate(([0], np.flatnonzero(cell[1:] != cell[:-1]) + 1))
    if start.size > 2 * m + strata:
        return None
    length = np.concatenate((start[1:], [cell.size])) - start
    return Runs(start, length, cell[start])


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
    deaths = (event & (weight > 0)).nonzero()[0]
    rank_time, distinct = _ranks(time[deaths], time)
    rank_entry = np.searchsorted(distinct, entry, side="right") - 1 if entry is not None else None
    strata, width = int(stratum.max()) + 1, distinct.size
    if strata == 1:
        cell, group_stratum = np.arange(width), np.zeros(width, np.int64)
        last, first_skip = rank_time, np.full(time.size, -1)
    else:
        cell = arrays.sorted_distinct(stratum[deaths] * width + rank_time[deaths])
        group_stratum = cell // width
        bounds = np.searchsorted(group_stratum, np.arange(strata + 1))
        # last group with time <= t within the stratum; bounds - 1 when there is none
        first_skip = bounds[stratum] - 1
        last = np.maximum(arrays.count_up_to(cell, stratum * width + rank_time) - 1, first_skip)
    skip = first_skip
    if rank_entry is not None:
        skip = np.searchsorted(cell, stratum * width + rank_entry, side="right") - 1
        skip = np.minimum(np.maximum(skip, first_skip), last)
    death_group = last[deaths]
    death_weight = group_sums(death_group, total_weight[deaths], cell.size)
    tied = group_sums(death_group, frequency[deaths], cell.size).astype(np.int64)
    many = ties == "efron" and time.size > FEW and bool((tied >= MANY).any())
    each_death = ties == "efron" and not many
    steps = TiedSteps.of_deaths(tied, death_weight) if each_death else TiedSteps.of_groups(death_weight)
    exit_bucket = np.where(last > skip, last, cell.size)
    few = None
    if entry is None and time.size <= FEW:
        few = few_rows(
            stratum=stratum,
            last=last,
            outside=last == first_skip,
            deaths=deaths,
            death_group=death_group,
            group_stratum=group_stratum,
            weight=total_weight,
            steps=(steps.fraction, steps.weight),
        )
    built = RiskSets(
        last=last,
        skip=skip,
        exit_bucket=exit_bucket,
        entry_bucket=np.where((skip > first_skip) & (last > skip), skip, cell.size) if entry is not None else None,
        time=distinct if strata == 1 else distinct[cell % width],
        group_stratum=group_stratum,
        weight=total_weight,
        deaths=deaths,
        death_group=death_group,
        death_weight=death_weight,
        tied=tied,
        steps=steps,
        runs=_runs(exit_bucket, deaths, cell.size, strata) if entry is None and few is None else None,
        few=few,
    )
    return replace(built, steps=_joined_steps(built)) if many else built


def _joined_steps(risk: RiskSets) -> TiedSteps:
    """Return the steps of tied deaths, joined where there are many that are few of those at risk."""
    joined = (risk.tied >= MANY) & (risk.death_weight <= LARGEST_SHARE / 2 * risk.at_risk_sum(risk.weight))
    return TiedSteps.of_few(risk.tied, risk.death_weight, joined)


def _ranks(event_times: Floats, time: Floats) -> tuple[Integers, Floats]:
    """Return (index of the last distinct event time <= time, or -1; the distinct event times)."""
    distinct = arrays.sorted_distinct(event_times)
    return arrays.count_up_to(distinct, time) - 1, distinct
