"""Hazard ratios on a log axis beside their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from twoarm.figures.marks import mark_x, new_axes, unmarked
from twoarm.figures.theme import FAINT, INK, RULE, new_figure, shortened
from twoarm.results.estimate import Estimate
from twoarm.tables.formats import Numbers, in_sentence
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NICE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_ROW = 0.235  # inches


@dataclass(frozen=True, slots=True)
class ForestRow:
    """A line: text columns, and a hazard ratio with limits where there is one."""

    label: str
    columns: tuple[str, ...] = ()
    effect: tuple[Estimate | None, ...] = ()
    heading: bool = False
    mark: Literal["square", "diamond", "span"] = "square"  # pooled estimate: diamond; prediction interval: span


def model_forest(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the terms of a multivariable model; None where there is no model."""
    terms = scope.select(adjustment=adjustment, analysis="hazard_ratio", endpoint=endpoint, statistic="hazard_ratio")
    if not terms:
        return None
    numbers, rows, seen = scope.numbers, [], ""
    for term in terms:
        if term.variable_level and term.variable != seen:
            rows.append(ForestRow(scope.label(term.variable), heading=True))
        seen = term.variable
        label = f"   {term.variable_level}" if term.variable_level else _plain_label(scope, term)
        parts = effect(scope, term)
        rows.append(ForestRow(label, (_interval_text(numbers, parts), numbers.probability(parts[3])), tuple(parts[:3])))
    made = in_sentence(scope.population.adjustments[adjustment].label)
    title = f"{scope.population.endpoints[endpoint].label}, {made} model"
    columns = (f"HR ({scope.confidence} CI)", numbers.style.p_column)
    return draw_forest(rows, columns, title, ("lower hazard", "higher hazard"), numbers)


def _plain_label(scope: Scope, term: Estimate) -> str:
    if not term.variable:
        return scope.contrast
    return f"{scope.label(term.variable)}{f', {scope.numbers.marked(term.parameter)}' if term.parameter else ''}"


def subgroup_forest(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the subgroups with events of n by arm and P for interaction; None where none were asked for."""
    here = {"adjustment": adjustment, "analysis": "subgroups", "endpoint": endpoint}
    found = scope.select(**here, statistic="hazard_ratio")
    if not found:
        return None
    numbers, rows = scope.numbers, []
    for variable in dict.fromkeys(row.variable for row in found):
        p = scope.find(**here, variable=variable, variable_level="", statistic="p_value")
        rows.append(ForestRow(scope.label(variable), ("", "", "", numbers.probability(p)), heading=True))
        order = scope.levels(variable)
        levels = [row for row in found if row.variable == variable]
        for headline in sorted(levels, key=lambda row: order.index(row.variable_level)):
            parts = effect(scope, headline)
            counts = [_events(scope, here, headline, arm) for arm in scope.arms]
            rows.append(
                ForestRow(
                    f"   {headline.variable_level}", (*counts, _interval_text(numbers, parts), ""), tuple(parts[:3])
                )
            )
    sample = in_sentence(scope.population.adjustments[adjustment].label)
    title = f"{scope.population.endpoints[endpoint].label} in subgroups, {sample}"
    columns = (
        *(f"{shortened(arm, 1.7)},\nevents/n" for arm in scope.arms),
        f"HR ({scope.confidence} CI)",
        f"{numbers.style.p_column} for\ninteraction",
    )
    return draw_forest(rows, columns, title, tuple(f"favours {arm}" for arm in scope.arms), numbers)


def _events(scope: Scope, here: dict[str, str], headline: Estimate, arm: str) -> str:
    events, n = (
        scope.find(**here, variable=headline.variable, variable_level=headline.variable_level, arm=arm, statistic=s)
        for s in ("events", "n")
    )
    return f"{scope.numbers.whole(events)}/{scope.numbers.whole(n)}"


def effects_forest(scope: Scope) -> Figure | None:
    """Return the hazard ratio of the arms under every adjustment, endpoint by endpoint."""
    numbers, rows = scope.numbers, []
    for endpoint, section in scope.population.endpoints.items():
        rows.append(ForestRow(section.label, heading=True))
        for name, adjustment in scope.population.adjustments.items():
            here = {"adjustment": name, "analysis": "hazard_ratio", "endpoint": endpoint}
            headline = scope.first(**here, arm=scope.contrast, variable="", statistic="hazard_ratio")
            if headline is not None:
                parts = effect(scope, headline)
                n = scope.find(**here, arm="all", statistic="n")
                texts = (numbers.whole(n), _interval_text(numbers, parts), numbers.probability(parts[3]))
                rows.append(ForestRow(f"   {adjustment.label}", texts, tuple(parts[:3])))
    if not any(row.effect for row in rows):
        return None
    columns = ("n", f"HR ({scope.confidence} CI)", numbers.style.p_column)
    return draw_forest(rows, columns, f"{scope.contrast}", tuple(f"favours {arm}" for arm in scope.arms), numbers)


def _interval_text(numbers: Numbers, parts: Sequence[Estimate | None]) -> str:
    return numbers.with_interval(*(numbers.hazard(part) for part in parts[:3]))


def draw_forest(
    rows: Sequence[ForestRow], columns: Sequence[str], title: str, sides: tuple[str, ...], numbers: Numbers
) -> Figure:
    """Draw labels, the axis, and text columns; nothing overlaps because every column is as wide as its longest text."""
    label_width = min(max(_inches(row.label) for row in rows) + 0.2, 3.6)
    widths = [
        max(
            [*(_inches(part) for part in column.split("\n")), *(_inches(row.columns[i]) for row in rows if row.columns)]
        )
        + 0.22
        for i, column in enumerate(columns)
    ]
    plot_width, head, foot = 2.5, 0.75, 0.75
    width, height = label_width + plot_width + sum(widths) + 0.3, head + foot + _ROW * len(rows)
    figure = new_figure(width, height)
    axes = new_axes(figure, (label_width / width, foot / height, plot_width / width, _ROW * len(rows) / height))
    low, high = _limits(rows)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    ticks = [tick for tick in NICE if low <= tick <= high]
    mark_x(axes, ticks, [numbers.general(tick) for tick in ticks])
    unmarked(axes.yaxis)
    axes.spines["left"].set_visible(False)
    axes.axvline(1, color=FAINT, linewidth=0.8)
    axes.set_xlabel("Hazard ratio (log scale)", fontsize=8.5)
    right = plot_width / 2 + sum(widths)
    _sides(axes, sides, foot / (_ROW * len(rows)), (label_width + plot_width / 2 - 0.25, right - 0.25))
    figure.text(
        0.1 / width,
        1 - 0.22 / height,
        shortened(title, width - 0.5, 10.5),
        fontsize=9.5,
        fontweight="bold",
        va="center",
    )
    _draw_bands(axes, len(rows))
    _draw_effects(axes, rows, (low, high))
    for y, row in enumerate(rows):
        _write_row(figure, axes, row, y, label_width, plot_width, widths)
    for i, column in enumerate(columns):
        x = (label_width + plot_width + sum(widths[:i]) + widths[i] / 2) / width
        figure.text(x, 1 - (head - 0.02) / height, column, ha="center", va="bottom", fontsize=8.5, color=FAINT)
    return figure


def _inches(text: str) -> float:
    """Width of a label, on the safe side."""
    return sum(0.118 if ord(letter) > 0x2E7F else 0.073 for letter in text)


def _sides(axes: Axes, sides: tuple[str, ...], depth: float, room: tuple[float, float]) -> None:
    """Say which arm each side favours, in the inches that there are on either side of 1."""
    y = -depth * 0.93
    left, right = (shortened(side, inches, 8.0) for side, inches in zip(sides, room, strict=True))
    axes.text(0.48, y, f"← {left}", transform=axes.transAxes, ha="right", va="bottom", fontsize=8.0, color=FAINT)
    axes.text(0.52, y, f"{right} →", transform=axes.transAxes, ha="left", va="bottom", fontsize=8.0, color=FAINT)


def _limits(rows: Sequence[ForestRow]) -> tuple[float, float]:
    values = [float(part.value) for row in rows for part in row.effect if part is not None and part.value]
    furthest = max([abs(np.log(value)) for value in values] or [1.0])
    reach = float(np.clip(np.exp(furthest * 1.08), 2.1, 20.0))
    return 1 / reach, reach


def _write_row(
    figure: Figure, axes: Axes, row: ForestRow, y: int, label_width: float, plot_width: float, widths: Sequence[float]
) -> None:
    width, height = figure.get_size_inches()
    at = (axes.get_position().y1 * height - _ROW * (y + 0.5)) / height
    weight = "bold" if row.heading else "normal"
    figure.text(0.1 / width, at, shortened(row.label, label_width), va="center", fontsize=8.5, fontweight=weight)
    for i, text in enumerate(row.columns):
        x = (label_width + plot_width + sum(widths[:i]) + widths[i] / 2) / width
        figure.text(x, at, text, ha="center", va="center", fontsize=8.5)


def _draw_bands(axes: Axes, rows: int) -> None:
    """Shade every other row."""
    axes.stairs(
        [float(y % 2) for y in range(rows)],
        [y - 0.5 for y in range(rows + 1)],
        orientation="horizontal",
        transform=axes.get_yaxis_transform(),
        fill=True,
        color=RULE,
        alpha=0.18,
        linewidth=0,
    )


def _draw_effects(axes: Axes, rows: Sequence[ForestRow], limits: tuple[float, float]) -> None:
    """Draw intervals and estimates, each kind of mark as one line with gaps."""
    ends: list[float] = []
    heights: list[float] = []
    marks: dict[str, list[tuple[float, int]]] = {"<": [], ">": [], "s": []}
    for y, row in enumerate(rows):
        if len(row.effect) != 3 or any(part is None or part.value is None for part in row.effect):
            continue
        middle, low, high = (float(part.value) for part in row.effect if part is not None and part.value is not None)
        if row.mark == "diamond":
            _diamond(axes, y, (middle, low, high), limits)
            continue
        ends += [max(low, limits[0]), min(high, limits[1]), np.nan]
        heights += [y, y, np.nan]
        for end, limit, marker in ((low, limits[0], "<"), (high, limits[1], ">")):
            if end < limits[0] or end > limits[1]:  # the interval goes on beyond the axis
                marks[marker].append((limit, y))
        if limits[0] <= middle <= limits[1] and row.mark == "square":
            marks["s"].append((middle, y))
    if ends:
        axes.plot(ends, heights, color=INK, linewidth=1.1, solid_capstyle="butt")
    for marker, places in marks.items():
        if places:
            size, inside = (4.5, True) if marker == "s" else (4, False)
            axes.plot(*zip(*places, strict=True), marker, color=INK, markersize=size, clip_on=inside)


def _diamond(axes: Axes, y: int, effect: tuple[float, float, float], limits: tuple[float, float]) -> None:
    """Draw a pooled estimate as wide as its interval, as far as the axis goes."""
    middle, low, high = (min(max(value, limits[0]), limits[1]) for value in effect)
    axes.fill([low, middle, high, middle], [y, y - 0.28, y, y + 0.28], facecolor=FAINT, edgecolor=INK, linewidth=0.8)
