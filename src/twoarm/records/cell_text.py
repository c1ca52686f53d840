"""Cells as text, as they are compared: Unicode-normalised, without what cannot be seen."""

from __future__ import annotations

import datetime
import re
import unicodedata

import polars as pl

_EPOCH = datetime.date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = ((day - _EPOCH).days for day in (datetime.date.min, datetime.date.max))
_INVISIBLE = "[\u200b\u200c\u200d\u2060\ufeff\u202a-\u202e]"
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space as Unicode has it; what Python strips is more."""
UNCLEAN = r"[^\x20-\x7e]|^\s|\s$"
BROKEN = (
    "\ufffd|\u951f\u65a4\u62f7|[\u00c2-\u00df][\u0080-\u009f\u00a1-\u00aa\u00ac-\u00af\u00b1-\u00b6\u00b8-\u00ba\u00bc-\u00bf]"
    "|[\u00e0-\u00ef][\u0080-\u00bf\u0152-\u02dc\u2013-\u2122]{2}"
)
"""A character that was lost, or UTF-8 that was read as another encoding."""


def clean_text(value: str) -> str:
    """Return one text as ``cell_text`` would.

    Characters that Python's Unicode does not know yet are left to ``cell_text``; the forms of the others are fixed.

    >>> clean_text(" Ａge\u200b（years） ")
    'Age(years)'
    """
    if value.isascii() and value.isprintable():
        return value.strip(" ")
    if any(unicodedata.category(letter) == "Cn" for letter in value):
        return str(cell_text(pl.Series([value], dtype=pl.String))[0])
    return re.sub(_INVISIBLE, "", unicodedata.normalize("NFKC", value)).strip(_SPACE)


def header_text(value: str) -> str:
    """Return a header as headers are compared: as cells are, a line break or several spaces counting as one."""
    return " ".join(clean_text(value).split())


def cell_text(raw: pl.Series) -> pl.Series:
    """Return cells as text: NFKC, no invisible characters, no space around; whole floats without a point."""
    if raw.dtype.is_float():
        whole = raw.is_finite() & (raw == raw.round(0)) & (raw.abs() < 2**53)
        as_integers = raw.set(~whole.fill_null(False), None).cast(pl.Int64).cast(pl.String)
        as_floats = raw.set(raw.is_nan().fill_null(False), None).cast(pl.String)
        return pl.select(pl.coalesce(as_integers, as_floats)).to_series()
    text = as_written(raw)
    if raw.dtype == pl.String and text.str.contains(UNCLEAN).any():
        text = text.str.normalize("NFKC").str.replace_all(_INVISIBLE, "").str.strip_chars()
    return text


def no_such_day(raw: pl.Series) -> pl.Series:
    """Return where a column of days has one outside the years 1 to 9999, as a Parquet file may."""
    per_day, edge = 1, 0
    if isinstance(raw.dtype, pl.Datetime):
        per_day = 86_400 * {"ms": 10**3, "us": 10**6, "ns": 10**9}[raw.dtype.time_unit]
        edge = int(raw.dtype.time_zone is not None)  # its calendar day may be the one beside
    day = raw.to_physical() // per_day
    return ((day < _FIRST_DAY + edge) | (day > _LAST_DAY - edge)).fill_null(False)


def as_written(raw: pl.Series) -> pl.Series:
    """Return cells as text without any change; days that cannot be written are named by their number."""
    if raw.dtype != pl.Date and not isinstance(raw.dtype, pl.Datetime):
        return raw.cast(pl.String, strict=False)
    outside = no_such_day(raw)
    text = raw.set(outside, None).cast(pl.String, strict=False)
    return (
        pl.select(pl.coalesce(text, "day " + raw.to_physical().cast(pl.String))).to_series() if outside.any() else text
    )


def readable(raw: pl.Series) -> bool:
    """Whether a column's own type is one that cells can be read from."""
    kinds = (pl.String, pl.Boolean, pl.Date, pl.Datetime, pl.Categorical, pl.Enum, pl.Null, pl.Decimal)
    return raw.dtype.is_numeric() or isinstance(raw.dtype, kinds) or raw.dtype in kinds
