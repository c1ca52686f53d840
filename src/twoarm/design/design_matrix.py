"""Covariates -> columns of a model: continuous as they are, one column for each level but the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twoarm.cohort.covariates import CategoricalValues, CovariateValues
from twoarm.statistics.arrays import Floats


@dataclass(frozen=True, slots=True)
class Term:
    """A column of the design matrix."""

    variable: str
    level: str  # label of the level; "" for a continuous covariate
    reference: str  # label of the level compared with; "" for a continuous covariate

    @property
    def name(self) -> str:
        """Name in messages."""
        return f"{self.variable} [{self.level}]" if self.level else self.variable


@dataclass(frozen=True, slots=True, eq=False)
class DesignMatrix:
    """Terms and their values, shape (n, p), without intercept."""

    terms: tuple[Term, ...]
    values: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms."""
        return tuple(term.name for term in self.terms)


def build_design_matrix(covariates: Mapping[str, CovariateValues], names: Sequence[str], n: int) -> DesignMatrix:
    """Return the columns of the named covariates, in order; nothing in them may be missing."""
    terms: list[Term] = []
    columns: list[Floats] = []
    for name in names:
        covariate = covariates[name]
        assert not covariate.missing.any(), f"covariate {name} is complete before it enters a model"
        if isinstance(covariate, CategoricalValues):
            reference = covariate.levels[covariate.reference]
            for code, level in enumerate(covariate.levels):
                if code != covariate.reference:
                    terms.append(Term(name, level, reference))
                    columns.append((covariate.codes == code).astype(np.float64))
        else:
            terms.append(Term(name, "", ""))
            columns.append(covariate.values)
    values = np.empty((n, len(columns)), order="F")
    for j, column in enumerate(columns):
        values[:, j] = column
    return DesignMatrix(tuple(terms), values)
