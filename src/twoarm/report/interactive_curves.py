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
from itertools import compress
from typing import Any, TypeVar

import numpy as np

from twoarm.figures.all_figures import survival_name
from twoarm.figures.kaplan_meier_plot import (
    Floats,
    at_risk_texts,
    at_risk_title,
    comparison_of,
    median_of,
    summary_is_low,
    thinned,
    time_ticks,
)
from twoarm.figures.theme import COMPARATOR, FAINT, INK, TREATED, shortened
from twoarm.report.curve_values import SURVIVAL, CurveValues, Drawn, curve_values
from twoarm.results.curve import Curve
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope
from twoarm.tables.table import Cell

WIDTH, HEIGHT = 660.0, 482.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 646.0, 52.0, 330.0
SIZE = 12.5  # of the letters
COLOURS = (TREATED, COMPARATOR)
DASHES = ("", ' stroke-dasharray="8 3.2"')
ROW = 18.0
Place = TypeVar("Place", float, Floats)


@dataclass(frozen=True, slots=True, eq=False)
class CurveAxes:
    """Turns times in the display unit and shares of patients into places of the picture."""

    last: float
    unit: float
    top: float = 1.03

    def x(self, time: Place) -> Place:
        """Return the place of a time."""
        return LEFT + time / (self.last * 1.02 or 1.0) * (RIGHT - LEFT)  # times may all be 0

    def y(self, share: Place) -> Place:
        """Return the place of a share."""
        return BOTTOM - share / self.top * (BOTTOM - TOP)


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
    axes = CurveAxes(max(float(curve.columns["time"][-1] or 0) for curve in curves) / unit, unit)
    label = scope.population.endpoints[endpoint].label
    title = f"{label}, {in_sentence(scope.population.adjustments[adjustment].label)}: {' and '.join(scope.arms)}"
    legend = [median_of(scope, curve) for curve in curves]
    comparison = comparison_of(scope, adjustment, endpoint)
    said = "; ".join(
        [*(f"{c.arm}: {m.text}" for c, m in zip(curves, legend, strict=True)), *(c.text for c in comparison)]
    )
    values = curve_values(curves, scope.protocol, scope.numbers, axes.last)
    drawn = [
        *frame(axes, label, scope.protocol.time_unit, range(0, 101, 20)),
        *(part for i, curve in enumerate(curves) for part in drawn_curve(axes, curve, i, SURVIVAL)),
        *_legend(curves, legend),
        *_comparison(comparison, low=summary_is_low(curves)),
        *risk_table(axes, scope, curves),
    ]
    return box(axes, drawn, values, Words(title, said, SURVIVAL.name), name)


@dataclass(frozen=True, slots=True)
class Words:
    """A picture's title, what it says to those who do not see it, and what its values are called."""

    title: str
    said: str
    quantity: str


def box(axes: CurveAxes, drawn: Sequence[str], values: CurveValues, words: Words, name: str) -> str:
    """Return the picture with its values as HTML; all text is escaped."""
    cursor = '<g class="km-cursor" visibility="hidden"><line y1="{}" y2="{}"/>{}</g>'.format(
        TOP, BOTTOM, "".join(f'<circle r="4" fill="{colour}"/>' for colour in COLOURS)
    )
    identity, title, said = escape(name), escape(words.title), escape(words.said)
    return (
        f'<div class="km" tabindex="0" role="group" aria-label="{title}" '
        f'data-values="{escape(_data(axes, values, words.quantity))}">'
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-labelledby="title-{identity} desc-{identity}">'
        f'<title id="title-{identity}">{title}</title><desc id="desc-{identity}">{said}</desc>'
        f'{"".join(drawn)}{cursor}</svg><div class="km-tip" role="status" hidden></div></div>'
    )


def _data(axes: CurveAxes, values: CurveValues, quantity: str) -> str:
    arms = [
        {
            "name": arm.name,
            "colour": colour,
            "at": [
                [at.index, round(axes.y(at.value), 1) if at.value is not None else None, at.text, at.at_risk]
                for at in arm.steps
            ],
        }
        for arm, colour in zip(values.arms, COLOURS, strict=True)
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
        "quantity": quantity,
        "arms": arms,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def text_at(x: float, y: float, text: str, more: str = "", ids: Sequence[str] = ()) -> str:
    """Return a text at a place, with the rows of the ledger that it quotes."""
    source = f' data-ledger="{escape(" ".join(ids))}"' if ids else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{f" {more}" if more else ""}{source}>{escape(text)}</text>'


def fitted(text: str, width: float, size: float = SIZE) -> str:
    """Cut a label to what fits into so many units of the picture."""
    return shortened(text, width / 72, size)


def frame(axes: CurveAxes, label: str, unit: str, marks: Sequence[int]) -> Iterator[str]:
    """Yield the axes with their marks, in per cent and in the display unit."""
    yield f'<path class="km-axis" d="M{LEFT} {axes.y(axes.top):.1f}V{BOTTOM}H{RIGHT}"/>'
    for percent in marks:
        y = axes.y(percent / 100)
        yield f'<path class="km-axis" d="M{LEFT - 5} {y:.1f}h5"/>'
        yield text_at(LEFT - 9, y + 4.3, str(percent), 'text-anchor="end"')
    for tick in time_ticks(axes.last, unit):
        yield f'<path class="km-axis" d="M{axes.x(tick):.1f} {BOTTOM}v5"/>'
        yield text_at(axes.x(tick), BOTTOM + 19, f"{tick:g}", 'text-anchor="middle"')
    yield text_at((LEFT + RIGHT) / 2, BOTTOM + 38, f"Time ({unit})", 'text-anchor="middle"')
    middle = (TOP + BOTTOM) / 2
    shown = f"{fitted(label, BOTTOM - TOP - 30)} (%)"
    yield text_at(18, middle, shown, f'text-anchor="middle" transform="rotate(-90 18 {middle:.1f})"')


def drawn_curve(axes: CurveAxes, curve: Curve, number: int, drawn: Drawn) -> Iterator[str]:
    """Yield the limits, the line and, of survival, the marks where follow-up ends."""
    columns, colour = thinned(curve), COLOURS[number]
    across = _places(axes.x(np.concatenate(([0.0], columns["time"])) / axes.unit))
    heights = axes.y(columns[drawn.value])
    yield f'<path d="{_band(axes, across, columns, drawn)}" fill="{colour}" fill-opacity="0.13"/>'
    line = "".join(f"H{x}V{y}" for x, y in zip(across[1:], _places(heights), strict=True))
    yield (
        f'<path class="km-line" data-curve="{escape(curve.id)}" d="M{across[0]} {axes.y(drawn.start):.1f}{line}" '
        f'stroke="{colour}"{DASHES[number]}/>'
    )
    censored = columns["censored"] > 0
    tops = zip(compress(across[1:], censored), _places(heights[censored] - 3.5), strict=True)
    marks = "".join(f"M{x} {y}v7" for x, y in tops) if drawn is SURVIVAL else ""
    yield f'<path class="km-mark" d="{marks}" stroke="{colour}"/>' if marks else ""


def _places(values: Floats) -> list[str]:
    return [f"{value:.1f}" for value in values.tolist()]


def _band(axes: CurveAxes, across: list[str], columns: dict[str, Floats], drawn: Drawn) -> str:
    """Outline of the limits: forward along the upper, back along the lower, over each stretch that has both."""
    value, lower, upper = (np.concatenate(([drawn.start], columns[n])) for n in (drawn.value, drawn.lower, drawn.upper))
    start = np.isnan(lower) & (value == drawn.start)
    lower[start], upper[start] = drawn.start, drawn.start
    has = (~(np.isnan(lower) | np.isnan(upper))).tolist()
    below, above = _places(axes.y(lower)), _places(axes.y(upper))
    outline, position = "", 0
    while position < len(across) - 1:
        end = position
        while end < len(across) - 1 and has[end]:
            end += 1
        if end > position:
            steps = range(position, end)
            outline += f"M{across[position]} {above[position]}"
            outline += "".join(f"V{above[i]}H{across[i + 1]}" for i in steps)
            outline += "".join(f"V{below[i]}H{across[i]}" for i in reversed(steps)) + "Z"
        position = max(end, position + 1)
    return outline


def _legend(curves: Sequence[Curve], medians: Sequence[Cell]) -> Iterator[str]:
    for i, (curve, median) in enumerate(zip(curves, medians, strict=True)):
        y = 18.0 + i * ROW
        yield f'<path class="km-line" d="M{LEFT + 2} {y - 4:g}h32" stroke="{COLOURS[i]}"{DASHES[i]}/>'
        room = RIGHT - LEFT - 42 - len(median.text) * SIZE * 0.6
        yield text_at(LEFT + 42, y, f"{fitted(curve.arm, room)}: {median.text}", ids=median.ids)


def _comparison(lines: Sequence[Cell], *, low: bool) -> Iterator[str]:
    for i, line in enumerate(lines):
        if low:
            yield text_at(LEFT + 12, BOTTOM - 12 - ROW * (len(lines) - 1 - i), line.text, ids=line.ids)
        else:
            yield text_at(RIGHT - 12, TOP + 20 + ROW * i, line.text, 'text-anchor="end"', line.ids)


def risk_table(axes: CurveAxes, scope: Scope, curves: Sequence[Curve]) -> Iterator[str]:
    """Yield the numbers at risk below the picture."""
    top, ticks = BOTTOM + 66, time_ticks(axes.last, scope.protocol.time_unit)
    yield text_at(LEFT, top, at_risk_title(curves), f'fill="{FAINT}"')
    for i, curve in enumerate(curves):
        y = top + (2 * i + 1) * ROW + 5 * i
        yield text_at(LEFT, y, fitted(curve.arm, RIGHT - LEFT), f'fill="{COLOURS[i]}"')
        counts = at_risk_texts(scope.numbers, curve, [tick * axes.unit for tick in ticks])
        for tick, shown in zip(ticks, counts, strict=True):
            yield text_at(axes.x(tick), y + ROW, shown, f'text-anchor="middle" fill="{INK}"')
