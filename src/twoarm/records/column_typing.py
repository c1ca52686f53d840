"""Raw cells -> the declared type. What cannot be read is held: a null with the rule that it breaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from twoarm.protocol.column import (
    BooleanColumn,
    CategoryColumn,
    ColumnDeclaration,
    DateColumn,
    IntegerColumn,
    NumberColumn,
    TextColumn,
)
from twoarm.protocol.data import Source, TablePart
from twoarm.protocol.section import folded

_INTEGER = r"^[+-]?\d+(\.0*)?$"
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
_INVISIBLE = "[\u200b\u200c\u200d\u2060\ufeff\u202a-\u202e]"


@dataclass(frozen=True, slots=True, eq=False)
class TypedColumn:
    """Values in the declared type, and for each broken rule the cells that break it."""

    values: pl.Series
    broken: dict[str, tuple[str, pl.Series]]  # rule -> (what the cells are, mask)

    def held(self) -> pl.Series:
        """True where a cell could not be read."""
        mask = pl.Series([False] * len(self.values), dtype=pl.Boolean)
        for _, cells in self.broken.values():
            mask = mask | cells
        return mask


def type_column(raw: pl.Series, declared: ColumnDeclaration, source: Source | TablePart) -> TypedColumn:
    """Return a column in its declared type."""
    text = cell_text(raw)
    missing = source.missing if declared.missing is None else declared.missing
    text = text.set(text.is_in([clean_text(word) for word in missing]), None)
    if isinstance(declared, DateColumn):
        return _dates(raw, text, declared)
    for kind, function in _BY_KIND.items():
        if isinstance(declared, kind):
            return function(text, declared)
    raise AssertionError(f"no reader for a column of type {declared.type}")


def readable(raw: pl.Series) -> bool:
    """Whether a column's own type is one that cells can be read from."""
    kinds = (pl.String, pl.Boolean, pl.Date, pl.Datetime, pl.Categorical, pl.Enum, pl.Null, pl.Decimal)
    return raw.dtype.is_numeric() or isinstance(raw.dtype, kinds) or raw.dtype in kinds


def clean_text(value: str) -> str:
    """Return one text as ``cell_text`` would."""
    return str(cell_text(pl.Series([value], dtype=pl.String))[0])


def cell_text(raw: pl.Series) -> pl.Series:
    """Return cells as text: NFKC, no invisible characters, no space around; whole floats without a point."""
    if raw.dtype.is_float():
        whole = raw.is_finite() & (raw == raw.round(0)) & (raw.abs() < 2**53)
        as_integers = raw.set(~whole.fill_null(False), None).cast(pl.Int64).cast(pl.String)
        as_floats = raw.set(raw.is_nan().fill_null(False), None).cast(pl.String)
        return pl.select(pl.coalesce(as_integers, as_floats)).to_series()
    text = raw.cast(pl.String, strict=False)
    if raw.dtype == pl.String:
        text = text.str.normalize("NFKC").str.replace_all(_INVISIBLE, "").str.strip_chars()
    return text


def _failed(text: pl.Series, values: pl.Series) -> pl.Series:
    return text.is_not_null() & values.is_null()


def _text(text: pl.Series, _: TextColumn) -> TypedColumn:
    return TypedColumn(text, {})


def _category(text: pl.Series, declared: CategoryColumn) -> TypedColumn:
    meanings = {folded(code): meaning for code, meaning in declared.map.items()}
    values = text.str.to_lowercase().replace_strict(meanings, default=None, return_dtype=pl.String)
    return TypedColumn(values, {"outside_code_map": ("cells outside the declared code map", _failed(text, values))})


def _boolean(text: pl.Series, declared: BooleanColumn) -> TypedColumn:
    codes = {folded(code): True for code in declared.true}
    codes |= {folded(code): False for code in declared.false}
    values = text.str.to_lowercase().replace_strict(codes, default=None, return_dtype=pl.Boolean)
    return TypedColumn(values, {"outside_yes_no_codes": ("cells outside the yes/no codes", _failed(text, values))})


def _integer(text: pl.Series, declared: IntegerColumn) -> TypedColumn:
    if declared.multiply is not None:
        written = text.set(~text.str.contains(_NUMBER), None).cast(pl.Float64, strict=False)
        numbers = _converted(written, declared.multiply)
        whole = numbers.set((numbers != numbers.round(0)) | (numbers.abs() >= 2**53), None).cast(pl.Int64, strict=False)
        return _within_range(text, whole, declared, "not_an_integer", "cells that are not whole numbers when converted")
    fits = text.str.contains(_INTEGER)
    digits = text.set(~fits, None).str.replace(r"\.0*$", "").str.strip_prefix("+")
    values = digits.cast(pl.Int64, strict=False)
    return _within_range(text, values, declared, "not_an_integer", "cells that are not whole numbers")


def _number(text: pl.Series, declared: NumberColumn) -> TypedColumn:
    if declared.decimal == ",":
        # a point would be a thousands separator here, which is ambiguous, so it is not read at all
        text = text.str.replace_all(".", "?", literal=True).str.replace(",", ".", literal=True)
    fits = text.str.contains(_NUMBER)
    values = text.set(~fits, None).cast(pl.Float64, strict=False)
    if declared.multiply is not None:
        values = _converted(values, declared.multiply)
    values = values.set(values.is_infinite().fill_null(False), None) + 0.0  # no -0.0
    return _within_range(text, values, declared, "not_a_number", "cells that are not numbers")


def _converted(values: pl.Series, factor: float) -> pl.Series:
    """Multiply, at 12 significant digits: 1.67 m are 167 cm and not 166.99999999999997."""
    return (values * factor).round_sig_figs(12)


def _within_range(
    text: pl.Series, values: pl.Series, declared: IntegerColumn | NumberColumn, rule: str, what: str
) -> TypedColumn:
    broken = {rule: (what, _failed(text, values))}
    outside = pl.Series([False] * len(values), dtype=pl.Boolean)
    if declared.minimum is not None:
        outside = outside | (values < declared.minimum).fill_null(False)
    if declared.maximum is not None:
        outside = outside | (values > declared.maximum).fill_null(False)
    ends = [f"{word} {end}" for word, end in (("from", declared.minimum), ("to", declared.maximum)) if end is not None]
    broken["outside_range"] = (f"cells outside the declared range {' '.join(ends)}", outside)
    return TypedColumn(values.set(outside, None), broken)


def _dates(raw: pl.Series, text: pl.Series, declared: DateColumn) -> TypedColumn:
    if raw.dtype == pl.Date or isinstance(raw.dtype, pl.Datetime):
        zoned = isinstance(raw.dtype, pl.Datetime) and raw.dtype.time_zone is not None
        days = (raw.dt.replace_time_zone(None) if zoned else raw).cast(pl.Date)  # the calendar day as written
        return TypedColumn(days.set(text.is_null(), None), {})
    pattern, directives = re.escape(declared.format), declared.format
    for part, digits, directive in (
        ("YYYY", r"\d{4}", "%Y"),
        ("MM", r"\d{1,2}", "%m"),
        ("DD", r"\d{1,2}", "%d"),
    ):
        pattern, directives = pattern.replace(part, digits), directives.replace(part, directive)
    fits = text.str.contains(f"^{pattern}$")
    values = text.set(~fits, None).str.to_date(directives, strict=False)
    what = f"cells that are not a date {declared.format}"
    broken = {
        "not_a_date": (what, text.is_not_null() & ~fits),
        "no_such_day": ("dates that do not exist", (fits & values.is_null()).fill_null(False)),
    }
    return TypedColumn(values, {rule: (said, mask.fill_null(False)) for rule, (said, mask) in broken.items()})


_BY_KIND: dict[type, Callable[..., TypedColumn]] = {
    TextColumn: _text,
    CategoryColumn: _category,
    BooleanColumn: _boolean,
    IntegerColumn: _integer,
    NumberColumn: _number,
}
