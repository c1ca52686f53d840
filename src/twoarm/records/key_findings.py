"""Patient keys that are missing, damaged, repeated or alike, and rows that are no patients."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from twoarm.records.findings import NOTES, Finding, Outcome
from twoarm.records.typed_column import nowhere
from twoarm.records.typed_table import FILE, KEY, TypedTable, findings_by_file

_SHORTENED = r"^\d(\.\d+)?[eE]\+?\d+$"  # 1.23E+11 was a long number, and may stand for several patients
_POINTED = r"^\d+\.0+$"
_FORMULA = r"^=\s*\".*\"$"
_NO_KEY = r"(?i)^(n/?a|nan|null|none|nil|unknown|unk|missing|tbd|test|[-–—_.?*/\\#]+|不详|不明|未知|无|没有|缺失|测试)$"


def key_findings(patients: bool, key: str, table: TypedTable) -> Iterator[Finding]:
    """Return what is wrong with a table's keys; of patients also keys that occur twice, in one file or in two."""
    keys = table.frame[KEY]

    def found(rows: pl.Series, rule: str, outcome: Outcome, what: str, remedy: str) -> Iterator[Finding]:
        if rows.any():
            yield from findings_by_file(table, rows.fill_null(False), rule, outcome, key, what, remedy)

    remedy = (
        "give every row a patient key, or delete it (totals and notes are not patients); rows_below_header skips rows "
        "such as units, stop_at ends the table"
    )
    yield from found(keys.is_null(), "missing_key", "refused", "rows without a patient key", remedy)
    totals = keys.str.contains(NOTES)
    what = "rows that look like totals, notes or a signature"
    yield from found(totals, "total_row", "refused", what, "delete them, or declare stop_at with the text of the first")
    headers = pl.Series([names.get(key, key) for names in table.headers], dtype=pl.String)
    again = (keys == headers.gather(table.frame[FILE])).fill_null(False)
    what = "rows that repeat the header"
    yield from found(again, "repeated_header", "refused", what, "delete them: the header stands once, above the table")
    what = "keys that are no key, such as NA, unknown or a dash"
    remedy = "give every patient a key of its own, or delete the rows"
    yield from found(keys.str.contains(_NO_KEY), "no_key", "refused", what, remedy)
    repeated = keys.is_duplicated() & keys.is_not_null() & ~again
    if patients and repeated.any():
        what = f"rows with a key that occurs more than once ({keys.filter(repeated).n_unique()} patients)"
        remedy = 'keep one row a patient; identical_rows = "merge" if whole rows are repeated'
        yield from found(repeated, "duplicate_key", "refused", what, remedy)
    what, remedy = (
        "keys that a spreadsheet shortened to a power of ten",
        "format the column as text and export it again",
    )
    yield from found(keys.str.contains(_SHORTENED), "shortened_key", "refused", what, remedy)
    what = "keys that a spreadsheet wrote with a decimal point"
    yield from found(keys.str.contains(_POINTED), "pointed_key", "refused", what, remedy)
    what = 'keys that a spreadsheet wrote as formulas of a text (="...")'
    yield from found(keys.str.contains(_FORMULA), "formula_key", "refused", what, remedy)
    if patients:
        yield from _alike(table, key, repeated)


def _alike(table: TypedTable, key: str, repeated: pl.Series) -> Iterator[Finding]:
    """Keys that may be one patient's; what cannot be alike by its letters is not compared."""
    keys = table.frame[KEY]
    folded, alike = keys, nowhere(len(keys))
    if keys.str.contains(r"[^A-Z0-9_.-]").any() and keys.str.contains(r"[^a-z0-9_.-]").any():
        folded = keys.str.to_lowercase().str.replace_all(r"\s+", "")
        alike = folded.is_duplicated() & keys.is_not_null() & ~repeated
    if alike.any():
        what = "keys that differ from another patient's only in case or space"
        remedy = "one patient, or two? give every patient a key of its own"
        yield from findings_by_file(table, alike, "keys_alike", "refused", key, what, remedy)
    numbers = keys.str.contains(r"^0\d*$").fill_null(False)
    if numbers.any():
        same = folded.set(~folded.str.contains(r"^\d+$").fill_null(False), None).str.strip_chars_start("0")
        zeros = same.is_duplicated() & same.is_not_null() & ~alike & ~repeated
        what = "keys that differ from another patient's only in leading zeros"
        yield from findings_by_file(table, zeros, "leading_zeros", "warned", key, what, "counted as different patients")
