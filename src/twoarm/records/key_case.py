"""Keys of several tables that are one patient's but for case: read as the first table writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from twoarm.protocol.protocol import Protocol
from twoarm.records.typed_table import KEY, TypedTable, findings_by_file


def fold_keys(protocol: Protocol, tables: Mapping[str, TypedTable]) -> dict[str, TypedTable]:
    """Return the tables with keys as the first table of patients writes them, where the protocol says so.

    Keys of the first table that differ only in case are refused elsewhere (``key_findings``); here they stay apart.
    """
    first, *_ = protocol.data
    folded = dict(tables)
    declared = {name: protocol.data.get(name) or protocol.events[name] for name in tables}
    if first not in tables or "fold" not in {source.key_case for source in declared.values()}:
        return folded
    keys = tables[first].frame[KEY].drop_nulls().unique(maintain_order=True)
    lowered = keys.str.to_lowercase()
    known = dict(zip(lowered, keys, strict=True)) if not lowered.is_duplicated().any() else {}
    for name, table in tables.items():
        source = declared[name]
        if name != first and "fold" in (source.key_case, protocol.data[first].key_case):
            folded[name] = _folded(table, source.key, known)
    return folded


def _folded(table: TypedTable, column: str, known: Mapping[str, str]) -> TypedTable:
    keys = table.frame[KEY]
    meant = keys.str.to_lowercase().replace_strict(known, default=None, return_dtype=pl.String)
    other = (meant.is_not_null() & (meant != keys)).fill_null(False)
    if not other.any():
        return table
    what, remedy = "keys that differ from the first table's in case", 'read as that table\'s (key_case = "fold")'
    found = findings_by_file(table, other, "folded_key", "normalised", column, what, remedy)
    values = pl.select(pl.when(other).then(meant).otherwise(keys)).to_series().alias(KEY)
    return replace(table, frame=table.frame.with_columns(values), findings=(*table.findings, *found))
