"""Plots of the effect over time: what they quote, where their marks stand, and that they stay away where nothing is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from spec_study import patients, write_study
from twoarm.figures import schoenfeld_plot as schoenfeld_figure
from twoarm.figures.log_log_plot import constancy_of, log_log_plot, log_ticks
from twoarm.figures.restricted_mean_plot import difference_of, mean_of, restricted_mean_plot
from twoarm.figures.schoenfeld_plot import average_of, scale_ticks, schoenfeld_plot
from twoarm.figures.theme import TREATED, style
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.study import run_study
from twoarm.tables.scope import Scope, scopes


def scope_of(folder: Path, rows: list[dict[str, str]] | None = None, more: str = "") -> Scope:
    protocol = read_protocol(write_study(folder, rows, more=more))
    return scopes(protocol, run_study(protocol, read_records(protocol, folder)))[0]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Scope:
    return scope_of(tmp_path_factory.mktemp("small"), patients(120))


def test_the_height_is_log_minus_log_of_the_curve(small: Scope) -> None:
    with style():
        figure = log_log_plot(small, "unadjusted", "os")
    assert figure is not None
    curve = small.curve(kind="survival", adjustment="unadjusted", endpoint="os", arm="New")
    assert curve is not None
    survival = np.array(curve.columns["survival"], dtype=float)
    inside = (survival > 0) & (survival < 1)
    line = figure.axes[0].lines[0]
    assert np.asarray(line.get_ydata()) == pytest.approx(np.log(-np.log(survival[inside])))
    assert np.asarray(line.get_xdata()) == pytest.approx(np.array(curve.columns["time"])[inside] / 30.4375)
    said = constancy_of(small, "unadjusted", "os")
    assert said is not None
    assert said.text in [text.get_text() for text in figure.texts]


def test_the_shaded_area_is_the_difference_of_the_restricted_means(small: Scope) -> None:
    with style():
        figure = restricted_mean_plot(small, "unadjusted", "os")
    assert figure is not None
    total = 0.0
    for shape in figure.axes[0].collections:
        assert isinstance(shape, PolyCollection)
        sign = (
            1
            if np.allclose(shape.get_facecolor()[0][:3], [int(TREATED[i : i + 2], 16) / 255 for i in (1, 3, 5)])
            else -1
        )
        for path in shape.get_paths():
            x, y = path.vertices[:, 0], path.vertices[:, 1]
            total += sign * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    here = {"adjustment": "unadjusted", "analysis": "restricted_mean", "endpoint": "os"}
    gap = small.first(**here, statistic="restricted_mean_difference")
    assert gap is not None
    assert total / 100 * 30.4375 == pytest.approx(gap.value, rel=1e-6)
    assert gap.id in difference_of(small, "unadjusted", "os").ids
    assert mean_of(small, "unadjusted", "os", "New").text.endswith("months")


def test_the_smooth_is_drawn_with_the_models_average(small: Scope) -> None:
    with style():
        figure = schoenfeld_plot(small, "matched", "os")
    assert figure is not None
    found = average_of(small, "matched", "os")
    assert found is not None
    heights = [line.get_ydata()[0] for line in figure.axes[0].lines if len(np.unique(line.get_ydata())) == 1]
    assert found[0] in heights


def test_the_legend_says_when_not_all_events_are_drawn(small: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    for most, said in ((1000, "Events"), (50, "Events (a selection)")):
        monkeypatch.setattr(schoenfeld_figure, "MOST_EVENTS", most)
        with style():
            figure = schoenfeld_plot(small, "unadjusted", "os")
        assert figure is not None
        points = figure.axes[0].lines[0]
        assert points.get_label() == said
        assert 0 < np.asarray(points.get_xdata()).size <= most


def test_marks_follow_the_stretched_axis() -> None:
    scale, time = [0.0, 0.5, 1.0], [0.0, 6.0, 24.0]
    for place, mark in scale_ticks(scale, time, "months"):
        assert place == pytest.approx(np.interp(mark, time, scale))
    assert len(log_ticks(0.001, 5000)) <= 9
    assert log_ticks(2, 40) == [2.0, 5.0, 10.0, 20.0]


def test_nothing_to_show_draws_nothing(tmp_path: Path) -> None:
    rows = [{**row, "died": "0"} if row["arm"] == "new" else row for row in patients()]
    empty = scope_of(tmp_path, rows)
    for draw in (log_log_plot, schoenfeld_plot):
        assert draw(empty, "unadjusted", "os") is None
    assert restricted_mean_plot(empty, "multivariable", "os") is None


def test_a_curve_cut_by_disclosure_is_shaded_as_far_as_it_goes(tmp_path: Path) -> None:
    cut = scope_of(tmp_path, patients(150), "\n[disclosure]\nminimum_cell = 5\n")
    with style():
        assert restricted_mean_plot(cut, "unadjusted", "os") is not None
        assert schoenfeld_plot(cut, "unadjusted", "os") is not None
