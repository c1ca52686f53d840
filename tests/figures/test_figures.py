"""Figures as a reader sees them: everything drawn, no two texts on top of each other, nothing cut off."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from spec_study import patients, write_study
from twoarm.figures.all_figures import NamedFigure, all_figures
from twoarm.figures.cumulative_incidence_plot import HEADROOM
from twoarm.figures.drawing import draw
from twoarm.figures.kaplan_meier_plot import at_risk_texts, summary_is_low
from twoarm.figures.theme import style
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.curve import Curve
from twoarm.study import run_study
from twoarm.tables.scope import Scope, scopes

EXAMPLE = Path(__file__).parents[2] / "examples" / "rotterdam" / "study.toml"
TOUCHING = 1.0  # pixels at 100 dots an inch by which the boxes of two texts may meet


def scope_of(study: Path) -> Scope:
    protocol = read_protocol(study)
    return scopes(protocol, run_study(protocol, read_records(protocol, study.parent)))[0]


def long_labels(folder: Path) -> Path:
    label = "A treatment with a very long name that goes on and on until the end of the line"
    return write_study(folder, replace={'label = "New"': f'label = "{label}"', 'label = "Old"': 'label = "观察组"'},
                       more='\n[subgroups]\nvariables = ["sex"]\nminimum_events = 1\n')  # fmt: skip


@pytest.fixture(scope="module")
def example() -> Scope:
    return scope_of(EXAMPLE)


def texts(figure: Figure) -> list[tuple[str, Bbox]]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            found.append((text.get_text(), text.get_window_extent(canvas.get_renderer())))
    return found


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    pairs = []
    for (one, a), (other, b) in combinations(texts(figure), 2):
        width = min(a.x1, b.x1) - max(a.x0, b.x0)
        height = min(a.y1, b.y1) - max(a.y0, b.y0)
        if width > TOUCHING and height > TOUCHING:
            pairs.append((one, other))
    return pairs


def cut_off(figure: Figure) -> list[str]:
    width, height = figure.bbox.width, figure.bbox.height
    return [
        text for text, box in texts(figure) if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]


NAMES = [
    "flow",
    "love",
    "propensity-matched",
    "hazard_ratios",
    *(f"survival-{e}-{a}" for e in ("os", "rfs") for a in ("unadjusted", "matched")),
    *(f"{kind}-{e}-multivariable" for kind in ("forest", "standardised") for e in ("os", "rfs")),
    *(f"subgroups-{e}-matched" for e in ("os", "rfs")),
    *(f"{kind}-os-matched" for kind in ("loglog", "schoenfeld", "restricted_mean")),
]
LONG = ["loglog-os-matched", "schoenfeld-os-matched", "restricted_mean-os-matched"]


def named(scope: Scope, name: str) -> NamedFigure:
    return next(figure for figure in all_figures(scope) if figure.name == name)


def test_every_figure_is_there(example: Scope) -> None:
    assert sorted(figure.name for figure in all_figures(example)) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_texts_neither_overlap_nor_leave_the_figure(example: Scope, name: str) -> None:
    with style():
        figure = named(example, name).draw()
    assert figure is not None
    assert overlapping(figure) == []
    assert cut_off(figure) == []


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", ["flow", "hazard_ratios", "survival-os-matched", "subgroups-os-matched", *LONG])
def test_long_labels_do_not_overlap_either(name: str, tmp_path: Path) -> None:
    with style():
        figure = named(scope_of(long_labels(tmp_path)), name).draw()
    assert figure is not None
    assert overlapping(figure) == []
    assert cut_off(figure) == []


def test_files_are_of_their_kind_and_print_resolution(example: Scope) -> None:
    files = draw(named(example, "love"), ("svg", "pdf", "png"))
    assert files["svg"].startswith(b"<?xml")
    assert files["pdf"].startswith(b"%PDF")
    assert files["png"].startswith(b"\x89PNG")
    pixels_per_metre = files["png"][files["png"].index(b"pHYs") + 4 :][:4]
    assert round(int.from_bytes(pixels_per_metre, "big") * 0.0254) == 300


def test_the_number_at_risk_counts_everybody_followed_to_the_tick(example: Scope) -> None:
    curve = example.curve(kind="survival", adjustment="unadjusted", endpoint="os", arm="Hormonal therapy")
    assert curve is not None
    assert at_risk_texts(example.numbers, curve, [0]) == ["339"]
    times = [t for t in curve.columns["time"] if t is not None]
    on_a_time = times[10]
    left = sum(float(e or 0) + float(c or 0) for t, e, c in zip(times, curve.columns["events"], curve.columns["censored"], strict=True) if t < on_a_time)  # fmt: skip
    days = [on_a_time, times[-1] + 1]
    assert at_risk_texts(example.numbers, curve, days) == [str(int(339 - left)), "0"]


def test_hazard_ratio_and_test_stand_where_no_curve_is() -> None:
    def falling(survival: tuple[float, ...]) -> Curve:
        times = tuple(float(i) for i in range(1, len(survival) + 1))
        return Curve("survival", "p", "m", "a", "e", "arm", {"time": times, "survival": survival, "lower": survival})

    slow, fast = falling((0.9, 0.8, 0.7, 0.6, 0.5, 0.4)), falling((0.1, 0.05, 0.04, 0.03, 0.02, 0.01))
    assert summary_is_low([slow, slow])
    assert not summary_is_low([slow, fast])


def with_competing_events(folder: Path) -> Path:
    label = "A treatment with a very long name that goes on and on until the end of the line"
    rows = [
        {**row, "died": str(int(i // 3 % 3 == 0)), "other": str(int(i // 3 % 3 == 1))}
        for i, row in enumerate(patients(90))
    ]
    changed = {"died = { type": 'other = { type = "boolean", true = ["1"], false = ["0"] }\ndied = { type'}
    changed |= {'event = "died"': 'event = "died"\ncompeting = ["other"]', 'label = "New"': f'label = "{label}"'}
    changed |= {'"Overall survival"': f'"{label}"'}
    return write_study(folder, rows, changed)


def test_cumulative_incidence_stands_in_two_panels_without_overlap(tmp_path: Path) -> None:
    scope = scope_of(with_competing_events(tmp_path))
    drawn = {figure.name: figure for figure in all_figures(scope)}
    assert not [name for name in drawn if name.startswith("survival-")]
    for name in ("cumulative_incidence-os-unadjusted", "cumulative_incidence-os-matched"):
        with style():
            figure = drawn[name].draw()
        assert figure is not None
        assert overlapping(figure) == []
        assert cut_off(figure) == []
        left, right = figure.axes
        assert right.get_title(loc="left") == "Competing events"
        for axes in (left, right):
            (treated, comparator) = (line.get_ydata() for line in axes.get_lines())
            for line in (treated, comparator):
                assert line[0] == 0
                assert 0 < line[-1] <= axes.get_ylim()[1] / HEADROOM


def test_both_causes_end_where_the_ledger_says(tmp_path: Path) -> None:
    scope = scope_of(with_competing_events(tmp_path))
    curve = scope.curve(kind="cumulative_incidence", adjustment="unadjusted", endpoint="os", arm="Old")
    assert curve is not None
    with style():
        figure = next(f for f in all_figures(scope) if f.name == "cumulative_incidence-os-unadjusted").draw()
    assert figure is not None
    for axes, name in zip(figure.axes, ("incidence", "competing_incidence"), strict=True):
        assert axes.get_lines()[1].get_ydata()[-1] == pytest.approx(100 * float(curve.columns[name][-1] or 0))
