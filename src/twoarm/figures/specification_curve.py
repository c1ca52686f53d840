"""All specifications in the order of their hazard ratios, above a grid that says what each of them chose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twoarm.figures.forest_plot import NICE
from twoarm.figures.marks import mark_y, new_axes, unmarked
from twoarm.figures.theme import COMPARATOR, FAINT, INK, RULE, TREATED, new_figure, shortened, wide
from twoarm.tables.scope import Scope
from twoarm.tables.specification_table import Specification, first_strategy, specifications_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BETWEEN_NICE = (0.25, 0.33, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 3.0)
_LINE, _CURVE, _HEAD, _BETWEEN = 0.2, 2.6, 0.65, 0.12  # inches


def specification_curve(scope: Scope) -> Figure | None:
    """Return the figure; None where no specification could be estimated, or another strategy's section shows it."""
    grid = scope.protocol.specifications
    if grid is None or not first_strategy(scope):
        return None
    every = list(specifications_of(scope, grid))
    shown = sorted((one for one in every if _estimated(one)), key=_ratio)
    if not shown:
        return None
    lines = _lines(every)
    label_width = max([1.4, *(_inches(option) for _, option in lines), *(_inches(key) for key, _ in lines)]) + 0.3
    plot_width = float(np.clip(0.16 * len(shown), 3.6, 7.2))
    depth = _LINE * max(len(lines), 1)
    width, height = label_width + plot_width + 0.25, _HEAD + _CURVE + _BETWEEN + depth + 0.45
    figure = new_figure(width, height)
    box = (label_width / width, (height - _HEAD - _CURVE) / height, plot_width / width, _CURVE / height)
    _curve(scope, new_axes(figure, box), shown)
    box = (label_width / width, 0.45 / height, plot_width / width, depth / height)
    _grid(new_axes(figure, box), shown, lines, label_width)
    title = f"{len(shown)} of {len(every)} specifications, {scope.contrast}"
    figure.text(
        0.1 / width, 1 - 0.2 / height, shortened(title, width - 0.4, 10.5), fontsize=9.5, fontweight="bold", va="center"
    )
    return figure


def _estimated(one: Specification) -> bool:
    return all(part is not None and part.value is not None for part in one.effect[:3])


def _ratio(one: Specification) -> float:
    row = one.effect[0]
    return float(row.value) if row is not None and row.value is not None else 0.0


def _lines(every: Sequence[Specification]) -> list[tuple[str, str]]:
    """Return dimension and option of each line of the grid, in their order; constant ones are left out."""
    options: dict[str, dict[str, None]] = {}
    for one in every:
        for key, value in one.choices:
            options.setdefault(key, {})[value] = None
    return [(key, value) for key, values in options.items() if len(values) > 1 for value in values]


def _curve(scope: Scope, axes: Axes, shown: Sequence[Specification]) -> None:
    limits = np.array([[float(part.value or 0) for part in one.effect[:3] if part is not None] for one in shown])
    middle, low, high = limits.T
    bottom, top = _reach(limits)
    at = np.arange(len(shown))
    axes.set_yscale("log")
    axes.set_ylim(bottom, top)
    axes.axhline(1, color=FAINT, linewidth=0.8)
    axes.vlines(at, np.maximum(low, bottom), np.minimum(high, top), color=RULE, linewidth=1.4)
    apart = (low > 1) | (high < 1)
    for chosen, face, label in ((apart, TREATED, "interval leaves out 1"), (~apart, "white", "interval holds 1")):
        if chosen.any():
            axes.plot(
                at[chosen], middle[chosen], linestyle="", marker="o", markersize=4.5, markeredgecolor=TREATED,
                markerfacecolor=face, label=label,
            )  # fmt: skip
    ticks = _apart([tick for tick in (*NICE, *_BETWEEN_NICE) if bottom <= tick <= top], np.log(top / bottom))
    axes.set_xlim(-0.7, len(shown) - 0.3)
    mark_y(axes, ticks, [scope.numbers.general(tick) for tick in ticks])
    unmarked(axes.xaxis)
    axes.spines["bottom"].set_visible(False)
    axes.set_ylabel(f"Hazard ratio ({scope.confidence} CI)")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, borderaxespad=0.1, fontsize=8)


def _reach(limits: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return the ends of the axis: all intervals and 1, as far as they lie between 1/20 and 20."""
    low, high = (float(value) for value in np.log([min(limits.min(), 1.0), max(limits.max(), 1.0)]))
    margin = 0.05 * max(high - low, 0.4)
    bottom, top = np.clip(np.exp([low - margin, high + margin]), 0.05, 20.0)
    return float(bottom), float(top)


def _apart(ticks: Sequence[float], length: float) -> list[float]:
    """Return ticks, those nearest to 1 first, that leave room for their labels."""
    room, kept = length * 0.075, list[float]()
    for tick in sorted(ticks, key=lambda tick: (tick not in NICE, abs(np.log(tick)))):
        if all(abs(np.log(tick / other)) >= room for other in kept):
            kept.append(tick)
    return sorted(kept)


def _grid(axes: Axes, shown: Sequence[Specification], lines: Sequence[tuple[str, str]], label_width: float) -> None:
    axes.set_xlim(-0.7, len(shown) - 0.3)
    axes.set_ylim(max(len(lines), 1) - 0.5, -0.5)
    unmarked(axes.xaxis)
    axes.set_xlabel("Specifications, by hazard ratio", fontsize=8.5)
    for side in axes.spines.values():
        side.set_visible(False)
    texts = [shortened(_shown(lines, y), label_width - 0.1, 8.0) for y in range(len(lines))]
    mark_y(axes, range(len(lines)), texts, points=8, length=0)
    keys = list(dict.fromkeys(key for key, _ in lines))
    for y, (key, option) in enumerate(lines):
        if keys.index(key) % 2 == 0:
            axes.axhspan(y - 0.5, y + 0.5, color=RULE, alpha=0.25, linewidth=0)
        chosen = [x for x, one in enumerate(shown) if (key, option) in one.choices]
        colour = INK if keys.index(key) % 2 == 0 else COMPARATOR
        axes.plot(chosen, [y] * len(chosen), linestyle="", marker="o", markersize=3.6, color=colour)


def _shown(lines: Sequence[tuple[str, str]], y: int) -> str:
    """An option stands with its dimension where one begins."""
    key, option = lines[y]
    return f"{key}: {option}" if y == 0 or lines[y - 1][0] != key else option


def _inches(text: str) -> float:
    return sum(0.115 if wide(letter) else 0.068 for letter in text)
