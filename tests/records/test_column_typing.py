"""Cells -> types: a table a type, with what is read, what is missing and what is held by which rule."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from twoarm.protocol.column import (
    BooleanColumn,
    CategoryColumn,
    DateColumn,
    IntegerColumn,
    NumberColumn,
    TextColumn,
)
from twoarm.protocol.data import Source
from twoarm.records import column_typing
from twoarm.records.column_typing import type_column

DAY = datetime.date
SOURCE = Source(file="x.csv", key="id", columns={"id": TextColumn(type="text")}, missing=("", "NA"))


@pytest.mark.parametrize(
    ("declared", "cell", "value", "rule"),
    [
        (IntegerColumn(type="integer"), " 12 ", 12, None),
        (IntegerColumn(type="integer"), "12.0", 12, None),
        (IntegerColumn(type="integer"), "+3", 3, None),
        (IntegerColumn(type="integer"), "１２", 12, None),
        (IntegerColumn(type="integer"), "12.5", None, "not_an_integer"),
        (IntegerColumn(type="integer"), "1e3", 1000, None),
        (IntegerColumn(type="integer"), "O", None, "letter_for_digit"),
        (IntegerColumn(type="integer"), "99999999999999999999", None, "not_an_integer"),
        (IntegerColumn(type="integer"), "NA", None, None),
        (IntegerColumn(type="integer"), "", None, None),
        (IntegerColumn(type="integer"), "n/a", None, "not_an_integer"),
        (IntegerColumn(type="integer", minimum=18, maximum=110), "210", None, "outside_range"),
        (NumberColumn(type="number"), "1.5", 1.5, None),
        (NumberColumn(type="number"), "1e5", 1e5, None),
        (NumberColumn(type="number"), "-0.0", 0.0, None),
        (NumberColumn(type="number"), "1,5", None, "decimal_comma"),
        (NumberColumn(type="number"), "<0.5", None, "limit"),
        (NumberColumn(type="number"), "inf", None, "infinite"),
        (NumberColumn(type="number"), "nan", None, "not_a_number"),
        (NumberColumn(type="number"), "1e999", None, "infinite"),
        (NumberColumn(type="number"), "-1e155", None, "infinite"),
        (NumberColumn(type="number"), "1e99", 1e99, None),
        (NumberColumn(type="number"), "#DIV/0!", None, "error_cell"),
        (NumberColumn(type="number", decimal=","), "1,5", 1.5, None),
        (NumberColumn(type="number", decimal=","), "1.234,5", None, "ambiguous_mark"),
        (BooleanColumn(type="boolean"), "Yes\u00a0", True, None),
        (BooleanColumn(type="boolean"), "0", False, None),
        (BooleanColumn(type="boolean"), "2", None, "outside_yes_no_codes"),
        (BooleanColumn(type="boolean", true=("是",), false=("否",)), "是", True, None),
        (CategoryColumn(type="category", map={"男": "male", "M": "male"}), "m ", "male", None),
        (CategoryColumn(type="category", map={"男": "male"}), "女", None, "outside_code_map"),
        (TextColumn(type="text"), "\u200bP01 ", "P01", None),
        (DateColumn(type="date"), "2021-03-05", DAY(2021, 3, 5), None),
        (DateColumn(type="date"), "2021-3-5", DAY(2021, 3, 5), None),
        (DateColumn(type="date"), "2021-02-29", None, "no_such_day"),
        (DateColumn(type="date"), "2021-13-05", None, "no_such_day"),
        (DateColumn(type="date"), "21-03-05", None, "undeclared_century"),
        (DateColumn(type="date"), "05/03/2021", None, "undeclared_order"),
        (DateColumn(type="date"), "2021-03-05 17:31", DAY(2021, 3, 5), "time_dropped"),
        (DateColumn(type="date", format="DD/MM/YYYY"), "05/03/2021", DAY(2021, 3, 5), None),
        (DateColumn(type="date", format="MM/DD/YYYY"), "05/03/2021", DAY(2021, 5, 3), None),
        (DateColumn(type="date", format="DD.MM.YYYY"), "31.02.2021", None, "no_such_day"),
        (DateColumn(type="date", format="YYYY年MM月DD日"), "2021年3月5日", DAY(2021, 3, 5), None),
    ],
)
def test_a_cell_of_text_is_read_or_held(declared: Any, cell: str, value: object, rule: str | None) -> None:
    typed = type_column(pl.Series([cell, "NA"]), declared, SOURCE)
    assert typed.values.to_list() == [value, None]
    broken = [name for name, found in typed.broken.items() if found.cells[0] and found.outcome != "normalised"]
    assert broken == ([rule] if rule else [])
    assert not typed.held()[1]


@pytest.mark.parametrize(
    ("declared", "raw", "value"),
    [
        (TextColumn(type="text"), pl.Series([12.0]), "12"),
        (TextColumn(type="text"), pl.Series([12.5]), "12.5"),
        (IntegerColumn(type="integer"), pl.Series([3.0]), 3),
        (NumberColumn(type="number"), pl.Series([0.1 + 0.2]), 0.1 + 0.2),
        (NumberColumn(type="number"), pl.Series([float("nan")]), None),
        (BooleanColumn(type="boolean"), pl.Series([True]), True),
        (BooleanColumn(type="boolean"), pl.Series([1.0]), True),
        (BooleanColumn(type="boolean"), pl.Series([0]), False),
        (DateColumn(type="date"), pl.Series([DAY(2021, 3, 5)]), DAY(2021, 3, 5)),
        (DateColumn(type="date"), pl.Series([datetime.datetime(2021, 3, 5, 17, 31)]), DAY(2021, 3, 5)),
    ],
)
def test_a_cell_of_a_typed_source_keeps_its_value(declared: Any, raw: pl.Series, value: object) -> None:
    assert type_column(raw, declared, SOURCE).values.to_list() == [value]


CELLS = ("1", "12", "-3", "1.0", "1e3", "<5", "yes", "No", "male", "M", "NA", "", " 1", "#N/A", "###", "5-Jan", "2021-03-05", "2021-03",
         "a", "x" * 100_001, "\x7f", "3月4日", "é", "Ã©", "1\n", "\x00")  # fmt: skip
KINDS = (
    TextColumn(type="text"), IntegerColumn(type="integer", minimum=0), NumberColumn(type="number"), BooleanColumn(type="boolean"),
    CategoryColumn(type="category", map={"M": "male", "5-jan": "five"}), DateColumn(type="date"),
)  # fmt: skip


@pytest.mark.parametrize("declared", KINDS, ids=lambda declared: declared.type)
def test_a_column_without_anything_unusual_is_read_as_if_it_were_looked_through(
    declared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, looked = np.random.default_rng(7), list[tuple[bool, bool]]()
    for _ in range(150):
        cells = [
            None if i == 0 else CELLS[i - 1] for i in rng.integers(0, rng.choice([12, len(CELLS) + 1]), 3).tolist()
        ]
        raw = pl.Series(cells, dtype=pl.String)
        found = type_column(raw, declared, SOURCE)
        looked.append(column_typing._usual(raw, [*SOURCE.missing]))
        with monkeypatch.context() as patched:
            patched.setattr(column_typing, "_usual", lambda *_: (False, False))
            looked_through = type_column(raw, declared, SOURCE)
        assert found.values.to_list() == looked_through.values.to_list(), cells
        for one, other in ((found, looked_through), (looked_through, found)):
            for name, rule in one.broken.items():
                assert name in other.broken or not rule.cells.any(), (cells, name)
                if name in other.broken:
                    assert rule.cells.to_list() == other.broken[name].cells.to_list(), (cells, name)
                    assert rule.outcome == other.broken[name].outcome
    for way in ((True, True), (True, False), (False, True), (False, False)):
        assert looked.count(way) >= 10
