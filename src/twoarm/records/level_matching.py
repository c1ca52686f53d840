"""Texts that are a declared arm or level but for case: read as it, with an audit line."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from twoarm.protocol.covariate import Categorical
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.section import folded
from twoarm.records.cell_text import clean_text
from twoarm.records.findings import Finding
from twoarm.records.typed_table import KEY, TypedTable, findings_by_file


def match_levels(
    protocol: Protocol, frame: pl.DataFrame, tables: Sequence[TypedTable]
) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the patients with texts of arms and covariates as the protocol writes them, and where they differed."""
    findings: list[Finding] = []
    for column, levels in _declared(protocol).items():
        if column not in frame.columns or frame.schema[column] != pl.String:
            continue
        written = {clean_text(level) for level in levels}
        by_fold = {folded(level): level for level in written}
        if len(by_fold) < len(written):
            continue  # levels that differ in case alone stay apart
        meant = frame[column].str.to_lowercase().replace_strict(by_fold, default=None, return_dtype=pl.String)
        other = (meant.is_not_null() & (meant != frame[column])).fill_null(False)
        if not other.any():
            continue
        table = next(table for table in tables if column in table.frame.columns)
        rows = table.frame[KEY].is_in(frame[KEY].filter(other).to_list())
        what, remedy = "texts that are a declared value but for upper and lower case", "read as the declared value"
        findings += findings_by_file(table, rows, "folded_level", "normalised", column, what, remedy)
        values = pl.select(pl.when(other).then(meant).otherwise(frame[column])).to_series()
        frame = frame.with_columns(values.alias(column))
    return frame, findings


def _declared(protocol: Protocol) -> dict[str, set[str]]:
    levels: dict[str, set[str]] = {}
    for population in protocol.populations.values():
        arms = population.arms
        found = {side.value for side in (arms.treated, arms.comparator) if isinstance(side.value, str)}
        levels.setdefault(arms.column, set()).update(found)
    for name, covariate in protocol.covariates.items():
        if isinstance(covariate, Categorical):
            found = {level for level in covariate.levels if isinstance(level, str)}
            levels.setdefault(covariate.source or name, set()).update(found)
    return {column: found for column, found in levels.items() if found and column not in protocol.derived}
