"""Clusters of patients who choose partners by a score, none of whom can want a partner of another cluster's.

Patients and the places they choose stand in order of the score, and each chooses the nearest free place on either side.
Going up the line, a patient needs the first place above him or, where those below him may need that one, the next: so
far up his side of the line can reach. Going down the line it is the same. Where what one patient and those below him
need ends no higher than what the next and those above him need begins, neither side takes a place of the other's,
whatever the order. For say somebody were the first to go beyond, upwards. Then all places from his to the end of his
side's are taken, and with the lowest place of that taken stretch begins a part of the line, himself included, of more
patients than the stretch has places: so what they need would end higher.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twoarm.statistics.arrays import Booleans, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Stretches of a line of patients, shape (clusters,) each."""

    start: Integers  # the first patient in the line
    count: Integers  # patients
    lowest: Integers  # the first place that somebody may choose
    beyond: Integers  # the place after the last

    def reach(self, size: int, which: Booleans | slice = slice(None)) -> Booleans:
        """Tell which of all places somebody of some clusters, or of all, may choose, shape (size,).

        Those are no more than twice the patients, and whoever has the score of the lowest.
        """
        edges = np.bincount(self.lowest[which], minlength=size + 1)
        edges -= np.bincount(self.beyond[which], minlength=size + 1)
        return np.asarray(np.cumsum(edges[:size]) > 0)


def clusters_of(first_equal: Integers, above: Integers) -> Clusters:
    """Return the clusters of a line of patients in order of their score.

    Args:
        first_equal: of places in order of their score the first with the same score, shape (places,); places that only
            keys tell apart are in reach of one cluster.
        above: the first place at or above each patient, shape (n,).

    >>> found = clusters_of(np.arange(5), np.array([1, 4, 4]))
    >>> found.start.tolist(), found.lowest.tolist(), found.beyond.tolist()
    ([0, 1], [0, 2], [2, 5])
    """
    number, size = np.arange(above.size), first_equal.size
    beyond = np.maximum.accumulate(above - number) + number + 1
    lowest = np.minimum.accumulate((above - number)[::-1])[::-1] + number - 1
    lowest = first_equal[np.maximum(lowest, 0)]
    start = np.flatnonzero(np.append(True, lowest[1:] >= beyond[:-1]))
    end = np.append(start[1:], above.size)
    return Clusters(start, end - start, lowest[start], np.minimum(beyond[end - 1], size))
