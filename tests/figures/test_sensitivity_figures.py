"""Centre forest and specification curve as a reader sees them, with labels and sizes that strain them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_figures import cut_off, named, overlapping, scope_of

from spec_study import patients, write_study
from twoarm.figures.all_figures import all_figures
from twoarm.figures.drawing import draw
from twoarm.figures.theme import style
from twoarm.tables.scope import Scope

LONG = "A hospital with a very long name that goes on and on until the end of the line"
MORE = """
[centres]
column = "hospital"
minimum_events = 2

[specifications]
sets = { a_set_of_covariates_with_a_very_long_name_that_goes_on_and_on = ["age", "sex"], age = ["age"] }
multivariable = true
unadjusted = true

[[specifications.matching]]
caliper = [0.05, 0.1, "none"]
order = ["closest", "largest", "smallest", "data"]

[[specifications.weighting]]
estimand = ["ATE", "ATT", "ATC", "ATO"]
"""
LABELS = {
    'sex = "text"': 'sex = "text"\nhospital = "text"',
    'label = "New"': 'label = "A treatment with a very long name that goes on and on until the end"',
    'label = "Old"': 'label = "观察组"',
}


def strained(folder: Path, hospitals: list[str], more: str = MORE) -> Scope:
    rows = [{**row, "hospital": hospitals[(i * 7) % len(hospitals)]} for i, row in enumerate(patients(180))]
    return scope_of(write_study(folder, rows, LABELS, more))


@pytest.fixture(scope="module")
def scope(tmp_path_factory: pytest.TempPathFactory) -> Scope:
    return strained(tmp_path_factory.mktemp("figures"), ["A", LONG, "天津市肿瘤医院", "=SUM(A1)", "D"])


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", ["centres-os-matched", "specifications"])
def test_texts_neither_overlap_nor_leave_the_figure(scope: Scope, name: str) -> None:
    with style():
        figure = named(scope, name).draw()
    assert figure is not None
    assert overlapping(figure) == []
    assert cut_off(figure) == []


@pytest.mark.filterwarnings("ignore:Glyph")
def test_sixty_centres_have_a_line_each(tmp_path: Path) -> None:
    scope = strained(tmp_path, [f"Centre {i}" for i in range(1, 61)])
    with style():
        figure = named(scope, "centres-os-matched").draw()
    assert figure is not None
    shown = [text.get_text() for text in figure.texts]
    assert all(f"Centre {i}" in shown for i in range(1, 61))
    assert overlapping(figure) == []


def test_specifications_stand_in_the_order_of_their_ratios(scope: Scope) -> None:
    with style():
        figure = named(scope, "specifications").draw()
    assert figure is not None
    curve, grid = figure.axes
    points = [np.column_stack(line.get_data()) for line in curve.lines if line.get_marker() == "o"]
    ordered = np.concatenate(points)
    ordered = ordered[np.argsort(ordered[:, 0])]
    rows = scope.select(analysis="specifications", statistic="hazard_ratio")
    expected = sorted(float(row.value) for row in rows if row.value is not None)
    assert ordered[:, 1].tolist() == expected
    assert ordered[:, 0].tolist() == list(range(len(expected)))
    dots = sum(len(line.get_xdata()) for line in grid.lines)
    assert dots == 1 + 2 * (2 + 12 * 4 + 4 * 3)  # unadjusted; and by set, of each design what varies


def test_the_same_figure_gives_the_same_bytes(scope: Scope) -> None:
    for name in ("centres-os-matched", "specifications"):
        assert draw(named(scope, name), ("svg",)) == draw(named(scope, name), ("svg",))


def test_without_sections_there_are_no_such_figures(tmp_path: Path) -> None:
    names = {figure.name for figure in all_figures(strained(tmp_path, ["A"], ""))}
    assert not any(name.startswith(("centres", "specifications")) for name in names)
