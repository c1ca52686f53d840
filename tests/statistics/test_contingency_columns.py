"""The exact test of tables with more than two columns: R, enumeration, and the simulated path beside the exact one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles.exact_tests import freeman_halton, freeman_halton_columns
from oracles.stored import reference
from twoarm.statistics import contingency
from twoarm.statistics.contingency import fisher

EXACT_TAIL = 1e-11  # log-gammas of totals in the hundreds lose four digits
R_TAIL = 1e-7  # R's network algorithm works with single hash keys to about 1e-7
MONTE_CARLO = 5  # standard errors
CASES = reference("contingency_columns")["cases"]
SIMULATED = [[[12, 7], [5, 14]], [[3, 1, 2], [4, 5, 6], [0, 7, 1]], [[1, 2, 3, 4], [4, 3, 2, 1]], [[3, 0], [0, 3]]]


def label(case):
    return str(case["table"])


@pytest.mark.parametrize("case", CASES, ids=label)
def test_r_agrees(case):
    found = fisher(table=case["table"])
    assert found.p_value == pytest.approx(case["fisher_p"], rel=R_TAIL)
    assert (found.method, found.p_std_error, found.degrees_of_freedom) == ("fisher", 0.0, 0)
    assert math.isnan(found.statistic)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(2, 4), st.integers(3, 4), st.data())
def test_enumeration(rows, columns, data):
    row = st.lists(st.integers(0, 3), min_size=columns, max_size=columns)
    table = np.array(data.draw(st.lists(row, min_size=rows, max_size=rows)))
    assume((table.sum(axis=0) > 0).sum() > 1 and (table.sum(axis=1) > 0).sum() > 1 and table.sum() <= 14)
    expected = freeman_halton_columns(table.tolist())
    assert fisher(table=table).p_value == pytest.approx(expected, rel=EXACT_TAIL)
    assert fisher(table=table.T).p_value == pytest.approx(expected, rel=EXACT_TAIL)
    assert fisher(table=table[::-1, ::-1]).p_value == pytest.approx(expected, rel=EXACT_TAIL)


@pytest.mark.parametrize("table", [[[4, 1], [0, 6], [2, 2]], [[5, 5], [5, 5]]])
def test_the_two_enumerations_agree(table):
    assert freeman_halton_columns(table) == pytest.approx(freeman_halton(table), rel=EXACT_TAIL)


@pytest.mark.parametrize("table", SIMULATED, ids=str)
@pytest.mark.parametrize("seed", [1, 2, 20_250_101])
def test_the_simulated_p_is_near_the_exact_one(table, seed):
    exact = fisher(table=table).p_value
    found = contingency._simulated(np.array(table), seed)
    assert found.method == "fisher_simulated"
    assert found.p_std_error == pytest.approx(np.sqrt(exact * (1 - exact) / contingency.SIMULATIONS), rel=0.05)
    assert abs(found.p_value - exact) <= MONTE_CARLO * found.p_std_error


def test_the_simulated_p_follows_its_seed():
    table = np.array(SIMULATED[1])
    one, again, other = (contingency._simulated(table, seed).p_value for seed in (1, 1, 2))
    assert one == again != other


def test_beyond_the_work_limit_it_is_simulated():
    table = np.array([[30, 22, 25, 28], [18, 27, 30, 21], [25, 25, 22, 30], [40, 28, 31, 20]])
    found = fisher(table=table)
    assert found.method == "fisher_simulated"
    assert abs(found.p_value - fisher(table=table, seed=7).p_value) <= MONTE_CARLO * np.sqrt(2) * found.p_std_error
    assert 0 < found.p_std_error < 0.002
