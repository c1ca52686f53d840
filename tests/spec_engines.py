"""Studies whose records lie in Parquet with native types: as a file, as a folder, as a table of an engine."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from spec_study import patients
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol
from twoarm.records.engine_ops import in_days
from twoarm.records.records import Records, read_records
from twoarm.report.study_report import compose
from twoarm.study import run_study
from twoarm.tables.table import to_csv

EXAMPLES = Path(__file__).parents[1] / "examples"
ENGINES = {
    "polars": "",
    "duckdb": 'engine = "duckdb"\n',
    "spark": 'engine = "spark"\nspark = { master = "local[2]" }\n',
}

PROTOCOL = """\
format_version = 1
title = "A small study on an engine"

[data.patients]
{source}
key = "id"

[data.patients.columns]
id = "text"
arm = "text"
age = "integer"
sex = "text"
days = "integer"
died = "boolean"

[populations.study]
label = "Everybody"

[populations.study.arms]
column = "arm"
treated = {{ value = "new", label = "New" }}
comparator = {{ value = "old", label = "Old" }}

[[populations.study.criteria]]
label = "Adults"
include = "age >= 18"

[covariates]
age = {{ kind = "continuous", unit = "years" }}
sex = {{ kind = "categorical", levels = ["f", "m"], labels = ["Female", "Male"] }}

[endpoints.os]
label = "Overall survival"
time = "days"
event = "died"

[adjustments.weighted]
kind = "weighting"

[subgroups]
variables = ["sex"]
minimum_events = 1
"""
"""Nothing in it asks for patients one by one."""

MATCHED = '\n[adjustments.matched]\nkind = "matching"\n'
BY_SITE = f'{MATCHED}exact = ["site"]\n'
"""Each stratum can be matched by itself, so patients need not be told apart."""
PLACES = (":file", ":row", ":file_order")  # rows of a folder are numbered in the order in which they are read

VISITS = """
[events.visits]
{source}
key = "id"
columns = {{ id = "text", day = "date", word = "text" }}
"""


def native(n: int = 240) -> pl.DataFrame:
    """Return patients with few values, so that many are alike."""
    frame = pl.DataFrame(patients(n)).with_columns(pl.col("age", "days").cast(pl.Int64), died=pl.col("died") == "1")
    return frame.with_columns(age=40 + pl.col("age") % 3 * 10, days=30 * (1 + pl.col("days") % 5))


def write_folder(frame: pl.DataFrame, folder: Path, parts: int = 3) -> Path:
    """Write a frame as some Parquet files."""
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-frame.height // parts)
    for part in range(parts):
        frame.slice(part * size, size).write_parquet(folder / f"part-{part}.parquet")
    return folder


def protocol_on(
    engine: str, source: str = 'folder = "patients"', more: str = "", replace: Mapping[str, str] | None = None
) -> Protocol:
    """Return the small study on an engine."""
    text = PROTOCOL.format(source=source) + more
    for old, new in (replace or {}).items():
        assert old in text, f"{old!r} stands in the protocol that a test changes"
        text = text.replace(old, new)
    return on(engine, text)


def on(engine: str, text: str) -> Protocol:
    """Return a protocol on an engine."""
    return parse_protocol(text.replace("\n[data.", f"\n{ENGINES[engine]}\n[data.", 1))


def outcome(protocol: Protocol, folder: Path) -> tuple[Records, dict[str, str]]:
    """Run a study; return its records, and the text of everything that must not depend on the engine."""
    records = read_records(protocol, folder)
    results = run_study(protocol, records)
    texts = {"results.json": results.estimates_json(), "curves.json": results.curves_json()}
    for section in compose(protocol, results, ()).sections:
        texts |= {f"{section.prefix}{table.name}": to_csv(table) for table in section.tables}
    return records, texts


def most_fetched(records: Records) -> int:
    """Return how many rows the largest query handed over."""
    return max(rows for _, rows in records.fetched)


def rows_of(records: Records, frame: Any) -> pl.DataFrame:
    """Return the rows of a frame of records, by key, with dates as day numbers."""
    return records.collect(in_days(frame), "test").sort(":key")


def visits(keys: list[str | None]) -> pl.DataFrame:
    """Return a table of events with a row for each key."""
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 1, 1) + pl.duration(days=len(keys) - 1), eager=True)
    return pl.DataFrame({"id": pl.Series(keys, dtype=pl.String), "day": days, "word": ["a"] * len(keys)})


def rotterdam(folder: Path) -> str:
    """Write the example's patients with native types, as a file and as a folder; return its protocol with {source}."""
    yes_no = ["hormon", "chemo", "recur", "death"]
    frame = pl.read_csv(EXAMPLES / "rotterdam" / "rotterdam.csv", schema_overrides={"pid": pl.String})
    frame = frame.with_columns(pl.col(yes_no).cast(pl.Boolean))
    write_folder(frame.sample(fraction=1, shuffle=True, seed=1), folder / "patients")
    frame.write_parquet(folder / "patients.parquet")
    return (EXAMPLES / "rotterdam" / "study.toml").read_text("utf-8")


def es_sclc(folder: Path) -> tuple[str, dict[str, str]]:
    """Write the example's tables with native types; return its protocol with one file a table, and what to replace."""
    text = (EXAMPLES / "es-sclc" / "study.toml").read_text("utf-8")
    start, end = (
        text.index("[[data.patients.files]]"),
        text.index("# ---------------------------------------------------------------- what happened"),
    )
    text = text[:start] + text[end:]
    text = text.replace('"内蒙古" = "Inner', '"Inner Mongolia" = "Inner').replace("imputations = 20", "imputations = 2")
    text = text.replace("[data.patients]\n", '[data.patients]\nfile = "patients.parquet"\n')
    folders = {}
    for name, csv in (("patients", "pooled"), ("responses", "responses"), ("adverse_events", "adverse_events")):
        frame = pl.read_csv(EXAMPLES / "es-sclc" / f"{csv}.csv", try_parse_dates=True)
        yes_no = [
            one
            for one in frame.columns
            if frame[one].dtype == pl.String and set(frame[one].drop_nulls()) <= {"yes", "no"}
        ]
        frame = frame.with_columns(pl.col(yes_no) == "yes")
        frame.write_parquet(folder / f"{name}.parquet")
        write_folder(frame.sample(fraction=1, shuffle=True, seed=2), folder / name)
        text = text.replace(f'file = "{csv}.csv"', f'file = "{name}.parquet"')
        folders[f'file = "{name}.parquet"'] = f'folder = "{name}"'
    return text, folders


ODD = """\
format_version = 1
title = "Values that engines hold in their own ways"

[data.patients]
{source}
key = "id"
missing = ["", "NA"]
on_invalid = "hold"

[data.patients.columns]
id = "text"
arm = "text"
big = "integer"
unsigned = {{ type = "integer", source = 'a "b".c d' }}
whole = "integer"
number = "number"
single = "number"
money = "number"
yes = {{ type = "boolean", true = ["true"], false = ["false"] }}
day = {{ type = "date", placeholders = "keep" }}
time = "date"
zoned = "date"
milli = "date"
nothing = "text"
flag = "boolean"
small = "integer"
level = {{ type = "category", map = {{ low = "low", high = "high" }} }}
word = "text"
kind = {{ type = "category", map = {{ u = "U", v = "V" }} }}
coded = {{ type = "category", map = {{ "1" = "one", "2.5" = "two and a half" }} }}
days = "integer"
died = "boolean"

[populations.study]
label = "Everybody"

[populations.study.arms]
column = "arm"
treated = {{ value = "new", label = "New" }}
comparator = {{ value = "old", label = "Old" }}

[covariates]
number = {{ kind = "continuous" }}

[endpoints.os]
label = "Overall survival"
time = "days"
event = "died"
"""


def odd_values() -> pl.DataFrame:
    """Return columns of every type that a Parquet file may have, with their edges."""
    n = 24
    late = [datetime.datetime(2020, 6, 1, 23, 30), datetime.datetime(2020, 6, 2), None]
    columns = {
        "id": [f"P{i:02d}" for i in range(n)],
        "arm": ["new", "old"] * (n // 2),
        "big": [2**62 + 1, 2**53 + 1, -(2**61), None] * (n // 4),
        'a "b".c d': [2**63 - 1, 2**60 + 3, None] * (n // 3),
        "whole": [1.0, 2.5, None, float("nan")] * (n // 4),
        "number": [0.1 + 0.2, -0.0, 0.0, None, float("nan"), 1e-300, float("inf"), 1e16] * (n // 8),
        "single": [0.1, 3.0, None] * (n // 3),
        "money": [Decimal("1.50"), Decimal("-0.05"), None] * (n // 3),
        "yes": [True, False, None] * (n // 3),
        "day": [datetime.date(1600, 2, 29), datetime.date(9999, 12, 31), None, datetime.date(1970, 1, 1)] * (n // 4),
        "time": late * (n // 3),
        "zoned": late * (n // 3),
        "milli": late * (n // 3),
        "nothing": [None] * n,
        "flag": ["Yes", "no", None, "1"] * (n // 4),
        "small": [1, -128, None] * (n // 3),
        "level": ["low", "high", None, "low"] * (n // 4),
        "word": ["é", " a ", "NA", "", None, "e\u0301"] * (n // 6),
        "kind": ["u", "v", None] * (n // 3),
        "coded": [1.0, 2.5, None, 7.0] * (n // 4),
        "days": [100] * n,
        "died": [True, True, False] * (n // 3),
        "unused": [[1, 2]] * n,
    }
    types = {"single": pl.Float32, "money": pl.Decimal(12, 2), "kind": pl.Categorical, 'a "b".c d': pl.UInt64}
    types |= {"milli": pl.Datetime("ms"), "small": pl.Int8, "level": pl.Enum(["low", "high"])}
    frame = pl.DataFrame(columns, schema_overrides=types)
    return frame.with_columns(pl.col("zoned").dt.replace_time_zone("Europe/Berlin"))
