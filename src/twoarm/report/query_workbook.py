"""One workbook a centre with the questions to its hospital, and the answers of the one before it."""

from __future__ import annotations

import datetime
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlsxwriter.workbook import Workbook

COLUMNS = (
    ("Query", 12),
    ("Patient", 14),
    ("Row", 8),
    ("Column", 20),
    ("What is wrong", 46),
    ("What to do", 46),
    ("Answer", 40),
    ("File and sheet", 24),
    ("Rule", 18),
)
ANSWER = 6  # column in which the hospital writes
OPEN, RESOLVED = "Open", "Resolved"
_WRITTEN = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)  # the same questions give the same bytes


def query_workbook(file: str, queries: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the workbook of one file's queries: those that are open, and those that were resolved."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": f"Queries on {file}", "author": "twoarm", "created": _WRITTEN})
        for name, states in ((OPEN, ("new", "open")), (RESOLVED, ("resolved",))):
            _sheet(book, name, [query for query in queries if query["state"] in states])
    return out.getvalue()


def _sheet(book: Workbook, name: str, queries: Sequence[Mapping[str, Any]]) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bottom": 1})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    free = book.add_format({"text_wrap": True, "valign": "top", "bg_color": "#FFF8E1"})
    for column, (title, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, bold)
    sheet.freeze_panes(1, 0)
    for line, query in enumerate(queries, start=1):
        place = f"{query['file']} ({query['sheet']})" if query["sheet"] else query["file"]
        names = ("id", "key", "row", "column", "what", "remedy", "answer")
        for column, value in enumerate([*(query[name] for name in names), place, query.get("rule", "")]):
            text = "" if value is None else str(value)
            sheet.write_string(line, column, text, free if column == ANSWER else wrap)


def read_answers(content: bytes) -> dict[str, str]:
    """Return what a hospital wrote beside each query of a workbook, by the query's id."""
    import python_calamine

    answers: dict[str, str] = {}
    book = python_calamine.load_workbook(io.BytesIO(content))
    for name in (OPEN, RESOLVED):
        if name in book.sheet_names:
            for row in book.get_sheet_by_name(name).to_python()[1:]:
                if len(row) > ANSWER and str(row[ANSWER]).strip():
                    answers[str(row[0])] = str(row[ANSWER]).strip()
    return answers
