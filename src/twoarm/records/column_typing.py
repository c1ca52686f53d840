"""Raw cells -> the declared type. What cannot be read is held: a null with the rule that it breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

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
from twoarm.records.cell_text import BROKEN, UNCLEAN, cell_text, clean_text
from twoarm.records.date_typing import type_dates
from twoarm.records.number_typing import type_integers, type_numbers
from twoarm.records.typed_column import CellRule, TypedColumn, matching, nowhere
from twoarm.records.unit_conversion import type_with_units

MOST_LETTERS = 100_000  # in a cell
ERROR = r"^#(N/A|DIV/0!|REF!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA)$|^#{3,}$"
_TURNED = (
    r"(?i)^[0-9]{4}-[0-9]{2}-[0-9]{2}( .*)?$|^[0-9]{1,2}月[0-9]{1,2}日$"
    r"|^[0-9]{1,2}-(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)$"
    r"|^(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)-?[0-9]{1,2}$"
)
_UNUSUAL = f"{UNCLEAN}|(?:{ERROR})|(?:{_TURNED})"


def type_column(
    raw: pl.Series,
    declared: ColumnDeclaration,
    source: Source | TablePart,
    *,
    fake: pl.Series | None = None,
    dates: pl.Series | None = None,
    epoch_1904: bool = False,
    units: pl.Series | None = None,
    counts: pl.Series | None = None,
) -> TypedColumn:
    """Return a column in its declared type.

    Args:
        raw: cells as they came.
        declared: what the column holds.
        source: its table, for the cells that stand for a missing value.
        fake: where a workbook has a serial number that is no day.
        dates: where a workbook has a date among texts and numbers.
        epoch_1904: whether a workbook counts days from 1904.
        units: the unit of each cell, of numbers with a column of units.
        counts: how often each cell stands in the column; once by default.
    """
    missing = source.missing if declared.missing is None else declared.missing
    words = [*(clean_text(word) for word in missing), ""]
    usual, complete = _usual(raw, words)
    text = raw if usual else cell_text(raw)
    if not (usual and complete):
        text = text.set(text.is_in(words), None)
    n, told = len(raw), {}
    if raw.dtype == pl.String and not usual:
        told = _damaged(raw, text, declared)
        for rule in told.values():
            if rule.outcome in ("held", "refused"):
                text = text.set(rule.cells, None)
    if not isinstance(declared, DateColumn) and (dates is not None or not usual):
        turned = _turned_to_date(raw, text, declared, dates)
        if turned is not None:
            remedy = "held: counts as unknown; format the column as text and type them again"
            told["turned_to_date"] = CellRule("cells that a spreadsheet turned into dates", turned, "held", remedy)
            text = text.set(turned, None)
    if units is not None and isinstance(declared, IntegerColumn | NumberColumn):
        typed = type_with_units(raw, text, declared, units, counts)
    else:
        typed = _typed(raw, text, declared, nowhere(n) if fake is None else fake, epoch_1904, counts)
    return TypedColumn(typed.values, {**told, **typed.broken})


def _turned_to_date(
    raw: pl.Series, text: pl.Series, declared: ColumnDeclaration, dates: pl.Series | None
) -> pl.Series | None:
    """Return where a cell became a date that is none; None where no cell did."""
    found = [] if dates is None else [dates]
    if not isinstance(declared, TextColumn) and raw.dtype == pl.String:
        alike = matching(text, _TURNED)
        if alike.any():
            found.append(alike & ~text.str.to_lowercase().is_in(_codes(declared)).fill_null(False))
    there = [cells & text.is_not_null() for cells in found if cells.any()]
    turned = reduce(lambda a, b: a | b, there) if there else None
    return turned if turned is not None and turned.any() else None


def _usual(raw: pl.Series, missing: list[str]) -> tuple[bool, bool]:
    """Whether a column is text in which nothing is to be cleaned, and no cell is damaged or turned into a date.

    And whether no cell is a word for a missing value.
    """
    if raw.dtype != pl.String:
        return False, False
    cell = pl.first()
    asked = {
        "unusual": cell.str.contains(_UNUSUAL).any(),
        "longest": cell.str.len_bytes().max(),
        "gaps": cell.is_in(missing).any(),
    }
    unusual, longest, gaps = raw.to_frame().select(**asked).row(0)
    return not unusual and (longest or 0) <= MOST_LETTERS, not gaps


def _typed(
    raw: pl.Series,
    text: pl.Series,
    declared: ColumnDeclaration,
    fake: pl.Series,
    epoch_1904: bool,
    counts: pl.Series | None,
) -> TypedColumn:
    match declared:
        case TextColumn():
            return TypedColumn(text, {})
        case CategoryColumn():
            codes = {folded(code): meaning for code, meaning in declared.map.items()}
            values = _by_code(text, codes, pl.String())
            rule = {"outside_code_map": CellRule("cells outside the declared code map", _failed(text, values))}
            return TypedColumn(values, {**rule, **_folded_codes(raw, values, declared.map)})
        case BooleanColumn():
            truths = {folded(code): True for code in declared.true} | {folded(code): False for code in declared.false}
            values = _by_code(text, truths, pl.Boolean())
            rule = {"outside_yes_no_codes": CellRule("cells outside the yes/no codes", _failed(text, values))}
            return TypedColumn(values, {**rule, **_folded_codes(raw, values, (*declared.true, *declared.false))})
        case IntegerColumn():
            return type_integers(raw, text, declared, counts=counts)
        case NumberColumn():
            return type_numbers(raw, text, declared, counts=counts)
        case DateColumn():
            return type_dates(raw, text, declared, fake, epoch_1904)


def _codes(declared: ColumnDeclaration) -> list[str]:
    if isinstance(declared, CategoryColumn):
        return [folded(code) for code in declared.map]
    return [folded(code) for code in (*declared.true, *declared.false)] if isinstance(declared, BooleanColumn) else []


def _by_code(text: pl.Series, codes: Mapping[str, object], kind: pl.DataType) -> pl.Series:
    meant = pl.first().str.to_lowercase().replace_strict(codes, default=None, return_dtype=kind)
    return text.to_frame().select(meant).to_series()


def _failed(text: pl.Series, values: pl.Series) -> pl.Series:
    if values.null_count() == text.null_count():  # a cell without text has no value
        return nowhere(len(text))
    return text.is_not_null() & values.is_null()


def _folded_codes(raw: pl.Series, values: pl.Series, codes: Iterable[str]) -> dict[str, CellRule]:
    """Codes that are as declared only when case, width and space do not count."""
    if raw.dtype != pl.String:
        return {}
    as_declared = pl.col("raw").is_in(list(codes)).fill_null(False)
    folded_only = pl.DataFrame({"raw": raw, "values": values}).select(pl.col("values").is_not_null() & ~as_declared)
    what = "codes that differ from the declared ones in case, width or space"
    return {"folded_code": CellRule(what, folded_only.to_series(), "normalised", "read as the declared code")}


def _damaged(raw: pl.Series, text: pl.Series, declared: ColumnDeclaration) -> dict[str, CellRule]:
    """What is wrong with texts of whatever type: lost characters, a spreadsheet's errors, excess length."""
    rules: dict[str, CellRule] = {}
    asked = {
        "errors": pl.col("text").str.contains(ERROR).any(),
        "longest": pl.col("raw").str.len_bytes().max(),
        "foreign": pl.col("raw").str.contains(r"[^\x01-\x7e]").any(),
    }
    errors, longest, foreign = pl.DataFrame({"raw": raw, "text": text}).select(**asked).row(0)
    if errors:
        what = "cells with an error of the spreadsheet (such as a failed formula or lookup)"
        cells = matching(text, ERROR)
        rules["error_cell"] = CellRule(what, cells, "held", "held: counts as unknown; correct the formulas")
    if (longest or 0) > MOST_LETTERS:
        long = (raw.str.len_bytes() > MOST_LETTERS).fill_null(False)
        rules["long_cell"] = CellRule(f"cells of more than {MOST_LETTERS:,} bytes", long, "refused", "is a quote open?")
    if foreign:
        broken = matching(raw, BROKEN)
        if broken.any():
            remedy = "save the file again, and declare the encoding that it was saved in"
            what = "cells with characters that were lost or garbled by a wrong encoding"
            rules["garbled"] = CellRule(what, broken, "refused", remedy)
        nul = matching(raw, r"\x00")
        if nul.any():
            rules["nul"] = CellRule("cells with a NUL character", nul, "refused", "export the file again")
    if not isinstance(declared, CategoryColumn | BooleanColumn):
        cleaned = ((raw != text) & text.is_not_null()).fill_null(False)
        if cleaned.any():
            what = "cells with space around, full-width or invisible characters"
            rules["cleaned"] = CellRule(what, cleaned, "normalised", "compared without them")
    return rules
