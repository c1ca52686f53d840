"""What is wrong with the records, by place; never a patient's value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from twoarm.errors import Problem, RecordsError
from twoarm.results.provenance import CellStep

NOTES = (
    r"(?i)^(((合计|总计|小计|总数|平均|均值|均数|中位数|标准差|注|备注|说明|签名|签字|制表|填表|填报|审核|录入|核对|数据来源|"
    r"数据截[止至]|截止日期|统计日期|导出时间|共\s*\d+\s*[例人])[^A-Za-z0-9]{0,6}|"
    r"(grand |sub)?totals?|(mean|average)( age)?|median|notes?|remarks?|signature|signed|data (as of|cut-?off)|"
    r"(prepared|entered|checked|reviewed|compiled|exported|approved) (by|on)|last updated?)([\s:：.,(（\[].*)?|"
    r"(sum|sd|std|comments?|source|legend|as of)(\s*[:：=(（].*)?)$"
)
"""Texts in the column of keys that are no keys; what follows them may be a person's name, and is not told."""
_NOTE = re.compile(NOTES)
LONGEST_KEY = 64  # letters; what is longer, and has more than letters and digits, is a sentence

Outcome = Literal["refused", "held", "warned", "normalised"]
NAMELESS = ":"  # begins the key of a patient whose own was not fetched
SHOWN = 20  # rows named in a message; then a count


@dataclass(frozen=True, slots=True)
class Finding:
    """Cells of one column that break one rule."""

    rule: str
    outcome: Outcome
    file: str
    column: str
    what: str  # "cells that are not a date YYYY-MM-DD"
    rows: tuple[int, ...]  # as numbered in the file, the header being row 1; empty for frames' unknown places
    keys: tuple[str, ...]  # patient keys of the rows, "" where a row has none; none at all for unknown places
    remedy: str
    sheet: str = ""  # of a workbook that is read by one sheet; of several the file is named with each
    count: int = 0  # of rows that have no number, as an engine's have none; the first of their keys may be known

    @property
    def number(self) -> int:
        """How many rows there are; 0 where nobody counted."""
        return len(self.rows) or self.count

    @property
    def where(self) -> str:
        """File and sheet."""
        return f"{self.file} ({self.sheet})" if self.sheet else self.file

    def problem(self) -> Problem:
        """Return the finding as a message."""
        return Problem(self.where, self.found(), self.remedy, self.column, self.rule)

    def note(self, *, counts: bool = True, rows: bool = True) -> str:
        """Return the finding as a sentence, with or without how many cells, and which rows and whose."""
        found = self.found(rows=rows) if counts else f"some {self.what}"
        return f"{self.where}, {self.column}: {found}; {self.remedy} [{self.rule}]."

    def found(self, *, rows: bool = True) -> str:
        """Say what was found, how often and where; an audit line of many cells has their count alone.

        Without rows and patient keys where it is to be published.
        """
        if not self.number:
            return self.what
        counted, place = f"{self.number} {self.what}", self.place()
        many = self.outcome == "normalised" and self.number > SHOWN
        return counted if many or not rows or not place else f"{counted} ({place})"

    def place(self) -> str:
        """Name rows and patients, the first 20 of them; patients alone where rows have no numbers."""
        shown_keys = [shown_key(key) for key in self.keys[:SHOWN]]
        if not self.rows:
            shown = [f"patient {key}" for key in shown_keys if key]
        else:
            named = [f", patient {key}" if key else "" for key in shown_keys] or [""] * SHOWN
            shown = [f"row {row}{patient}" for row, patient in zip(self.rows[:SHOWN], named, strict=False)]
        more = self.number - SHOWN if shown else 0
        return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def shown_key(key: str) -> str:
    """Return a patient key as it may be told; nothing where it is a note that stands in the column of keys.

    >>> shown_key("P-007"), shown_key("Signed: Dr X")
    ('P-007', '')
    """
    sentence = len(key) > LONGEST_KEY and not key.isalnum()
    return "" if sentence or key.startswith(NAMELESS) or _NOTE.match(key) else key


class RefusedRowsError(RecordsError):
    """Records that are refused for what stands in some of their rows."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__([finding.problem() for finding in findings])


def listed(items: Sequence[object]) -> str:
    """Name patients or rows in a message, the first 20 of them."""
    return ", ".join(str(item) for item in items[:SHOWN]) + (", ..." if len(items) > SHOWN else "")


def cell_steps(findings: Iterable[Finding], *, counts: bool = True) -> list[CellStep]:
    """Return what was done to cells, for the audit trail; what is only told of is no step."""
    done = [finding for finding in findings if finding.outcome in ("normalised", "held")]
    steps = [CellStep(one.rule, one.outcome, one.where, one.column, one.number if counts else None) for one in done]
    return list(dict.fromkeys(steps))


def split_place(where: str) -> tuple[str, str]:
    """Return the file and the sheet of a place; all sheets of a file are one hospital's.

    >>> split_place("north.xlsx (Patients)")
    ('north.xlsx', 'Patients')
    """
    file, of_sheet, sheet = where.partition(".xlsx (")
    return (f"{file}.xlsx", sheet.removesuffix(")")) if of_sheet else (where, "")


def refused(findings: Sequence[Finding]) -> list[Problem]:
    """Return the problems that stop the study."""
    return [finding.problem() for finding in findings if finding.outcome == "refused"]
