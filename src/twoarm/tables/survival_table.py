"""Follow-up, medians, landmark survival and log-rank tests."""

from __future__ import annotations

from twoarm.protocol.choices import QuantileInterval
from twoarm.results.estimate import Estimate
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, Row, Table, plain, quote


def follow_up_table(scope: Scope) -> Table:
    """Return the median follow-up by arm, before and after matching."""
    numbers, rows = scope.numbers, []
    for name, adjustment in scope.marginal().items():
        for arm in ("all", *scope.arms):
            here = {"adjustment": name, "analysis": "follow_up", "arm": arm}
            parts = scope.median(**here)
            if parts[0] is None:
                continue
            text = numbers.with_interval(*(numbers.duration(part) for part in parts))
            label = "All" if arm == "all" else arm
            rows.append(Row((*plain(adjustment.label, label), quote(text, *parts))))
    method = scope.first(analysis="follow_up", statistic="median")
    return Table(
        name="follow_up",
        title=f"Follow-up for {in_sentence(scope.protocol.endpoints[scope.protocol.primary_endpoint].label)}",
        columns=("Sample", "Arm", f"Median, {scope.protocol.time_unit} ({scope.confidence} CI)"),
        rows=tuple(rows),
        footnotes=(f"Method: {method.method}. NR: not reached; NE: not estimable.",) if method else (),
    )


def survival_table(scope: Scope) -> Table:
    """Return events, medians and landmarks by endpoint, sample and arm."""
    unit, confidence = scope.protocol.time_unit, scope.confidence
    landmarks = [f"{landmark:.10g} {unit}" for landmark in scope.protocol.analyses.survival.landmarks]
    rows = []
    for endpoint, section in scope.population.endpoints.items():
        if section.competing:
            continue
        rows.append(Row(plain(section.label), kind="heading"))
        for name, adjustment in scope.marginal().items():
            for arm in ("all", *scope.arms):
                cells = _arm_cells(scope, endpoint, name, arm, landmarks)
                if cells:
                    tests = _test_cells(scope, endpoint, name) if arm == scope.arms[0] else plain("")
                    label = "All" if arm == "all" else arm
                    rows.append(Row((*plain(f"{adjustment.label}: {label}"), *cells, *tests), indent=True))
    return Table(
        name="survival",
        title="Survival by arm",
        columns=(
            "",
            "n",
            "Events",
            f"Median, {unit} ({confidence} CI)",
            *(f"{confidence} CI, {_SHORT[method]}" for method in _further(scope)),
            *(f"{scope.numbers.marked(mark)}, % ({confidence} CI)" for mark in landmarks),
            f"Log-rank {scope.numbers.style.p_column}",
        ),
        rows=tuple(rows),
        footnotes=(
            *_interval_note(scope),
            *([_PAIRS] if any(not made.sets for made in scope.matchings().values()) else []),
            *([_SETS] if any(made.sets for made in scope.matchings().values()) else []),
            "NR: not reached. NE: not estimable.",
        ),
    )


def _interval_note(scope: Scope) -> tuple[str, ...]:
    if scope.imputed:
        return (
            "Means over the imputations; curves pooled on the log-log scale, medians by inverting the pooled curve.",
        )
    kinds = {"inverted": "inverted pointwise limits (Brookmeyer and Crowley)", "normal": "symmetric, median ± z SE"}
    return (f"Interval of the median: {kinds[scope.protocol.conventions.quantile_intervals[0]]}.",)


_PAIRS = "The log-rank test of matched samples ignores the pairs; the one stratified by pair stands in brackets."
_SETS = (
    "In matched sets the log-rank test is weighted and clustered by set; the unweighted one stratified by set stands "
    "in brackets, where nobody stands in several."
)
_SHORT = {"inverted": "inverted limits", "normal": "symmetric"}
_METHODS = {"inverted": "Brookmeyer-Crowley", "normal": "normal approximation"}


def _further(scope: Scope) -> tuple[QuantileInterval, ...]:
    """The intervals of medians after the headline; pooled curves have one."""
    return () if scope.imputed else scope.protocol.conventions.quantile_intervals[1:]


def _limit(scope: Scope, here: dict[str, str], statistic: str, interval: QuantileInterval) -> Estimate | None:
    rows = scope.select(**here, statistic=statistic)
    return next((row for row in rows if row.method.startswith(_METHODS[interval])), None)


def _arm_cells(scope: Scope, endpoint: str, adjustment: str, arm: str, landmarks: list[str]) -> list[Cell]:
    numbers, here = scope.numbers, {"adjustment": adjustment, "analysis": "survival", "endpoint": endpoint, "arm": arm}
    n, events = (scope.find(**here, statistic=s) for s in ("n", "events"))
    if n is None:
        return []
    median = scope.median(**here)
    text = numbers.with_interval(*(numbers.duration(part) for part in median))
    cells = [quote(numbers.whole(n), n), quote(numbers.whole(events), events), quote(text, *median)]
    for interval in _further(scope):
        limits = [_limit(scope, here, side, interval) for side in ("median_lower", "median_upper")]
        shown = [numbers.duration(limit) for limit in limits]
        cells.append(quote(numbers.limits(*shown) if any(shown) else "", *limits))
    for mark in landmarks:
        at = [scope.find(**here, parameter=mark, statistic=s) for s in ("survival", "survival_lower", "survival_upper")]
        cells.append(quote(numbers.with_interval(*(numbers.percentage(part) for part in at)), *at))
    return cells


def _test_cells(scope: Scope, endpoint: str, adjustment: str) -> tuple[Cell, ...]:
    tests = scope.select(adjustment=adjustment, analysis="survival", endpoint=endpoint, statistic="p_value")
    if not tests:
        return plain("")
    text = scope.numbers.probability(tests[0])
    if len(tests) > 1:
        text += f" [{scope.numbers.probability(tests[1])}]"
    return (quote(text, *tests),)
