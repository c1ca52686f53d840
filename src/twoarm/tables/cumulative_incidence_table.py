"""Cumulative incidence at the landmarks, Gray's tests and subdistribution hazard ratios, where events compete."""

from __future__ import annotations

from twoarm.results.estimate import Estimate
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Footnotes, Row, Table, plain, quote

CAUSES = {"": "", "competing_": "Competing events"}  # prefix in the ledger -> what a cause is called
_RATIO = "subdistribution_hazard_ratio"


def cumulative_incidence_table(scope: Scope) -> Table | None:
    """Return a block a cause of every endpoint whose events compete; None where there is none."""
    unit, confidence, marks = scope.protocol.time_unit, scope.confidence, Footnotes()
    landmarks = [f"{landmark:.10g} {unit}" for landmark in scope.protocol.analyses.survival.landmarks]
    rows: list[Row] = []
    for endpoint, section in scope.population.endpoints.items():
        for prefix, cause in CAUSES.items():
            lines = [_sample(scope, endpoint, name, prefix, landmarks, marks) for name in scope.marginal()]
            if any(lines):
                heading = f"{section.label}: {cause.lower()}" if cause else section.label
                rows += [Row(plain(heading), kind="heading"), *(line for sample in lines for line in sample)]
    if not rows:
        return None
    p = scope.numbers.style.p_column
    return Table(
        name="cumulative_incidence",
        title="Cumulative incidence where events compete",
        columns=(
            "",
            "n",
            "Events",
            *(f"{scope.numbers.marked(mark)}, % ({confidence} CI)" for mark in landmarks),
            f"Gray {p}",
            f"Subdistribution hazard ratio ({confidence} CI)",
            p,
        ),
        rows=tuple(rows),
        footnotes=(
            "Aalen-Johansen estimates; a competing event ends the wait and does not censor it.",
            *(["Gray's test ignores the pairs of matched samples."] if scope.matchings() else []),
            *marks.lines(),
            "NE: not estimable.",
        ),
    )


def _sample(
    scope: Scope, endpoint: str, adjustment: str, prefix: str, landmarks: list[str], marks: Footnotes
) -> list[Row]:
    numbers, rows = scope.numbers, []
    sample = {"adjustment": adjustment, "analysis": "cumulative_incidence", "endpoint": endpoint}
    for arm in ("all", *scope.arms):
        here = {**sample, "arm": arm}
        n, events = (scope.find(**here, variable="", statistic=s) for s in ("n", f"{prefix}events"))
        if n is None:
            continue
        cells = [quote(numbers.whole(n), n), quote(numbers.whole(events), events)]
        for mark in landmarks:
            wanted = {**here, "variable": prefix.removesuffix("_"), "parameter": mark}
            at = [scope.find(**wanted, statistic=f"incidence{end}") for end in ("", "_lower", "_upper")]
            cells.append(quote(numbers.with_interval(*(numbers.percentage(part) for part in at)), *at))
        tests = plain("", "", "")
        if arm == scope.arms[0]:
            tests = _tests(scope, {**sample, "arm": scope.contrast, "variable": prefix.removesuffix("_")}, marks)
        label = f"{scope.population.adjustments[adjustment].label}: {'All' if arm == 'all' else arm}"
        rows.append(Row((*plain(label), *cells, *tests), indent=True))
    return rows


def _tests(scope: Scope, here: dict[str, str], marks: Footnotes) -> tuple[Cell, ...]:
    gray, parts = gray_of(scope, here), ratio_of(scope, here)
    text = scope.numbers.with_interval(*(scope.numbers.hazard(part) for part in parts[:3]))
    mark = marks.mark(parts[0].method) if parts[0] is not None and text else ""
    return (
        quote(scope.numbers.probability(gray), gray),
        quote(text + mark, *parts[:3]),
        quote(scope.numbers.probability(parts[3]), parts[3]),
    )


def gray_of(scope: Scope, here: dict[str, str]) -> Estimate | None:
    """Return the p-value of Gray's test of one cause."""
    found = scope.select(**here, statistic="p_value")
    return next((row for row in found if row.method.startswith("Gray") and "stratified" not in row.method), None)


def ratio_of(scope: Scope, here: dict[str, str]) -> list[Estimate | None]:
    """Return the subdistribution hazard ratio, its limits and its p-value."""
    headline = scope.first(**here, statistic=_RATIO)
    if headline is None:
        return [None] * 4
    statistics = (_RATIO, f"{_RATIO}_lower", f"{_RATIO}_upper", "p_value")
    return [scope.find(**here, statistic=statistic, method=headline.method) for statistic in statistics]


def comparison(scope: Scope, adjustment: str, endpoint: str, variable: str) -> list[Cell]:
    """Return the subdistribution hazard ratio and Gray's test of one cause, a line each, as the ledger has them."""
    here = {"adjustment": adjustment, "analysis": "cumulative_incidence", "endpoint": endpoint}
    here |= {"arm": scope.contrast, "variable": variable}
    gray, parts, numbers = gray_of(scope, here), ratio_of(scope, here), scope.numbers
    lines = []
    if parts[0] is not None:
        text = numbers.with_interval(*(numbers.hazard(part) for part in parts[:3]))
        lines.append(quote(f"SHR {text}", *parts[:3]))
    if gray is not None and gray.value is not None:
        lines.append(quote(f"Gray {numbers.p_text(float(gray.value))}", gray))
    return lines
