"""Tables as text: formats, signs for what is not there, and spreadsheets that stay inert."""

from __future__ import annotations

import csv
import io

import pytest

from twoarm.results.estimate import Estimate
from twoarm.tables.formats import Numbers
from twoarm.tables.table import Cell, Footnotes, Row, Table, plain, to_csv, to_html


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.125, 2, "0.13"),
        (-0.125, 2, "−0.13"),
        (2.675, 2, "2.68"),
        (1234.5, 0, "1,235"),
        (-0.001, 2, "0.00"),
        (0.5, 0, "1"),
    ],
)
def test_halves_are_rounded_away_from_zero(value: float, decimals: int, text: str) -> None:
    assert Numbers().fixed(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05, "0.050"), (0.0499, "0.050"), (0.001, "0.001"), (0.00099, "<0.001"), (1.0, ">0.999"), (0.0, "<0.001")],
)
def test_p_values(value: float, text: str) -> None:
    assert Numbers().p_value(value) == text


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (None, ""),
        (Estimate(analysis="a", value=0.5), "0.50"),
        (Estimate(analysis="a", status="not_estimable", note="no events"), "NE"),
        (Estimate(analysis="a", status="not_estimable", note="not reached"), "NR"),
        (Estimate(analysis="a", status="suppressed"), "*"),
    ],
)
def test_what_is_not_there_has_its_sign(row: Estimate | None, text: str) -> None:
    assert Numbers().number(row, 2) == text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("7.8", "6.3", "9.5"), "7.8 (6.3–9.5)"),
        (("NR", "6.3", "NR"), "NR (6.3–NR)"),
        (("NE", "NE", "NE"), "NE"),
        (("NE", "", ""), "NE"),
        (("7.8", "", ""), "7.8"),
        (("−0.1", "−0.3", "0.1"), "−0.1 (−0.3 to 0.1)"),
    ],
)
def test_an_interval_shows_what_there_is(parts: tuple[str, str, str], text: str) -> None:
    assert Numbers().with_interval(*parts) == text


@pytest.mark.parametrize("cell", ["=1+1", "+1", "@SUM(A1)", "-2+3", "\t=1", "＝1", " =1"])
def test_a_formula_is_text_in_a_spreadsheet(cell: str) -> None:
    table = Table("t", "T", ("a", "b"), (Row(plain("x", cell)),))
    shown = list(csv.reader(io.StringIO(to_csv(table))))[-1][1]
    assert shown.startswith("'")


@pytest.mark.parametrize("cell", ["−0.16", "−1,234.5", "0.85 (0.63–1.14)"])
def test_a_number_stays_a_number_in_a_spreadsheet(cell: str) -> None:
    table = Table("t", "T", ("a", "b"), (Row(plain("x", cell)),))
    assert list(csv.reader(io.StringIO(to_csv(table))))[-1][1] == cell.replace("−", "-")


def test_html_is_escaped_and_names_its_rows() -> None:
    table = Table("t", "<b>", ("a", "b"), (Row((Cell("<i>"), Cell("1", ("id/1", "id/2")))),), ("& note",))
    page = to_html(table)
    assert "<b>" not in page
    assert "<i>" not in page
    assert 'data-ledger="id/1 id/2"' in page
    assert "&amp; note" in page


def test_a_footnote_has_one_letter_however_often_it_is_used() -> None:
    marks = Footnotes()
    assert [marks.mark(note) for note in ("x", "y", "x")] == ["ᵃ", "ᵇ", "ᵃ"]
    assert marks.lines() == ("ᵃ x", "ᵇ y")
