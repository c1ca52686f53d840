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
