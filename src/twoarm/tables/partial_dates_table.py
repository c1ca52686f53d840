"""Hazard ratios with completed dates, and with these dates held."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote


def partial_dates_table(scope: Scope) -> Table | None:
    """Return a line an endpoint and adjustment; None where no endpoint rests on a completed date."""
    numbers, rows = scope.numbers, []
    for endpoint, section in scope.population.endpoints.items():
        for name, adjustment in scope.population.adjustments.items():
            here = {"adjustment": name, "endpoint": endpoint, "arm": "all"}
            held = scope.find(**here, analysis="partial_dates", statistic="held")
            if held is None:
                continue
            cells = [quote(numbers.whole(held), held)]
            for analysis in ("hazard_ratio", "partial_dates"):
                counts = [scope.find(**here, analysis=analysis, variable="", statistic=s) for s in ("n", "events")]
                cells += [quote(numbers.whole(count), count) for count in counts]
                cells += _ratio(scope, analysis, name, endpoint)
            rows.append(Row((*plain(section.label, adjustment.label), *cells)))
    if not rows:
        return None
    ratio, p = f"Hazard ratio ({scope.confidence} CI)", numbers.style.p_column
    return Table(
        name="partial_dates",
        title=f"Sensitivity to completed dates: hazard ratios, {scope.contrast}",
        columns=("Endpoint", "Sample", "Patients who leave", *("n", "Events", ratio, p) * 2),
        groups=(("", 3), ("With completed dates", 4), ("With these dates held", 4)),
        rows=tuple(rows),
        footnotes=(
            "A date without a day or a month was completed by the rule that the protocol declares. With these dates "
            "held, the patients whose endpoint rests on one leave it; cohort, scores and pairs stay as they are.",
        ),
    )


def _ratio(scope: Scope, analysis: str, adjustment: str, endpoint: str) -> list[Cell]:
    here = {"analysis": analysis, "adjustment": adjustment, "endpoint": endpoint, "variable": ""}
    row = scope.first(**here, arm=scope.contrast, statistic="hazard_ratio")
    parts: list[Estimate | None] = effect(scope, row) if row is not None else [None] * 4
    text = scope.numbers.with_interval(*(scope.numbers.hazard(part) for part in parts[:3]))
    return [quote(text, *parts[:3]), quote(scope.numbers.probability(parts[3]), parts[3])]
