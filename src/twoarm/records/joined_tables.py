"""Tables of patients joined by key to one row a patient, and the events of known patients; in memory."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from twoarm.protocol.protocol import Protocol
from twoarm.records.evaluation import COMPLETED, HELD
from twoarm.records.findings import Finding
from twoarm.records.typed_table import FILE, FILE_ORDER, KEY, MASKS, ROW, TypedTable, findings_by_file

UNKNOWN_PATIENT, NOT_COUNTED = "unknown_patient", "they are not counted"
TABLES_DIFFER, WHICH = "tables_differ", "held: which is right?"


def strangers(spine: TypedTable, table: TypedTable, key: str) -> tuple[pl.Series, list[Finding]]:
    """Return which rows are of patients who are not in the first table, and how that is said."""
    unknown = ~table.frame[KEY].is_in(spine.frame[KEY].to_list())
    what = not_in(spine.files)
    found = findings_by_file(table, unknown, UNKNOWN_PATIENT, "warned", key, what, NOT_COUNTED)
    return unknown, list(found)


def join_tables(protocol: Protocol, spine: TypedTable, others: list[TypedTable]) -> tuple[pl.DataFrame, list[Finding]]:
    """Add the other tables to the first by patient key; the number of patients cannot change.

    A column that two tables have is one column: what one table lacks the other gives, and where they differ it is held.
    """
    frame, findings = spine.frame, []
    for table in others:
        _, found = strangers(spine, table, protocol.data[table.name].key)
        findings += found
        own = [name for name in table.frame.columns if name not in (KEY, FILE, ROW, FILE_ORDER)]
        shared = [name for name in own if name in frame.columns and not name.startswith(MASKS)]
        shared = [name for name in shared if name != protocol.data[table.name].key]
        other = table.frame.select(KEY, *(pl.col(name).alias(f"{name}:other") for name in own))
        joined = frame.join(other, on=KEY, how="left")
        assert joined.height == frame.height, "a join keeps one row a patient"
        for name in shared:
            joined, conflict = _merge(joined, name)
            if conflict.any():
                whole, what = replace(spine, frame=joined), differs_from(table.files)
                findings += findings_by_file(whole, conflict, TABLES_DIFFER, "held", name, what, WHICH)
        fresh = [name for name in own if name not in joined.columns]  # a merged column has its masks already
        masks = [pl.col(f"{name}:other").fill_null(False).alias(name) for name in fresh if name.startswith(MASKS)]
        values = [pl.col(f"{name}:other").alias(name) for name in fresh if not name.startswith(MASKS)]
        frame = joined.with_columns(*values, *masks).select(pl.exclude("^.*:other$"))
    return frame, findings


def _merge(joined: pl.DataFrame, name: str) -> tuple[pl.DataFrame, pl.Series]:
    """Give a patient the one value that is known; a cell that is held in either table, or differs, stays held."""
    first, second = joined[name], joined[f"{name}:other"]
    conflict = (first != second).fill_null(False)
    held = conflict
    for mask in (HELD + name, f"{HELD}{name}:other"):
        if mask in joined.columns:
            held = held | joined[mask].fill_null(False)
    merged = pl.select(pl.coalesce(first, second)).to_series().set(held, None).alias(name)
    joined = joined.with_columns(merged, *_merged_completed(joined, name))
    return (joined.with_columns(held.alias(HELD + name)) if held.any() else joined), conflict


def _merged_completed(joined: pl.DataFrame, name: str) -> list[pl.Expr]:
    """Whether the date that counts was completed: the first table's where it has one, else the other's."""
    first, second = COMPLETED + name, f"{COMPLETED}{name}:other"
    if first not in joined.columns and second not in joined.columns:
        return []
    own, others = (pl.col(m).fill_null(False) if m in joined.columns else pl.lit(False) for m in (first, second))
    return [pl.when(pl.col(name).is_not_null()).then(own).otherwise(others).alias(first)]


def not_in(files: tuple[str, ...]) -> str:
    """Say what is wrong with rows of patients whom the first table does not have."""
    return f"rows of patients who are not in {' or '.join(files)}"


def differs_from(files: tuple[str, ...]) -> str:
    """Say what is wrong with cells of a column that two tables have."""
    return f"cells that differ from those in {' or '.join(files)}"
