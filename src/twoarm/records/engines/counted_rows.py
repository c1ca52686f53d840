"""Different rows with their counts -> every row, in an order and in types that no engine decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

COUNT = "n"


def every_row(counted: pl.DataFrame, types: Sequence[pl.DataType]) -> pl.DataFrame:
    """Return each row as often as it is counted, sorted by the first column, then by the others, what is missing first.

    Args:
        counted: columns, and the count last.
        types: of the columns, as the source has them.
    """
    *names, _ = counted.columns
    columns = [in_type(counted[name], kind) for name, kind in zip(names, types, strict=True)]
    table = pl.DataFrame([*columns, counted[COUNT].cast(pl.Int64)])
    first = columns[0]
    decides = first.null_count() == 0 and first.dtype == pl.String and first.n_unique() == first.len()
    table = table.sort(*map(_compared, columns[:1] if decides else columns), nulls_last=False)
    if not (table[COUNT] > 1).any():
        return table.drop(COUNT)
    return table.drop(COUNT)[np.repeat(np.arange(table.height), table[COUNT].to_numpy())]


def _compared(column: pl.Series) -> pl.Expr:
    """A category is compared by its letters, whatever number an engine gave it."""
    found = pl.col(column.name)
    return found.cast(pl.String) if isinstance(column.dtype, pl.Categorical | pl.Enum) else found


def in_type(found: pl.Series, kind: pl.DataType) -> pl.Series:
    """Return a column as the source has it: engines lack unsigned integers, categories, or other zones than UTC.

    >>> import datetime
    >>> noon = pl.Series([datetime.datetime(2020, 1, 1, 23)]).dt.replace_time_zone("UTC")
    >>> in_type(noon, pl.Datetime("us", "Europe/Berlin")).dt.day().item()
    2
    """
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None and found.dtype.is_temporal():
        return found.dt.convert_time_zone(kind.time_zone).cast(kind)
    if isinstance(kind, pl.Decimal) and isinstance(found.dtype, pl.Decimal):
        return found
    typed = found if found.dtype == kind else found.cast(kind)
    return typed + 0.0 if kind.is_float() else typed  # no -0.0, which some engines make 0.0
