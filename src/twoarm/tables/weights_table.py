"""What weighting costs: how many patients the weights are worth, and the largest of them."""

from __future__ import annotations

from twoarm.protocol.adjustment import Matching
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote


def weights_table(scope: Scope) -> Table | None:
    """Return one line an arm of every weighted sample; None without weights."""
    rows = []
    for name, made in scope.weighted().items():
        if not scope.made(name):
            continue
        estimand = made.answers if isinstance(made, Matching) else made.estimand
        rows.append(Row(plain(f"{made.label} ({estimand})"), kind="heading"))
        rows += [Row((*plain(arm), *_cells(scope, name, arm)), indent=True) for arm in scope.arms]
    notes = [_truncation(scope, name) for name in scope.weighted() if scope.made(name)]
    return Table(
        name="weights",
        title="Weights",
        columns=("Arm", "Patients", "Sum of weights", "Effective sample size (%)", "Smallest weight", "Largest weight"),
        rows=tuple(rows),
        footnotes=("Effective sample size: (sum of weights)² / sum of squared weights.", *(n for n in notes if n)),
    )


def _cells(scope: Scope, adjustment: str, arm: str) -> list[Cell]:
    numbers, here = scope.numbers, {"adjustment": adjustment, "analysis": "weights", "arm": arm}
    names = ("n", "sum_of_weights", "effective_sample_size", "effective_percent", "smallest_weight", "largest_weight")
    n, total, effective, percent, smallest, largest = (scope.find(**here, statistic=name) for name in names)
    return [
        quote(numbers.whole(n), n),
        quote(numbers.number(total, 1), total),
        quote(f"{numbers.number(effective, 1)} ({numbers.number(percent, 1)})", effective, percent),
        quote(numbers.number(smallest, 3), smallest),
        quote(numbers.number(largest, 2), largest),
    ]


def _truncation(scope: Scope, adjustment: str) -> str:
    """Say what truncation moved; nothing without truncation."""
    numbers, here = scope.numbers, {"adjustment": adjustment, "analysis": "weights", "arm": "all"}
    names = ("truncation_limit_below", "truncated_below", "truncation_limit_above", "truncated_above")
    low, raised, high, lowered = (scope.find(**here, statistic=name) for name in names)
    if low is None:
        return ""
    label = scope.population.adjustments[adjustment].label
    return (
        f"{label}: weights were truncated to {numbers.number(low, 3)} and {numbers.number(high, 3)}; "
        f"{numbers.whole(raised)} were raised and {numbers.whole(lowered)} lowered."
    )
