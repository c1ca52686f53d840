"""Matched sets as rows: who stands in which set, with what weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Floats, Integers, count_distinct
from twoarm.statistics.nearest_neighbour import Matches


@dataclass(frozen=True, slots=True, eq=False)
class SetRows:
    """A row a patient and set, set after set, the focal patient first; shape (m,) each."""

    patient: Integers  # row number; repeats where a partner stands in several sets
    pair: Integers  # number of the set, from 0
    weight: Floats  # focal patients 1


def rows_of_sets(matches: Matches) -> SetRows:
    """Return the rows of matched sets with their weights.

    A focal patient weighs 1, a partner 1 / (partners in its set), times a constant by which the partners' weights
    average 1 over different patients. Pairs without replacement all weigh 1. Source: Stuart (2010); the constant is
    that of ``MatchIt::matchit(normalize = TRUE)``, its default, there on a row a patient.

    >>> from twoarm.statistics.nearest_neighbour import match_nearest
    >>> found = rows_of_sets(match_nearest(score=[0.1, 0.5, 0.2, 0.1, 0.6], focal=[1, 1, 0, 0, 0], ratio=2))
    >>> found.patient.tolist(), found.pair.tolist(), found.weight.tolist()
    ([0, 2, 3, 1, 4], [0, 0, 0, 1, 1], [1.0, 0.75, 0.75, 1.0, 1.5])
    """
    first = np.flatnonzero(np.concatenate(([True], matches.focal[1:] != matches.focal[:-1]))[: matches.focal.size])
    focal, partners = matches.focal[first], np.diff(first, append=matches.focal.size)
    wanted = count_distinct(matches.partner)  # the sum of the partners' weights
    weight = wanted / (focal.size * np.repeat(partners, partners))
    return SetRows(
        patient=np.insert(matches.partner, first, focal),
        pair=np.repeat(np.arange(focal.size), partners + 1),
        weight=np.insert(weight.astype(np.float64), first, 1.0),
    )
