"""Rows in the order of a whole-numbered score and, among equal scores, of a rank."""

from __future__ import annotations

import numpy as np

from twoarm.statistics.arrays import Floats, Integers

KEY_BITS = 62  # of the numbers in which score and rank stand side by side


def by_score(rows: Integers, score: Floats, rank: Integers) -> Integers:
    """Return rows (m,) sorted by their score and then by their rank.

    Args:
        rows: row numbers.
        score: whole numbers, one a row, shape (m,).
        rank: different whole numbers of at least 0, one a row, shape (m,).

    One sort of numbers that hold both is several times as fast as sorting places by two keys.

    >>> by_score(np.array([7, 8, 9]), np.array([5.0, -2.0, 5.0]), np.array([2, 0, 1])).tolist()
    [8, 9, 7]
    """
    if rows.size < 2:
        return rows
    low, width = float(score.min()), int(rank.max()) + 1
    bits = width.bit_length()
    if not float(score.max()) - low < 2.0 ** (KEY_BITS - bits) or width > 16 * rows.size + 1024:
        return rows[np.lexsort((rank, score))]
    key = (score - low).astype(np.int64)
    key <<= bits
    key |= rank
    key.sort()
    key &= (1 << bits) - 1
    row_of_rank = np.empty(width, np.int64)
    row_of_rank[rank] = rows
    return row_of_rank[key]


def runs_of_equals(ascending: Floats) -> tuple[Integers, Integers]:
    """Return (first place, place after the last) of the equal values around each of some sorted values, shape (m,).

    >>> [ends.tolist() for ends in runs_of_equals(np.array([1.0, 1.0, 4.0]))]
    [[0, 0, 2], [2, 2, 3]]
    """
    start = np.flatnonzero(np.concatenate((np.ones(min(ascending.size, 1), np.bool_), ascending[1:] != ascending[:-1])))
    end = np.append(start[1:], ascending.size)[: start.size]
    return np.repeat(start, end - start), np.repeat(end, end - start)
