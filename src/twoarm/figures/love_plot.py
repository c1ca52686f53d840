"""Standardised differences before and after adjustment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from twoarm.figures.marks import mark_x, mark_y, new_axes, usual_places
from twoarm.figures.theme import COMPARATOR, FAINT, RULE, TREATED, new_figure, wide
from twoarm.results.estimate import Estimate
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKERS = (
    ("o", COMPARATOR, "none"),
    ("s", TREATED, TREATED),
    ("^", "#009E73", "#009E73"),
    ("D", "#CC79A7", "#CC79A7"),
    ("v", "#56B4E9", "none"),
    ("P", "#7F6000", "none"),
)
_BESIDE = 2  # labels side by side above the axes


def love_plot(scope: Scope) -> Figure | None:
    """Return the figure, covariates in the order of their imbalance before adjustment; None without matching."""
    samples = [name for name in scope.marginal() if scope.made(name)][: len(_MARKERS)]
    before = _largest(scope, scope.unadjusted())
    if len(samples) < 2 or not before:
        return None
    order = sorted(before, key=lambda variable: before[variable])
    label_width = max(sum(1 + 0.65 * wide(letter) for letter in scope.label(variable)) for variable in order)
    label_width = label_width * 0.075 + 0.3
    above = 0.25 * (math.ceil(len(samples) / _BESIDE) - 1)
    width, height = label_width + 4.4, 1.25 + above + 0.27 * len(order)
    figure = new_figure(width, height)
    axes = new_axes(figure, (label_width / width, 0.62 / height, 4.1 / width, 0.27 * len(order) / height))
    threshold = scope.protocol.analyses.balance.threshold
    axes.axvspan(0, threshold, color=RULE, alpha=0.3, linewidth=0)
    axes.axvline(threshold, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    for name, (marker, edge, face) in zip(samples, _MARKERS, strict=False):
        values = _largest(scope, name)
        shown = [(values[variable], y) for y, variable in enumerate(order) if variable in values]
        axes.plot(
            [x for x, _ in shown],
            [y for _, y in shown],
            linestyle="",
            marker=marker,
            markersize=6,
            markeredgecolor=edge,
            markerfacecolor=face,
            label=scope.population.adjustments[name].label,
        )
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlim(0, max(axes.get_xlim()[1], 2 * threshold))
    ticks = usual_places(axes.xaxis)
    mark_x(axes, ticks, [scope.numbers.marked(text) for text in axes.xaxis.get_major_formatter().format_ticks(ticks)])
    axes.hlines(range(len(order)), 0, 1, transform=axes.get_yaxis_transform(), color=RULE, linewidth=0.4, zorder=0.5)
    mark_y(axes, range(len(order)), [scope.label(variable) for variable in order])
    axes.set_xlabel("Absolute standardised mean difference")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=_BESIDE, frameon=False, borderaxespad=0.2)
    return figure


def _largest(scope: Scope, adjustment: str) -> dict[str, float]:
    """Return the largest absolute difference of each covariate, over its two denominators."""
    found: dict[str, float] = {}
    rows: tuple[Estimate, ...] = scope.select(
        adjustment=adjustment, analysis="balance", statistic="smd", variable_level=""
    )
    for row in rows:
        if row.value is not None:
            found[row.variable] = max(found.get(row.variable, 0.0), abs(float(row.value)))
    return found
