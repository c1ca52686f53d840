"""Completed cohorts by multiple imputation: every covariate drawn given all others, the arm and the outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from twoarm.cohort.cohort import Cohort
from twoarm.cohort.covariates import CategoricalValues, CovariateValues, cut
from twoarm.design.random_streams import streams
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.errors import NotEstimableError
from twoarm.protocol.choices import ImputationMethod
from twoarm.protocol.missing import MultipleImputation
from twoarm.statistics.arrays import Booleans, Floats, Integers
from twoarm.statistics.chained_equations import ImputationVariable, impute
from twoarm.statistics.counting import frequencies_of, share
from twoarm.statistics.nelson_aalen import nelson_aalen

MOST_MISSING = 95  # % of an arm


def impute_covariates(
    name: str, strategy: MultipleImputation, cohort: Cohort, times: Mapping[str, TimeToEvent], seed: int
) -> list[dict[str, CovariateValues]]:
    """Return the covariates of the whole cohort, complete, once for each imputation.

    Raises:
        NotEstimableError: so little of a covariate is known, in all or in an arm, that it cannot be drawn.
    """
    scarce = not_drawn(cohort)
    if scarce:
        raise NotEstimableError(scarce)
    variables = [_variable(values, strategy) for values in cohort.covariates.values()]
    predictors, names = _predictors(cohort, times)
    drawn = impute(
        variables=variables,
        predictors=predictors,
        names=names,
        generators=streams(seed, strategy.imputations, "imputation", cohort.population.name, name),
        iterations=strategy.iterations,
        donors=strategy.donors,
    )
    return [
        {
            label: _filled(values, drawn.rows[label], drawn.values[label][i]) if label in drawn.rows else values
            for label, values in cohort.covariates.items()
        }
        for i in range(strategy.imputations)
    ]


def mostly_missing(cohort: Cohort) -> Iterator[tuple[str, str, int]]:
    """Yield each covariate that hardly anybody has, the arm, and 100 (%) where nobody has it, else 95 (or more).

    Drawn values would be the other arm's, or rest on a handful of patients.
    """
    sides = ((cohort.population.treated, cohort.treated), (cohort.population.comparator, ~cohort.treated))
    for values in cohort.covariates.values():
        missing = values.missing
        shares = [(arm, _percent(cohort, missing, rows)) for arm, rows in sides if rows.any()]
        for arm, percent in shares:
            if percent >= MOST_MISSING:
                yield values.name, arm, 100 if percent == 100.0 else MOST_MISSING


def _percent(cohort: Cohort, missing: Booleans, rows: Booleans) -> float:
    return 100.0 * share(missing[rows], frequencies_of(rows, cohort.frequency))


def not_drawn(cohort: Cohort) -> str:
    """Return why covariates of the cohort cannot be drawn; nothing if they can."""
    return "; ".join(_missing_in(cohort, *found) for found in mostly_missing(cohort))


def _missing_in(cohort: Cohort, name: str, arm: str, percent: int) -> str:
    who = "everybody" if percent == 100 else f"{percent}% of the patients or more"
    return f"{cohort.covariates[name].label} is missing for {who} in {arm}, and is not imputed"


def missing_rows(cohort: Cohort) -> Booleans:
    """Return which patients lack a covariate."""
    masks = [values.missing for values in cohort.covariates.values()]
    return np.any(masks, axis=0) if masks else np.zeros(cohort.key.size, dtype=np.bool_)


def _variable(values: CovariateValues, strategy: MultipleImputation) -> ImputationVariable:
    """A cut covariate is drawn as the number that is cut."""
    if isinstance(values, CategoricalValues) and values.numbers is None:
        codes = np.where(values.missing, np.nan, values.codes)
        several: ImputationMethod = "ordinal" if values.ordered else "polytomous"
        default: ImputationMethod = "logistic" if len(values.levels) == 2 else several
        return ImputationVariable(values.name, codes, len(values.levels), strategy.methods.get(values.name, default))
    numbers = values.numbers if isinstance(values, CategoricalValues) else values.values
    assert numbers is not None, "a covariate without levels of its own is a number"
    return ImputationVariable(values.name, numbers, 0, "pmm")


def _predictors(cohort: Cohort, times: Mapping[str, TimeToEvent]) -> tuple[Floats, list[str]]:
    """The arm; for each endpoint its event indicator and Nelson-Aalen hazard, at their means where it is not known.

    Competing events add theirs (Bartlett and Taylor 2016).
    """
    columns, names = [cohort.treated.astype(np.float64)], ["arm"]
    for name, endpoint in times.items():
        known = endpoint.known
        if not known.any():
            continue
        for cause, happened in (("", endpoint.event), ("competing ", endpoint.competing)):
            if happened is None:
                continue
            event = happened.astype(np.float64)
            hazard = np.zeros(event.size)
            hazard[known] = nelson_aalen(time=endpoint.time[known], event=happened[known])
            for label, values in (("event", event), ("hazard", hazard)):
                columns.append(np.where(known, values, values[known].mean()))
                names.append(f"{name}:{cause}{label}")
    return np.column_stack(columns), names


def _filled(values: CovariateValues, rows: Integers, drawn: Floats) -> CovariateValues:
    if isinstance(values, CategoricalValues) and values.numbers is None:
        codes = values.codes.copy()
        codes[rows] = drawn.astype(np.int64)
        return replace(values, codes=codes)
    if isinstance(values, CategoricalValues):
        assert values.numbers is not None, "a cut covariate keeps its numbers"
        numbers = values.numbers.copy()
        numbers[rows] = drawn
        return replace(values, numbers=numbers, codes=cut(numbers, values.breaks))
    complete = values.values.copy()
    complete[rows] = drawn
    return replace(values, values=complete)
