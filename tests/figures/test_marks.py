"""Marks stand where the drawing library puts its own; positions are in points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twoarm.figures.marks import mark_x, mark_y, new_axes, unmarked, usual_places
from twoarm.figures.recording import Recording
from twoarm.figures.theme import new_figure, style

BOX = (0.3, 0.25, 0.6, 0.6)
Texts = list[tuple[str, float, float]]


def texts_of(figure: Figure) -> Texts:
    calls = Recording(figure).calls
    return sorted(
        (what[3], round(what[1], 2), round(what[2], 2)) for name, what in calls if name == "draw_text" and what[3]
    )


def drawn(make: Callable[[Figure], Axes], finish: Callable[[Axes], None]) -> Figure:
    figure = new_figure(4.0, 3.0)
    axes = make(figure)
    axes.set_xlim(0, 10)
    axes.set_ylim(-1, 4)
    axes.set_xlabel("Time (months)")
    axes.set_ylabel("Overall survival (%)")
    finish(axes)
    return figure


@pytest.mark.parametrize(
    ("below", "left"),
    [
        (["0", "5", "10"], ["0", "1", "2"]),
        (["0·1", "1", "10"], ["−1.5", "a long label of a covariate", "20"]),
        (["0", "5", "10"], ["肝转移", "年龄 (岁)", "ECOG"]),
    ],
)
def test_marks_and_labels_of_axes_stand_where_the_library_has_them(below: Sequence[str], left: Sequence[str]) -> None:
    def own(axes: Axes) -> None:
        mark_x(axes, [0, 5, 10], below)
        mark_y(axes, [0, 1, 4], left)

    def library(axes: Axes) -> None:
        axes.set_xticks([0, 5, 10], below)
        axes.set_yticks([0, 1, 4], left)

    with style():
        figure = drawn(lambda made: new_axes(made, BOX), own)
        usual = drawn(lambda made: made.add_axes(BOX), library)
        assert texts_of(figure) == texts_of(usual)


def test_unmarked_axes_have_no_marks_and_their_label_close_by() -> None:
    def own(axes: Axes) -> None:
        mark_x(axes, [], [])
        unmarked(axes.yaxis)

    def library(axes: Axes) -> None:
        axes.set_xticks([])
        axes.set_yticks([])

    with style():
        figure = drawn(lambda made: new_axes(made, BOX), own)
        usual = drawn(lambda made: made.add_axes(BOX), library)
        (_, x, y), (_, x0, y0) = texts_of(figure)[0], texts_of(usual)[0]
        assert [text for text, *_ in texts_of(figure)] == ["Overall survival (%)", "Time (months)"]
        assert (x, y) == (x0, y0)


def test_usual_places_are_those_that_the_library_would_mark() -> None:
    with style():
        axes = drawn(lambda made: new_axes(made, BOX), lambda _: None).axes[0]
        assert usual_places(axes.xaxis) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        assert usual_places(axes.yaxis) == [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]
        axes.set_xlim(9.9, 0.1)
        assert usual_places(axes.xaxis) == [2.0, 4.0, 6.0, 8.0]


def test_axes_without_marks_take_those_of_the_library_when_asked_for() -> None:
    with style():
        figure = drawn(lambda made: new_axes(made, BOX), lambda axes: axes.set_xticks([0, 5], ["a", "b"]) and None)
        usual = drawn(lambda made: made.add_axes(BOX), lambda axes: axes.set_xticks([0, 5], ["a", "b"]) and None)
        assert texts_of(figure) == texts_of(usual)
