"""The g-formula and augmented weighting against riskRegression, and against their definitions on generated data."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.stored import reference
from twoarm.errors import ArgumentError, NotEstimableError
from twoarm.statistics import augmented_survival as module
from twoarm.statistics import standardised_survival as standardised
from twoarm.statistics.augmented_survival import augmented_survival
from twoarm.statistics.cox import CoxFit, fit_cox
from twoarm.statistics.standardised_survival import standardise_survival

STORED = reference("standardised_survival")
DIGITS = 1e-12
NAMES = ("treated", "treated_se", "comparator", "comparator_se", "difference", "difference_se")


def models() -> tuple[CoxFit, CoxFit, np.ndarray]:
    time, event, x = (np.array(STORED[name], dtype=float) for name in ("time", "event", "covariates"))
    outcome = fit_cox(time=time, event=event, covariates=x)
    return outcome, fit_cox(time=time, event=1 - event, covariates=x), x[:, 0]


def test_the_g_formula_equals_risk_regression() -> None:
    found = standardise_survival(models()[0], arm=0, times=STORED["times"])
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(STORED["gformula"][name], abs=DIGITS)


def test_asking_twice_gives_the_same_numbers_in_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, n = np.random.default_rng(8), 70_000  # so many that threads share the blocks
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)])
    for rows in (500, n):  # of one block, too
        fit = fit_cox(time=rng.integers(1, 900, rows), event=rng.integers(0, 2, rows), covariates=x[:rows])
        found = []
        for threads in ("1", "3"):
            monkeypatch.setenv("TWOARM_THREADS", threads)
            found.append(standardise_survival(fit, arm=0, times=range(20, 900, 40)))
        for name in NAMES:
            assert getattr(found[0], name).tolist() == getattr(found[1], name).tolist()


def test_blocks_of_patients_add_up_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = models()[0]
    whole = standardise_survival(fit, arm=0, times=STORED["times"])
    monkeypatch.setattr(standardised, "BLOCK", 7)
    found = standardise_survival(fit, arm=0, times=STORED["times"])
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=1e-13)


def test_the_influence_of_each_patient_adds_up_to_the_errors() -> None:
    """The definition, patient by patient and time by time, of a model with ties, an offset and far-apart predictors."""
    rng, n = np.random.default_rng(2), 400
    x = np.column_stack([rng.integers(0, 2, n), 2 * rng.normal(size=n), rng.integers(0, 2, n)])
    time = np.ceil(rng.exponential(30 * np.exp(-0.8 * x[:, 1])))
    fit = fit_cox(time=time, event=rng.random(n) < 0.7, covariates=x, offset=rng.normal(size=n))
    asked = [40.0, 1.0, 0.0, float(time.max()), 7.5, 7.0]
    found = standardise_survival(fit, arm=0, times=asked)
    patients, at, beta = fit.problem.patients, fit.problem.at, fit.coefficients
    dfbeta = fit.residuals("dfbeta")[patients.order]
    risk, design = patients.risk, x[patients.order]
    for k, t in enumerate(asked):
        steps = risk.time <= t
        cumulative, squares = (at.a * steps).sum(), at.a2 * steps
        own = steps[risk.death_group] * (
            at.a[risk.death_group] / risk.death_weight[risk.death_group]
            + at.hazard[risk.deaths] * at.b2[risk.death_group]
        )
        on_hazard = -at.hazard * np.array([squares[: last + 1].sum() for last in risk.last.tolist()])
        on_hazard[risk.deaths] += own
        means = (steps[:, None] * (at.a2[:, None] * at.sums - at.b2[:, None] * at.tied_sums)).sum(axis=0)
        slope = dfbeta @ (means * fit.problem.scale)
        sides = []
        for value in (1.0, 0.0):
            standing = np.column_stack([np.full(n, value), design[:, 1:]]) - fit.problem.means
            ratio = np.exp(standing @ beta + patients.offset - at.shift)
            survival = np.exp(-cumulative * ratio)
            by_beta = -cumulative * ((survival * ratio) @ standing) / n
            by_hazard = -(survival * ratio).mean()
            sides.append(
                ((survival - survival.mean()) / n + by_hazard * (on_hazard - slope) + dfbeta @ by_beta, survival)
            )
        (treated, one), (comparator, other) = sides
        assert (found.treated[k], found.comparator[k]) == pytest.approx((one.mean(), other.mean()), abs=1e-14)
        for name, influence in (("treated", treated), ("comparator", comparator), ("difference", treated - comparator)):
            wanted = np.sqrt(influence @ influence)
            assert getattr(found, f"{name}_se")[k] == pytest.approx(wanted, rel=DIGITS, abs=1e-17)


def test_augmented_weighting_equals_risk_regression() -> None:
    outcome, censoring, arm = models()
    found = augmented_survival(
        score=STORED["score"], treated=arm, outcome=outcome, censoring=censoring, arm=0, times=STORED["times"]
    ).survival
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(STORED["augmented"][name], abs=DIGITS)


def test_without_censoring_a_constant_score_gives_about_the_share_alive() -> None:
    n, rng = 200, np.random.default_rng(3)
    arm = (np.arange(n) % 2).astype(float)
    time = rng.exponential(10, n)
    outcome = fit_cox(time=time, event=np.ones(n), covariates=np.column_stack([arm, rng.normal(size=n)]))
    found = augmented_survival(
        score=np.full(n, 0.5), treated=arm, outcome=outcome, censoring=None, arm=0, times=[5.0]
    ).survival
    # a constant score that is the share of the arm: what the model adds to one arm it takes from nobody else
    share = (time[arm == 1] > 5).mean()
    assert abs(found.treated[0] - share) < 0.05
    assert 0 < found.treated_se[0] < 0.1


def test_censoring_times_in_groups_come_near_to_each_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, censoring, arm = models()
    wanted = {"score": STORED["score"], "treated": arm, "outcome": outcome, "censoring": censoring}
    exact = augmented_survival(**wanted, arm=0, times=[180.0])
    monkeypatch.setattr(module, "MOST_CELLS", 10)
    grouped = augmented_survival(**wanted, arm=0, times=[180.0])
    assert (exact.censoring_groups, grouped.censoring_groups > 0) == (0, True)
    assert grouped.survival.treated == pytest.approx(exact.survival.treated, abs=1e-9)  # as many groups as times here


def test_what_cannot_be_standardised() -> None:
    x = [[1, 0], [1, 1], [0, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]]
    base = {"time": [3, 5, 1, 4, 6, 8, 2, 7], "event": [1, 1, 1, 1, 0, 1, 1, 1], "covariates": x}
    with pytest.raises(ArgumentError, match="strata or weights"):
        standardise_survival(fit_cox(**base, strata=[0, 0, 0, 1, 1, 1, 1, 0]), arm=0, times=[2.0])
    constant = {**base, "covariates": [[1, row[1]] for row in x]}
    with pytest.raises(NotEstimableError, match="the arm says nothing"):
        standardise_survival(fit_cox(**constant), arm=0, times=[2.0])
    with pytest.raises(ArgumentError, match=r"scores outside \(0, 1\)"):
        augmented_survival(
            score=[0, *[0.5] * 7],
            treated=[row[0] for row in x],
            outcome=fit_cox(**base),
            censoring=None,
            arm=0,
            times=[2.0],
        )


TIED = reference("standardised_ties")


def tied_models() -> tuple[CoxFit, CoxFit, np.ndarray]:
    time, event, x = (np.array(TIED[name], dtype=float) for name in ("time", "event", "covariates"))
    return fit_cox(time=time, event=event, covariates=x), fit_cox(time=time, event=1 - event, covariates=x), x[:, 0]


def test_with_ties_the_g_formulas_errors_are_those_of_the_jackknife() -> None:
    found = standardise_survival(tied_models()[0], arm=0, times=TIED["times"])
    wanted = TIED["gformula"]
    assert found.treated == pytest.approx(wanted["treated"], abs=DIGITS)
    assert found.comparator == pytest.approx(wanted["comparator"], abs=DIGITS)
    for name in ("treated_se", "comparator_se", "difference_se"):  # central differences keep eight digits
        assert getattr(found, name) == pytest.approx(wanted[name], rel=1e-7)


def test_with_ties_augmented_weighting_equals_its_formula() -> None:
    outcome, censoring, arm = tied_models()
    found = augmented_survival(
        score=TIED["score"], treated=arm, outcome=outcome, censoring=censoring, arm=0, times=TIED["times"]
    ).survival
    for position, wanted in enumerate(TIED["augmented"]):
        assert [found.treated[position], found.comparator[position]] == pytest.approx(wanted["survival"], abs=DIGITS)
        assert found.difference[position] == pytest.approx(wanted["difference"], abs=DIGITS)
        assert found.difference_se[position] == pytest.approx(wanted["difference_se"], abs=DIGITS)
