"""Tables of patients joined by key to one row a patient; events of known patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from twoarm.protocol.protocol import Protocol
from twoarm.records.engine_ops import is_true
from twoarm.records.evaluation import COMPLETED, HELD
from twoarm.records.findings import Finding
from twoarm.records.rules import Rule, Teller
from twoarm.records.typed_table import FILE, FILE_ORDER, KEY, MASKS, ROW, TypedTable

_KNOWN, _OTHER = ":known", ":other"


def present(table: str) -> str:
    """Return the name of the column that says whether a patient is in a further table."""
    return f":in:{table}"


def join_tables(
    protocol: Protocol, tables: Sequence[TypedTable], frames: Mapping[str, Any], teller: Teller
) -> tuple[Any, list[Finding]]:
    """Add the other tables of patients to the first by patient key; the number of patients cannot change.

    A column that two tables have is one column: what one table lacks the other gives, and where they differ it is held.

    Args:
        protocol: with the keys.
        tables: the first, and the others.
        frames: by name of the table, dates as day numbers.
        teller: says which rows.
    """
    spine, *others = tables
    frame, findings = frames[spine.name], []
    for table in others:
        more, key = frames[table.name], protocol.data[table.name].key
        findings += strangers(spine, frames[spine.name], table, more, key, teller)
        columns = frame.columns
        own = [name for name in more.columns if name not in (KEY, FILE, ROW, FILE_ORDER)]
        shared = [name for name in own if name in columns and not name.startswith(MASKS) and name != key]
        renamed = [nw.col(name).alias(name + _OTHER) for name in own]
        here = nw.lit(True).alias(present(table.name))
        joined = frame.join(more.select(KEY, here, *renamed), on=KEY, how="left")
        joined = joined.with_columns(is_true(nw.col(present(table.name))))
        for name in shared:
            conflict = is_true(nw.col(name) != nw.col(name + _OTHER))
            what = f"cells that differ from those in {' or '.join(table.files)}"
            findings += teller.of_patients(joined, tables, [Rule("tables_differ", conflict, name, what)])
        merged = [expression for name in shared for expression in _merged(name, columns, own)]
        fresh = [name for name in own if name not in columns]
        added = [
            (is_true(nw.col(name + _OTHER)) if name.startswith(MASKS) else nw.col(name + _OTHER)).alias(name)
            for name in fresh
            if not (name.startswith(MASKS) and name.partition(":")[2] in shared)  # a merged column has its masks
        ]
        joined = joined.with_columns(*merged, *added)
        frame = joined.drop([name for name in joined.columns if name.endswith(_OTHER)])
    return frame, findings


def strangers(
    spine: TypedTable, patients: Any, table: TypedTable, frame: Any, key: str, teller: Teller
) -> list[Finding]:
    """Return rows of patients who are not in the first table."""
    what = f"rows of patients who are not in {' or '.join(spine.files)}"
    beside = frame.join(patients.select(KEY, nw.lit(True).alias(_KNOWN)), on=KEY, how="left")
    rule = Rule("unknown_patient", nw.col(_KNOWN).is_null(), key, what, "warned", "they are not counted")
    return teller.of_events(beside, table, [rule])


def _merged(name: str, columns: Sequence[str], others: Sequence[str]) -> list[nw.Expr]:
    """The one value that is known of a patient; a cell that is held in either table, or differs, stays held.

    Whether the date that counts was completed is told by the first table where it has one, else by the other.
    """
    first, second = nw.col(name), nw.col(name + _OTHER)
    held = is_true(first != second)
    if HELD + name in columns:
        held = held | is_true(nw.col(HELD + name))
    if HELD + name in others:
        held = held | is_true(nw.col(HELD + name + _OTHER))
    found = [nw.when(~held).then(nw.coalesce(first, second)).alias(name), held.alias(HELD + name)]
    own, other = COMPLETED + name in columns, COMPLETED + name in others
    if own or other:
        masks = (
            is_true(nw.col(COMPLETED + name)) if own else nw.lit(False),
            is_true(nw.col(COMPLETED + name + _OTHER)) if other else nw.lit(False),
        )
        completed = nw.when(~first.is_null()).then(masks[0]).otherwise(masks[1])
        found.append(completed.alias(COMPLETED + name))
    return found
