"""Exact ties and Firth's penalty in notebooks."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import twoarm

LUNG = pl.read_csv(Path(__file__).parents[2] / "tests" / "data" / "lung.csv")


def test_exact_ties_by_name_and_by_array() -> None:
    by_name = twoarm.exact_cox(LUNG, "time", "status", ["sex", "age"], event_value=2)
    by_array = twoarm.exact_cox(
        time=LUNG["time"].to_numpy(), event=LUNG["status"].to_numpy() == 2, covariates=LUNG[["sex", "age"]].to_numpy()
    )
    assert [row[1:] for row in by_name.rows] == [row[1:] for row in by_array.rows]
