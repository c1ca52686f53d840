"""Imputations one after the other: what depends on nothing that differs between them is worked out once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twoarm.cohort.covariates import CategoricalValues, CovariateValues
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger


@dataclass(frozen=True, slots=True, eq=False)
class Imputations:
    """What the imputations of one adjusted cohort share: rows by what they are of, and by what they depend on.

    Two imputations agree in that more often than not: few values are missing, levels are few, and a design may come out
    the same.
    """

    together: bool  # arms are compared as they stand, so that a model reads nothing but what is named
    written: dict[tuple[tuple[str, ...], bytes], tuple[list[Estimate], list[Curve]]] = field(default_factory=dict)
    contents: dict[int, tuple[object, bytes]] = field(default_factory=dict)  # by identity; held, so that it stays

    @classmethod
    def of(cls, first: AdjustedCohort) -> Imputations:
        """Begin with the first imputation."""
        return cls(first.marginal)

    def write(
        self,
        ledger: Ledger,
        what: tuple[str, ...],
        variables: Iterable[str],
        cohort: AdjustedCohort,
        make: Callable[[], None],
    ) -> None:
        """Write rows that depend on the patients, their weights and pairs, their outcomes and these variables.

        They are taken from an earlier imputation that agrees in all of it.

        Args:
            ledger: where ``make`` writes them.
            what: names the rows among all of the adjusted cohort.
            variables: the covariates that they depend on.
            cohort: the adjusted cohort of this imputation.
            make: writes them.
        """
        if not self.together:
            make()
            return
        covariates = cohort.completed.covariates
        parts = [self._content(cohort, _patients), *(self._content(covariates[name], _values) for name in variables)]
        key = (what, b"".join(parts))
        if key not in self.written:
            rows, curves = len(ledger.rows), len(ledger.curves)
            make()
            self.written[key] = ledger.rows[rows:], ledger.curves[curves:]
            return
        rows_before, curves_before = self.written[key]
        ledger.rows.extend(rows_before)
        ledger.curves.extend(curves_before)

    def _content(self, thing: Any, arrays: Callable[[Any], Iterable[np.ndarray[Any, Any] | None]]) -> bytes:
        """Return a hash of what an object holds, worked out once."""
        if id(thing) not in self.contents:
            digest = hashlib.sha256()
            for array in arrays(thing):
                digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
            self.contents[id(thing)] = thing, digest.digest()
        return self.contents[id(thing)][1]


def _patients(cohort: AdjustedCohort) -> Iterable[np.ndarray[Any, Any] | None]:
    return cohort.row, cohort.weight, cohort.pair


def _values(covariate: CovariateValues) -> Iterable[np.ndarray[Any, Any]]:
    return [covariate.codes if isinstance(covariate, CategoricalValues) else covariate.values]
