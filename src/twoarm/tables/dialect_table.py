"""What would differ under the conventions of other statistics packages."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote

NAMES = {"r": "R", "spss": "SPSS", "sas": "SAS", "stata": "Stata"}
_MEDIAN = ("median", "median_lower", "median_upper")
_HAZARD = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper")


def dialect_table(scope: Scope) -> Table | None:
    """Return the numbers that differ on paper under any dialect; None where no comparison was asked for."""
    compared = scope.protocol.analyses.dialects
    if not compared or not scope.select(analysis="dialects"):
        return None
    rows = [row for name in scope.marginal() for row in _sample(scope, name)]
    conventions = "; ".join(f"{NAMES[dialect]}: {_conventions(scope, dialect)}" for dialect in compared)
    return Table(
        name="dialects",
        title="What would differ under other packages' conventions",
        columns=("Number", "This study", *(NAMES[dialect] for dialect in compared)),
        rows=tuple(rows) or (Row(plain("No number differs as printed.")),),
        footnotes=(
            f"Conventions. {conventions}. Medians in {scope.protocol.time_unit}. What is not listed is the same in "
            "all; the matching is never touched.",
        ),
    )


def _conventions(scope: Scope, dialect: str) -> str:
    c = scope.protocol.under(dialect).conventions  # type: ignore[arg-type]
    correction = "with" if c.yates else "without"
    interval = "symmetric" if "normal" in c.quantile_intervals else f"inverted {c.interval} limits"
    return f"{interval} for medians, {c.ties.capitalize()} ties, 2 x 2 tables {correction} continuity correction"


def _sample(scope: Scope, adjustment: str) -> list[Row]:
    sample = scope.population.adjustments[adjustment].label
    rows: list[Row | None] = []
    for endpoint, section in scope.population.endpoints.items():
        for arm in scope.arms:
            here = {"adjustment": adjustment, "endpoint": endpoint, "arm": arm}
            label = f"{sample}: {section.label}, median ({scope.confidence} CI), {arm}"
            rows.append(_line(scope, label, "survival", _MEDIAN, here, scope.numbers.duration))
        here = {"adjustment": adjustment, "endpoint": endpoint, "arm": scope.contrast, "variable": ""}
        label = f"{sample}: {section.label}, hazard ratio ({scope.confidence} CI)"
        rows.append(_line(scope, label, "hazard_ratio", _HAZARD, here, scope.numbers.hazard))
        label = f"{sample}: {section.label}, {scope.numbers.style.p_column} of the hazard ratio"
        rows.append(_line(scope, label, "hazard_ratio", ("p_value",), here, scope.numbers.probability))
    for variable in scope.population.covariates:
        here = {"adjustment": adjustment, "arm": scope.contrast, "variable": variable}
        label = f"{sample}: {scope.label(variable)}, {scope.numbers.style.p_column}"
        rows.append(_line(scope, label, "baseline", ("p_value",), here, scope.numbers.probability))
    return [row for row in rows if row is not None]


def _line(
    scope: Scope, label: str, analysis: str, statistics: tuple[str, ...], here: dict[str, str], shown: object
) -> Row | None:
    assert callable(shown), "a way to print a row"
    own = [scope.first(analysis=analysis, statistic=s, **here) for s in statistics]
    cells = [_cell(scope, own, shown)]
    for dialect in scope.protocol.analyses.dialects:
        wanted = {**here, "analysis": "dialects", "variable_level": analysis, "parameter": dialect}
        cells.append(_cell(scope, [scope.first(statistic=s, **wanted) for s in statistics], shown))
    same = all(cell.text == cells[0].text for cell in cells)
    return None if same else Row((*plain(label), *cells))


def _cell(scope: Scope, rows: list[Estimate | None], shown: object) -> Cell:
    assert callable(shown), "a way to print a row"
    texts = [shown(row) for row in rows]
    return quote(scope.numbers.with_interval(*texts) if len(texts) == 3 else texts[0], *rows)
