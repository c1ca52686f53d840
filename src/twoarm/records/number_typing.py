"""Cells -> numbers: declared marks, limits and percentages; what could mean two numbers is refused."""

from __future__ import annotations

import re

import polars as pl

from twoarm.protocol.column import IntegerColumn, NumberColumn
from twoarm.records.typed_column import CellRule, Sorting, TypedColumn, matching, nowhere, number_of

_INTEGER = r"^[+-]?[0-9]+(\.0*)?$"
_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_SCIENTIFIC = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][+-]?[0-9]+$"
_BARE = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_LIMIT = rf"^(?:<|>|<=|>=|=<|=>|≤|≥|⩽|⩾) ?([+-]?(?:{_BARE}))$"
_FLAGGED = rf"^(?:{_BARE}) ?(?:[*#†‡↑↓+]+|[HhLl]{{1,2}})$|^(?:{_BARE}) ?[-~–] ?(?:{_BARE})$"
_LETTERS = r"^[+-]?[0-9OolI]*[OolI][0-9OolI]*(?:[.,][0-9OolI]*)?$|^[+-]?[0-9]+[.,][0-9]*[OolI][0-9OolI]*$"
_SCRIPTS = [0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50]  # zeros of Arabic-Indic, Persian, Devanagari, Bengali, Thai digits
_DIGITS = {chr(zero + digit): str(digit) for zero in _SCRIPTS for digit in range(10)}

LARGEST = 1e100  # squares of much larger numbers are infinite, and so would be a standard deviation
ENDLESS = "infinite numbers, or beyond 1e100"


def type_integers(
    raw: pl.Series,
    text: pl.Series,
    declared: IntegerColumn,
    factors: pl.Series | None = None,
    counts: pl.Series | None = None,
) -> TypedColumn:
    """Return a column of whole numbers.

    ``factors`` are what each cell is multiplied by, where that differs by cell; ``counts`` how often each stands there.
    """
    plain, sorting, _ = _plain_numbers(raw, text, declared)
    what = "cells that are not whole numbers"
    factor = declared.multiply if factors is None else factors
    if factor is not None:
        numbers = _converted(plain.cast(pl.Float64, strict=False), factor)
        whole = (numbers == numbers.round(0)) & (numbers.abs() < 2**53)
        values, what = numbers.set(~whole.fill_null(False), None).cast(pl.Int64, strict=False), f"{what} when converted"
    else:
        values, powers = _whole_numbers(plain)
        if powers:
            plain = _scientific(plain, sorting)
            values, _ = _whole_numbers(plain)
    return _within_range(sorting, plain, values, declared, "not_an_integer", what, counts)


def type_numbers(
    raw: pl.Series,
    text: pl.Series,
    declared: NumberColumn,
    factors: pl.Series | None = None,
    counts: pl.Series | None = None,
) -> TypedColumn:
    """Return a column of numbers.

    ``factors`` are what each cell is multiplied by, where that differs by cell; ``counts`` how often each stands there.
    """
    plain, sorting, percent = _plain_numbers(raw, text, declared)
    values = plain.cast(pl.Float64, strict=False)
    if percent.any() and declared.percent == "share":
        values = pl.select(pl.when(percent).then((values / 100).round_sig_figs(15)).otherwise(values)).to_series()
    factor = declared.multiply if factors is None else factors
    if factor is not None:
        values = _converted(values, factor)
    endless = (values.abs() > LARGEST).fill_null(False) & ~values.is_nan().fill_null(False)
    if endless.any():
        before = sorting.rules.get("infinite")
        sorting.say("infinite", endless | (before.cells if before else endless), ENDLESS, "held")
        values, plain = values.set(endless, None), plain.set(endless, None)
    return _within_range(
        sorting, plain, values + 0.0, declared, "not_a_number", "cells that are not numbers", counts
    )  # no -0.0


def _plain_numbers(
    raw: pl.Series, text: pl.Series, declared: IntegerColumn | NumberColumn
) -> tuple[pl.Series, Sorting, pl.Series]:
    """Return cells as plain numbers with a point, the rules for those that are none, and where a percentage stood."""
    decimal = getattr(declared, "decimal", ".") if raw.dtype == pl.String else "."
    percent = nowhere(len(text))
    if decimal == ".":
        fits = matching(text, _NUMBER)
        if fits.sum() + text.null_count() == len(text):
            return text, Sorting(text.set(fits, None)), percent
    sorting = Sorting(text)
    if matching(text, r"[^\x00-\x7f]").any():
        translated = sorting.left.str.replace_many(_DIGITS)
        other = (translated != sorting.left).fill_null(False)
        sorting.say("other_digits", other, "numbers in the digits of another script", "normalised", "read as 0 to 9")
        sorting.left = translated
    plain = pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
    plain = _taken(sorting, plain, sorting.left, _with_point(sorting.left, decimal))
    if not sorting.done and declared.thousands is not None:
        plain = _thousands(sorting, plain, declared.thousands, decimal)
    if not sorting.done:
        plain, percent = _percent(sorting, plain, declared, decimal)
    if not sorting.done:
        plain = _limits(sorting, plain, declared, decimal)
        _say_unread(sorting, decimal)
    return plain, sorting, percent


def _with_point(text: pl.Series, decimal: str) -> pl.Series:
    """Cells as numbers with a point; a point that is not the decimal mark makes no number."""
    if decimal == ",":
        text = text.str.replace_all(".", "?", literal=True).str.replace(",", ".", literal=True)
    return text


def _taken(sorting: Sorting, plain: pl.Series, cells: pl.Series, candidate: pl.Series) -> pl.Series:
    """Take the candidates that are numbers."""
    fits = matching(candidate, _NUMBER) & cells.is_not_null()
    sorting.take(fits)
    return pl.select(pl.coalesce(plain, candidate.set(~fits, None))).to_series()


def _thousands(sorting: Sorting, plain: pl.Series, mark: str, decimal: str) -> pl.Series:
    grouped = rf"^[+-]?[0-9]{{1,3}}({re.escape(mark)}[0-9]{{3}})+({re.escape(decimal)}[0-9]*)?$"
    cells = matching(sorting.left, grouped)
    sorting.say("thousands", cells, "numbers in groups of three digits", "normalised", "read by the declared mark")
    found = sorting.left.set(~cells, None).str.replace_all(mark, "", literal=True)
    return _taken(sorting, plain, found, _with_point(found, decimal))


def _percent(
    sorting: Sorting, plain: pl.Series, declared: IntegerColumn | NumberColumn, decimal: str
) -> tuple[pl.Series, pl.Series]:
    rule = getattr(declared, "percent", None)
    candidate = _with_point(sorting.left, decimal).str.replace(r" ?%$", "")
    cells = matching(sorting.left, r"%$") & matching(candidate, _NUMBER)
    if not cells.any():
        return plain, cells
    if rule is None:
        mixed = plain.is_not_null().any()
        what = "percentages beside plain numbers" if mixed else "percentages"
        remedy = 'declare percent = "share" (a hundredth) or "number"'
        sorting.say("percent", cells, what, "refused" if mixed else None, remedy)
        sorting.take(cells)
        return plain, nowhere(len(plain))
    meaning = "shares" if rule == "share" else "numbers"
    sorting.say("percent", cells, "percentages", "normalised", f'read as {meaning} (percent = "{rule}")')
    found = candidate.set(~cells, None)
    return _taken(sorting, plain, found, found), cells


def _limits(sorting: Sorting, plain: pl.Series, declared: IntegerColumn | NumberColumn, decimal: str) -> pl.Series:
    found = _with_point(sorting.left, decimal).str.extract(_LIMIT, 1)
    cells = found.is_not_null()
    if not cells.any():
        return plain
    if declared.limits == "limit":
        sorting.say("limit", cells, "limits such as < or >=", "normalised", 'read as the limit (limits = "limit")')
        return _taken(sorting, plain, found, found)
    sorting.say("limit", cells, "limits such as < or >=", "held", 'held: counts as unknown; or limits = "limit"')
    sorting.take(cells)
    return plain


def _say_unread(sorting: Sorting, decimal: str) -> None:
    """Say what cells look like that are no numbers."""
    other = "," if decimal == "." else "."
    rest = rf"({re.escape(decimal)}[0-9]*)?"
    grouped = rf"^[+-]?[0-9]{{1,3}}({re.escape(other)}[0-9]{{3}})+{rest}$"
    turned = rf"^[+-]?[0-9]{{1,3}}({re.escape(decimal)}[0-9]{{3}})+{re.escape(other)}[0-9]*$"
    remedy = f'declare thousands = "{other}", or decimal = "{other}"'
    sorting.rule("ambiguous_mark", f"{grouped}|{turned}", "numbers that can be read in two ways", "refused", remedy)
    sorting.rule("infinite", r"(?i)^[+-]?(inf|infinity|∞)$", ENDLESS, "held")
    sorting.rule("flagged", _FLAGGED, "numbers with a flag, or ranges of numbers", "held")
    sorting.rule("letter_for_digit", _LETTERS, "numbers with the letter O, l or I in place of a digit", "held")
    if decimal == ".":
        remedy = 'declare decimal = ",", and thousands if they are marked'
        sorting.rule("decimal_comma", r"^[+-]?[0-9.]*,[0-9]+$", "numbers with a comma", None, remedy)


def _whole_numbers(plain: pl.Series) -> tuple[pl.Series, bool]:
    """Return cells as whole numbers, null where they are none, and whether any is written as a power of ten."""
    cell = pl.first()
    digits = cell.str.replace(r"\.0*$", "").str.strip_prefix("+").cast(pl.Int64, strict=False)
    values = pl.when(cell.str.contains(_INTEGER)).then(digits).alias("values")
    found = plain.to_frame().select(values, cell.str.contains("[eE]").any().alias("powers"))
    return found["values"].alias(plain.name), bool(found.height and found["powers"][0])


def _scientific(plain: pl.Series, sorting: Sorting) -> pl.Series:
    """Whole numbers that are written as a power of ten."""
    cells = matching(plain, _SCIENTIFIC)
    numbers = plain.set(~cells, None).cast(pl.Float64, strict=False)
    whole = ((numbers == numbers.round(0)) & (numbers.abs() < 2**53)).fill_null(False)
    sorting.say("power_of_ten", whole, "whole numbers written as a power of ten", "normalised", "read as numbers")
    written = numbers.set(~whole, None).cast(pl.Int64).cast(pl.String)
    return pl.select(pl.coalesce(written, plain)).to_series()


def _converted(values: pl.Series, factor: float | pl.Series) -> pl.Series:
    """Multiply, at 12 significant digits: 1.67 m are 167 cm and not 166.99999999999997."""
    return (values * factor).round_sig_figs(12)


FEW_CELLS = 10


def _within_range(
    sorting: Sorting,
    plain: pl.Series,
    values: pl.Series,
    declared: IntegerColumn | NumberColumn,
    rule: str,
    what: str,
    counts: pl.Series | None,
) -> TypedColumn:
    if not sorting.done or values.null_count() > plain.null_count():
        unread = sorting.left.is_not_null() | (plain.is_not_null() & values.is_null())
        sorting.say(rule, unread, what)
    outside = nowhere(len(values))
    if declared.minimum is not None:
        outside = outside | (values < declared.minimum).fill_null(False)
    if declared.maximum is not None:
        outside = outside | (values > declared.maximum).fill_null(False)
    if outside.any():
        low, high = declared.minimum, declared.maximum
        ends = [f"{word} {end}" for word, end in (("from", low), ("to", high)) if end is not None]
        outcome = None if declared.on_invalid == "refuse" else "held"
        what = f"cells outside the declared range {' '.join(ends)}"
        remedy = ""
        known = number_of(values.is_not_null(), counts)
        if (
            known >= FEW_CELLS and 2 * number_of(outside, counts) > known
        ):  # no slip of the pen: the column is of another unit
            what, outcome = f"{what}, which are most of the column", "refused"
            remedy = "another unit? convert it with multiply, or correct the cells"
        sorting.rules["outside_range"] = CellRule(what, outside, outcome, remedy)  # type: ignore[arg-type]
    return TypedColumn(values.set(outside, None), sorting.rules)
