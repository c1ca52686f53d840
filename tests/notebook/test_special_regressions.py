"""Exact ties and Firth's penalty in notebooks."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

import twoarm

LUNG = pl.read_csv(Path(__file__).parents[2] / "tests" / "data" / "lung.csv")


def test_exact_ties_by_name_and_by_array() -> None:
    by_name = twoarm.exact_cox(LUNG, "time", "status", ["sex", "age"], event_value=2)
    by_array = twoarm.exact_cox(
        time=LUNG["time"].to_numpy(), event=LUNG["status"].to_numpy() == 2, covariates=LUNG[["sex", "age"]].to_numpy()
    )
    assert [row[1:] for row in by_name.rows] == [row[1:] for row in by_array.rows]


def test_firths_penalty_answers_where_an_arm_has_no_event() -> None:
    frame = pl.DataFrame({"t": [1, 2, 3, 4, 5, 6], "e": [1, 1, 1, 0, 0, 0], "arm": ["b", "b", "b", "a", "a", "a"]})
    cox = twoarm.firth_cox(frame, "t", "e", "arm")
    assert cox.rows[0][0] == "arm: b vs a"
    assert "NE" not in repr(cox)
    logistic = twoarm.firth_logistic(frame, "e", "arm")
    assert logistic.rows[1][1] == pytest.approx(2 * math.log(7))  # half a patient more in every cell: 3.5 / 0.5, twice
