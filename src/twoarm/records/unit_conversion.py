"""Numbers whose unit stands in a column beside them -> numbers in one unit."""

from __future__ import annotations

import polars as pl

from twoarm.protocol.column import IntegerColumn, NumberColumn
from twoarm.protocol.section import folded
from twoarm.records.number_typing import type_integers, type_numbers
from twoarm.records.typed_column import CellRule, TypedColumn


def type_with_units(
    raw: pl.Series,
    text: pl.Series,
    declared: IntegerColumn | NumberColumn,
    units: pl.Series,
    counts: pl.Series | None = None,
) -> TypedColumn:
    """Return a column of numbers in one unit; a number whose unit is missing or not declared is held.

    Args:
        raw: cells as they came.
        text: the same as text, missing ones null.
        declared: with the units and their factors.
        units: the unit of each cell, null where there is none.
        counts: how often each cell stands in the column; once by default.
    """
    factors = {folded(unit): factor for unit, factor in declared.units.items()}
    factor = units.str.to_lowercase().replace_strict(factors, default=None, return_dtype=pl.Float64)
    unknown = text.is_not_null() & factor.is_null()
    read = text.set(unknown, None)
    if isinstance(declared, IntegerColumn):
        typed = type_integers(raw, read, declared, factor, counts)
    else:
        typed = type_numbers(raw, read, declared, factor, counts)
    rules = dict(typed.broken)
    if unknown.any():
        remedy = "held: counts as unknown; write the unit, or declare it among units"
        rules["unknown_unit"] = CellRule("numbers whose unit is missing or not declared", unknown, "held", remedy)
    converted = ((factor != 1.0) & typed.values.is_not_null()).fill_null(False)
    if converted.any():
        what = f"numbers in another unit, by column {declared.unit_column}"
        rules["converted_unit"] = CellRule(what, converted, "normalised", "converted as units says")
    return TypedColumn(typed.values, rules)
