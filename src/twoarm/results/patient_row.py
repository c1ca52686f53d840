"""What became of one patient; written only when the protocol asks for it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True, slots=True)
class PatientRow:
    """A patient of one adjusted cohort, or one who was left out and why."""

    population: str
    missing: str
    adjustment: str
    key: str
    arm: str
    pair: int | None = None
    propensity: float | None = None
    weight: float | None = None
    endpoint: str = ""
    time: int | None = None
    event: int | None = None
    left_out: str = ""


def patient_rows_csv(rows: Iterable[PatientRow]) -> str:
    """Return the rows as CSV with a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(PatientRow)])
    for row in rows:
        writer.writerow(["" if value is None else _inert(value) for value in astuple(row)])
    return out.getvalue()


def _inert(value: object) -> object:
    """Keep a spreadsheet from calculating a text."""
    if isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA)):
        return f"'{value}"
    return value


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")
