"""Competing causes, E-values and pooled centres as a user calls them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import twoarm
from oracles.competing import FOURTEEN, FOURTEEN_X
from oracles.stored import reference
from twoarm.errors import ArgumentError

CAUSES = pl.DataFrame(FOURTEEN | {"x": FOURTEEN_X, "arm": ["a", "b"] * 7}).with_columns(
    why=pl.col("cause").replace_strict({0: "alive", 1: "relapse", 2: "death"}, return_dtype=pl.String)
)
CENTRES = pl.DataFrame({"name": list("wxyz"), "log_hr": [-0.5, -0.1, -0.9, 0.2], "se": [0.2, 0.25, 0.3, 0.2]})


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_frames_arrays_and_text_give_the_same(library: str) -> None:
    frame = {"polars": lambda: CAUSES, "pandas": CAUSES.to_pandas, "pyarrow": CAUSES.to_arrow}[library]()
    by_array = twoarm.cumulative_incidence(**FOURTEEN)
    assert by_array.rows == twoarm.cumulative_incidence(frame, "time", "cause").rows
    text = twoarm.cumulative_incidence(frame, "time", "why", censored="alive")
    assert [row[1] for row in text.rows] == ["death", "relapse"]
    assert [row[5] for row in text.rows] == [row[5] for row in reversed(by_array.rows)]
    test = twoarm.gray(frame, "time", "why", "arm", cause_of_interest="relapse", censored="alive")
    assert test.fit.statistic == pytest.approx(0.00233761, abs=5e-9)
    model = twoarm.fine_gray(frame, "time", "why", ["x"], cause_of_interest="relapse", censored="alive")
    assert model.rows[0][1:3] == pytest.approx((0.06729653049, 0.2507583343), rel=5e-10)


def test_curves_by_arm_at_times_and_as_a_frame() -> None:
    curves = twoarm.cumulative_incidence(CAUSES, "time", "cause", arm="arm")
    assert [row[:4] for row in curves.rows] == [("a", "1", 7, 2), ("a", "2", 7, 2), ("b", "1", 7, 2), ("b", "2", 7, 1)]
    found = curves.at([0, 4, 100])
    assert [row[3] for row in found.rows[:3]] == [7, 5, 0]
    assert found.rows[2][4] == curves.fit["a"].incidence[0, -1]
    assert np.isnan(found.rows[8][4])  # arm b ends with a censored patient, arm a with an event
    frame = curves.to_frame()
    assert frame.columns[:4] == ["arm", "cause", "time", "at_risk"]
    assert frame.height == 2 * sum(fit.time.size for fit in curves.fit.values())
    assert "NE" in repr(twoarm.cumulative_incidence(time=[1, 2], cause=[2, 2]))


def test_centres() -> None:
    pooled = twoarm.pool_centres(CENTRES, "log_hr", "se")
    expected = next(case for case in reference("random_effects")["cases"] if case["label"] == "four")
    assert pooled.rows[1][1:4] == pytest.approx((expected["random"], expected["lower"], expected["upper"]), rel=2e-6)
    assert "Fewer than 5 centres" in pooled.notes[1]
    left = twoarm.leave_one_centre_out(CENTRES, "log_hr", "se", centre="name")
    assert [row[0] for row in left.rows] == ["w", "x", "y", "z"]


def test_e_value_shows_the_limit_that_counts() -> None:
    assert twoarm.e_value(hazard_ratio=3.9, lower=1.8, upper=8.7, event_share=0.1).rows[1][:2] == (
        "limit nearer to 1",
        1.8,
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: twoarm.cumulative_incidence(CAUSES, "time", "why"), "cause: found text; say which label is end"),
        (lambda: twoarm.cumulative_incidence(CAUSES, "time"), "cause: missing"),
        (lambda: twoarm.gray(CAUSES, "time", "cause"), "arm: missing"),
        (lambda: twoarm.gray(CAUSES, "time", "cuase", "arm"), "did you mean cause"),
        (lambda: twoarm.fine_gray(CAUSES, "time", "cause"), "covariates: missing"),
        (lambda: twoarm.pool_centres(CENTRES, "log_hr"), "std_errors: missing"),
        (
            lambda: twoarm.leave_one_centre_out(CENTRES, "log_hr", "se", centre=["a", "a", "b", "c"]),
            "centre: found a label twice",
        ),
    ],
)
def test_a_mistake_names_the_argument(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert message in str(caught.value)
