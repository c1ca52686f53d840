"""The order of the patients: that of their keys; that of their values where nothing asks for patients one by one.

Kernels add numbers in this order, so it must not depend on how the records were read: patients of an engine who were
fetched as so many of each kind have no keys to be sorted by, and the same patients of a Parquet file must follow them.
"""

from __future__ import annotations

import polars as pl

from twoarm.protocol.protocol import Protocol
from twoarm.records.engines.one_by_one import needs_patients
from twoarm.records.typed_table import FILE, FILE_ORDER, KEY, ROW


def in_order(protocol: Protocol, frame: pl.DataFrame, *, given: bool) -> pl.DataFrame:
    """Return patients in the study's order; ``given`` when frames stood for files."""
    if given or needs_patients(protocol) or not _parquet(protocol):
        return frame.sort(KEY)
    first = next(iter(protocol.data.values()))
    beside = (KEY, FILE, ROW, FILE_ORDER, first.key)
    compared = sorted(name for name in frame.columns if name not in beside)
    return frame.sort(*compared, KEY, nulls_last=False) if compared else frame.sort(KEY)


def _parquet(protocol: Protocol) -> bool:
    """Whether the patients come from Parquet files or from an engine."""
    parts = next(iter(protocol.data.values())).parts()
    return all(part.on_engine or (part.file or "").lower().endswith(".parquet") for part in parts)
