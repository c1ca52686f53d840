"""Covariates as arrays: values, or codes of declared levels, with what is missing or held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.covariate import Categorical, Continuous, Covariate, Cut, covariate_label, level_text
from twoarm.records.column_typing import clean_text
from twoarm.statistics.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class ContinuousValues:
    """A covariate in numbers, shape (n,); NaN where missing."""

    name: str
    label: str
    unit: str
    values: Floats

    @property
    def missing(self) -> Booleans:
        """True where there is no value, shape (n,)."""
        return np.isnan(self.values)

    def take(self, rows: Integers | Booleans) -> ContinuousValues:
        """Return the covariate of some rows."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalValues:
    """A covariate in codes of its levels, shape (n,); -1 where missing."""

    name: str
    label: str
    levels: tuple[str, ...]  # labels
    reference: int
    codes: Integers

    @property
    def missing(self) -> Booleans:
        """True where there is no value, shape (n,)."""
        return np.asarray(self.codes < 0)

    def take(self, rows: Integers | Booleans) -> CategoricalValues:
        """Return the covariate of some rows."""
        return replace(self, codes=self.codes[rows])


CovariateValues = ContinuousValues | CategoricalValues


def read_covariates(
    covariates: Mapping[str, Covariate], frame: nw.DataFrame[Any]
) -> tuple[dict[str, CovariateValues], dict[str, int]]:
    """Return the covariates of a frame's rows, and how many cells of each lie outside its declared levels."""
    values: dict[str, CovariateValues] = {}
    outside: dict[str, int] = {}
    for name, covariate in covariates.items():
        column = frame.get_column(covariate.source or name)
        label = covariate_label(name, covariate)
        if isinstance(covariate, Categorical):
            codes, strangers = _codes(column, covariate)
            values[name] = CategoricalValues(name, label, covariate.level_labels, covariate.reference_index, codes)
            if strangers:
                outside[name] = strangers
            continue
        numbers = column.cast(nw.Float64).to_numpy().astype(np.float64)
        if isinstance(covariate, Continuous):
            values[name] = ContinuousValues(name, label, covariate.unit, numbers)
        else:
            values[name] = CategoricalValues(
                name, label, covariate.level_labels, covariate.reference_index, _cut(numbers, covariate)
            )
    return values, outside


def refuse_outside_levels(
    outside: Mapping[str, int], covariates: Mapping[str, Covariate], held: frozenset[str], place: str
) -> None:
    """Raise for values outside declared levels, unless the protocol holds such cells."""
    problems = []
    for name, count in outside.items():
        covariate = covariates[name]
        if name in held or not isinstance(covariate, Categorical):
            continue
        levels = ", ".join(level_text(level) for level in covariate.levels)
        column = covariate.source or name
        found = f"{count} cells outside the declared levels of covariates.{name}"
        problems.append(
            Problem(place, found, f'expected one of {levels}; declare the level, or on_invalid = "hold"', column)
        )
    if problems:
        raise RecordsError(problems)


def _codes(column: nw.Series[Any], covariate: Categorical) -> tuple[Integers, int]:
    codes = np.full(len(column), -1, dtype=np.int64)
    for code, level in enumerate(covariate.levels):
        wanted = clean_text(level) if isinstance(level, str) else level
        if column.dtype == nw.String and not isinstance(wanted, str):
            wanted = level_text(wanted)
        codes[(column == wanted).fill_null(False).to_numpy()] = code
    known = ~column.is_null().to_numpy()
    return codes, int((known & (codes < 0)).sum())


def _cut(numbers: Floats, covariate: Cut) -> Integers:
    codes = np.searchsorted(np.array(covariate.breaks), numbers, side="right").astype(np.int64)
    codes[np.isnan(numbers)] = -1
    return codes
