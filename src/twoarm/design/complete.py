"""Missing covariates: the strategies that turn a cohort into completed cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoarm.cohort.attrition import AttritionStep, exclude_missing
from twoarm.cohort.cohort import Cohort
from twoarm.cohort.covariates import CovariateValues
from twoarm.cohort.roster import Roster
from twoarm.design.imputation import impute_covariates, missing_rows
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.errors import NotEstimableError, Problem, RecordsError
from twoarm.protocol.missing import CompleteCase, MultipleImputation
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.counting import count


@dataclass(frozen=True, slots=True, eq=False)
class CompletedCohort:
    """n rows of a cohort, each a patient (or several identical ones), without a missing covariate."""

    strategy: str
    key: NDArray[np.str_]
    treated: Booleans
    covariates: Mapping[str, CovariateValues]
    position: Mapping[str, Floats]
    groups: Mapping[str, NDArray[np.str_]]
    cohort_rows: Integers  # rows in the cohort, and so in its endpoints
    steps: tuple[AttritionStep, ...]
    frequency: Integers | None  # identical patients that each row stands for; None where every patient is a row
    roster: Roster | None = None  # where patients can be asked for; None where each is a row

    @property
    def one_by_one(self) -> bool:
        """Whether each patient is a row, with a key."""
        return self.roster is None and self.frequency is None

    def count(self, rows: Booleans) -> int:
        """Return how many patients some rows stand for."""
        return count(rows, self.frequency)

    def resampled(self, rows: Integers) -> CompletedCohort:
        """Return the patients of these rows, drawn with replacement: each draw a patient with a key of its own."""
        assert self.one_by_one, "patients are drawn one by one"
        draws = np.arange(rows.size).astype(np.str_)
        return CompletedCohort(
            strategy=self.strategy,
            key=np.char.add(np.char.add(self.key[rows], " "), draws),
            treated=self.treated[rows],
            covariates={name: values.take(rows) for name, values in self.covariates.items()},
            position={name: values[rows] for name, values in self.position.items()},
            groups={name: values[rows] for name, values in self.groups.items()},
            cohort_rows=self.cohort_rows[rows],
            steps=(),
            frequency=None,
        )


@dataclass(frozen=True, slots=True)
class NotCompleted:
    """A strategy that cannot be followed, why, and who it left before."""

    strategy: str
    reason: str
    steps: tuple[AttritionStep, ...] = ()


def complete(
    name: str,
    strategy: CompleteCase | MultipleImputation,
    cohort: Cohort,
    times: Mapping[str, TimeToEvent],
    seed: int | None,
) -> list[CompletedCohort] | NotCompleted:
    """Return one completed cohort, or one an imputation; or why there is none.

    Raises:
        RecordsError: a covariate is missing for everybody.
    """
    _refuse_empty(cohort)
    if isinstance(strategy, CompleteCase):
        return _complete_case(name, cohort)
    assert seed is not None, "the protocol asks for a seed where there are draws"
    assert cohort.one_by_one, "covariates are drawn for patients one by one"
    everybody = np.arange(cohort.key.size)
    if not missing_rows(cohort).any():
        return [_of_rows(name, cohort, everybody, cohort.covariates, ())]
    try:
        drawn = impute_covariates(name, strategy, cohort, times, seed)
    except NotEstimableError as error:
        return NotCompleted(name, str(error))
    return [_of_rows(name, cohort, everybody, covariates, ()) for covariates in drawn]


def _refuse_empty(cohort: Cohort) -> None:
    """Refuse covariates that nobody has: a column that is not filled in, and not a question for a strategy."""
    problems = [
        Problem(
            "records",
            f"{values.label} is missing for {cohort.count(values.missing)} patients, which are all",
            "leave the covariate out, or complete it",
            f"covariates.{values.name}",
            "covariate_missing_for_all",
        )
        for values in cohort.covariates.values()
        if values.missing.all()
    ]
    if problems:
        raise RecordsError(problems)


def _complete_case(strategy: str, cohort: Cohort) -> list[CompletedCohort] | NotCompleted:
    """Leave out patients with a missing covariate."""
    arm = cohort.treated.astype(np.int64)
    reasons = [(f"missing_{name}", values.label, values.missing) for name, values in cohort.covariates.items()]
    steps, inside = exclude_missing(arm, reasons, cohort.frequency)
    rows = np.flatnonzero(inside)
    if not (arm[rows] == 1).any() or not (arm[rows] == 0).any():
        worst = max(cohort.covariates.values(), key=lambda values: cohort.count(values.missing))
        missing = cohort.count(worst.missing)
        found = f"complete cases leave an arm empty; {worst.label} is missing for {missing} patients"
        return NotCompleted(strategy, found, steps)
    covariates = {name: values.take(rows) for name, values in cohort.covariates.items()}
    return [_of_rows(strategy, cohort, rows, covariates, steps)]


def _of_rows(
    strategy: str,
    cohort: Cohort,
    rows: Integers,
    covariates: Mapping[str, CovariateValues],
    steps: tuple[AttritionStep, ...],
) -> CompletedCohort:
    return CompletedCohort(
        strategy=strategy,
        key=cohort.key[rows],
        treated=cohort.treated[rows],
        covariates=covariates,
        position={name: values[rows] for name, values in cohort.position.items()},
        groups={name: values[rows] for name, values in cohort.groups.items()},
        cohort_rows=rows,
        steps=steps,
        frequency=None if cohort.frequency is None else cohort.frequency[rows],
        roster=cohort.roster,
    )
