"""Exact tests by writing out every table or arrangement."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

RELATIVE_TOLERANCE = Fraction(1, 10**7)  # tables this close in probability count as equally likely


def freeman_halton(table: Sequence[Sequence[int]]) -> float:
    """Sum of the probabilities, as fractions, of all tables no more likely than the one observed."""
    sizes = [sum(row) for row in table]
    first = sum(row[0] for row in table)
    ways = [math.prod(map(math.comb, sizes, filling)) for filling in _fillings(sizes, first)]
    observed = math.prod(math.comb(size, row[0]) for size, row in zip(sizes, table, strict=True))
    limit = observed * (1 + RELATIVE_TOLERANCE)
    return float(Fraction(sum(way for way in ways if way <= limit), math.comb(sum(sizes), first)))


def _fillings(sizes: Sequence[int], first: int) -> Iterator[tuple[int, ...]]:
    for filling in itertools.product(*(range(size + 1) for size in sizes)):
        if sum(filling) == first:
            yield filling


def mann_whitney(x: Sequence[float], y: Sequence[float]) -> float:
    """Pairs in which x is the larger, a tie counting one half."""
    return sum((a > b) + 0.5 * (a == b) for a in x for b in y)


def wilcoxon(x: Sequence[float], y: Sequence[float]) -> float:
    """Two-sided p-value over every choice of the first sample's ranks; for values without ties."""
    both = [*x, *y]
    observed = mann_whitney(x, y)
    counts = []
    for chosen in itertools.combinations(range(len(both)), len(x)):
        first = [both[i] for i in chosen]
        counts.append(mann_whitney(first, [value for i, value in enumerate(both) if i not in chosen]))
    below = sum(count <= observed for count in counts)
    above = sum(count >= observed for count in counts)
    return min(1.0, 2 * min(below, above) / len(counts))


def freeman_halton_columns(table: Sequence[Sequence[int]]) -> float:
    """The same for any number of columns, cell by cell over all tables with these margins."""
    rows, columns = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
    whole = math.prod(map(math.factorial, (*rows, *columns)))

    def chance(cells: Sequence[int]) -> Fraction:
        return Fraction(whole, math.factorial(sum(rows)) * math.prod(map(math.factorial, cells)))

    limit = chance([cell for row in table for cell in row]) * (1 + RELATIVE_TOLERANCE)
    chances = [chance(cells) for cells in _tables(rows, columns)]
    return float(sum(value for value in chances if value <= limit))


def _tables(rows: Sequence[int], columns: Sequence[int]) -> Iterator[tuple[int, ...]]:
    if not rows:
        yield ()
        return
    for first in itertools.product(*(range(min(rows[0], left) + 1) for left in columns)):
        rest = [left - cell for left, cell in zip(columns, first, strict=True)]
        if sum(first) == rows[0] and (len(rows) > 1 or not any(rest)):
            for others in _tables(rows[1:], rest):
                yield (*first, *others)
