"""Complete cases and imputed side by side, and the spread of the matched pairs."""

from __future__ import annotations

from dataclasses import replace

from twoarm.results.estimate import Estimate
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote


def missing_table(scope: Scope) -> Table | None:
    """Return the main results under every strategy of the population; None where there is one strategy."""
    strategies = scope.population.missing
    if len(strategies) < 2:
        return None
    scopes = [replace(scope, missing=name) for name in strategies]
    rows = [Row((*plain("Patients"), *(_analysed(one) for one in scopes)))]
    for name, matching in scope.matchings().items():
        formed = "matched sets" if matching.sets else "pairs"
        rows.append(Row((*plain(f"{matching.label}: {formed}"), *(_pairs(one, name) for one in scopes))))
    for endpoint, section in scope.population.endpoints.items():
        rows.append(Row(plain(f"{section.label}: hazard ratio ({scope.confidence} CI)"), kind="heading"))
        for name, adjustment in scope.population.adjustments.items():
            cells = [_hazard(one, name, endpoint) for one in scopes]
            rows.append(Row((*plain(adjustment.label), *cells), indent=True))
    rows += _responses(scope, scopes)
    return Table(
        name="missing_data",
        title="Complete cases and imputed data",
        columns=("Result", *(section.label for section in strategies.values())),
        rows=tuple(rows),
        footnotes=(
            "Imputed: matched within each imputation and pooled by Rubin's rules; pairs are given as mean (range) over "
            "the imputations. The headline variance of each model is shown.",
        ),
    )


def _analysed(scope: Scope) -> Cell:
    row = scope.find(analysis="attrition", statistic="analysed", arm="all")
    return quote(scope.numbers.whole(row), row)


def _pairs(scope: Scope, adjustment: str) -> Cell:
    here = {"adjustment": adjustment, "analysis": "lost"}
    parts = [scope.find(**here, statistic=s) for s in ("pairs", "pairs_minimum", "pairs_maximum")]
    return quote(scope.numbers.with_interval(*(scope.numbers.whole(part) for part in parts)), *parts)


def _hazard(scope: Scope, adjustment: str, endpoint: str) -> Cell:
    here = {"adjustment": adjustment, "analysis": "hazard_ratio", "endpoint": endpoint, "variable": ""}
    headline = scope.first(**here, arm=scope.contrast, statistic="hazard_ratio")
    if headline is None:
        return plain("")[0]
    parts: list[Estimate | None] = effect(scope, headline)
    text = scope.numbers.with_interval(*(scope.numbers.hazard(part) for part in parts[:3]))
    p = parts[3]
    tested = f"; {scope.numbers.p_text(float(p.value))}" if p is not None and p.value is not None else ""
    return quote(text + tested, *parts)


def _responses(scope: Scope, scopes: list[Scope]) -> list[Row]:
    declared = scope.protocol.response
    if declared is None or not scope.select(analysis="response"):
        return []
    labels = {"objective_response": declared.objective_response, "disease_control": declared.disease_control}
    rows = []
    for variable, label in labels.items():
        rows.append(Row(plain(f"{label}: difference, % ({scope.confidence} CI)"), kind="heading"))
        for name, adjustment in scope.marginal().items():
            here = {"adjustment": name, "analysis": "response", "variable": variable, "arm": scope.contrast}
            wanted = {**here, "parameter": declared.rules()[0]}
            cells = [_difference(one, wanted) for one in scopes]
            rows.append(Row((*plain(adjustment.label), *cells), indent=True))
    return rows


def _difference(scope: Scope, here: dict[str, str]) -> Cell:
    row = scope.first(**here, statistic="difference")
    if row is None:
        return plain("")[0]
    limits = (scope.find(**here, method=row.method, statistic=f"difference_{side}") for side in ("lower", "upper"))
    parts = [row, *limits]
    return quote(scope.numbers.with_interval(*(scope.numbers.number(part, 1) for part in parts)), *parts)
