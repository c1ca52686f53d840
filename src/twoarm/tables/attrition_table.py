"""Who was left out, step by step."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.scope import Scope
from twoarm.tables.table import Row, Table, plain, quote


def steps(scope: Scope) -> list[tuple[str, str]]:
    """Return (step, label) in order: eligibility first, then this strategy's."""
    rows = [
        *scope.results.select(population=scope.population.name, missing="", analysis="attrition"),
        *scope.select(analysis="attrition"),
    ]
    return list(dict.fromkeys((row.variable, row.variable_level) for row in rows if row.variable))


def step_row(scope: Scope, step: str, statistic: str, arm: str) -> Estimate | None:
    """Return a count of a step, whether it belongs to eligibility or to the strategy."""
    for missing in ("", scope.missing):
        found = scope.results.find(
            population=scope.population.name,
            missing=missing,
            analysis="attrition",
            variable=step,
            statistic=statistic,
            arm=arm,
        )
        if found is not None:
            return found
    return None


def attrition_table(scope: Scope) -> Table:
    """Return the attrition by arm."""
    groups = ("all", *scope.arms)
    numbers, rows = scope.numbers, []
    for step, label in steps(scope):
        cells = []
        for statistic in ("excluded", "excluded_unknown", "remaining"):
            for arm in groups if statistic != "excluded_unknown" else ("all",):
                found = step_row(scope, step, statistic, arm)
                cells.append(quote(numbers.whole(found), found))
        rows.append(Row((*plain(label), *cells)))
    analysed = [scope.find(analysis="attrition", statistic="analysed", arm=arm) for arm in groups]
    blank = plain(*[""] * 4)
    rows.append(Row((*plain("Analysed"), *blank, *(quote(numbers.whole(row), row) for row in analysed))))
    return Table(
        name="attrition",
        title="Attrition",
        columns=("Step", "All", *scope.arms, "of whom unknown", "All", *scope.arms),
        rows=tuple(rows),
        groups=(("", 1), ("Left out", 4), ("Remaining", 3)),
        footnotes=("Each patient is counted at the first step that excludes them.",),
    )
