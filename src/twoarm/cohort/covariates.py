"""Covariates as arrays: values, or codes of declared levels, with what is missing or held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from twoarm.protocol.covariate import Categorical, Continuous, Covariate, covariate_label, level_text
from twoarm.records.cell_text import clean_text
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

    def take(self, rows: Integers | Booleans | slice) -> ContinuousValues:
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
    ordered: bool = False
    numbers: Floats | None = None  # what was cut, shape (n,); None for levels of their own
    breaks: tuple[float, ...] = ()

    @property
    def missing(self) -> Booleans:
        """True where there is no value, shape (n,)."""
        return np.asarray(self.codes < 0)

    def take(self, rows: Integers | Booleans | slice) -> CategoricalValues:
        """Return the covariate of some rows."""
        return replace(self, codes=self.codes[rows], numbers=None if self.numbers is None else self.numbers[rows])


CovariateValues = ContinuousValues | CategoricalValues


def read_covariates(
    covariates: Mapping[str, Covariate], frame: nw.DataFrame[Any]
) -> tuple[dict[str, CovariateValues], dict[str, Booleans]]:
    """Return the covariates of a frame's rows, and which cells of each lie outside its declared levels."""
    values: dict[str, CovariateValues] = {}
    outside: dict[str, Booleans] = {}
    for name, covariate in covariates.items():
        column = frame.get_column(covariate.source or name)
        label = covariate_label(name, covariate)
        if isinstance(covariate, Categorical):
            codes, strangers = _codes(column, covariate)
            values[name] = CategoricalValues(
                name, label, covariate.level_labels, covariate.reference_index, codes, covariate.ordered
            )
            if strangers.any():
                outside[name] = strangers
            continue
        numbers = column.cast(nw.Float64).to_numpy().astype(np.float64)
        if isinstance(covariate, Continuous):
            values[name] = ContinuousValues(name, label, covariate.unit, numbers)
        else:
            values[name] = CategoricalValues(
                name,
                label,
                covariate.level_labels,
                covariate.reference_index,
                cut(numbers, covariate.breaks),
                True,
                numbers,
                covariate.breaks,
            )
    return values, outside


def level_values(covariate: Categorical, *, text: bool) -> list[str | int | bool]:
    """Return the levels as cells of their column have them; ``text`` whether these are texts."""
    written = [clean_text(level) if isinstance(level, str) else level for level in covariate.levels]
    return [level_text(level) for level in written] if text else list(written)


def _codes(column: nw.Series[Any], covariate: Categorical) -> tuple[Integers, Booleans]:
    codes = np.full(len(column), -1, dtype=np.int64)
    for code, level in enumerate(level_values(covariate, text=column.dtype == nw.String)):
        codes[(column == level).fill_null(False).to_numpy()] = code
    known = ~column.is_null().to_numpy()
    return codes, np.asarray(known & (codes < 0))


def cut(numbers: Floats, breaks: tuple[float, ...]) -> Integers:
    """Return the class of each number, each class from its break up to below the next; -1 where missing."""
    codes = np.searchsorted(np.array(breaks), numbers, side="right").astype(np.int64)
    codes[np.isnan(numbers)] = -1
    return codes
