"""Imputations one after the other: what nothing that was drawn has touched is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from twoarm.cohort.covariates import CovariateValues
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger


@dataclass(frozen=True, slots=True, eq=False)
class Imputations:
    """What the imputations of one adjusted cohort share.

    Only where every patient stands in it as he is are the rows of a comparison alike; a design's patients or weights
    follow from what was drawn.
    """

    alike: bool  # the same patients in every imputation, none of them weighted
    covariates: Mapping[str, CovariateValues]  # of the first; one that lacked nothing is the same object in all
    written: dict[tuple[str, ...], tuple[list[Estimate], list[Curve]]] = field(default_factory=dict)

    @classmethod
    def of(cls, first: AdjustedCohort) -> Imputations:
        """Begin with the first imputation."""
        return cls(first.marginal and not first.designed, first.completed.covariates)

    def write(
        self,
        ledger: Ledger,
        what: tuple[str, ...],
        variables: Iterable[str],
        covariates: Mapping[str, CovariateValues],
        make: Callable[[], None],
    ) -> None:
        """Write rows that depend on the patients, their outcomes and these variables; again if they cannot differ.

        Args:
            ledger: where ``make`` writes them.
            what: names the rows among all of the adjusted cohort.
            variables: the covariates that they depend on.
            covariates: those of this imputation.
            make: writes them.
        """
        if not self.alike or any(covariates[name] is not self.covariates[name] for name in variables):
            make()
            return
        if what not in self.written:
            rows, curves = len(ledger.rows), len(ledger.curves)
            make()
            self.written[what] = ledger.rows[rows:], ledger.curves[curves:]
            return
        rows_before, curves_before = self.written[what]
        ledger.rows.extend(rows_before)
        ledger.curves.extend(curves_before)
