"""The declared grid: one line a specification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from twoarm.protocol.specifications import DesignChoice, Specifications
from twoarm.results.estimate import Estimate
from twoarm.tables.scope import Scope
from twoarm.tables.table import Row, Table, plain, quote

_SUMMARY = (
    "specifications",
    "specifications_with_estimate",
    "share_below_1",
    "share_excluding_1",
    "smallest_hazard_ratio",
    "largest_hazard_ratio",
)
_LIMITS = ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value")


@dataclass(frozen=True, slots=True, eq=False)
class Specification:
    """One specification: its choices in words, and its rows of the ledger."""

    endpoint: str
    strategy: str
    choices: tuple[tuple[str, str], ...]  # of those that vary, as (dimension, option)
    effect: tuple[Estimate | None, ...]  # hazard ratio, limits, p-value
    counts: tuple[Estimate | None, ...]  # n, events, pairs, largest standardised difference


def first_strategy(scope: Scope) -> bool:
    """Whether the grid is shown here: all its strategies for missing values stand in one table, under the first."""
    grid = scope.protocol.specifications
    return grid is not None and grid.missing_of(scope.population.missing)[:1] == (scope.missing,)


def specifications_of(scope: Scope, grid: Specifications) -> Iterator[Specification]:
    """Yield every specification, endpoint by endpoint, in the protocol's order."""
    designs, varying = grid.designs(), varying_dimensions(grid)
    strategies = grid.missing_of(scope.population.missing)
    endpoints = grid.endpoints_of(scope.population.endpoints)
    for endpoint in endpoints:
        for strategy in strategies:
            for name, design in designs.items():
                words = [("Endpoint", scope.population.endpoints[endpoint].label)] if len(endpoints) > 1 else []
                if len(strategies) > 1:
                    words.append(("Missing values", scope.population.missing[strategy].label))
                words += [(key, scope.numbers.marked(value)) for key, value in design.choices if key in varying]
                yield _read(scope, design, endpoint, strategy, name, tuple(words))


def varying_dimensions(grid: Specifications) -> dict[str, None]:
    """Return the dimensions of designs that have more than one option, in order."""
    options: dict[str, set[str]] = {}
    for design in grid.designs().values():
        for key, value in design.choices:
            options.setdefault(key, set()).add(value)
    return {key: None for key, values in options.items() if len(values) > 1}


def _read(
    scope: Scope,
    design: DesignChoice,
    endpoint: str,
    strategy: str,
    name: str,
    words: tuple[tuple[str, str], ...],
) -> Specification:
    found = scope.results.select(
        population=scope.population.name,
        missing=strategy,
        analysis="specifications",
        adjustment=design.kind,
        endpoint=endpoint,
        variable_level=name,
    )

    def one(statistic: str, arm: str) -> Estimate | None:
        return next((row for row in found if row.statistic == statistic and row.arm == arm), None)

    effect = tuple(one(statistic, scope.contrast) for statistic in _LIMITS)
    counts = tuple(one(statistic, "all") for statistic in ("n", "events", "pairs"))
    return Specification(endpoint, strategy, words, effect, (*counts, one("largest_absolute_smd", scope.contrast)))


def specification_table(scope: Scope) -> Table | None:
    """Return all specifications; None where no grid was declared, or another strategy's section shows it."""
    grid = scope.protocol.specifications
    if grid is None or not first_strategy(scope):
        return None
    rows, numbers, shown = [], scope.numbers, ""
    several = len(grid.endpoints_of(scope.population.endpoints)) > 1
    for one in specifications_of(scope, grid):
        if several and one.endpoint != shown:
            rows.append(Row(plain(scope.population.endpoints[one.endpoint].label), kind="heading"))
            shown = one.endpoint
        counts = [quote(numbers.whole(row), row) for row in one.counts[:3]]
        effect = numbers.with_interval(*(numbers.hazard(part) for part in one.effect[:3]))
        cells = (
            *counts,
            quote(numbers.smd(one.counts[3]), one.counts[3]),
            quote(effect, *one.effect[:3]),
            quote(numbers.probability(one.effect[3]), one.effect[3]),
        )
        rows.append(Row((*plain(_text(one)), *cells), indent=several))
    if not rows:
        return None
    return Table(
        name="specifications",
        title=f"All specifications, {scope.contrast}",
        columns=(
            "Specification",
            "n",
            "Events",
            "Pairs",
            "Largest SMD",
            f"Hazard ratio ({scope.confidence} CI)",
            numbers.style.p_column,
        ),
        rows=tuple(rows),
        footnotes=_footnotes(scope, grid),
    )


def _text(one: Specification) -> str:
    parts = [
        value if key in ("Adjustment", "Missing values") else f"{key.lower()} {value}" for key, value in one.choices
    ]
    words = [part for (key, _), part in zip(one.choices, parts, strict=True) if key != "Endpoint"]
    text = ", ".join(words) or "the only one"
    return text[0].upper() + text[1:]


def _footnotes(scope: Scope, grid: Specifications) -> tuple[str, ...]:
    varying = varying_dimensions(grid)
    same = {key: value for one in grid.designs().values() for key, value in one.choices if key not in varying}
    alike = "; ".join(f"{key.lower()} {value}" for key, value in same.items())
    notes = [f"In all specifications, where it applies: {scope.numbers.marked(alike)}."] if alike else []
    return (*notes, *(text for _, text, _ in summaries(scope, grid)))


def summaries(scope: Scope, grid: Specifications) -> Iterator[tuple[str, str, list[Estimate | None]]]:
    """Yield, an endpoint at a time, what all specifications say together, in words, with the rows quoted."""
    for endpoint in grid.endpoints_of(scope.population.endpoints):
        here = {"population": scope.population.name, "missing": "", "analysis": "specifications", "adjustment": ""}
        found = [next(iter(scope.results.select(**here, endpoint=endpoint, statistic=name)), None) for name in _SUMMARY]
        label, numbers = scope.population.endpoints[endpoint].label, scope.numbers
        total, estimated, below, excluding, smallest, largest = found
        if total is None:
            continue
        if below is None or below.value is None:
            yield (
                endpoint,
                f"{label}: none of {numbers.whole(total)} specifications could be estimated.",
                [total, below],
            )
            continue
        text = (
            f"{label}: hazard ratios of {numbers.whole(estimated)} of {numbers.whole(total)} specifications from "
            f"{numbers.hazard(smallest)} to {numbers.hazard(largest)}; {numbers.number(below, 0)}% below 1, "
            f"{numbers.number(excluding, 0)}% with an interval that leaves out 1."
        )
        yield endpoint, text, found
