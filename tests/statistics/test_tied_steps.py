"""A dozen steps that stand for many tied deaths give the sums over all of them."""

from __future__ import annotations

import numpy as np
import pytest

from twoarm.statistics import cox_risk_sets
from twoarm.statistics.cox import CoxFit, fit_cox
from twoarm.statistics.cox_few_rows import FEW
from twoarm.statistics.tied_steps import LARGEST_SHARE, MANY, TiedSteps

LAST_BITS = 4e-15  # a dozen terms instead of thousands
SAME = 1e-11  # of a fit: sums of thousands of rows in another order


@pytest.mark.parametrize("tied", [MANY, MANY + 1, 50, 500, 20_000])
@pytest.mark.parametrize("share", [0.0, 1e-3, 0.1, LARGEST_SHARE])
def test_joined_steps_sum_to_all_steps(tied: int, share: float) -> None:
    counts, weight = np.array([3, tied, 1, tied]), np.array([3.0, 0.7 * tied, 2.0, 1.0])
    every = TiedSteps.of_deaths(counts, weight)
    few = TiedSteps.of_few(counts, weight, np.array([False, True, False, True]))
    assert few.group.size == 28
    assert few.joined.tolist() == [1, 3]
    for power in range(3):
        for of in (lambda left: 1 / left, lambda left: 1 / left**2, lambda left: np.log(7 * left)):
            sums = [
                np.add.reduceat(steps.weight * steps.fraction**power * of(1 - share * steps.fraction), steps.start)
                for steps in (every, few)
            ]
            np.testing.assert_allclose(sums[1], sums[0], rtol=LAST_BITS * 20)


def fitted(monkeypatch: pytest.MonkeyPatch, many: int, *, strong: bool, strata: bool) -> CoxFit:
    monkeypatch.setattr(cox_risk_sets, "MANY", many)
    rng, n = np.random.default_rng(4), 3_000
    assert n > FEW
    x = np.column_stack([rng.random(n) < 0.1, rng.normal(size=n)]) if strong else rng.normal(size=(n, 2))
    rate = np.exp(6.0 * x[:, 0]) if strong else np.exp(0.4 * x[:, 0])
    time = np.ceil(rng.exponential(20 / rate))
    return fit_cox(
        time=time,
        event=rng.random(n) < (1.0 if strong else 0.8),
        covariates=x,
        strata=rng.integers(0, 2, n) if strata else None,
        weight=rng.choice([0.5, 1.0, 2.0], n) if strata else None,
    )


@pytest.mark.parametrize("strata", [False, True])
@pytest.mark.parametrize("strong", [False, True], ids=["few of the hazards", "most of the hazards die"])
def test_a_fit_with_joined_steps_is_the_fit_with_a_step_a_death(
    monkeypatch: pytest.MonkeyPatch, strong: bool, strata: bool
) -> None:
    joined, every = (fitted(monkeypatch, many, strong=strong, strata=strata) for many in (MANY, 10**9))
    steps = joined.problem.patients.risk.steps
    assert steps.joined.size > 0
    at, risk = joined.problem.at, joined.problem.patients.risk
    hazards = risk.weight * at.hazard
    used = risk.steps_where(risk.at_risk_sum(hazards), risk.death_sum(hazards[risk.deaths]))
    assert (used is steps) != strong
    assert joined.coefficients == pytest.approx(every.coefficients, rel=SAME)
    assert joined.covariance == pytest.approx(every.covariance, rel=SAME)
    assert joined.log_likelihood == pytest.approx(every.log_likelihood, rel=SAME)


def test_deaths_that_are_many_of_those_at_risk_keep_a_step_each() -> None:
    time = np.repeat([1.0, 2.0, 3.0], [1_000, 100, 1_500])
    event = np.arange(time.size) % 10 < np.repeat([1, 10, 9], [1_000, 100, 1_500])
    fit = fit_cox(time=time, event=event, covariates=np.random.default_rng(1).normal(size=time.size))
    steps = fit.problem.patients.risk.steps
    assert steps.joined.tolist() == [0, 1]
    assert (steps.group == 2).sum() == fit.problem.patients.risk.tied[2]
