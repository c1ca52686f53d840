"""Difference of the arms' survival at the landmark times."""

from __future__ import annotations

from twoarm.tables.scope import Scope
from twoarm.tables.table import Footnotes, Row, Table, plain, quote

GAP = ("survival_difference", "survival_difference_lower", "survival_difference_upper")


def survival_difference_table(scope: Scope) -> Table | None:
    """Return a line an endpoint, sample and landmark: survival of both arms, its difference and p-value."""
    marks, numbers, rows = Footnotes(), scope.numbers, []
    for endpoint, section in scope.population.endpoints.items():
        for name, adjustment in scope.marginal().items():
            here = {"adjustment": name, "analysis": "survival_difference", "endpoint": endpoint}
            for gap in scope.select(**here, statistic=GAP[0]):
                found = {"parameter": gap.parameter, "method": gap.method}
                parts = [scope.find(**here, **found, statistic=statistic) for statistic in GAP]
                p = scope.find(**here, **found, statistic="p_value")
                curve = {**here, "analysis": "survival", "statistic": "survival", "parameter": gap.parameter}
                arms = [scope.first(**curve, arm=arm) for arm in scope.arms]
                text = numbers.with_interval(*(numbers.number(part, 1) for part in parts))
                mark = marks.mark(gap.note or gap.method)
                rows.append(
                    Row(
                        (
                            *plain(section.label, adjustment.label, numbers.marked(gap.parameter)),
                            *(quote(numbers.percentage(arm), arm) for arm in arms),
                            quote(text + mark, *parts),
                            quote(numbers.probability(p), p),
                        )
                    )
                )
    if not rows:
        return None
    return Table(
        name="survival_difference",
        title="Difference of survival at landmark times",
        columns=(
            "Endpoint",
            "Sample",
            "At",
            *(f"{arm}, %" for arm in scope.arms),
            f"Difference, percentage points ({scope.confidence} CI)",
            numbers.style.p_column,
        ),
        rows=tuple(rows),
        footnotes=(f"{scope.arms[0]} minus {scope.arms[1]}. NE: not estimable.", *marks.lines()),
    )
