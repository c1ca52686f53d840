"""Plots of results on axes of the caller, or on new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from twoarm.figures.theme import COMPARATOR, FAINT, INK, TREATED
from twoarm.notebook.result import Value
from twoarm.statistics.kaplan_meier import KaplanMeier

COLOURS = (COMPARATOR, TREATED, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def _axes(ax: Any) -> Any:
    """Return the caller's axes, or new ones that a notebook shows (through pyplot when it is there)."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot

        return pyplot.subplots()[1]
    except ImportError:  # no display backend: a bare figure can still be saved
        return Figure().add_subplot()


def draw_curves(curves: Mapping[str, KaplanMeier], ax: Any) -> Any:
    """Draw survival curves with limits and censoring marks."""
    axes = _axes(ax)
    for (label, km), colour in zip(curves.items(), COLOURS * (1 + len(curves) // len(COLOURS)), strict=False):
        time = np.concatenate(([0.0], km.time))
        survival, lower, upper = (np.concatenate(([1.0], values)) for values in (km.survival, km.lower, km.upper))
        start = np.isnan(lower) & (survival >= 1)
        lower[start], upper[start] = 1.0, 1.0
        axes.step(time, survival, where="post", color=colour, label=label)
        axes.fill_between(time, lower, upper, step="post", color=colour, alpha=0.15, linewidth=0)
        marks = km.censored > 0
        axes.plot(km.time[marks], km.survival[marks], "|", color=colour, markersize=5)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    axes.set_xlabel("Time")
    axes.set_ylabel("Survival")
    axes.legend(frameon=False)
    return axes


def draw_forest(rows: Sequence[tuple[str, Value, Value, Value]], ax: Any) -> Any:
    """Draw ratios with limits on a log axis, the first on top; a ratio that is not there leaves its line empty."""
    axes = _axes(ax)
    for y, (_, ratio, lower, upper) in enumerate(rows):
        if all(isinstance(value, float) and np.isfinite(value) for value in (ratio, lower, upper)):
            axes.plot([lower, upper], [y, y], color=INK)
            axes.plot([ratio], [y], "s", color=INK)
    axes.axvline(1, color=FAINT, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [label for label, *_ in rows])
    axes.invert_yaxis()
    axes.set_xlabel("Hazard ratio")
    return axes


def draw_differences(rows: Sequence[tuple[str, Value]], threshold: float, ax: Any) -> Any:
    """Draw absolute standardised differences, the first on top."""
    axes = _axes(ax)
    found = [
        (y, abs(float(value))) for y, (_, value) in enumerate(rows) if value is not None and np.isfinite(float(value))
    ]
    axes.plot([value for _, value in found], [y for y, _ in found], "o", color=TREATED)
    axes.axvline(threshold, color=FAINT, linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("Absolute standardised mean difference")
    return axes
