"""The infinitesimal jackknife of the Kaplan-Meier curve: R's robust survfit, the noted nine rows, Greenwood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.samples import SIX_MP, TW, TW_WEIGHTS
from oracles.stored import floats, happened, reference, rows
from twoarm.statistics.kaplan_meier import fit_kaplan_meier

PRINTED = 5e-8  # the known answers were noted with seven digits after the point
STORED = 1e-9  # a polynomial in a cumulative sum loses some of its 15 digits
DERIVATIVE = 1e-5  # central differences with a step of 1e-5
CASES = reference("kaplan_meier_robust")["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["label"])
def test_r_agrees(case):
    data = rows(case["data"], case["subset"], [case["time"], case["event"], case["entry"], case["weight"]])
    optional = {key: data[case[key]] for key in ("entry", "weight") if case[key]}
    event = happened(case["data"], data, case["event"])
    km = fit_kaplan_meier(time=data[case["time"]], event=event, robust=True, **optional)
    expected = floats(case["std_error"])
    np.testing.assert_array_equal(km.time, case["times"])
    np.testing.assert_allclose(km.survival, case["survival"], rtol=STORED, atol=1e-12)
    alive = km.survival > 1e-12
    assert (np.isfinite(km.std_error) == alive).all()
    np.testing.assert_allclose(km.std_error[alive], expected[alive], rtol=STORED, atol=1e-12)
    inside = alive & (km.survival < 1)
    np.testing.assert_allclose(km.lower[inside], floats(case["lower"])[inside], rtol=STORED)
    np.testing.assert_allclose(km.upper[inside], floats(case["upper"])[inside], rtol=STORED)


def test_nine_rows_noted():
    km = fit_kaplan_meier(time=TW["time"], event=TW["event"], weight=TW_WEIGHTS, robust=True)
    at = [km.time.tolist().index(t) for t in (1, 2, 4)]
    assert (km.survival * km.std_error)[at] == pytest.approx([0.0534274, 0.1733759, 0.1174857], abs=PRINTED)


def test_without_weights_or_entry_the_jackknife_equals_greenwood_of_the_complete_cohort():
    time = [1, 2, 2, 3, 5, 8]
    greenwood, jackknife = (fit_kaplan_meier(time=time, event=[1] * 6, robust=robust) for robust in (False, True))
    np.testing.assert_allclose(jackknife.std_error[:-1], greenwood.std_error[:-1], rtol=STORED)
    assert np.isinf(jackknife.std_error[-1])


def test_survival_does_not_depend_on_the_variance():
    one, other = (fit_kaplan_meier(**SIX_MP, robust=robust) for robust in (False, True))
    np.testing.assert_array_equal(one.survival, other.survival)


def test_weights_all_multiplied_change_nothing():
    one, other = (
        fit_kaplan_meier(time=TW["time"], event=TW["event"], weight=by * np.array(TW_WEIGHTS), robust=True)
        for by in (1.0, 3.5)
    )
    np.testing.assert_allclose(one.std_error, other.std_error, rtol=STORED)


def log_survival(columns, weight, at):
    km = fit_kaplan_meier(**columns, weight=weight)
    return np.log(km.survival[: at + 1])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_the_jackknife_is_the_derivative_by_each_weight(seed):
    rng = np.random.default_rng(seed)
    n = 12
    entry = rng.integers(0, 3, n).astype(float)
    columns = {"time": entry + rng.integers(1, 6, n), "event": rng.random(n) < 0.5, "entry": entry}
    weight = rng.integers(1, 9, n) / 4
    km = fit_kaplan_meier(**columns, weight=weight, robust=True)
    alive = np.flatnonzero(km.survival > 0)
    if alive.size == 0:
        return
    at, step = int(alive[-1]), 1e-5
    variance = np.zeros(at + 1)
    for i in range(n):
        up, down = weight.copy(), weight.copy()
        up[i], down[i] = weight[i] + step, weight[i] - step
        slope = (log_survival(columns, up, at) - log_survival(columns, down, at)) / (2 * step)
        variance += (weight[i] * slope) ** 2
    np.testing.assert_allclose(km.std_error[: at + 1], np.sqrt(variance), rtol=DERIVATIVE, atol=1e-7)
