"""Survival curves within the page: a picture that stands without script, and the values that hovering shows."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from twoarm.figures.all_figures import survival_name
from twoarm.figures.kaplan_meier_plot import (
    at_risk_text,
    at_risk_title,
    comparison_of,
    median_of,
    summary_is_low,
    thinned,
    time_ticks,
)
from twoarm.figures.theme import COMPARATOR, FAINT, INK, TREATED, shortened
from twoarm.report.curve_values import CurveValues, curve_values
from twoarm.results.curve import Curve
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell

WIDTH, HEIGHT = 660.0, 482.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 646.0, 52.0, 330.0
SIZE = 12.5  # of the letters
_COLOURS = (TREATED, COMPARATOR)
_DASHES = ("", ' stroke-dasharray="8 3.2"')
_ROW = 18.0


@dataclass(frozen=True, slots=True, eq=False)
class _Axes:
    """Turns times in the display unit and survival into places of the picture."""

    last: float
    unit: float

    def x(self, time: float) -> float:
        return LEFT + time / (self.last * 1.02 or 1.0) * (RIGHT - LEFT)  # times may all be 0

    def y(self, survival: float) -> float:
        return BOTTOM - survival / 1.03 * (BOTTOM - TOP)


def curve_script() -> str:
    """Return the script of the page."""
    return files("twoarm.report").joinpath("curves.js").read_text("utf-8").strip()


def script_hash(script: str) -> str:
    """Return the hash by which the page allows this script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def interactive_curves(scope: Scope, prefix: str) -> dict[str, str]:
    """Return the survival curves of a scope as HTML by the name of their figure; all text is escaped."""
    found = {}
    for endpoint in scope.population.endpoints:
        for adjustment in scope.marginal():
            here = {"kind": "survival", "adjustment": adjustment, "endpoint": endpoint}
            curves = [scope.curve(**here, arm=arm) for arm in scope.arms]
            shown = [curve for curve in curves if curve is not None and curve.columns["time"]]
            if len(shown) == 2:
                name = f"{prefix}{survival_name(endpoint, adjustment)}"
                with contextlib.suppress(Exception):  # the page has the picture from the files in its place
                    found[name] = _figure(scope, adjustment, endpoint, shown, name)
    return found


def _figure(scope: Scope, adjustment: str, endpoint: str, curves: Sequence[Curve], name: str) -> str:
    unit = scope.protocol.unit_days
    axes = _Axes(max(float(curve.columns["time"][-1] or 0) for curve in curves) / unit, unit)
    label = scope.population.endpoints[endpoint].label
    title = f"{label}, {in_sentence(scope.population.adjustments[adjustment].label)}: {' and '.join(scope.arms)}"
    legend = [median_of(scope, curve) for curve in curves]
    comparison = comparison_of(scope, adjustment, endpoint)
    said = "; ".join(
        [*(f"{c.arm}: {m.text}" for c, m in zip(curves, legend, strict=True)), *(c.text for c in comparison)]
    )
    values = curve_values(curves, scope.protocol, scope.numbers, axes.last)
    drawn = [
        *_frame(axes, label, scope.protocol.time_unit),
        *(part for i, curve in enumerate(curves) for part in _curve(axes, curve, i)),
        *_legend(curves, legend),
        *_comparison(comparison, low=summary_is_low(curves)),
        *_risk_table(axes, scope, curves),
        '<g class="km-cursor" visibility="hidden"><line y1="{}" y2="{}"/>{}</g>'.format(
            TOP, BOTTOM, "".join(f'<circle r="4" fill="{colour}"/>' for colour in _COLOURS)
        ),
    ]
    identity = escape(name)
    return (
        f'<div class="km" tabindex="0" role="group" aria-label="{escape(title)}" '
        f'data-values="{escape(_data(axes, values))}">'
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-labelledby="title-{identity} desc-{identity}">'
        f'<title id="title-{identity}">{escape(title)}</title><desc id="desc-{identity}">{escape(said)}</desc>'
        f'{"".join(drawn)}</svg><div class="km-tip" role="status" hidden></div></div>'
    )


def _data(axes: _Axes, values: CurveValues) -> str:
    arms = [
        {
            "name": arm.name,
            "colour": colour,
            "at": [
                [at.index, round(axes.y(at.survival), 1) if at.survival is not None else None, at.text, at.at_risk]
                for at in arm.steps
            ],
        }
        for arm, colour in zip(values.arms, _COLOURS, strict=True)
    ]
    content: dict[str, Any] = {
        "left": LEFT,
        "step": round(axes.x(values.step) - LEFT, 5),
        "width": WIDTH,
        "last": values.last,
        "time": values.step,
        "decimals": values.decimals,
        "unit": values.unit,
        "mark": values.mark,
        "arms": arms,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _text(x: float, y: float, text: str, more: str = "", ids: Sequence[str] = ()) -> str:
    source = f' data-ledger="{escape(" ".join(ids))}"' if ids else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{f" {more}" if more else ""}{source}>{escape(text)}</text>'


def fitted(text: str, width: float, size: float = SIZE) -> str:
    """Cut a label to what fits into so many units of the picture."""
    return shortened(text, width / 72, size)


def _frame(axes: _Axes, label: str, unit: str) -> Iterator[str]:
    yield f'<path class="km-axis" d="M{LEFT} {axes.y(1.03):.1f}V{BOTTOM}H{RIGHT}"/>'
    for percent in range(0, 101, 20):
        y = axes.y(percent / 100)
        yield f'<path class="km-axis" d="M{LEFT - 5} {y:.1f}h5"/>'
        yield _text(LEFT - 9, y + 4.3, str(percent), 'text-anchor="end"')
    for tick in time_ticks(axes.last, unit):
        yield f'<path class="km-axis" d="M{axes.x(tick):.1f} {BOTTOM}v5"/>'
        yield _text(axes.x(tick), BOTTOM + 19, f"{tick:g}", 'text-anchor="middle"')
    yield _text((LEFT + RIGHT) / 2, BOTTOM + 38, f"Time ({unit})", 'text-anchor="middle"')
    middle = (TOP + BOTTOM) / 2
    shown = f"{fitted(label, BOTTOM - TOP - 30)} (%)"
    yield _text(18, middle, shown, f'text-anchor="middle" transform="rotate(-90 18 {middle:.1f})"')


def _curve(axes: _Axes, curve: Curve, number: int) -> Iterator[str]:
    columns, colour = thinned(curve), _COLOURS[number]
    xs = [axes.x(time / axes.unit) for time in (0.0, *columns["time"])]
    survival = [1.0, *columns["survival"]]
    yield f'<path d="{_band(axes, xs, survival, columns)}" fill="{colour}" fill-opacity="0.13"/>'
    line = "".join(f"H{x:.1f}V{axes.y(s):.1f}" for x, s in zip(xs[1:], survival[1:], strict=True))
    yield (
        f'<path class="km-line" data-curve="{escape(curve.id)}" d="M{xs[0]:.1f} {axes.y(1.0):.1f}{line}" '
        f'stroke="{colour}"{_DASHES[number]}/>'
    )
    marks = [
        f"M{x:.1f} {axes.y(s) - 3.5:.1f}v7"
        for x, s, censored in zip(xs[1:], survival[1:], columns["censored"], strict=True)
        if censored > 0
    ]
    yield f'<path class="km-mark" d="{"".join(marks)}" stroke="{colour}"/>' if marks else ""


def _band(axes: _Axes, xs: list[float], survival: list[float], columns: dict[str, np.ndarray[Any, Any]]) -> str:
    """Outline of the limits: forward along the upper, back along the lower, over each stretch that has both."""
    lower, upper = (np.concatenate(([1.0], columns[name])) for name in ("lower", "upper"))
    start = np.isnan(lower) & (np.array(survival) >= 1)
    lower[start], upper[start] = 1.0, 1.0
    has = ~(np.isnan(lower) | np.isnan(upper))
    outline, position = "", 0
    while position < len(xs) - 1:
        end = position
        while end < len(xs) - 1 and has[end]:
            end += 1
        if end > position:
            steps = range(position, end)
            outline += f"M{xs[position]:.1f} {axes.y(upper[position]):.1f}"
            outline += "".join(f"V{axes.y(upper[i]):.1f}H{xs[i + 1]:.1f}" for i in steps)
            outline += "".join(f"V{axes.y(lower[i]):.1f}H{xs[i]:.1f}" for i in reversed(steps)) + "Z"
        position = max(end, position + 1)
    return outline


def _legend(curves: Sequence[Curve], medians: Sequence[Cell]) -> Iterator[str]:
    for i, (curve, median) in enumerate(zip(curves, medians, strict=True)):
        y = 18.0 + i * _ROW
        yield f'<path class="km-line" d="M{LEFT + 2} {y - 4:g}h32" stroke="{_COLOURS[i]}"{_DASHES[i]}/>'
        room = RIGHT - LEFT - 42 - len(median.text) * SIZE * 0.6
        yield _text(LEFT + 42, y, f"{fitted(curve.arm, room)}: {median.text}", ids=median.ids)


def _comparison(lines: Sequence[Cell], *, low: bool) -> Iterator[str]:
    for i, line in enumerate(lines):
        if low:
            yield _text(LEFT + 12, BOTTOM - 12 - _ROW * (len(lines) - 1 - i), line.text, ids=line.ids)
        else:
            yield _text(RIGHT - 12, TOP + 20 + _ROW * i, line.text, 'text-anchor="end"', line.ids)


def _risk_table(axes: _Axes, scope: Scope, curves: Sequence[Curve]) -> Iterator[str]:
    top = BOTTOM + 66
    yield _text(LEFT, top, at_risk_title(curves), f'fill="{FAINT}"')
    for i, curve in enumerate(curves):
        y = top + (2 * i + 1) * _ROW + 5 * i
        yield _text(LEFT, y, fitted(curve.arm, RIGHT - LEFT), f'fill="{_COLOURS[i]}"')
        for tick in time_ticks(axes.last, scope.protocol.time_unit):
            shown = at_risk_text(scope.numbers, curve, tick * axes.unit)
            yield _text(axes.x(tick), y + _ROW, shown, f'text-anchor="middle" fill="{INK}"')
