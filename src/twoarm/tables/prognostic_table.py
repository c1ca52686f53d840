"""Uni- and multivariable Cox regression on the covariates, side by side."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote

MODELS = ("univariable", "multivariable")


def prognostic_table(scope: Scope, endpoint: str) -> Table | None:
    """Return one line a level against the reference, in both models; None where it was not asked for."""
    here = {"adjustment": scope.unadjusted(), "analysis": "prognostic", "endpoint": endpoint}
    found = scope.select(**here, statistic="hazard_ratio")
    declared = scope.protocol.prognostic
    if not found or declared is None:
        return None
    arm = found[0].arm
    rows = []
    for variable in dict.fromkeys(row.variable for row in found if row.variable):
        terms = [row for row in found if row.variable == variable and row.method.startswith(MODELS[0])]
        several = len(terms) > 1
        if several:
            rows.append(Row((*plain(scope.label(variable)), *_global(scope, here, variable))))
        for term in terms:
            level = term.variable_level or term.parameter or "per unit"
            label = level if several else f"{scope.label(variable)}: {level}"
            cells = [cell for model in MODELS for cell in _effect(scope, found, term, model)]
            rows.append(Row((*plain(label), *cells), indent=several))
    n, events = (scope.find(**here, arm=arm, variable="", statistic=s) for s in ("n", "events"))
    who = "all patients" if arm == "all" else arm
    size = f"n = {scope.numbers.whole(n)}, events {scope.numbers.whole(events)}"
    label = scope.population.endpoints[endpoint].label
    interval, p = f"HR ({scope.confidence} CI)", scope.numbers.style.p_column
    return Table(
        name=f"prognostic-{endpoint}",
        title=f"Prognostic factors of {label}, {who} ({size})",
        columns=("Characteristic", interval, p, interval, p),
        rows=tuple(rows),
        groups=(("", 1), ("Univariable", 2), ("Multivariable", 2)),
        footnotes=_footnotes(scope, found),
    )


def _effect(scope: Scope, found: tuple[Estimate, ...], term: Estimate, model: str) -> list[Cell]:
    same = [row for row in found if row.variable == term.variable and row.variable_level == term.variable_level]
    rows = [row for row in same if row.method.startswith(model)]
    if not rows:
        return [*plain("", "")]
    parts = effect(scope, rows[0])
    text = scope.numbers.with_interval(*(scope.numbers.hazard(part) for part in parts[:3]))
    return [quote(text, *parts[:3]), quote(scope.numbers.probability(parts[3]), parts[3])]


def _global(scope: Scope, here: dict[str, str], variable: str) -> list[Cell]:
    cells: list[Cell] = []
    for model in MODELS:
        method = f"{model} global Wald test"
        p = scope.find(**here, variable=variable, statistic="p_value", method=method)
        cells += [*plain(""), quote(scope.numbers.probability(p), p)]
    return cells


def _footnotes(scope: Scope, found: tuple[Estimate, ...]) -> tuple[str, ...]:
    declared = scope.protocol.prognostic
    assert declared is not None, "the table was asked for"
    notes = [
        found[0].method.removeprefix("univariable ")
        + ". A factor of several levels has its global Wald test in its line."
    ]
    if declared.screening is not None:
        by = "any of its levels" if declared.screening.by == "any_level" else "its global test"
        below = scope.numbers.general(declared.screening.p_below)
        notes.append(
            f"Factors entered the multivariable model by screening: univariable P below {below} in {by}. Screening by "
            "P makes intervals too narrow and P too small; read the model as exploratory."
        )
    return tuple(notes)
