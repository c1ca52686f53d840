"""Weights in notebooks: on frames and arrays, with balance that follows from theory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import twoarm
from twoarm.errors import ArgumentError

ROOT = Path(__file__).parents[2]
ROTTERDAM = pl.read_csv(ROOT / "examples" / "rotterdam" / "rotterdam.csv").filter(pl.col("nodes") > 0)
COVARIATES = ["year", "age", "meno", "size", "grade", "nodes", "pgr", "er", "chemo"]
BALANCED = 1e-9


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_overlap_weights_balance_every_column(library: str) -> None:
    frame = {"polars": lambda: ROTTERDAM, "pandas": ROTTERDAM.to_pandas, "pyarrow": ROTTERDAM.to_arrow}[library]()
    weights = twoarm.propensity_weights(frame, "hormon", COVARIATES, estimand="ATO")
    table = twoarm.standardised_differences(frame, "hormon", COVARIATES, weight=weights.weight)
    assert max(abs(float(row[1] or 0)) for row in table.rows) < BALANCED
    assert table.title.startswith("Weighted")


def test_entropy_weights_balance_every_column() -> None:
    weights = twoarm.entropy_weights(ROTTERDAM, "hormon", COVARIATES, estimand="ATT")
    table = twoarm.standardised_differences(ROTTERDAM, "hormon", COVARIATES, weight=weights.weight)
    assert max(abs(float(row[1] or 0)) for row in table.rows) < BALANCED
    assert [row[1] for row in weights.rows] == [339, 1207]


def test_weights_go_into_cox_and_curves() -> None:
    weights = twoarm.propensity_weights(ROTTERDAM, "hormon", COVARIATES, truncate_quantiles=(0.01, 0.99))
    assert weights.notes[0].endswith("16 raised and 16 lowered.")
    model = twoarm.cox(ROTTERDAM, "dtime", "death", "hormon", weight=weights.weight)
    assert model.fit.robust
    curves = twoarm.kaplan_meier(ROTTERDAM, "dtime", "death", arm="hormon", weight=weights.weight, robust=True)
    at_start = [row[2] for row in curves.at([0]).rows]
    sums = {row[0]: row[2] for row in weights.rows}
    assert at_start == pytest.approx([sums["comparator"], sums["treated"]])


def test_the_weighted_log_rank_test_takes_names_and_arrays() -> None:
    by_name = twoarm.weighted_log_rank(ROTTERDAM, "dtime", "death", "hormon", "age")
    columns = {name: ROTTERDAM[column].to_numpy() for name, column in (("time", "dtime"), ("event", "death"))}
    by_array = twoarm.weighted_log_rank(**columns, arm=ROTTERDAM["hormon"], weight=ROTTERDAM["age"].to_numpy())
    assert by_name.rows == by_array.rows
    assert by_name.notes[0].startswith("chi-squared")


def test_a_cox_model_takes_an_offset_and_predicts() -> None:
    model = twoarm.cox(ROTTERDAM, "dtime", "death", ["hormon", "age"], offset=0.1 * ROTTERDAM["grade"].to_numpy())
    curves = model.predict([[0, 60], [1, 60]])
    assert curves.columns == ("patient", "time", "survival", "lower", "upper")
    assert all(row[3] <= row[2] <= row[4] for row in curves.rows)
    assert model.residuals("deviance").shape == (ROTTERDAM.height,)


def test_a_score_of_your_own_or_covariates() -> None:
    with pytest.raises(ArgumentError, match="either covariates or score"):
        twoarm.propensity_weights(treated=[1, 0], score=[0.5, 0.5], covariates=np.ones((2, 1)))


def test_weights_of_an_empty_arm_are_refused() -> None:
    frame = pl.DataFrame({"arm": [1, 1, 0, 0], "x": [0, 1, 0, 1]})
    with pytest.raises(ArgumentError, match="an arm whose weights are all 0"):
        twoarm.standardised_differences(frame, "arm", "x", weight=[1, 1, 0, 0])
