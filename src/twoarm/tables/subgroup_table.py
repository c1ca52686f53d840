"""Hazard ratios within subgroups, with tests of interaction."""

from __future__ import annotations

from twoarm.tables.formats import in_sentence
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope
from twoarm.tables.table import Row, Table, plain, quote


def subgroup_table(scope: Scope, adjustment: str, endpoint: str) -> Table | None:
    """Return the levels of every declared variable; None where no subgroup was asked for."""
    here = {"adjustment": adjustment, "analysis": "subgroups", "endpoint": endpoint}
    found = scope.select(**here, statistic="hazard_ratio")
    if not found:
        return None
    numbers, rows = scope.numbers, []
    for variable in dict.fromkeys(row.variable for row in found):
        p = scope.find(**here, variable=variable, variable_level="", statistic="p_value")
        rows.append(Row((*plain(scope.label(variable), *[""] * 4), quote(numbers.probability(p), p))))
        for level in scope.levels(variable):
            cells = [*plain(level)]
            for arm in scope.arms:
                n, events = (
                    scope.find(**here, variable=variable, variable_level=level, arm=arm, statistic=s)
                    for s in ("events", "n")
                )
                cells.append(quote(f"{numbers.whole(n)}/{numbers.whole(events)}", n, events))
            headline = scope.find(**here, variable=variable, variable_level=level, statistic="hazard_ratio")
            parts = effect(scope, headline) if headline else [None] * 4
            cells.append(quote(numbers.with_interval(*(numbers.hazard(part) for part in parts[:3])), *parts[:3]))
            cells.append(quote(numbers.probability(parts[3]), parts[3]))
            rows.append(Row((*cells, *plain("")), indent=True))
    label = scope.population.endpoints[endpoint].label
    minimum = scope.protocol.subgroups.minimum_events if scope.protocol.subgroups else 0
    return Table(
        name=f"subgroups-{adjustment}-{endpoint}",
        title=f"{label} in subgroups, {in_sentence(scope.population.adjustments[adjustment].label)}",
        columns=(
            "Subgroup",
            *(f"{arm}, events/n" for arm in scope.arms),
            f"Hazard ratio ({scope.confidence} CI)",
            numbers.style.p_column,
            f"{numbers.style.p_column} for interaction",
        ),
        rows=tuple(rows),
        footnotes=(f"{found[0].method}. NE: fewer than {minimum} events, or none in an arm.",),
    )
