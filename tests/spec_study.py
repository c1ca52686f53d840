"""A small study in files, for tests: write one, change one thing, see what follows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PROTOCOL = """\
format_version = 1
title = "A small study"
time_unit = "months"

[data.patients]
file = "patients.csv"
key = "id"

[data.patients.columns]
id = "text"
arm = "text"
age = "integer"
sex = "text"
days = "integer"
died = { type = "boolean", true = ["1"], false = ["0"] }

[populations.study]
label = "Everybody"

[populations.study.arms]
column = "arm"
treated = { value = "new", label = "New" }
comparator = { value = "old", label = "Old" }

[[populations.study.criteria]]
label = "Adults"
include = "age >= 18"

[covariates]
age = { kind = "continuous", unit = "years" }
sex = { kind = "categorical", levels = ["f", "m"], labels = ["Female", "Male"] }

[endpoints.os]
label = "Overall survival"
time = "days"
event = "died"

[adjustments.matched]
kind = "matching"
"""

LIGHT = """
[output]
figures = ["svg"]
documents = []
"""
"""What most tests need of a report; one that looks at other files declares its own output."""


def patients(n: int = 60) -> list[dict[str, str]]:
    """Return n patients made by rule: both arms, both sexes, overlapping ages, some deaths in every part."""
    rows = []
    for i in range(n):
        rows.append(
            {
                "id": f"P{i:03d}",
                "arm": "new" if i % 3 == 0 else "old",
                "age": str(40 + (i * 7) % 31),
                "sex": "f" if (i // 2) % 2 else "m",
                "days": str(30 + (i * 37) % 400),
                "died": "1" if i % 4 else "0",
            }
        )
    return rows


def csv_text(rows: list[dict[str, str]]) -> str:
    """Return rows as CSV with a header."""
    lines = [",".join(rows[0])] + [",".join(row.values()) for row in rows]
    return "\n".join(lines) + "\n"


def write_study(
    folder: Path, rows: list[dict[str, str]] | None = None, replace: Mapping[str, str] | None = None, more: str = ""
) -> Path:
    """Write protocol and data into a folder; return the protocol's path. The report is ``LIGHT`` unless declared."""
    text = PROTOCOL + more
    for old, new in (replace or {}).items():
        assert old in text, f"{old!r} stands in the protocol that a test changes"
        text = text.replace(old, new)
    if "[output]" not in text:
        text += LIGHT
    (folder / "patients.csv").write_text(csv_text(patients() if rows is None else rows), "utf-8")
    study = folder / "study.toml"
    study.write_text(text, "utf-8")
    return study
