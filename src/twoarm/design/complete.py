"""Missing covariates: the strategies that turn a cohort into completed cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoarm.cohort.attrition import AttritionStep, exclude_missing
from twoarm.cohort.cohort import Cohort
from twoarm.cohort.covariates import CovariateValues
from twoarm.errors import Problem, RecordsError
from twoarm.statistics.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class CompletedCohort:
    """n patients of a cohort without a missing covariate."""

    strategy: str
    key: NDArray[np.str_]
    treated: Booleans
    covariates: Mapping[str, CovariateValues]
    position: Mapping[str, Floats]
    cohort_rows: Integers  # rows in the cohort, and so in its endpoints
    steps: tuple[AttritionStep, ...]


def complete(strategy: str, cohort: Cohort) -> CompletedCohort:
    """Leave out patients with a missing covariate (complete case)."""
    arm = cohort.treated.astype(np.int64)
    reasons = [(f"missing_{name}", values.label, values.missing) for name, values in cohort.covariates.items()]
    steps, inside = exclude_missing(arm, reasons)
    rows = np.flatnonzero(inside)
    if not (arm[rows] == 1).any() or not (arm[rows] == 0).any():
        worst = max(cohort.covariates.values(), key=lambda values: int(values.missing.sum()))
        found = f"complete cases leave an arm empty; {worst.label} is missing for {int(worst.missing.sum())} patients"
        raise RecordsError(
            [Problem("records", found, "leave the covariate out, or complete it", f"covariates.{worst.name}")]
        )
    return CompletedCohort(
        strategy=strategy,
        key=cohort.key[rows],
        treated=cohort.treated[rows],
        covariates={name: values.take(rows) for name, values in cohort.covariates.items()},
        position={name: values[rows] for name, values in cohort.position.items()},
        cohort_rows=rows,
        steps=steps,
    )
