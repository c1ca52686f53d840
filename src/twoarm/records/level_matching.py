"""Texts that are a declared arm or level but for case: read as it, with an audit line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from twoarm.protocol.covariate import Categorical
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.section import folded
from twoarm.records.cell_text import clean_text
from twoarm.records.findings import Finding
from twoarm.records.rules import Rule, Teller
from twoarm.records.typed_table import TypedTable


def match_levels(
    protocol: Protocol, frame: Any, tables: Sequence[TypedTable], teller: Teller
) -> tuple[Any, list[Finding]]:
    """Return the patients with texts of arms and covariates as the protocol writes them, and where they differed."""
    findings: list[Finding] = []
    types = frame.collect_schema()
    for column, levels in _declared(protocol).items():
        if types.get(column) != nw.String:
            continue
        written = {clean_text(level) for level in levels}
        by_fold = {folded(level): level for level in written}
        if len(by_fold) < len(written):
            continue  # levels that differ in case alone stay apart
        known = teller.words(column).drop_nulls()
        meant = known.str.to_lowercase().replace_strict(by_fold, default=None, return_dtype=pl.String)
        other = {word: level for word, level in zip(known, meant, strict=True) if level is not None and word != level}
        if not other:
            continue
        what, remedy = "texts that are a declared value but for upper and lower case", "read as the declared value"
        where = nw.col(column).is_in(sorted(other))
        rule = Rule("folded_level", where, column, what, "normalised", remedy)
        findings += teller.of_patients(frame, tables, [rule])
        values = nw.col(column)
        for word, level in sorted(other.items()):
            values = nw.when(nw.col(column) == word).then(nw.lit(level)).otherwise(values)
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
