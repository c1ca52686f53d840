"""Cells that nobody would type: a value of the declared type, or missing by a rule; nothing is guessed, nothing crashes."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from spec_fuzz import in_bounded_time, quick, thorough
from twoarm.protocol.column import ColumnDeclaration
from twoarm.protocol.data import Source
from twoarm.records.column_typing import type_column

DECLARATION: TypeAdapter[Any] = TypeAdapter(ColumnDeclaration)
TABLE = Source.model_validate({"file": "a.csv", "key": "id", "columns": {"id": "text"}, "missing": ("NA", "")})

digits = st.text("0123456789", min_size=1, max_size=6)
marks = st.sampled_from(
    [*"-/.,年月日T :+%<>≤≥eE'’ ", "", "\u202e", "\u200b", "\0", "\ufeff", "１", "٣", "O", "l", "UN", "XX", "??"]
)
mixed = st.lists(st.one_of(digits, marks), max_size=9).map("".join)
known = st.sampled_from(
    ["2020-02-30", "31/02/2021", "2021-03", "2021", "UN-UN-2021", "43831", "0", "1", "60", "99999", "29/02/20", "2563-01-01", "民国112年1月1日", "令和5年1月1日", "112/1/1", "9999-12-31", "0000-00-00", "2020-01-01T23:59:60Z", "12:30", "#N/A", "####", "1.5e309", "-0", "1,234", "1.234,5", "1.234.567", "45%", "<5", ">=1e3", "∞", "nan", "inf", "-inf", "1e-400", "９９", "0x10", "1_000", "5-6", "7*", "3H", "1O", "12l", "-9223372036854775808", "9223372036854775808", "18446744073709551616", "+.5", ".", "-", "+", "e", "1e", "是", "TRUE", "yes"]
)  # fmt: skip
cells = st.one_of(st.none(), known, mixed, st.text(max_size=12))
columns = st.lists(cells, max_size=12)
formats = st.lists(
    st.permutations(["YYYY", "MM", "DD"]).flatmap(
        lambda parts: st.sampled_from(["-", "/", ".", "", "|", "(", "\\", "年"]).map(lambda mark: mark.join(parts))
    )
    | st.sampled_from(["excel", "DD/MM/YY", "YYMMDD", "MM-DD-YY"]),
    min_size=1,
    max_size=3,
)
marks_of_numbers = {
    "thousands": st.sampled_from([None, ",", ".", " ", "'"]),
    "limits": st.sampled_from(["hold", "limit"]),
    "multiply": st.one_of(st.none(), st.sampled_from([1e-300, 0.01, 100.0, 1e300])),
    "minimum": st.one_of(st.none(), st.integers(-5, 5)),
    "maximum": st.one_of(st.none(), st.integers(-5, 500)),
}
declared = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("date"),
            "format": formats.map(tuple),
            "pivot": st.one_of(st.none(), st.integers(1900, 2199)),
            "partial": st.sampled_from(["hold", "first", "middle", "last"]),
            "placeholders": st.sampled_from(["missing", "keep"]),
        }
    ),
    st.fixed_dictionaries({"type": st.just("integer"), **marks_of_numbers}),
    st.fixed_dictionaries(
        {
            "type": st.just("number"),
            "decimal": st.sampled_from([".", ","]),
            "percent": st.sampled_from([None, "share", "number"]),
            **marks_of_numbers,
        }
    ),
    st.just({"type": "text"}),
    st.just({"type": "boolean"}),
    st.just({"type": "category", "map": {"是": "yes", "1": "one"}}),
)
days = st.dates()
raw_columns = st.one_of(
    columns.map(lambda values: pl.Series(values, dtype=pl.String)),
    st.lists(st.one_of(st.none(), st.floats()), max_size=8).map(lambda values: pl.Series(values, dtype=pl.Float64)),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=8).map(lambda v: pl.Series(v, dtype=pl.Int64)),
    st.lists(st.one_of(st.none(), st.integers(0, 2**64 - 1)), max_size=8).map(lambda v: pl.Series(v, dtype=pl.UInt64)),
    st.lists(st.one_of(st.none(), st.booleans()), max_size=8).map(lambda values: pl.Series(values, dtype=pl.Boolean)),
    st.lists(st.one_of(st.none(), days), max_size=8).map(lambda values: pl.Series(values, dtype=pl.Date)),
    st.lists(st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)), max_size=8).map(
        lambda values: pl.Series(values, dtype=pl.Int32).cast(pl.Date)  # as a Parquet file may have it
    ),
    st.tuples(
        st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=8),
        st.sampled_from(["ms", "us", "ns"]),
        st.sampled_from([None, "UTC", "Asia/Shanghai", "America/New_York"]),
    ).map(lambda made: pl.Series(made[0], dtype=pl.Int64).cast(pl.Datetime(made[1], made[2]))),
    st.lists(st.one_of(st.none(), st.datetimes()), max_size=8).map(lambda values: pl.Series(values, dtype=pl.Datetime)),
)  # fmt: skip
TYPES = {
    "date": pl.Date,
    "integer": pl.Int64,
    "number": pl.Float64,
    "text": pl.String,
    "boolean": pl.Boolean,
    "category": pl.String,
}


@in_bounded_time()
def typed_or_held(raw: pl.Series, options: dict[str, Any], epoch_1904: bool) -> None:
    try:
        column = DECLARATION.validate_python({key: value for key, value in options.items() if value is not None})
    except ValidationError:
        assume(False)
    found = type_column(raw, column, TABLE, epoch_1904=epoch_1904)
    assert len(found.values) == len(raw)
    assert found.values.dtype == TYPES[column.type]
    held = found.held()
    values = found.values.to_list()
    for value, unread, cell in zip(values, held.to_list(), raw.is_null().to_list(), strict=True):
        assert not (cell and (value is not None or unread)), "an empty cell is missing"
    for value in values:
        if isinstance(value, float):
            assert abs(value) < float("inf")
        if isinstance(value, datetime.date):
            assert datetime.date.min <= value <= datetime.date.max


@quick(150)
@given(columns.map(lambda values: pl.Series(values, dtype=pl.String)), declared, st.booleans())
def test_cells_of_text(raw: pl.Series, options: dict[str, Any], epoch_1904: bool) -> None:
    typed_or_held(raw, options, epoch_1904)


@quick(150)
@given(raw_columns, declared, st.booleans())
def test_cells_of_any_type(raw: pl.Series, options: dict[str, Any], epoch_1904: bool) -> None:
    typed_or_held(raw, options, epoch_1904)


@pytest.mark.slow
@thorough(800)
@given(raw_columns, declared, st.booleans())
def test_cells_of_any_type_thoroughly(raw: pl.Series, options: dict[str, Any], epoch_1904: bool) -> None:
    typed_or_held(raw, options, epoch_1904)
