"""Patient keys looked at where they lie: whether all are there, each once, and written so that equal means equal."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.protocol.data import TablePart
from twoarm.records.cell_text import clean_text
from twoarm.records.engines.engine import Engine, Scan
from twoarm.records.engines.fetch import Fetched, fetch

_PLAIN = r"\A[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*\z"  # nothing to be cleaned, no word for a missing key, total or note
_SHORTENED = r"^[0-9][eE][0-9]+$"
_LONGEST = 64  # letters


def keys_are_plain(
    engine: Engine, scan: Scan, place: int, part: TablePart, fetched: Fetched, *, once: bool, what: str
) -> bool:
    """Return whether a column of keys has nothing that a message could be about; one row is fetched.

    Keys of another form may well be good ones: they are fetched, and looked at as those of files are.

    Args:
        engine: that has the source.
        scan: the source.
        place: of the key among its columns.
        part: the declaration.
        fetched: counts the row.
        once: whether a key may occur once only, alike ones included.
        what: the row is counted as.
    """
    kind = scan.types[place]
    if not (kind.is_integer() or kind == pl.String):
        return False
    query = scan.frame.select(*_counts(nw.col(f"c{place}"), kind == pl.String, part))
    counts = {name: int(count or 0) for name, count in fetch(engine, query, fetched, what).row(0, named=True).items()}
    if counts["absent"] or counts.get("odd"):
        return False
    if not once:
        return True
    return counts["different"] == counts["rows"] and not (
        counts.get("zeros") and _alike_but_for_zeros(engine, scan, place, fetched, what)
    )


def _counts(key: nw.Expr, text: bool, part: TablePart) -> list[nw.Expr]:
    """Whole numbers, of which every engine makes the same."""
    counted = [_sum(key.is_null()).alias("absent"), nw.len().alias("rows")]
    own = part.columns[part.key].missing
    codes = [clean_text(word) for word in (*(part.missing if own is None else own), "")]
    if not text:
        absent = key.is_in([int(code) for code in codes if code.isascii() and code.isdigit()])
        return [*counted, _sum(absent).alias("odd"), key.n_unique().alias("different")]
    plain = key.str.contains(_PLAIN) & ~key.str.contains(_SHORTENED) & (key.str.len_chars() <= _LONGEST)
    odd = ~plain | key.is_in(codes)
    zeros = _sum(key.str.contains(r"^0[0-9]*$")).alias("zeros")
    return [*counted, _sum(odd).alias("odd"), zeros, key.str.to_lowercase().n_unique().alias("different")]


def _alike_but_for_zeros(engine: Engine, scan: Scan, place: int, fetched: Fetched, what: str) -> bool:
    key = nw.col(f"c{place}")
    numbers = scan.frame.filter(key.str.contains(r"^[0-9]+$"))
    stripped = key.str.replace_all(r"^0+", "").n_unique().alias("different")
    rows, different = fetch(engine, numbers.select(nw.len().alias("rows"), stripped), fetched, what).row(0)
    return bool(rows != different)


def _sum(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum()
