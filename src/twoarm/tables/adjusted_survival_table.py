"""Survival of all patients as if all had been in one arm, and the difference, at the landmarks."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Footnotes, Row, Table, plain, quote

ANALYSES = ("standardised_survival", "augmented_survival")


def adjusted_survival_table(scope: Scope) -> Table | None:
    """Return one line an endpoint, method and landmark; None without landmarks."""
    marks, rows = Footnotes(), []
    names = [f"{mark:.10g} {scope.protocol.time_unit}" for mark in scope.protocol.analyses.survival.landmarks]
    for endpoint, section in scope.population.endpoints.items():
        block = []
        for analysis in ANALYSES:
            for name, made in scope.population.adjustments.items():
                here = {"analysis": analysis, "adjustment": name, "endpoint": endpoint}
                for mark in names:
                    cells = _cells(scope, {**here, "parameter": mark}, marks)
                    if cells:
                        block.append(Row((*plain(f"{made.label}: {scope.numbers.marked(mark)}"), *cells), indent=True))
        rows += [Row(plain(section.label), kind="heading"), *block] if block else []
    return Table(
        name="adjusted_survival",
        title="Survival of all patients as if all had been in one arm",
        columns=(
            "",
            *(f"{arm}, % ({scope.confidence} CI)" for arm in scope.arms),
            f"Difference, % ({scope.confidence} CI)",
            scope.numbers.style.p_column,
        ),
        rows=tuple(rows),
        footnotes=marks.lines(),
    )


def _cells(scope: Scope, here: dict[str, str], marks: Footnotes) -> list[Cell]:
    numbers = scope.numbers
    gap = [scope.find(**here, statistic=f"survival_difference{end}") for end in ("", "_lower", "_upper")]
    if gap[0] is None:
        return []
    cells = []
    for arm in scope.arms:
        parts: list[Estimate | None] = [
            scope.find(**here, arm=arm, statistic=f"survival{end}") for end in ("", "_lower", "_upper")
        ]
        cells.append(quote(numbers.with_interval(*(numbers.percentage(part) for part in parts)), *parts))
    text = numbers.with_interval(*(numbers.number(part, 1) for part in gap))
    p = scope.find(**here, statistic="p_value")
    return [*cells, quote(text + marks.mark(gap[0].method), *gap), quote(numbers.probability(p), p)]
