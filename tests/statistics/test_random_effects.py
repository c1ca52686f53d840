"""Pooling of centres: the BCG trials as published, R's maximised restricted likelihood, invariants, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics.random_effects import leave_one_centre_out, pool_centres

STORED = reference("random_effects")
CLOSED_FORM = 1e-12
SEARCHED = 2e-6  # R's optimize tells places apart only where the likelihood differs in its last bits
FOUR_DIGITS = 5e-5


def _bcg():
    case = STORED["cases"][0]
    return {"estimates": case["y"], "std_errors": case["s"]}


def test_bcg_trials():
    """Colditz et al. (1994). The fixed effect and Q are as in metafor's tests, taken there from Stata's metan.

    The random effect is R's maximum below to four digits.
    """
    found = pool_centres(**_bcg())
    fixed, random = found.fixed, found.random
    assert (fixed.estimate, fixed.lower, fixed.upper) == pytest.approx((-0.4303, -0.5097, -0.3509), abs=FOUR_DIGITS)
    assert found.q == pytest.approx(152.2330, abs=FOUR_DIGITS)
    assert found.tau_squared == pytest.approx(0.3132, abs=FOUR_DIGITS)
    assert random.estimate == pytest.approx(-0.7145, abs=FOUR_DIGITS)
    assert not found.few_centres


@pytest.mark.parametrize("case", STORED["cases"], ids=[case["label"] for case in STORED["cases"]])
def test_r_agrees(case):
    found = pool_centres(estimates=case["y"], std_errors=case["s"])
    random = found.random
    assert found.tau_squared == pytest.approx(case["tau2"], rel=SEARCHED, abs=1e-12)
    assert (found.fixed.estimate, found.fixed.std_error, found.q, found.i_squared) == pytest.approx(
        (case["fixed"], case["fixed_se"], case["Q"], case["I2"]), rel=CLOSED_FORM
    )
    assert found.q_p_value == pytest.approx(case["Q_p"], rel=1e-9)
    assert (random.estimate, random.std_error, random.lower, random.upper) == pytest.approx(
        tuple(case[key] for key in ("random", "se", "lower", "upper")), rel=SEARCHED
    )
    assert random.p_value == pytest.approx(case["p"], rel=10 * SEARCHED)
    assert found.hartung_knapp_factor == pytest.approx(case["factor"], rel=SEARCHED)
    assert [found.prediction_lower, found.prediction_upper] == pytest.approx(case["prediction"], rel=SEARCHED)
    assert found.few_centres == (len(case["y"]) < 5)


def test_leaving_one_out():
    found = leave_one_centre_out(**_bcg())
    for ours, theirs in (("estimate", "random"), ("lower", "lower"), ("upper", "upper"), ("tau_squared", "tau2")):
        np.testing.assert_allclose(getattr(found, ours), [row[theirs] for row in STORED["without"]], rtol=SEARCHED)


def test_the_maximum_is_one():
    """The restricted likelihood of two estimates in closed form: tau^2 = (difference^2 - 2 s^2) / 2."""
    found = pool_centres(estimates=[-1.0, 1.0], std_errors=[0.5, 0.5])
    assert found.tau_squared == pytest.approx(2 - 0.25, rel=1e-12)
    assert np.isnan(found.prediction_lower)
    assert found.few_centres


def test_centres_alike():
    found = pool_centres(estimates=[-0.3] * 5, std_errors=[0.2] * 5)
    assert found.tau_squared == found.q == found.i_squared == 0
    assert found.random.estimate == pytest.approx(found.fixed.estimate, rel=1e-15)
    # the factor is 0 and held at 1
    assert found.random.std_error == pytest.approx(found.fixed.std_error, rel=1e-15)
    assert found.random.upper > found.fixed.upper


def test_order_shift_and_scale():
    given = _bcg()
    y, s = np.array(given["estimates"]), np.array(given["std_errors"])
    found, back = pool_centres(**given), pool_centres(estimates=y[::-1], std_errors=s[::-1])
    assert back.tau_squared == pytest.approx(found.tau_squared, rel=1e-10)
    moved = pool_centres(estimates=3 * y + 7, std_errors=3 * s)
    assert moved.random.estimate == pytest.approx(3 * found.random.estimate + 7, rel=1e-10)
    assert moved.tau_squared == pytest.approx(9 * found.tau_squared, rel=1e-10)
    assert moved.i_squared == pytest.approx(found.i_squared, rel=1e-10)


def test_too_few():
    with pytest.raises(NotEstimableError, match="one centre only"):
        pool_centres(estimates=[0.1], std_errors=[0.2])
    with pytest.raises(NotEstimableError, match="2 centres only"):
        leave_one_centre_out(estimates=[0.1, 0.2], std_errors=[0.2, 0.2])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"estimates": []}, "std_errors: found shape"),
        ({"estimates": [], "std_errors": []}, "estimates: found no centres"),
        ({"estimates": [0.1, np.nan]}, "estimates: found 1 missing"),
        ({"std_errors": [0.1, 0]}, "std_errors: found 1 that are not above 0"),
        ({"std_errors": [0.1, np.inf]}, "std_errors: found 1 missing or infinite"),
        ({"confidence_level": 95}, "confidence_level"),
    ],
)
def test_bad_arguments_are_named(changed, message):
    with pytest.raises(ArgumentError, match=message):
        pool_centres(**{"estimates": [0.1, 0.2], "std_errors": [0.2, 0.2], **changed})
