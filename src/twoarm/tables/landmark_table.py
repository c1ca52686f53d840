"""The arms compared from landmarks on."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.piecewise_table import count_of, under_samples
from twoarm.tables.scope import Scope
from twoarm.tables.table import Footnotes, Row, Table, plain, quote

CAUSE = (
    "Where events compete, a competing event ends follow-up: hazard ratio and log-rank test are cause-specific and "
    "compare rates among those still at risk, not incidence."
)


def landmark_table(scope: Scope) -> Table | None:
    """Return a line a landmark: who is left and who was lost by arm, hazard ratio and log-rank test from there on."""
    marks = Footnotes()
    rows = under_samples(scope, lambda endpoint, name: _rows(scope, endpoint, name, marks))
    if not rows:
        return None
    p = scope.numbers.style.p_column
    return Table(
        name="landmark",
        title=f"Landmark analysis, {scope.contrast}",
        columns=(
            "From",
            *(f"{arm}, events / at risk" for arm in scope.arms),
            *(f"{arm}, lost: event / censored" for arm in scope.arms),
            f"Hazard ratio ({scope.confidence} CI)",
            p,
            f"Log-rank {p}",
        ),
        rows=tuple(rows),
        footnotes=(
            "Patients without the event who are followed beyond the landmark; time is counted from it. Lost: had the "
            "event or ended follow-up at the landmark or before it.",
            *([CAUSE] if any(section.competing for section in scope.population.endpoints.values()) else []),
            *marks.lines(),
        ),
    )


def _rows(scope: Scope, endpoint: str, adjustment: str, marks: Footnotes) -> Iterator[Row]:
    numbers = scope.numbers
    here = {"adjustment": adjustment, "analysis": "landmark", "endpoint": endpoint}
    for headline in scope.select(**here, arm=scope.contrast, statistic="hazard_ratio"):
        found = {**here, "parameter": headline.parameter}
        parts = effect(scope, headline)
        text = numbers.with_interval(*(numbers.hazard(part) for part in parts[:3]))
        mark = marks.mark(headline.note or headline.method)
        tests = [row for row in scope.select(**found, statistic="p_value") if "log-rank" in row.method]
        shown = " ".join(
            text if position == 0 else f"[{text}]" for position, text in enumerate(map(numbers.probability, tests))
        )
        yield Row(
            (
                *plain(numbers.marked(headline.parameter)),
                *(count_of(scope, arm, "events", "at_risk", **found) for arm in scope.arms),
                *(count_of(scope, arm, "lost_events", "lost_censored", **found) for arm in scope.arms),
                quote(text + mark, *parts[:3]),
                quote(numbers.probability(parts[3]), parts[3]),
                quote(shown, *tests),
            ),
            indent=True,
        )
