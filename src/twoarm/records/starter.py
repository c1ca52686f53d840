"""A commented protocol to start from, written from a spreadsheet's columns.

It names columns and types. Levels are listed only for columns with few levels, each frequent, so that no rare value
leaves the data.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.column import DateColumn, IntegerColumn, NumberColumn
from twoarm.protocol.data import Source
from twoarm.protocol.expression_parser import WORDS
from twoarm.records.cell_text import cell_text
from twoarm.records.column_typing import type_column
from twoarm.records.source_files import read_source

MOST_LEVELS = 8
LEAST_FREQUENT = 10  # patients; a level below this is not written down
MISSING = ("", "NA", "N/A", "NULL")
_FORMATS = ("YYYY-MM-DD", "YYYY/MM/DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY")
_NAME = re.compile(r"[^A-Za-z0-9_]+")
_KEY = re.compile(r"(^|_)(id|pid|key|mrn|patient|subject|usubjid|编号)($|_)|patient_?id|患者编号", re.IGNORECASE)
_TRUE, _FALSE = {"1", "true", "yes", "y"}, {"0", "false", "no", "n"}


def starter_protocol(path: Path, shown: str) -> str:
    """Return the text of a protocol for the table in a file; ``shown`` is its path as the protocol names it."""
    source = Source(file=path.name, key="key", columns={"key": {"type": "text"}}, missing=MISSING)  # type: ignore[dict-item]
    frame = read_source("data.patients", source.whole(), path.parent).frame
    if not frame.height:
        raise RecordsError(
            [Problem(path.name, "no rows under the header", "expected one row a patient", rule="no_rows")]
        )
    names = _names(frame.columns)
    kinds = {header: _guess(frame[header], source) for header in frame.columns}
    key = _key(frame)
    lines = [_declaration(header, names[header], kinds[header], header == key) for header in frame.columns]
    covariates = [
        _covariate(names[header], frame[header], kinds[header], source) for header in frame.columns if header != key
    ]
    dates = [names[header] for header in frame.columns if kinds[header].startswith("date")]
    arms = [names[header] for header in frame.columns if header != key and kinds[header] == "boolean"]
    return _TEMPLATE.format(
        title=json.dumps(f"CHOOSE a title ({path.stem})", ensure_ascii=False),
        file=json.dumps(shown, ensure_ascii=False),
        key=names[key],
        missing=json.dumps(list(MISSING)),
        columns="\n".join(lines),
        arm_hint=", ".join(arms) or "none was found; a text column will do",
        date_hint=", ".join(dates) or "none was found",
        covariates="\n".join(line for line in covariates if line),
    )


def _names(headers: list[str]) -> dict[str, str]:
    """Return a name of letters, digits and underscores for each header."""
    names: dict[str, str] = {}
    for position, header in enumerate(headers, start=1):
        name = _NAME.sub("_", header).strip("_")
        if not name or not name[0].isalpha():
            name = f"column_{position}"
        name = name[:56]
        while name in names.values() or name in WORDS:
            name = f"{name}_{position}"
        names[header] = name
    return names


def _guess(column: pl.Series, source: Source) -> str:
    """Return ``boolean``, ``integer``, ``number``, ``date FORMAT``, ``date?`` (several formats fit) or ``text``."""
    text = cell_text(column)
    values = set(text.filter(text.is_not_null() & ~text.is_in(list(source.missing))).str.to_lowercase().to_list())
    if not values:
        return "text"
    if values <= _TRUE | _FALSE and len(values) > 1:
        return "boolean"
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return "date YYYY-MM-DD"
    for kind, declared in (
        ("integer", IntegerColumn(type="integer")),
        ("number", NumberColumn(type="number")),
    ):
        if not type_column(column, declared, source).held().any():
            return kind
    fits = [
        form for form in _FORMATS if not type_column(column, DateColumn(type="date", format=form), source).held().any()
    ]
    if len(fits) > 1:
        return "date?"
    return f"date {fits[0]}" if fits else "text"


def _key(frame: pl.DataFrame) -> str:
    unique = [name for name in frame.columns if frame[name].n_unique() == frame.height and not frame[name].has_nulls()]
    named = [name for name in unique if _KEY.search(name)]
    return [*named, *unique, frame.columns[0]][0]


def _declaration(header: str, name: str, kind: str, is_key: bool) -> str:
    parts = {"type": "text" if is_key else kind.split()[0].rstrip("?")}
    if kind.startswith("date") and not is_key:
        parts["format"] = kind.partition(" ")[2] or "CHOOSE"
    if header != name:
        parts["source"] = header
    note = "  # day first or month first? DD/MM/YYYY or MM/DD/YYYY" if kind == "date?" else ""
    if list(parts) == ["type"]:
        return f"{name} = {json.dumps(parts['type'])}{note}"
    inside = ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in parts.items())
    return f"{name} = {{ {inside} }}{note}"


def _covariate(name: str, column: pl.Series, kind: str, source: Source) -> str:
    if kind.startswith("date"):
        return ""
    text = cell_text(column)
    counts = text.filter(text.is_not_null() & ~text.is_in(list(source.missing))).value_counts(sort=True)
    frequent = counts.height <= MOST_LEVELS and counts.height > 1 and min(counts["count"].to_list()) >= LEAST_FREQUENT
    if kind == "boolean":
        return f'# {name} = {{ kind = "categorical", levels = [false, true], labels = ["No", "Yes"] }}'
    if frequent:
        if kind == "integer" and not all(
            re.fullmatch(r"-?(0|[1-9]\d*)", value) for value in counts.to_series(0).to_list()
        ):
            return f"# {name}: whole numbers written in several ways; not listed"
        values = sorted(counts.to_series(0).to_list(), key=lambda v: (len(v), v) if kind == "integer" else (0, v))
        levels = ", ".join(value if kind == "integer" else json.dumps(value, ensure_ascii=False) for value in values)
        return f'# {name} = {{ kind = "categorical", levels = [{levels}] }}'
    if kind in ("integer", "number"):
        return f'# {name} = {{ kind = "continuous" }}'
    return f"# {name}: text with many or rare values; not listed"


_TEMPLATE = """\
# A protocol to start from. Fill in what is marked CHOOSE, uncomment what you need, then run: twoarm check
format_version = 1
title = {title}
time_unit = "months"            # unit of times on paper: days, weeks, months, years
# data_cutoff = 2025-03-01      # nothing after this day counts

[data.patients]
file = {file}
key = "{key}"                   # one row a patient; the key is always text
missing = {missing}             # cells that stand for a missing value
# on_invalid = "hold"           # go on when a cell cannot be read; by default the data are refused

[data.patients.columns]         # text, category, integer, number, boolean, date; other columns are ignored
{columns}

[populations.study]
label = "All patients"
# time_zero = "CHOOSE"          # a date column, for endpoints from dates; found: {date_hint}

[populations.study.arms]        # yes/no columns found: {arm_hint}
column = "CHOOSE"
treated = {{ value = true, label = "Treated" }}
comparator = {{ value = false, label = "Not treated" }}

# [[populations.study.criteria]]
# label = "Adults"
# include = "age >= 18"         # or exclude = "..."; and, or, not, in (...), between ... and ..., is missing
# if_missing = "exclude"        # what follows when it cannot be told: exclude, keep, refuse

[covariates]                    # known at or before time zero; uncomment those that belong in the study
{covariates}

[endpoints.os]
label = "Overall survival"
primary = true
time = "CHOOSE"                 # a duration in days and a yes/no column ...
event = "CHOOSE"
# events = ["death_date"]       # ... or dates, from time zero
# censoring = ["last_contact_date"]

[adjustments.multivariable]
kind = "multivariable"

[adjustments.matched]
kind = "matching"               # 1:1 nearest neighbour on the propensity score
focal = "treated"               # whose patients look for partners
scale = "logit"
caliper = {{ width = 0.2, unit = "sd", sd = "all" }}
order = "closest"

# [analyses.survival]
# landmarks = [12, 24]          # in the unit above

# [subgroups]
# variables = ["CHOOSE"]        # covariates with levels
"""
