"""Cumulative incidence within the page: a picture a cause, the event's and that of what competes, with their values."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from twoarm.figures.all_figures import incidence_name
from twoarm.figures.cumulative_incidence_plot import HEADROOM, SCALES, top_of_axis
from twoarm.report.curve_values import Drawn, curve_values
from twoarm.report.interactive_curves import (
    COLOURS,
    DASHES,
    LEFT,
    RIGHT,
    ROW,
    TOP,
    CurveAxes,
    Words,
    box,
    drawn_curve,
    fitted,
    frame,
    risk_table,
    text_at,
)
from twoarm.results.curve import Curve
from twoarm.tables.cumulative_incidence_table import CAUSES, comparison
from twoarm.tables.formats import in_sentence
from twoarm.tables.scope import Scope


def interactive_incidence(scope: Scope, prefix: str) -> dict[str, str]:
    """Return the cumulative incidences of a scope as HTML by the name of their figure; all text is escaped."""
    found = {}
    for endpoint, section in scope.population.endpoints.items():
        for adjustment in scope.marginal() if section.competing else ():
            here = {"kind": "cumulative_incidence", "adjustment": adjustment, "endpoint": endpoint}
            curves = [scope.curve(**here, arm=arm) for arm in scope.arms]
            shown = [curve for curve in curves if curve is not None and curve.columns["time"]]
            if len(shown) == 2:
                name = f"{prefix}{incidence_name(endpoint, adjustment)}"
                with contextlib.suppress(Exception):  # the page has the picture from the files in its place
                    found[name] = "".join(_panels(scope, adjustment, endpoint, shown, name))
    return found


def _panels(scope: Scope, adjustment: str, endpoint: str, curves: Sequence[Curve], name: str) -> Iterator[str]:
    unit, numbers = scope.protocol.unit_days, scope.numbers
    last = max(float(curve.columns["time"][-1] or 0) for curve in curves) / unit
    label = scope.population.endpoints[endpoint].label
    made = in_sentence(scope.population.adjustments[adjustment].label)
    for prefix, cause in CAUSES.items():
        drawn = Drawn(f"{prefix}incidence", f"{prefix}lower", f"{prefix}upper", 0.0, "Incidence, %")
        top = top_of_axis(curves, prefix)
        axes = CurveAxes(last, unit, top / 100 * HEADROOM)
        what = f"{label}: {cause.lower()}" if cause else label
        cells = comparison(scope, adjustment, endpoint, prefix.removesuffix("_"))
        title = f"Cumulative incidence, {what}, {made}: {' and '.join(scope.arms)}"
        parts = [
            *frame(axes, what, scope.protocol.time_unit, range(0, top + 1, SCALES[top])),
            *(part for i, curve in enumerate(curves) for part in drawn_curve(axes, curve, i, drawn)),
            *_legend(curves),
            *(text_at(LEFT + 12, TOP + 16 + ROW * i, cell.text, ids=cell.ids) for i, cell in enumerate(cells)),
            *risk_table(axes, scope, curves),
        ]
        values = curve_values(curves, scope.protocol, numbers, last, drawn)
        said = "; ".join(cell.text for cell in cells)
        yield box(axes, parts, values, Words(title, said, drawn.name), f"{name}-{prefix or 'event_'}".removesuffix("_"))


def _legend(curves: Sequence[Curve]) -> Iterator[str]:
    for i, curve in enumerate(curves):
        y = 18.0 + i * ROW
        yield f'<path class="km-line" d="M{LEFT + 2} {y - 4:g}h32" stroke="{COLOURS[i]}"{DASHES[i]}/>'
        yield text_at(LEFT + 42, y, fitted(curve.arm, RIGHT - LEFT - 42))
