"""Hazard ratios by centre, with what they give together as diamonds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from twoarm.figures.forest_plot import ForestRow, draw_forest
from twoarm.figures.theme import shortened
from twoarm.results.estimate import Estimate
from twoarm.tables.centre_table import (
    FIXED,
    RANDOM,
    centres_of,
    heterogeneity,
    parts_of,
    pooled_parts,
    prediction_parts,
    stratified_parts,
)
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def centre_forest(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the centres of a sample; None where they were not asked for."""
    here = {"adjustment": adjustment, "analysis": "centres", "endpoint": endpoint}
    centres = centres_of(scope, here)
    if not centres:
        return None
    rows = [_centre(scope, here, label) for label in centres]
    for label, parts in (
        ("Stratified by centre", stratified_parts(scope, here)),
        ("Fixed effect", pooled_parts(scope, here, FIXED)),
        ("Random effects", pooled_parts(scope, here, RANDOM)),
    ):
        if parts[0] is not None and parts[0].value is not None:
            texts = ("", "", _text(scope, parts), scope.numbers.probability(parts[3]))
            rows.append(ForestRow(label, texts, tuple(parts[:3]), heading=True, mark="diamond"))
    limits = prediction_parts(scope, here)
    if all(limit is not None and limit.value is not None for limit in limits):
        span = scope.numbers.limits(*(scope.numbers.hazard(limit) for limit in limits))
        rows.append(ForestRow("   Interval of a new centre", ("", "", span, ""), (limits[0], *limits), mark="span"))
    words, _ = heterogeneity(scope, here)
    if words:
        rows.append(ForestRow(f"   {words}"))
    sample = in_sentence(scope.population.adjustments[adjustment].label)
    columns = (
        *(f"{shortened(arm, 1.7)},\nevents/n" for arm in scope.arms),
        f"HR ({scope.confidence} CI)",
        scope.numbers.style.p_column,
    )
    title = f"{scope.population.endpoints[endpoint].label} by centre, {sample}"
    return draw_forest(rows, columns, title, tuple(f"favours {arm}" for arm in scope.arms), scope.numbers)


def _centre(scope: Scope, here: Mapping[str, str], label: str) -> ForestRow:
    counts = []
    for arm in scope.arms:
        events, n = (scope.first(**here, variable_level=label, arm=arm, statistic=s) for s in ("events", "n"))
        counts.append(f"{scope.numbers.whole(events)}/{scope.numbers.whole(n)}")
    parts = parts_of(scope, here, variable_level=label, parameter="")
    return ForestRow(label, (*counts, _text(scope, parts), scope.numbers.probability(parts[3])), tuple(parts[:3]))


def _text(scope: Scope, parts: Sequence[Estimate | None]) -> str:
    return scope.numbers.with_interval(*(scope.numbers.hazard(part) for part in parts[:3]))
