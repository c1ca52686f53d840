"""What holds without proportional hazards: their test, and restricted mean survival times."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote

BY_DESIGN = (
    "Under weights and in matched samples the robust test is the one to read; that of the model takes weights for "
    "counts and ignores pairs."
)


def proportional_hazards_table(scope: Scope) -> Table | None:
    """Return a line a model: the test of the arm, and of all terms."""
    numbers, rows = scope.numbers, []
    designed = bool(scope.matchings() or scope.weightings())
    for endpoint, section in scope.population.endpoints.items():
        for name, adjustment in scope.population.adjustments.items():
            here = {"adjustment": name, "analysis": "proportional_hazards", "endpoint": endpoint, "variable": ""}
            methods = dict.fromkeys(row.method for row in scope.select(**here, arm=scope.contrast, statistic="p_value"))
            for method in methods:
                tests = [
                    scope.first(**here, method=method, arm=who, statistic="p_value") for who in (scope.contrast, "all")
                ]
                cells = [quote(numbers.probability(p), p) for p in tests]
                variance = ["robust" if "robust" in method else "of the model"] if designed else []
                rows.append(Row((*plain(section.label, adjustment.label, *variance), *cells)))
    if not rows:
        return None
    p = numbers.style.p_column
    return Table(
        name="proportional_hazards",
        title="Test of proportional hazards",
        columns=(
            "Endpoint",
            "Model",
            *(["Variance"] if designed else []),
            f"{scope.arms[0]} vs {scope.arms[1]}, {p}",
            f"All terms, {p}",
        ),
        rows=tuple(rows),
        footnotes=(
            "Score test of Grambsch and Therneau on the Kaplan-Meier scale. A small value speaks against a hazard "
            "ratio that is constant over time: read it then as an average, beside the restricted means.",
            *([BY_DESIGN] if designed else []),
        ),
    )


def restricted_mean_table(scope: Scope) -> Table | None:
    """Return a line an endpoint and sample: both arms' restricted means, difference and ratio."""
    numbers, rows = scope.numbers, []
    for endpoint, section in scope.population.endpoints.items():
        for name, adjustment in scope.marginal().items():
            here = {"adjustment": name, "analysis": "restricted_mean", "endpoint": endpoint}
            tau = scope.first(**here, statistic="tau")
            gap = scope.first(**here, statistic="restricted_mean_difference")
            if gap is None:
                continue
            cells = [quote(numbers.duration(tau), tau)]
            for arm in scope.arms:
                cells.append(_interval(scope, "restricted_mean", numbers.duration, **here, arm=arm))
            cells.append(_interval(scope, "restricted_mean_difference", numbers.duration, **here))
            cells.append(_interval(scope, "restricted_mean_ratio", numbers.hazard, **here))
            p = scope.first(**here, statistic="p_value")
            rows.append(Row((*plain(section.label, adjustment.label), *cells, quote(numbers.probability(p), p))))
    if not rows:
        return None
    unit, confidence = scope.protocol.time_unit, scope.confidence
    competing = any(section.competing for section in scope.population.endpoints.values())
    return Table(
        name="restricted_mean",
        title="Restricted mean survival time",
        columns=(
            "Endpoint",
            "Sample",
            f"Up to, {unit}",
            *(f"{arm} ({confidence} CI)" for arm in scope.arms),
            f"Difference ({confidence} CI)",
            f"Ratio ({confidence} CI)",
            numbers.style.p_column,
        ),
        rows=tuple(rows),
        footnotes=(
            "Area under the survival curve"
            + ("; in matched samples its variance is clustered by pair" if scope.matchings() else "")
            + ("; in weighted samples it is robust" if scope.weightings() else "")
            + ".",
            *(["NE: not estimated where events compete."] if competing else []),
        ),
    )


def _interval(scope: Scope, statistic: str, shown: object, **here: str) -> Cell:
    assert callable(shown), "a way to print a row"
    parts: list[Estimate | None] = [
        scope.first(**here, statistic=f"{statistic}{end}") for end in ("", "_lower", "_upper")
    ]
    return quote(scope.numbers.with_interval(*(shown(part) for part in parts)), *parts)
