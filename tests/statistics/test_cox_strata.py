"""Strata have hazards of their own: one stratum's sums must not be lost in the rounding of another's."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.statistics.cox import MONOTONE, fit_cox

STANDARD_ERRORS = 1e-10
RELATIVE = 1e-10


@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("apart", [-30.0, -15.0, 5.0, 15.0, 30.0])
def test_a_factor_on_a_stratums_hazard_changes_nothing(apart: float, truncated: bool) -> None:
    rng = np.random.default_rng(3)
    stratum = np.arange(200) % 4
    time = rng.integers(4, 30, 200)
    data = {
        "time": time,
        "event": rng.random(200) < 0.6,
        "covariates": rng.normal(size=(200, 2)),
        "strata": stratum,
        "entry": np.where(np.arange(200) % 3 == 0, time - 4, -1) if truncated else None,
    }
    plain = fit_cox(**data, robust=True)
    moved = fit_cox(**data, robust=True, offset=apart * stratum)
    errors = np.sqrt(np.diag(plain.naive_covariance))
    assert np.abs((moved.coefficients - plain.coefficients) / errors).max() < STANDARD_ERRORS
    assert np.abs(moved.std_errors / plain.std_errors - 1).max() < RELATIVE


def test_an_infinite_estimate_within_strata_is_told() -> None:
    """In every risk set of both arms the event is the comparator's; the treated event is alone at risk."""
    time = [17, 19, 17, 369, 185, 7, 19, 63, 132, 39, 251, 325, 2, 77]
    event = [0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1]
    treated = [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]
    centre = [0, 1, 2, 2, 1, 1, 0, 0, 0, 0, 2, 0, 2, 1]
    pair = np.repeat(np.arange(7), 2)
    fit = fit_cox(time=time, event=event, covariates=np.array(treated)[:, None], strata=centre, cluster=pair)
    assert fit.reasons == (MONOTONE,)
    assert np.isnan(fit.std_errors).all()
