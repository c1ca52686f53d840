"""The example that asks everything at once: every design, competing death, effects over time, confounding, a grid."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from twoarm.figures.all_figures import all_figures
from twoarm.figures.theme import style
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.records.records import read_records
from twoarm.report.methods_text import methods_text
from twoarm.results.results import Results
from twoarm.study import run_study
from twoarm.tables.all_tables import all_tables
from twoarm.tables.scope import Scope, scopes

FOLDER = Path(__file__).parents[2] / "examples" / "rotterdam"
ANALYSES = (
    *("baseline", "balance", "lost", "weights", "follow_up", "survival", "cumulative_incidence", "survival_difference"),
    *("hazard_ratio", "proportional_hazards", "restricted_mean", "standardised_survival", "augmented_survival"),
    *("piecewise", "landmark", "subgroups", "e_value", "unmeasured", "specifications"),
)


def run(protocol: Protocol) -> Results:
    return run_study(protocol, read_records(protocol, FOLDER))


@pytest.fixture(scope="module")
def study() -> tuple[Protocol, Results]:
    text = (FOLDER / "sensitivity.toml").read_text().replace("replicates = 200", "replicates = 100")
    protocol = parse_protocol(text)
    return protocol, run(protocol)


@pytest.fixture(scope="module")
def scope(study: tuple[Protocol, Results]) -> Scope:
    return scopes(*study)[0]


def test_every_analysis_has_rows_and_none_fails(study: tuple[Protocol, Results]) -> None:
    rows = study[1].estimates
    without = set(ANALYSES) - {row.analysis for row in rows if row.status == "ok"}
    assert without == {"augmented_survival"}  # weights as extreme as these carry no doubly robust estimate
    assert {row.status for row in rows} == {"ok", "not_estimable"}
    assert all(row.note for row in rows if row.status == "not_estimable")


def test_what_both_protocols_ask_has_one_answer(study: tuple[Protocol, Results]) -> None:
    results, plain = study[1], run(read_protocol(FOLDER / "study.toml"))
    ours = {row.id: row.value for row in results.estimates}
    shared = [row for row in plain.estimates if row.endpoint == "os" and row.adjustment in ("unadjusted", "matched")]
    shared = [row for row in shared if row.analysis in ("survival", "hazard_ratio", "restricted_mean", "follow_up")]
    assert len(shared) > 100
    assert all(ours[row.id] == row.value for row in shared)


def test_a_specification_is_the_adjustment_that_it_names(study: tuple[Protocol, Results]) -> None:
    results = study[1]
    rows = results.select(analysis="specifications", endpoint="os", statistic="hazard_ratio")
    matched = results.select(analysis="hazard_ratio", adjustment="matched", endpoint="os", statistic="hazard_ratio")[0]
    assert len(rows) == 19
    assert sum(row.value == matched.value for row in rows) == 1


def test_every_design_is_said_in_the_methods(study: tuple[Protocol, Results]) -> None:
    said = " ".join(text for _, paragraphs in methods_text(study[0]) for text in paragraphs)
    for words in (
        "overlap weights",
        "entropy balancing",
        "with replacement",
        "up to 2 patients",
        "g-formula",
        "resamples",
    ):
        assert words in said, words
    for words in ("Aalen and Johansen", "Fine and Gray", "Landmark analyses", "E-value", "Hainmueller"):
        assert words in said, words


def test_every_table_quotes_rows_of_the_ledger(study: tuple[Protocol, Results], scope: Scope) -> None:
    ids = {row.id for row in study[1].estimates}
    tables = all_tables(scope)
    assert len({table.name for table in tables}) == len(tables) > 25
    quoted = {name for table in tables for row in table.rows for cell in row.cells for name in cell.ids}
    assert quoted <= ids


def test_texts_of_figures_neither_overlap_nor_leave_the_page(scope: Scope) -> None:
    drawn = 0
    for named in all_figures(scope):
        with style():
            figure = named.draw()
        if figure is None:
            continue
        drawn += 1
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        boxes = [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in texts]
        for (one, a), (other, b) in combinations(boxes, 2):
            meet = min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
            assert not meet, (named.name, one, other)
        for text, box in boxes:
            inside = box.x0 > -1 and box.y0 > -1 and box.x1 < figure.bbox.width + 1 and box.y1 < figure.bbox.height + 1
            assert inside, (named.name, text)
    assert drawn > 30
