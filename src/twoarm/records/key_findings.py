"""Patient keys that are missing, damaged, repeated or alike, and rows that are no patients."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from twoarm.records.findings import Finding, Outcome
from twoarm.records.typed_table import KEY, TypedTable, findings_by_file

_SHORTENED = r"^\d(\.\d+)?[eE]\+?\d+$"  # 1.23E+11 was a long number, and may stand for several patients
_POINTED = r"^\d+\.0+$"
_TOTALS = (
    r"(?i)^(合计|总计|小计|总数|平均值?|均值|均数|中位数|标准差|注|备注|说明|签名|签字|制表人?|"
    r"(grand |sub)?totals?|sum|mean|average|median|std|sd|notes?|signature|signed)([\s:：.,(（\[].*)?$"
)


def key_findings(patients: bool, key: str, table: TypedTable) -> Iterator[Finding]:
    """Return what is wrong with a table's keys; of patients also keys that occur twice, in one file or in two."""
    keys = table.frame[KEY]

    def found(rows: pl.Series, rule: str, outcome: Outcome, what: str, remedy: str) -> Iterator[Finding]:
        yield from findings_by_file(table, rows.fill_null(False), rule, outcome, key, what, remedy)

    remedy = (
        "give every row a patient key, or delete it (totals and notes are not patients); rows_below_header skips rows "
        "such as units, stop_at ends the table"
    )
    yield from found(keys.is_null(), "missing_key", "refused", "rows without a patient key", remedy)
    totals = keys.str.contains(_TOTALS)
    what = "rows that look like totals, notes or a signature"
    yield from found(totals, "total_row", "refused", what, "delete them, or declare stop_at with the text of the first")
    repeated = keys.is_duplicated() & keys.is_not_null()
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
    if patients:
        folded = keys.str.to_lowercase().str.replace_all(r"\s+", "")
        alike = folded.is_duplicated() & keys.is_not_null() & ~repeated
        what = "keys that differ from another patient's only in case or space"
        yield from found(
            alike, "keys_alike", "refused", what, "one patient, or two? give every patient a key of its own"
        )
        numbers = folded.str.contains(r"^\d+$").fill_null(False)
        same = folded.set(~numbers, None).str.strip_chars_start("0")
        zeros = same.is_duplicated() & same.is_not_null() & ~alike & ~repeated
        what = "keys that differ from another patient's only in leading zeros"
        yield from found(zeros, "leading_zeros", "warned", what, "counted as different patients")
