"""Journal styles: p-values at their boundaries, intervals, signs, the table of the docs, and whole studies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from spec_study import patients, write_study
from twoarm.figures.all_figures import all_figures
from twoarm.figures.theme import style as figure_style
from twoarm.protocol.choices import JournalStyle
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.study_report import StudyReport, compose
from twoarm.results.estimate import Estimate
from twoarm.study import run_study
from twoarm.tables.formats import Numbers
from twoarm.tables.journal_styles import STYLES, THIN_SPACE
from twoarm.tables.table import Row, Table, plain, to_csv

NUMBERS = {name: Numbers(style) for name, style in STYLES.items()}
PAGE = Path(__file__).parents[2] / "docs" / "journal-styles.md"


def test_every_style_of_the_protocol_is_there() -> None:
    assert set(STYLES) == set(get_args(JournalStyle))


P_VALUES = [
    # p, plain, jama, lancet, nejm
    (0.0, "<0.001", "<.001", "<0·0001", "<0.001"),
    (0.00009, "<0.001", "<.001", "<0·0001", "<0.001"),
    (0.0001, "<0.001", "<.001", "0·0001", "<0.001"),
    (0.0005, "<0.001", "<.001", "0·0005", "<0.001"),
    (0.00099, "<0.001", "<.001", "0·0010", "<0.001"),
    (0.001, "0.001", ".001", "0·0010", "0.001"),
    (0.00104, "0.001", ".001", "0·0010", "0.001"),
    (0.0096, "0.010", ".010", "0·0096", "0.010"),
    (0.00996, "0.010", ".010", "0·010", "0.010"),
    (0.0104, "0.010", ".01", "0·010", "0.01"),
    (0.0449, "0.045", ".04", "0·045", "0.04"),
    (0.0451, "0.045", ".045", "0·045", "0.05"),
    (0.0474, "0.047", ".047", "0·047", "0.05"),
    (0.0494, "0.049", ".049", "0·049", "0.05"),
    (0.0495, "0.050", ".0495", "0·050", "0.05"),
    (0.0499, "0.050", ".0499", "0·050", "0.05"),
    (0.05, "0.050", ".05", "0·050", "0.05"),
    (0.0997, "0.100", ".10", "0·10", "0.10"),
    (0.5, "0.500", ".50", "0·50", "0.50"),
    (0.99, "0.990", ".99", "0·99", "0.99"),
    (0.994, "0.994", ">.99", ">0·99", ">0.99"),
    (0.995, "0.995", ">.99", ">0·99", ">0.99"),
    (0.9996, ">0.999", ">.99", ">0·99", ">0.99"),
    (1.0, ">0.999", ">.99", ">0·99", ">0.99"),
]


@pytest.mark.parametrize("row", P_VALUES, ids=lambda row: str(row[0]))
def test_p_values(row: tuple[float, str, str, str, str]) -> None:
    p, *texts = row
    assert [numbers.p_value(p) for numbers in NUMBERS.values()] == texts


RATIOS = [
    (0.848456, "0.85", "0.85", "0·85", "0.85"),
    (0.00412, "0.0041", "0.0041", "0·0041", "0.0041"),
    (1234.5, "1,235", "1235", "1235", "1235"),
    (12345.0, "12,345", f"12{THIN_SPACE}345", f"12{THIN_SPACE}345", "12,345"),
]


@pytest.mark.parametrize("row", RATIOS, ids=lambda row: str(row[0]))
def test_ratios(row: tuple[float, str, str, str, str]) -> None:
    ratio, *texts = row
    assert [numbers.ratio(ratio) for numbers in NUMBERS.values()] == texts


@pytest.mark.parametrize("name", STYLES)
def test_what_is_not_there_has_its_sign_in_every_style(name: JournalStyle) -> None:
    numbers = NUMBERS[name]
    missing = Estimate(analysis="a", status="not_estimable", note="no events")
    not_reached = Estimate(analysis="a", status="not_estimable", note="not reached")
    suppressed = Estimate(analysis="a", status="suppressed")
    for write in (numbers.whole, numbers.hazard, numbers.probability, numbers.percentage, numbers.duration):
        assert [write(row) for row in (None, missing, not_reached, suppressed)] == ["", "NE", "NR", "*"]
    assert numbers.with_interval("NE", "NE", "NE") == "NE"
    assert numbers.with_interval("*", "", "") == "*"
    lower = numbers.fixed(6.3, 1)
    assert numbers.with_interval("NR", lower, "NR") == f"NR ({lower}{STYLES[name].limits}NR)"


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("value", [-0.16, -12345.5])
def test_a_negative_number_stays_a_number_in_a_spreadsheet(name: JournalStyle, value: float) -> None:
    text = NUMBERS[name].fixed(value, 2)
    table = Table("t", "T", ("a", "b"), (Row(plain("x", text)),))
    assert text.replace("−", "-") in to_csv(table)
    assert "'" not in to_csv(table)


def examples() -> list[list[str]]:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if len(row) == 6 and row[0] != "What" and not row[0].startswith("---")]


def with_decimals(decimals: int, joined: str) -> Callable[[Numbers, list[float]], str]:
    return lambda numbers, values: getattr(numbers, joined)(*(numbers.fixed(value, decimals) for value in values))


WRITTEN: dict[str, Callable[[Numbers, list[float]], str]] = {
    "p-value": lambda numbers, values: numbers.p_value(*values),
    "in a sentence": lambda numbers, values: numbers.p_text(*values),
    "hazard ratio": with_decimals(2, "with_interval"),
    "difference": with_decimals(2, "with_interval"),
    "quartiles": with_decimals(1, "with_quartiles"),
    "percentage": lambda numbers, values: numbers.percentage(Estimate(analysis="a", value=values[0])),
    "count": lambda numbers, values: numbers.count(*values),
}


@pytest.mark.parametrize("row", examples(), ids=lambda row: f"{row[0]} {row[1]}")
def test_the_examples_of_the_docs_are_true(row: list[str]) -> None:
    what, given, *texts = row
    values = [float(value) for value in given.split()]
    written = [WRITTEN[what](numbers, values).replace(THIN_SPACE, " ") for numbers in NUMBERS.values()]
    assert written == texts


def test_the_docs_have_an_example_of_everything() -> None:
    assert {row[0] for row in examples()} == set(WRITTEN)


CHANGES = {
    'include = "age >= 18"': 'include = "age >= 18.5"',
    'time_unit = "months"': 'time_unit = "months"\nconfidence_level = 0.975',
    'kind = "continuous", unit': 'kind = "continuous", per = 2.5, unit',
    'kind = "matching"': 'kind = "matching"\n\n[adjustments.model]\nkind = "multivariable"',
}
SECTIONS = """
[analyses.survival]
landmarks = [4.5]
[subgroups]
variables = ["sex"]
minimum_events = 1
[output]
style = "{style}"
"""


def study(folder: Path, name: str) -> StudyReport:
    rows = [{**row, "died": "1" if row["arm"] == "old" else row["died"]} for row in patients(1200)]
    protocol = read_protocol(write_study(folder, rows, CHANGES, SECTIONS.format(style=name)))
    return compose(protocol, run_study(protocol, read_records(protocol, folder)), ())


def table_texts(report: StudyReport) -> Iterator[str]:
    for table in report.sections[0].tables:
        yield from (table.title, *table.columns, *table.footnotes, *(title for title, _ in table.groups))
        yield from (cell.text for row in table.rows for cell in row.cells)


def sentences(report: StudyReport) -> Iterator[str]:
    section = report.sections[0]
    yield section.headline.text
    yield from (sentence.text for sentence in (*section.warnings, *(s for part in section.results for s in part)))
    yield from (paragraph for _, paragraphs in report.methods for paragraph in paragraphs)


def p_cells(report: StudyReport) -> Iterator[str]:
    for table in report.sections[0].tables:
        for row in table.rows:
            named = zip(table.columns, row.cells, strict=False) if row.kind == "data" else ()
            yield from (cell.text for column, cell in named if re.search(r"\b[Pp]\b", column) and cell.text)


def figure_texts(report: StudyReport) -> Iterator[str]:
    for named in all_figures(report.sections[0].scope):
        with figure_style():
            figure = named.draw()
            if figure is not None:
                FigureCanvasAgg(figure).draw()
                yield from (text.get_text() for text in figure.findobj(Text) if text.get_visible())


UNSTYLED = {
    "jama": r"[Pp] ?[=<>] ?0|\d–\d|\d,\d|[Pp][=<>]|\bP\b(?! (value|values|[=<>] \.\d))",
    "lancet": r"\d\.\d|\bP\b|\d-\d|\d,\d|\bp [=<>]",
    "nejm": r"\d-\d|\bp\b|\bP [=<>]|[Pp] ?[=<>]\.|·|\bP\b(?! values?|[=<>]\d)|\b\d,\d",
}
P_CELL = {
    "jama": r"(<|>)?\.\d{2,4}",
    "lancet": r"(<|>)?0·\d{2,4}",
    "nejm": r"(<|>)?0\.\d{2,3}",
}


@pytest.mark.parametrize("name", UNSTYLED)
def test_no_unstyled_number_slips_into_a_study(name: str, tmp_path: Path) -> None:
    report = study(tmp_path, name)
    texts = [*table_texts(report), *sentences(report), *figure_texts(report)]
    assert [text for text in texts if re.search(UNSTYLED[name], text)] == []
    cells = [re.sub(r"[ᵃᵇᶜᵈᵉ]$", "", cell) for cell in p_cells(report)]
    parts = [part for cell in cells for part in re.findall(r"[^ \[\]]+", cell)]
    assert len(parts) > 10
    assert [part for part in parts if not re.fullmatch(P_CELL[name], part)] == []
    intervals = [text for text in texts if re.match(r"\d+[.·]\d+ \(", text)]
    assert len(intervals) > 10
    ratios = next(table for table in report.sections[0].tables if table.name == "hazard_ratios")
    between = re.escape(STYLES[name].limits)
    assert all(re.search(rf"\d{between}\d", row.cells[3].text) for row in ratios.rows if row.kind == "data")


def test_a_plain_study_is_written_as_ever(tmp_path: Path) -> None:
    report = study(tmp_path, "plain")
    ratios = next(table for table in report.sections[0].tables if table.name == "hazard_ratios")
    assert ratios.columns[3:5] == ("Hazard ratio (97.5% CI)", "P")
    assert any(
        re.search(r"\d\.\d\d \(\d\.\d\d–\d\.\d\d\)", row.cells[-3].text) for row in ratios.rows if len(row.cells) > 3
    )
    assert "1,200" in " ".join(sentences(report))
    assert any("Log-rank P <0.001" in text for text in figure_texts(report))
    assert any("P < 0.001" in text for text in sentences(report))
