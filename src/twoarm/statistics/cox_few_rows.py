"""The sums of Cox's partial likelihood over so few patients that each call of numpy counts.

Patients stand in the order of time within strata, so what is at risk at a group is a sum from its first row on. Every
number is that of the sums over blocks of rows in ``cox_likelihood``, to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.strata import running

FEW = 2_048  # rows; beyond them the passes over memory cost more than the calls


@dataclass(frozen=True, slots=True, eq=False)
class FewRows:
    """Places of n patients in order of time within strata, none of whom enters late; m groups, e deaths and s steps."""

    first: Integers  # first row at risk at each group and not at the next, shape (m,)
    death_first: Integers  # first death of each group, shape (m,)
    place: Integers  # of each row in (group it dies at, group it outlives, none), shape (n,)
    group_stratum: Integers | None  # of each group, shape (m,); None without strata
    weight: Floats  # 0 for who is at risk at no group, shape (n,)
    dead_weight: Floats  # weight of each death, shape (e,)
    step_weights: Floats  # weight w of each step of fraction f, as w, w f, w, w f, w f^2, shape (5, s)

    def at_risk(self, values: Floats) -> Floats:
        """Sum values (k, n), 0 for who is at risk at no group, over the risk set of each group, shape (k, m)."""
        leaving = np.add.reduceat(values, self.first, axis=1)[:, ::-1]
        stratum = None if self.group_stratum is None else self.group_stratum[::-1]
        return running(leaving, stratum)[:, ::-1]

    def tied(self, values: Floats, deaths: Integers) -> Floats:
        """Sum values (k, n) over the deaths of each group, shape (k, m)."""
        dying = values.take(deaths, axis=1)
        return dying if deaths.size == self.death_first.size else np.add.reduceat(dying, self.death_first, axis=1)

    def exposures(self, per_group: Floats, at_death: Floats) -> Floats:
        """Sum a group's value (..., m) over the groups of each patient, less ``at_death`` at their own, (..., n)."""
        m = self.first.size
        each = np.zeros((*per_group.shape[:-1], 2 * m + 1))
        outlived = each[..., m:-1]
        outlived[...] = running(per_group, self.group_stratum)
        np.subtract(outlived, at_death, out=each[..., :m])
        return each.take(self.place, axis=-1)


def few_rows(
    *,
    stratum: Integers,
    last: Integers,
    outside: Booleans,
    deaths: Integers,
    death_group: Integers,
    group_stratum: Integers,
    weight: Floats,
    steps: tuple[Floats, Floats],
) -> FewRows | None:
    """Find the places of patients; None if they do not stand in the order of time within strata.

    Args:
        stratum: code of each row's stratum, shape (n,).
        last: last group at which each row is at risk, or the group before its stratum's first, shape (n,).
        outside: whether a row is at risk at no group, shape (n,).
        deaths: rows with the event, shape (e,).
        death_group: their groups, shape (e,).
        group_stratum: code of each group's stratum, shape (m,).
        weight: of each row, shape (n,).
        steps: fraction and weight of each step, shape (s,).
    """
    several = bool(stratum.size) and stratum[0] != stratum[-1]
    if (last[1:] < last[:-1]).any() or (several and (stratum[1:] < stratum[:-1]).any()):
        return None
    m = group_stratum.size
    groups = np.arange(m)
    place = last + m
    place[deaths] -= m
    place[outside] = 2 * m
    fraction, step_weight = steps
    weights = np.empty((5, fraction.size))
    weights[0] = weights[2] = step_weight
    weights[1] = weights[3] = step_weight * fraction
    np.multiply(weights[1], fraction, out=weights[4])
    return FewRows(
        first=last.searchsorted(groups),
        death_first=death_group.searchsorted(groups),
        place=place,
        group_stratum=group_stratum if several else None,
        weight=weight * ~outside,
        dead_weight=weight[deaths],
        step_weights=weights,
    )
