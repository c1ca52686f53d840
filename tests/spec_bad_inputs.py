"""A small study with dates, and cases of bad input: change a cell or a file, check the study, see what follows."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
from click.testing import CliRunner, Result

from spec_study import patients
from twoarm.cli import main
from twoarm.errors import RecordsError
from twoarm.protocol.read import read_protocol
from twoarm.records.findings import Finding
from twoarm.records.records import read_records

Rows = list[dict[str, str]]
ROW = 6  # of the patient that a case changes, as the file numbers it
AT = ROW - 2

PROTOCOL = """\
format_version = 1
title = "A small study with dates"

[data.patients]
file = "patients.csv"
key = "id"

[data.patients.columns]
id = "text"
arm = "text"
age = "integer"
sex = "text"
died = "boolean"
birth = "date"
start = "date"
prog = "date"
death = "date"
last = "date"
bmi = "number"
note = "text"

[timeline]
birth = "birth"
death = "death"
last_contact = "last"
death_flag = "died"
age = "age"
sex = "sex"

[populations.study]
label = "Everybody"
time_zero = "start"

[populations.study.arms]
column = "arm"
treated = { value = "new", label = "New" }
comparator = { value = "old", label = "Old" }

[covariates]
age = { kind = "continuous", unit = "years" }
sex = { kind = "categorical", levels = ["f", "m"], labels = ["Female", "Male"] }

[endpoints.os]
label = "Overall survival"
primary = true
events = ["death"]
censoring = ["last"]

[endpoints.pfs]
label = "Progression-free survival"
events = ["prog", "death"]
censoring = ["last"]

[adjustments.matched]
kind = "matching"
"""


def dated_patients(n: int = 60) -> Rows:
    """Return patients whose dates agree with each other."""
    rows = []
    for i, row in enumerate(patients(n)):
        start = datetime.date(2018, 1, 2) + datetime.timedelta(days=11 * i)
        days, age = int(row["days"]), int(row["age"])
        end = start + datetime.timedelta(days=days)
        died = row["died"] == "1"
        rows.append(
            {
                "id": row["id"],
                "arm": row["arm"],
                "age": row["age"],
                "sex": row["sex"],
                "died": row["died"],
                "birth": (start - datetime.timedelta(days=int(age * 365.25) + 50 + i)).isoformat(),
                "start": start.isoformat(),
                "prog": (start + datetime.timedelta(days=days // 2)).isoformat() if i % 5 == 0 else "",
                "death": end.isoformat() if died else "",
                "last": end.isoformat(),
                "bmi": f"{20 + (i * 3) % 11}.{i % 10}",
                "note": "seen",
            }
        )
    return rows


@dataclass(frozen=True)
class Case:
    """One case of the catalogue, the study that has it, and what must follow."""

    number: int
    name: str
    outcome: str  # refused, protocol, held, normalised, warned, nothing
    rule: str = ""
    column: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)  # of the patient in row 6
    replace: Mapping[str, str] = field(default_factory=dict)  # in the protocol
    says: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()  # what no message may have; the changed cells by default
    change: Callable[[Rows], Rows] | None = None
    write: Callable[[Path, Rows], None] | None = None  # in place of the CSV file
    more: str = ""
    rows: tuple[int, ...] = (ROW,)
    excel: bool = True  # the same holds of a workbook with these cells

    @property
    def id(self) -> str:
        return f"case_{self.number:02d}-{self.name}"

    def hidden(self) -> tuple[str, ...]:
        """What no message may have."""
        cells = [value for column, value in self.cells.items() if column not in ("id", "arm", "sex", "died")]
        return (
            *self.secrets,
            *(value for value in cells if len(value) > 2 and value != "unknown"),
        )  # a word of messages


def write_case(case: Case, folder: Path, kind: str = "csv") -> Path:
    """Write the protocol and data of a case; return the protocol's path."""
    text = PROTOCOL + case.more
    for old, new in case.replace.items():
        assert old in text, f"{old!r} stands in the protocol that {case.id} changes"
        text = text.replace(old, new)
    rows = dated_patients()
    rows[AT].update(case.cells)
    if case.change is not None:
        rows = case.change(rows)
    if case.write is not None:
        case.write(folder, rows)
    elif kind == "xlsx":
        text = text.replace("patients.csv", "patients.xlsx")
        write_sheet(folder / "patients.xlsx", [list(rows[0]), *(list(row.values()) for row in rows)])
    else:
        write_csv(folder / "patients.csv", rows)
    study = folder / "study.toml"
    study.write_text(text, "utf-8")
    return study


def write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_sheet(path: Path, table: list[list[object]]) -> None:
    """Write cells into the first sheet of a workbook; texts that start with = stay formulas."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in table:
        sheet.append([None if cell == "" else cell for cell in row])
    book.save(path)


def check(study: Path) -> Result:
    return CliRunner().invoke(main, ["check", str(study)])


def run(study: Path) -> Result:
    out = study.parent / "out"
    return CliRunner().invoke(main, ["run", str(study), "--out", str(out), "--quiet", "--replace"])


def findings(study: Path) -> list[Finding]:
    try:
        return list(read_records(read_protocol(study), study.parent).findings)
    except RecordsError:
        return []


def assert_outcome(case: Case, folder: Path, kind: str = "csv") -> str:
    """Check a case's study and assert its outcome; return all that was said."""
    study = write_case(case, folder, kind)
    result = check(study)
    said = result.output
    expected = {"refused": 3, "protocol": 2}.get(case.outcome, 0)
    assert result.exit_code == expected, said
    for text in case.says:
        assert text in said, said
    for secret in case.hidden():
        assert secret not in said, secret
    if case.outcome == "refused":
        assert case.column in said, said
        for row in case.rows:
            assert f"row {row}" in said or f"rows {row}" in said or not case.column, said
    elif case.outcome not in ("protocol", "nothing"):
        found = [one for one in findings(study) if one.rule == case.rule and one.outcome == case.outcome]
        assert found, [(one.rule, one.outcome) for one in findings(study)]
        assert found[0].file.startswith("patients.")
        assert found[0].column == case.column
        assert set(case.rows) <= set(found[0].rows), found[0].rows
        assert found[0].found() in said
    elif case.outcome == "nothing":
        assert not [one for one in findings(study) if one.outcome != "normalised"], said
    return said
