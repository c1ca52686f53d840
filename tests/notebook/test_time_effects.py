"""Restricted means, survival at a time and pieces on arrays and frames: the kernels' numbers under the columns' names."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import twoarm
from oracles.samples import FREIREICH, IS_CONTROL
from twoarm.statistics.piecewise_hazard_ratio import piecewise_hazard_ratio
from twoarm.statistics.restricted_mean import compare_restricted_means
from twoarm.statistics.survival_difference import survival_difference

PAIR = [*range(21), *range(21)]
WEIGHT = [1 + i % 3 for i in range(42)]
FRAME = pl.DataFrame(
    {
        "weeks": FREIREICH["time"],
        "relapse": FREIREICH["event"],
        "drug": ["placebo" if control else "6-MP" for control in IS_CONTROL],
        "pair": PAIR,
        "w": WEIGHT,
    }
)
COLUMNS = {**FREIREICH, "treated": 1 - np.array(IS_CONTROL), "cluster": PAIR, "weight": WEIGHT}
ASKED = {"time": "weeks", "event": "relapse", "arm": "drug", "treated": "6-MP", "cluster": "pair", "weight": "w"}


def test_restricted_means_of_weighted_pairs():
    found = twoarm.restricted_mean(FRAME, **ASKED, tau=20)
    kernel = compare_restricted_means(**COLUMNS, tau=20)
    assert found.rows[2][1:] == (
        kernel.difference,
        kernel.difference_lower,
        kernel.difference_upper,
        kernel.difference_p_value,
    )
    assert [row[0] for row in found.rows] == ["6-MP", "placebo", "difference", "ratio"]


def test_survival_at_a_time():
    found = twoarm.survival_difference(FRAME, **ASKED, at=10)
    kernel = survival_difference(**COLUMNS, at=10)
    assert found.rows[2][1:4] == (kernel.difference, kernel.difference_lower, kernel.difference_upper)
    assert found.rows[0][1] - found.rows[0][2] == pytest.approx(1.959963984540054 * kernel.treated_std_error)
    assert "jackknife" in found.notes[0]


def test_pieces_and_those_that_are_not_estimable():
    found = twoarm.piecewise_hazard_ratio(FRAME, **ASKED, cuts=[8, 23])
    kernel = piecewise_hazard_ratio(**COLUMNS, cuts=[8, 23])
    assert [row[0] for row in found.rows] == ["0 to 8", "8 to 23", "after 23"]
    assert found.rows[0][3] == pytest.approx(np.exp(kernel.pieces[0].log_hazard_ratio))
    assert np.isnan(found.rows[2][3])
    assert found.notes[0] == "after 23 is not estimable: one arm only is followed into the interval."
