"""Flow of patients: who came in, who was left out and why, and who was compared."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twoarm.figures.marks import new_axes
from twoarm.figures.theme import INK, bare, new_figure, wide
from twoarm.tables.attrition_table import step_row, steps
from twoarm.tables.scope import Scope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE, _PAD, _GAP = 0.17, 0.16, 0.34  # inches: height of a line, padding of a box, space between boxes
_WIDTH, _BOX, _SIDE = 7.6, 2.9, 2.7
_FILLER = "\ufffe"  # no character: the second half of a wide one


@dataclass(frozen=True, slots=True)
class _Box:
    lines: tuple[str, ...]
    width: float

    @property
    def height(self) -> float:
        return _LINE * len(self.lines) + _PAD


def flow_diagram(scope: Scope) -> Figure:
    """Return the diagram by arm, down to the matched."""
    start, excluded = _start(scope), _excluded(scope)
    analysed = [_arm_box(scope, arm) for arm in scope.arms]
    matched = [
        (name, [_matched_box(scope, name, arm) for arm in scope.arms]) for name in scope.matchings() if scope.made(name)
    ]
    height = 0.3 + start.height + sum(_GAP + box.height for box in excluded)
    height += 2 * _GAP + max(box.height for box in analysed)
    height += sum(_GAP + max(box.height for box in boxes) for _, boxes in matched)
    figure = new_figure(_WIDTH, height)
    axes = bare(new_axes(figure, (0, 0, 1, 1)))
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(0, height)
    _draw(axes, height, start, excluded, analysed, [boxes for _, boxes in matched])
    return figure


def _wrapped(width: float, *texts: str) -> _Box:
    characters = int(width / 0.082)
    lines = [line for text in texts for line in _lines(text, characters)]
    return _Box(tuple(lines), width)


def _lines(text: str, characters: int) -> list[str]:
    """Break a text into lines; a Chinese character takes the room of some two others."""
    if not any(wide(letter) for letter in text):
        return textwrap.wrap(text, characters, subsequent_indent="   ") or [""]
    padded = "".join(f"{letter}{_FILLER}" if wide(letter) else letter for letter in text)
    return [line.replace(_FILLER, "") for line in textwrap.wrap(padded, characters, subsequent_indent="   ")]


def _start(scope: Scope) -> _Box:
    step, label = steps(scope)[0]
    return _wrapped(_BOX, f"{label}", f"n = {scope.numbers.whole(step_row(scope, step, 'remaining', 'all'))}")


def _excluded(scope: Scope) -> list[_Box]:
    boxes = []
    for step, label in steps(scope)[1:]:
        out, unknown = (step_row(scope, step, statistic, "all") for statistic in ("excluded", "excluded_unknown"))
        lead = "Not met: " if step.startswith("criterion") else ""
        texts = [f"{lead}{label}", f"left out n = {scope.numbers.whole(out)}"]
        arms = [step_row(scope, step, "excluded", arm) for arm in scope.arms]
        if out is not None and out.value and any(row is not None and row.value for row in arms):
            texts += [f"{arm} {scope.numbers.whole(row)}" for arm, row in zip(scope.arms, arms, strict=True)]
        if unknown is not None and unknown.value:
            texts.append(f"of whom unknown n = {scope.numbers.whole(unknown)}")
        boxes.append(_wrapped(_SIDE, *texts))
    return boxes


def _arm_box(scope: Scope, arm: str) -> _Box:
    analysed = scope.find(analysis="attrition", statistic="analysed", arm=arm)
    return _wrapped(_BOX, arm, f"analysed n = {scope.numbers.whole(analysed)}")


def _matched_box(scope: Scope, adjustment: str, arm: str) -> _Box:
    here = {"adjustment": adjustment, "analysis": "lost"}
    pairs = scope.find(**here, statistic="pairs")
    texts = [f"{scope.population.adjustments[adjustment].label} n = {scope.numbers.whole(pairs)}"]
    unmatched = scope.find(**here, statistic="unmatched", arm=arm)
    different = scope.find(**here, statistic="distinct_partners")
    if different is not None and unmatched is None:
        texts[0] = f"{scope.population.adjustments[adjustment].label} n = {scope.numbers.whole(different)}"
        texts.append(f"in {scope.numbers.whole(pairs)} matched sets")
    if unmatched is not None:
        texts.append(f"without partner n = {scope.numbers.whole(unmatched)}")
    return _wrapped(_BOX, *texts)


def _draw(
    axes: Axes,
    height: float,
    start: _Box,
    excluded: list[_Box],
    analysed: list[_Box],
    matched: list[list[_Box]],
) -> None:
    trunk, side = 2.0, _WIDTH - _SIDE / 2 - 0.15
    arms = (1.75, _WIDTH - 1.75)
    y = height - 0.15
    _box(axes, trunk, y, start)
    y -= start.height
    for box in excluded:
        middle = y - _GAP / 2 - box.height / 2
        _box(axes, side, middle + box.height / 2, box)
        _arrow(axes, (trunk, middle), (side - box.width / 2, middle))
        _line(axes, (trunk, y), (trunk, y - _GAP - box.height))
        y -= _GAP + box.height
    fork = y - _GAP
    _line(axes, (trunk, y), (trunk, fork))
    _line(axes, (arms[0], fork), (arms[1], fork))
    top = fork - _GAP
    for x, box in zip(arms, analysed, strict=True):
        _arrow(axes, (x, fork), (x, top))
        _box(axes, x, top, box)
    bottoms = [top - box.height for box in analysed]
    for boxes in matched:
        level = min(bottoms) - _GAP
        for i, (x, box) in enumerate(zip(arms, boxes, strict=True)):
            _arrow(axes, (x, bottoms[i]), (x, level))
            _box(axes, x, level, box)
        bottoms = [level - box.height for box in boxes]


def _box(axes: Axes, x: float, top: float, box: _Box) -> None:
    from matplotlib.patches import FancyBboxPatch

    shape = FancyBboxPatch(
        (x - box.width / 2, top - box.height),
        box.width,
        box.height,
        boxstyle="square,pad=0",
        facecolor="white",
        edgecolor=INK,
        linewidth=0.9,
        zorder=2,
    )
    axes.add_patch(shape)
    axes.text(
        x,
        top - box.height / 2,
        "\n".join(box.lines),
        ha="center",
        va="center",
        fontsize=8.5,
        linespacing=1.25,
        zorder=3,
    )


def _line(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.plot([start[0], end[0]], [start[1], end[1]], color=INK, linewidth=0.9, zorder=1)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0},
    )
