"""E-values, and hazard ratios as they would be with an unmeasured confounder."""

from __future__ import annotations

from collections.abc import Iterator

from twoarm.results.estimate import Estimate
from twoarm.tables.formats import NOT_REACHED
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Footnotes, Row, Table, plain, quote


def e_value_table(scope: Scope) -> Table | None:
    """Return a line an endpoint and sample; None where nothing was estimated."""
    marks, numbers, rows = Footnotes(), scope.numbers, []
    for here, labels, headline in _lines(scope, "e_value"):
        ratio, estimate, limit = (scope.first(**here, statistic=s) for s in ("risk_ratio", "e_value", "e_value_limit"))
        if estimate is None:
            continue
        mark = marks.mark(f"{estimate.method[0].upper()}{estimate.method[1:]}.") if estimate.method else ""
        cells = (
            _interval(scope, headline),
            quote(numbers.hazard(ratio) + mark, ratio),
            quote(numbers.hazard(estimate), estimate),
            quote(numbers.hazard(limit), limit),
        )
        rows.append(Row((*plain(*labels), *cells)))
    if not rows:
        return None
    note = (
        "An unmeasured confounder whose risk ratios with arm and with outcome are both the E-value, beyond the "
        "measured covariates, could explain the estimate away (or move the limit nearer 1 to 1); a weaker one could "
        "not. 1: the interval holds 1."
    )
    return Table(
        name="e_values",
        title="E-values",
        columns=(
            "Endpoint",
            "Sample",
            f"Hazard ratio ({scope.confidence} CI)",
            "Risk ratio",
            "E-value",
            "E-value of the limit nearer 1",
        ),
        rows=tuple(rows),
        footnotes=(note, *marks.lines()),
    )


def unmeasured_table(scope: Scope) -> Table | None:
    """Return a line an endpoint and sample: corrected hazard ratios, tipping points; None without a declaration."""
    declared = scope.protocol.sensitivity.unmeasured
    if declared is None:
        return None
    numbers, rows = scope.numbers, []
    for here, labels, headline in _lines(scope, "unmeasured"):
        points = [scope.first(**here, statistic=s) for s in ("tipping_point", "tipping_point_limit")]
        if points[0] is None:
            continue
        cells = [_interval(scope, headline)]
        for ratio in declared.hazard_ratios:
            parameter = f"hazard ratio {ratio:.6g}"
            parts = [scope.first(**here, parameter=parameter, statistic=f"hazard_ratio{e}") for e in _ENDS]
            cells.append(quote(numbers.with_interval(*(numbers.hazard(part) for part in parts)), *parts))
        cells += [quote(_point(scope, point), point) for point in points]
        rows.append(Row((*plain(*labels), *cells)))
    if not rows:
        return None
    shares = [f"{numbers.general(100 * p)}%" for p in (declared.prevalence_treated, declared.prevalence_comparator)]
    return Table(
        name="unmeasured",
        title="Hazard ratios with an unmeasured confounder adjusted for",
        columns=(
            "Endpoint",
            "Sample",
            f"As estimated ({scope.confidence} CI)",
            *(f"Confounder of hazard ratio {numbers.general(ratio)}" for ratio in declared.hazard_ratios),
            "Tipping point",
            "Tipping point of the limit nearer 1",
        ),
        rows=tuple(rows),
        footnotes=(
            f"A binary confounder that {shares[0]} have in {scope.arms[0]} and {shares[1]} in {scope.arms[1]}, "
            "independent of the measured covariates (Lin, Psaty and Kronmal). Tipping point: its hazard ratio at which "
            "the estimate, or the limit nearer 1, would be 1; 1: the interval holds 1. "
            f"{NOT_REACHED}: no confounder of these prevalences is strong enough.",
        ),
    )


_ENDS = ("", "_lower", "_upper")


def _lines(scope: Scope, analysis: str) -> Iterator[tuple[dict[str, str], tuple[str, str], Estimate | None]]:
    """Yield where a line's rows stand, its endpoint and sample, and its hazard ratio."""
    for endpoint, section in scope.population.endpoints.items():
        for name, adjustment in scope.marginal().items():
            place = {"adjustment": name, "endpoint": endpoint, "arm": scope.contrast}
            headline = scope.first(**place, analysis="hazard_ratio", variable="", statistic="hazard_ratio")
            yield {**place, "analysis": analysis}, (section.label, adjustment.label), headline


def _interval(scope: Scope, headline: Estimate | None) -> Cell:
    parts = effect(scope, headline)[:3] if headline is not None else [None] * 3
    return quote(scope.numbers.with_interval(*(scope.numbers.hazard(part) for part in parts)), *parts)


def _point(scope: Scope, row: Estimate | None) -> str:
    if row is not None and row.value is None and row.note.startswith("not reached"):
        return NOT_REACHED
    return scope.numbers.hazard(row)
