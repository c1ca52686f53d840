"""The cumulative hazard at each patient's own time: R on four data sets, a hand-worked sample, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.stored import floats, happened, read_data, reference
from twoarm.errors import ArgumentError
from twoarm.statistics.nelson_aalen import nelson_aalen

ROUNDING = 1e-13  # a sum of at most 230 fractions
CASES = reference("nelson_aalen")["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["data"] for case in CASES])
def test_r_agrees(case):
    data = read_data(case["data"])
    found = nelson_aalen(time=data[case["time"]], event=happened(case["data"], data, case["event"]))
    assert found == pytest.approx(floats(case["cumulative_hazard"]), rel=ROUNDING)
    if case["mice"]:  # only without tied events, where mice takes Efron's sum
        assert found == pytest.approx(floats(case["mice"]), rel=ROUNDING)


def test_some_case_has_no_tied_events():
    assert any(case["mice"] for case in CASES)


def test_by_hand():
    # at 2: one of five; at 3: two of four; at 7: the last of one
    found = nelson_aalen(time=[3, 7, 2, 3, 5], event=[1, 1, 1, 1, 0])
    assert found == pytest.approx([1 / 5 + 2 / 4, 1 / 5 + 2 / 4 + 1, 1 / 5, 1 / 5 + 2 / 4, 1 / 5 + 2 / 4], rel=ROUNDING)


def test_nobody_had_the_event():
    assert nelson_aalen(time=[1, 2, 3], event=[0, 0, 0]).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"time": []}, "time: found no patients"),
        ({"time": [1, -2, 3]}, "time: found 1 negative times"),
        ({"event": [0, 2, 1]}, "event: found codes"),
        ({"time": [1, np.nan, 3]}, "time: found 1 missing"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        nelson_aalen(**{"time": [1, 2, 3], "event": [0, 1, 1], **changed})
