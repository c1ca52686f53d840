"""Reads the data sets and the reference answers that the R scripts beside them wrote."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parent.parent
Table = dict[str, np.ndarray]


@cache
def reference(name: str) -> dict[str, Any]:
    return json.loads((TESTS / "references" / f"{name}.json").read_text(encoding="utf-8"))


@cache
def read_data(name: str) -> Table:
    with (TESTS / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    return {key: _column(cells) for key, cells in zip(header, zip(*rows, strict=True), strict=True)}


def _column(cells: tuple[str, ...]) -> np.ndarray:
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return np.array(cells)


def column(data: Table, name: str) -> np.ndarray:
    """A column, or the indicator of the level in ``column=level``."""
    if "=" not in name:
        return data[name]
    key, level = name.split("=", 1)
    wanted = float(level) if data[key].dtype.kind == "f" else level
    return (data[key] == wanted).astype(np.float64)


def rows(name: str, subset: str | None, needed: list[str | None]) -> Table:
    """The rows chosen by ``subset`` (``column>number``) that are complete in the columns needed."""
    data = read_data(name)
    keep = np.ones(len(next(iter(data.values()))), dtype=bool)
    if subset:
        key, bound = subset.split(">")
        keep &= data[key] > float(bound)
    for wanted in filter(None, needed):
        values = data[wanted.split("=")[0]]
        if values.dtype.kind == "f":
            keep &= ~np.isnan(values)
    return {key: values[keep] for key, values in data.items()}


def happened(name: str, data: Table, event: str) -> np.ndarray:
    """Event indicators; only lung codes them 1 and 2."""
    return data[event] == (2 if name == "lung" else 1)


def floats(values: list[Any]) -> np.ndarray:
    """Numbers of a reference, null standing for NaN."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
