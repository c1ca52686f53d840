"""Counts that follow an arm through time: two of them that lie close tell of the few between them.

Events within intervals of follow-up, events until and after a landmark, and patients at risk at either are parts of one
sequence; sorted, the differences between neighbours count patients or events between two times.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, pairwise

from twoarm.results.estimate import Estimate

ANALYSES = frozenset({"piecewise", "landmark"})
SAME = 1e-6  # means over imputations that add up to one another leave rounding

Arm = tuple[str, str, str, str, str]  # population, strategy, adjustment, endpoint, arm


def told_by_time(rows: Iterable[Estimate], minimum: int) -> set[Arm]:
    """Return the arms of which two counts through time differ by fewer than the minimum, but differ."""
    found: dict[Arm, list[Estimate]] = {}
    for row in rows:
        if row.value is not None and row.analysis in (*ANALYSES, "survival"):
            arm = (row.population, row.missing, row.adjustment, row.endpoint, row.arm)
            found.setdefault(arm, []).append(row)
    return {arm for arm, mine in found.items() if any(_close(counts, minimum) for counts in _sequences(mine))}


def _sequences(rows: list[Estimate]) -> tuple[list[float], list[float]]:
    """Return events until certain times, and patients at risk at certain times, each in any order."""
    here: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        here.setdefault((row.analysis, row.statistic), []).append(float(row.value or 0.0))
    pieces, lost = here.get(("piecewise", "events"), []), here.get(("landmark", "lost_events"), [])
    later = here.get(("landmark", "events"), [])
    if not (pieces or lost):
        return [], []
    until = [0.0, *accumulate(pieces), *lost, *(a + b for a, b in zip(lost, later, strict=False))]
    at_risk = [*here.get(("piecewise", "at_risk"), []), *here.get(("landmark", "at_risk"), [])]
    return until, [0.0, *at_risk, *here.get(("survival", "n"), [])]


def _close(counts: list[float], minimum: int) -> bool:
    return any(SAME < later - one < minimum for one, later in pairwise(sorted(counts)))


def tells_by_time(row: Estimate, arms: set[Arm]) -> bool:
    """Whether a row of these analyses belongs to such an arm, or contrasts it with the other."""
    if row.analysis not in ANALYSES:
        return False
    sample = (row.population, row.missing, row.adjustment, row.endpoint)
    return any(arm[:4] == sample for arm in arms)
