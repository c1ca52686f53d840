"""Survival curves of the two arms with limits, censoring marks and the number at risk."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from twoarm.figures.marks import figure_of, mark_x, mark_y, new_axes
from twoarm.figures.theme import COMPARATOR, DASHES, FAINT, INK, TREATED, legend_label, new_figure, shortened
from twoarm.results.curve import Curve
from twoarm.tables.formats import Numbers
from twoarm.tables.hazard_ratio_table import effect
from twoarm.tables.journal_styles import PLAIN
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell, quote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = np.ndarray[Any, np.dtype[np.float64]]
_STEPS = {
    "days": (30, 60, 90, 180, 365),
    "weeks": (4, 8, 13, 26, 52),
    "months": (3, 6, 12, 24, 36),
    "years": (1, 2, 5),
}
_WIDTH, _HEIGHT = 6.6, 5.0  # inches
_BOX = (0.14, 0.30, 0.82, 0.62)  # of the axes: left, bottom, width and height as shares of the figure's
_TOP = 103  # per cent
_MARK = 4  # points
_MOST_TICKS = 9
MOST_POINTS = 1000
_SUMMARY_WIDTH, _SUMMARY_HEIGHT = 0.33, 0.17  # of the axes


def kaplan_meier_plot(scope: Scope, adjustment: str, endpoint: str) -> Figure | None:
    """Return the figure; None where there is no curve."""
    curves = [scope.curve(kind="survival", adjustment=adjustment, endpoint=endpoint, arm=arm) for arm in scope.arms]
    treated, comparator = curves
    if treated is None or comparator is None or not (treated.columns["time"] and comparator.columns["time"]):
        return None
    figure = new_figure(_WIDTH, _HEIGHT)
    axes = new_axes(figure, _BOX)
    last = max(_number(curve.columns["time"][-1]) for curve in (treated, comparator)) / scope.protocol.unit_days
    ticks = time_ticks(last, scope.protocol.time_unit)
    for curve, colour, dashes in ((treated, TREATED, "treated"), (comparator, COMPARATOR, "comparator")):
        _draw(axes, curve, scope.protocol.unit_days, colour, dashes, _legend(scope, curve))
    frame(axes, scope, endpoint, ticks, last)
    summary = "\n".join(line.text for line in comparison_of(scope, adjustment, endpoint))
    if summary_is_low([treated, comparator]):
        axes.text(0.02, 0.03, summary, transform=axes.transAxes, va="bottom", fontsize=8.5)
    else:
        axes.text(0.98, 0.97, summary, transform=axes.transAxes, ha="right", va="top", fontsize=8.5)
    write_at_risk(axes, [treated, comparator], ticks, scope, points=8.5, inches=5.4)
    return figure


def summary_is_low(curves: Sequence[Curve]) -> bool:
    """Whether hazard ratio and test have room below the curves, on the left; else they stand above, on the right."""
    until = _SUMMARY_WIDTH * max(_number(curve.columns["time"][-1]) for curve in curves)
    below = [
        min(part for part in (curve.columns["survival"][i], curve.columns["lower"][i]) if part is not None)
        for curve in curves
        for i, time in enumerate(curve.columns["time"])
        if _number(time) <= until
    ]
    return min(below, default=1.0) > _SUMMARY_HEIGHT


def _number(value: float | None) -> float:
    assert value is not None, "times are never missing"
    return value


def time_ticks(last: float, unit: str) -> list[float]:
    """Return where the time axis is marked, in the display unit."""
    step = next((s for s in _STEPS[unit] if last / s < _MOST_TICKS), None) or math.ceil(last / _MOST_TICKS / 5) * 5
    return [float(step * i) for i in range(math.floor(last / step) + 1)]


def _draw(axes: Axes, curve: Curve, unit: float, colour: str, dashes: str, label: str) -> None:
    columns = thinned(curve)
    time = np.concatenate(([0.0], columns["time"])) / unit
    survival = np.concatenate(([1.0], columns["survival"])) * 100
    axes.step(time, survival, where="post", color=colour, linestyle=DASHES[dashes], linewidth=1.6, label=label)
    lower, upper = (np.concatenate(([100.0], columns[name] * 100)) for name in ("lower", "upper"))
    start = np.isnan(lower) & (survival >= 100)
    lower[start], upper[start] = 100.0, 100.0
    axes.fill_between(time, lower, upper, step="post", color=colour, alpha=0.13, linewidth=0)
    seen = columns["censored"] > 0
    times, heights = _marks(columns["time"][seen] / unit, columns["survival"][seen] * 100)
    axes.plot(times, heights, linewidth=0.6, color=colour, alpha=0.7)


def _marks(time: Floats, survival: Floats) -> tuple[Floats, Floats]:
    """Return upright marks at points of a curve, as one line with gaps; as many markers take longer to draw."""
    reach = _MARK / 2 / (_HEIGHT * _BOX[3] * 72) * _TOP
    gaps = np.full_like(time, np.nan)
    ends = survival - reach, survival + reach
    return np.column_stack((time, time, gaps)).ravel(), np.column_stack((*ends, gaps)).ravel()


def thinned(curve: Curve) -> dict[str, np.ndarray[Any, Any]]:
    """Keep one point a thousandth of the axis in either direction, and the last: more cannot be seen."""
    columns = {name: np.array([np.nan if v is None else v for v in values]) for name, values in curve.columns.items()}
    time, survival = columns["time"], columns["survival"]
    if time.size <= MOST_POINTS:
        return columns
    cell = np.floor(time / time[-1] * MOST_POINTS) * (MOST_POINTS + 1) + np.floor(survival * MOST_POINTS)
    keep = np.append(np.diff(cell) != 0, True)
    marks = np.add.reduceat(columns["censored"], np.concatenate(([0], np.flatnonzero(keep)[:-1] + 1)))
    return {**{name: values[keep] for name, values in columns.items()}, "censored": marks}


def _legend(scope: Scope, curve: Curve) -> str:
    median = f": {median_of(scope, curve).text}"
    return legend_label(curve.arm, 5.6 - 0.071 * len(median)) + median


def median_of(scope: Scope, curve: Curve) -> Cell:
    """Return a curve's median with limits and unit."""
    here = {
        "adjustment": curve.adjustment,
        "analysis": "survival",
        "endpoint": curve.endpoint,
        "arm": curve.arm,
    }
    parts, numbers = scope.median(**here), scope.numbers
    median = numbers.with_interval(*(numbers.duration(part) for part in parts))
    return quote(f"median {median} {scope.protocol.time_unit}", *parts)


def frame(axes: Axes, scope: Scope, endpoint: str, ticks: list[float], last: float) -> None:
    """Set axes of survival over time, with the legend above them."""
    axes.set_ylim(0, _TOP)
    axes.set_xlim(0, last * 1.02)
    mark_time_and_shares(axes, ticks, range(0, 101, 20))
    axes.set_xlabel(f"Time ({scope.protocol.time_unit})")
    axes.set_ylabel(f"{scope.population.endpoints[endpoint].label} (%)")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=8.5, borderaxespad=0.1, handlelength=2.6
    )


def mark_time_and_shares(axes: Axes, ticks: Sequence[float], shares: Sequence[int]) -> None:
    """Mark times and per cent, both of which are whole numbers."""
    mark_x(axes, ticks, [f"{tick:.0f}" for tick in ticks])
    mark_y(axes, shares, [str(share) for share in shares])


def comparison_of(scope: Scope, adjustment: str, endpoint: str) -> list[Cell]:
    """Return hazard ratio and log-rank test, a line each, as the ledger has them."""
    numbers, lines = scope.numbers, []
    headline = scope.first(
        adjustment=adjustment,
        analysis="hazard_ratio",
        endpoint=endpoint,
        arm=scope.contrast,
        statistic="hazard_ratio",
    )
    if headline is not None:
        parts = effect(scope, headline)
        text = numbers.with_interval(*(numbers.hazard(part) for part in parts[:3]))
        lines.append(quote(f"HR {text}", *parts[:3]))
    test = scope.first(adjustment=adjustment, analysis="survival", endpoint=endpoint, statistic="p_value")
    if test is not None and test.value is not None:
        text = numbers.p_text(float(test.value))
        if numbers.style == PLAIN:  # in figures it sets a bound closer than in sentences
            text = text.replace("< ", "<").replace("> ", ">")
        lines.append(quote(f"Log-rank {text}", test))
    return lines


def write_at_risk(
    axes: Axes, curves: Sequence[Curve], ticks: Sequence[float], scope: Scope, *, points: float, inches: float
) -> None:
    """Write who is at risk at each tick, in the lowest fifth of the figure; names of arms have so many inches."""
    box, figure = axes.get_position(), figure_of(axes)

    def write(x: float, y: float, text: str, align: str, colour: str) -> None:
        place = axes.get_xaxis_transform()  # time, and shares of the axes' height
        figure.text(x, (y - box.y0) / box.height, text, transform=place, ha=align, va="center", fontsize=points,
                    color=colour)  # fmt: skip

    write(0, 0.17595, at_risk_title(curves), "left", FAINT)
    for curve, colour, y in zip(curves, (TREATED, COMPARATOR), (0.1334, 0.05755), strict=True):
        write(0, y, shortened(curve.arm, inches, points), "left", colour)
        counts = at_risk_texts(scope.numbers, curve, [tick * scope.protocol.unit_days for tick in ticks])
        for tick, text in zip(ticks, counts, strict=True):
            write(tick, y - 0.0333, text, "center", INK)


def at_risk_title(curves: Sequence[Curve]) -> str:
    """Return what stands above numbers at risk."""
    return "Number at risk (weighted)" if any(curve.weighted for curve in curves) else "Number at risk"


def at_risk_texts(numbers: Numbers, curve: Curve, days: Sequence[float]) -> list[str]:
    """Return the numbers at risk at several days; a curve that ends where few are left does not tell how many."""
    times = [_number(time) for time in curve.columns["time"]]
    left = _number(curve.columns["at_risk"][-1]) - sum(
        _number(curve.columns[name][-1]) for name in ("events", "competing_events", "censored") if name in curve.columns
    )
    after = "*" if left > 0.5 else numbers.count(0.0)
    counts, places = curve.columns["at_risk"], (bisect_left(times, day) for day in days)
    return [numbers.count(_number(counts[place])) if place < len(counts) else after for place in places]
