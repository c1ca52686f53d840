"""Rows that do not count, each for the first of several rules that it breaks."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals.stable.v2 as nw

from twoarm.records.engine_ops import first_that_holds
from twoarm.statistics.arrays import Integers
from twoarm.statistics.counting import level_counts


def first_rule(rules: Sequence[str], broken: Sequence[nw.Expr]) -> nw.Expr:
    """Return the number of the first rule that a row breaks, from 1; 0 for none.

    Args:
        rules: their names, in order.
        broken: whether each is broken.
    """
    assert len(rules) == len(broken), "each rule has a condition"
    return first_that_holds(list(broken))


def rule_counts(broken: Integers, rules: Sequence[str], frequency: Integers | None = None) -> dict[str, int]:
    """Return how many rows, or patients whom they stand for, go under each rule that any goes under.

    Args:
        broken: number of each row's rule, 0 for none, shape (n,).
        rules: their names, in order.
        frequency: identical patients that each row stands for, shape (n,); None where each stands for one.

    >>> import numpy as np
    >>> rule_counts(np.array([2, 0, 1, 2]), ["late", "early"], np.array([1, 5, 1, 3]))
    {'late': 1, 'early': 4}
    """
    found = level_counts(broken, len(rules) + 1, frequency)
    return {rule: int(number) for rule, number in zip(rules, found[1:], strict=True) if number}
