"""Rows that do not count, each for the first of several rules that it breaks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from twoarm.statistics.arrays import Booleans, Integers
from twoarm.statistics.counting import count


def first_rule(n: int, rules: Mapping[str, Booleans], frequency: Integers | None) -> tuple[Booleans, dict[str, int]]:
    """Give each of n rows the first rule that it breaks; a row may stand for several patients.

    Returns which rows break none, shape (n,), and how many go under each rule that any goes under.

    >>> first_rule(3, {"late": np.array([True, False, False]), "early": np.array([True, True, False])}, None)[1]
    {'late': 1, 'early': 1}
    """
    counts = np.ones(n, dtype=np.bool_)
    reasons = {}
    for reason, breaks in rules.items():
        dropped = count(counts & breaks, frequency)
        if dropped:
            reasons[reason] = dropped
        counts &= ~breaks
    return counts, reasons
