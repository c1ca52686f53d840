"""Covariates -> columns of a model: continuous as they are, one column for each level but the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from twoarm.cohort.covariates import CategoricalValues, CovariateValues
from twoarm.statistics.arrays import Floats, Integers
from twoarm.statistics.blocks import over_blocks


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


@dataclass(frozen=True, eq=False)
class DesignMatrix:
    """Terms and their values, without intercept; the values are made when they are first asked for."""

    terms: tuple[Term, ...]
    rows: int
    fill: Callable[[Floats, slice], None]  # write some rows' values of the terms, shape (p, b)

    @cached_property
    def values(self) -> Floats:
        """Values of the terms, shape (n, p), row by row in memory: models take them in an order of their own."""
        values = np.empty((self.rows, len(self.terms)))

        def fill(rows: slice) -> None:
            columns = np.empty((len(self.terms), rows.stop - rows.start))
            self.fill(columns, rows)
            values[rows] = columns.T

        over_blocks(self.rows, fill)
        return values

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms."""
        return tuple(term.name for term in self.terms)


def build_design_matrix(covariates: Mapping[str, CovariateValues], names: Sequence[str], n: int) -> DesignMatrix:
    """Return the columns of the named covariates, in order; nothing in them may be missing."""
    wanted = [covariates[name] for name in names]
    return DesignMatrix(covariate_terms(wanted), n, partial(fill_columns, wanted))


def covariate_terms(covariates: Sequence[CovariateValues]) -> tuple[Term, ...]:
    """Return the terms of some covariates."""
    terms: list[Term] = []
    for covariate in covariates:
        if isinstance(covariate, CategoricalValues):
            reference = covariate.levels[covariate.reference]
            levels = (level for code, level in enumerate(covariate.levels) if code != covariate.reference)
            terms += [Term(covariate.name, level, reference) for level in levels]
        else:
            terms.append(Term(covariate.name, "", ""))
    return tuple(terms)


def fill_columns(covariates: Iterable[CovariateValues], columns: Floats, rows: slice | Integers) -> None:
    """Write the values of some covariates' terms, of some of their rows, into columns of shape (p, b)."""
    free = iter(columns)
    for covariate in covariates:
        some = covariate.take(rows)
        assert not some.missing.any(), f"covariate {covariate.name} is complete before it enters a model"
        if isinstance(some, CategoricalValues):
            for code in range(len(some.levels)):
                if code != some.reference:
                    np.equal(some.codes, code, out=next(free))
        else:
            next(free)[:] = some.values
