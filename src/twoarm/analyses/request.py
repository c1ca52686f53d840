"""What every analysis is handed: an adjusted cohort, its endpoints, and where its rows go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from twoarm.analyses.imputations import Imputations
from twoarm.analyses.kept_fits import KeptFits
from twoarm.cohort.covariates import CovariateValues
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.endpoints.endpoints import Endpoints
from twoarm.endpoints.time_to_event import TimeToEvent
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.results.ledger import Ledger
from twoarm.statistics.arrays import Booleans, Floats, Integers, count_distinct
from twoarm.statistics.counting import count


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """An endpoint of the rows of an adjusted cohort for whom it is known, shape (m,)."""

    time: Floats
    event: Booleans
    treated: Booleans
    pair: Integers | None
    weight: Floats | None  # None where every row counts once
    rows: Integers  # positions among the adjusted cohort's rows
    frequency: Integers | None  # identical patients that each row stands for; None where one each
    competing: Booleans | None = None  # another event ended the time; None where the endpoint declares none
    patient: Integers | None = None  # who each row is; None where everybody has one row

    @property
    def ended(self) -> Booleans:
        """Whose time ended by the event or by a competing one."""
        return self.event if self.competing is None else self.event | self.competing

    def count(self, rows: Booleans) -> int:
        """Return how many patients some rows stand for; one who has several rows counts once."""
        return count(rows, self.frequency) if self.patient is None else count_distinct(self.patient[rows])

    def within(self, mask: Booleans) -> Observed:
        """Return some of the rows."""
        return Observed(
            time=self.time[mask],
            event=self.event[mask],
            treated=self.treated[mask],
            pair=None if self.pair is None else self.pair[mask],
            weight=None if self.weight is None else self.weight[mask],
            rows=self.rows[mask],
            frequency=None if self.frequency is None else self.frequency[mask],
            competing=None if self.competing is None else self.competing[mask],
            patient=None if self.patient is None else self.patient[mask],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One analysis of one adjusted cohort."""

    protocol: Protocol
    population: StudyPopulation
    adjusted: AdjustedCohort
    unadjusted: AdjustedCohort  # every patient of the same completed cohort, for the spread before adjustment
    outcomes: Endpoints
    ledger: Ledger
    imputations: Imputations | None = None  # of several imputations, whose rows and curves are pooled
    fits: KeptFits = field(default_factory=KeptFits)  # outcome models that other analyses of the cohort have fitted

    @property
    def imputed(self) -> bool:
        """Whether this is one of several imputations."""
        return self.imputations is not None

    def write(self, what: tuple[str, ...], variables: Iterable[str], make: Callable[[], None]) -> None:
        """Write rows that depend on nothing but the patients, their outcomes, some covariates and a declared offset.

        In one of several imputations they are taken from an earlier one if they cannot differ.
        """
        if self.imputations is None:
            make()
            return
        read = [*variables, *filter(None, [self.population.offset])]
        self.imputations.write(self.ledger, what, read, self.adjusted, make)

    def by_patient(self) -> Request:
        """Return the request of the same cohort with a row a patient, for what describes an arm."""
        return replace(self, adjusted=self.adjusted.by_patient()) if self.adjusted.repeated else self

    @property
    def endpoints(self) -> Mapping[str, TimeToEvent]:
        """The times to events, by name."""
        return self.outcomes.times

    @property
    def contrast(self) -> str:
        """Name of the comparison in the ledger's arm field."""
        return f"{self.population.treated} vs {self.population.comparator}"

    @property
    def arms(self) -> tuple[tuple[str, Booleans], ...]:
        """Everybody, then each arm: label and mask over the adjusted cohort's rows."""
        treated = self.adjusted.treated
        return (("all", np.ones_like(treated)), *self.split(treated))

    def split(self, treated: Booleans) -> tuple[tuple[str, Booleans], tuple[str, Booleans]]:
        """Return label and mask of the treated and of the comparator arm."""
        return (self.population.treated, treated), (self.population.comparator, ~treated)

    def covariate(self, name: str, observed: Observed) -> CovariateValues:
        """Return one covariate of the rows for whom an endpoint is known."""
        return self.adjusted.completed.covariates[name].take(self.adjusted.row[observed.rows])

    def covariates(self, of: AdjustedCohort | None = None) -> dict[str, CovariateValues]:
        """Return the covariates of an adjusted cohort's rows."""
        cohort = of or self.adjusted
        if cohort.everybody:
            return dict(cohort.completed.covariates)
        return {name: values.take(cohort.row) for name, values in cohort.completed.covariates.items()}

    def observed(self, endpoint: TimeToEvent) -> Observed:
        """Return the endpoint of the rows for whom it is known."""
        cohort = self.adjusted
        rows = np.flatnonzero(endpoint.known[cohort.cohort_rows])
        patients = cohort.cohort_rows[rows]
        return Observed(
            time=endpoint.time[patients].astype(np.float64),
            event=endpoint.event[patients],
            treated=cohort.treated[rows],
            pair=None if cohort.pair is None else cohort.pair[rows],
            weight=None if cohort.weights is None else cohort.weights[rows],
            rows=rows,
            frequency=None if cohort.frequency is None else cohort.frequency[rows],
            competing=None if endpoint.competing is None else endpoint.competing[patients],
            patient=cohort.row[rows] if cohort.repeated else None,
        )
