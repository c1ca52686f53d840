"""Hazard ratios within intervals of follow-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from twoarm.results.estimate import Estimate
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Footnotes, Row, Table, plain, quote


def piecewise_table(scope: Scope) -> Table | None:
    """Return a line an interval: events of patients at risk by arm, hazard ratio, and the test of equal pieces."""
    marks = Footnotes()
    rows = under_samples(scope, lambda endpoint, name: _rows(scope, endpoint, name, marks))
    if not rows:
        return None
    p = scope.numbers.style.p_column
    return Table(
        name="piecewise",
        title=f"Hazard ratios within intervals of follow-up, {scope.contrast}",
        columns=(
            "Interval",
            *(f"{arm}, events / at risk" for arm in scope.arms),
            f"Hazard ratio ({scope.confidence} CI)",
            p,
            f"Equal intervals, {p}",
        ),
        rows=tuple(rows),
        footnotes=(
            "At risk: followed beyond the interval's start; its end belongs to it. Patients in a later interval are "
            "those who came so far, so that its hazard ratio compares survivors. NE: not estimable.",
            *marks.lines(),
        ),
    )


def under_samples(scope: Scope, rows_of: Callable[[str, str], Iterable[Row]]) -> list[Row]:
    """Return the rows of every endpoint and sample that has some, each block under its heading."""
    rows: list[Row] = []
    for endpoint, section in scope.population.endpoints.items():
        for name, adjustment in scope.population.adjustments.items():
            found = list(rows_of(endpoint, name))
            if found:
                rows += [Row(plain(f"{section.label}, {adjustment.label}"), kind="heading"), *found]
    return rows


def _rows(scope: Scope, endpoint: str, adjustment: str, marks: Footnotes) -> Iterator[Row]:
    numbers = scope.numbers
    here = {"adjustment": adjustment, "analysis": "piecewise", "endpoint": endpoint}
    tests = [row for row in scope.select(**here, arm=scope.contrast, statistic="p_value") if _tests_equality(row)]
    for position, headline in enumerate(scope.select(**here, arm=scope.contrast, statistic="hazard_ratio")):
        parts = effect(scope, headline)
        text = numbers.with_interval(*(numbers.hazard(part) for part in parts[:3]))
        mark = marks.mark(headline.note or headline.method)
        test = tests[0] if tests and position == 0 else None
        yield Row(
            (
                *plain(numbers.marked(headline.parameter) or "All"),
                *(
                    count_of(scope, arm, "events", "at_risk", parameter=headline.parameter, **here)
                    for arm in scope.arms
                ),
                quote(text + mark, *parts[:3]),
                quote(numbers.probability(parts[3]), parts[3]),
                quote(numbers.probability(test), test),
            ),
            indent=True,
        )


def _tests_equality(row: Estimate) -> bool:
    return row.method.startswith("Wald test")


def count_of(scope: Scope, arm: str, part: str, whole: str, **here: str) -> Cell:
    """Return ``events / at risk`` of an arm; nothing where neither was counted."""
    few, many = (scope.first(**here, arm=arm, statistic=statistic) for statistic in (part, whole))
    if few is None and many is None:
        return Cell("")
    return quote(f"{scope.numbers.whole(few)} / {scope.numbers.whole(many)}", few, many)
