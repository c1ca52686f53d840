"""One population under one missing-data strategy, as tables, figures and text quote it."""

from __future__ import annotations

from dataclasses import dataclass

from twoarm.protocol.adjustment import Matching, Multivariable, Unadjusted, Weighting
from twoarm.protocol.covariate import Categorical, Continuous, Cut, covariate_label
from twoarm.protocol.missing import MultipleImputation
from twoarm.protocol.protocol import Protocol, StudyPopulation
from twoarm.results.curve import Curve
from twoarm.results.estimate import Estimate
from twoarm.results.results import Results
from twoarm.tables.formats import Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """Reads the ledger with population and strategy fixed."""

    protocol: Protocol
    population: StudyPopulation
    missing: str
    results: Results

    @property
    def contrast(self) -> str:
        """Name of the comparison in the ledger."""
        return f"{self.population.treated} vs {self.population.comparator}"

    @property
    def arms(self) -> tuple[str, str]:
        """Labels of the treated and the comparator arm."""
        return self.population.treated, self.population.comparator

    @property
    def numbers(self) -> Numbers:
        """What numbers are written with, in the protocol's style."""
        return Numbers.of(self.protocol)

    @property
    def confidence(self) -> str:
        """The confidence level as it stands in headers: 95%."""
        return f"{self.numbers.general(100 * self.protocol.confidence_level)}%"

    def select(self, **wanted: str) -> tuple[Estimate, ...]:
        """Return the ledger's rows of this scope."""
        return self.results.select(population=self.population.name, missing=self.missing, **wanted)

    def find(self, **wanted: str) -> Estimate | None:
        """Return the one row of this scope, or None."""
        return self.results.find(population=self.population.name, missing=self.missing, **wanted)

    def first(self, **wanted: str) -> Estimate | None:
        """Return the first of the rows, the headline where methods differ, or None."""
        rows = self.select(**wanted)
        return rows[0] if rows else None

    def curve(self, **wanted: str) -> Curve | None:
        """Return the one curve of this scope, or None."""
        return self.results.curve(population=self.population.name, missing=self.missing, **wanted)

    def unadjusted(self) -> str:
        """Name of the unadjusted comparison."""
        return next(name for name, made in self.population.adjustments.items() if isinstance(made, Unadjusted))

    def matchings(self) -> dict[str, Matching]:
        """Return the matchings by name."""
        return {name: made for name, made in self.population.adjustments.items() if isinstance(made, Matching)}

    def weightings(self) -> dict[str, Weighting]:
        """Return the weightings by name."""
        return {name: made for name, made in self.population.adjustments.items() if isinstance(made, Weighting)}

    def weighted(self) -> dict[str, Matching | Weighting]:
        """Return the adjustments whose patients are weighted: weightings, and matchings in sets."""
        made = self.population.adjustments.items()
        return {n: a for n, a in made if isinstance(a, Weighting) or (isinstance(a, Matching) and a.sets)}

    def marginal(self) -> dict[str, Unadjusted | Matching | Weighting]:
        """Return the adjustments that compare arms as they stand."""
        return {n: made for n, made in self.population.adjustments.items() if not isinstance(made, Multivariable)}

    def blocks(self) -> list[list[str]]:
        """Return the samples that were made, two by two, as a page holds them: the unadjusted and one by
        design first."""
        made = [name for name in self.marginal() if self.made(name)]
        return [made[start : start + 2] for start in range(0, len(made), 2)]

    def regressions(self) -> dict[str, Multivariable]:
        """Return the multivariable models by name."""
        return {n: made for n, made in self.population.adjustments.items() if isinstance(made, Multivariable)}

    @property
    def imputed(self) -> bool:
        """Whether the rows are pooled over imputations."""
        return isinstance(self.population.missing[self.missing], MultipleImputation)

    def median(self, **wanted: str) -> list[Estimate | None]:
        """Return a median and the limits of its headline interval."""
        return [self.first(**wanted, statistic=s) for s in ("median", "median_lower", "median_upper")]

    def made(self, adjustment: str) -> bool:
        """Whether an adjustment could be made."""
        return self.find(adjustment=adjustment, analysis="adjustment") is None

    def label(self, variable: str) -> str:
        """Return a covariate's name on paper."""
        return covariate_label(variable, self.population.covariates[variable])

    def levels(self, variable: str) -> tuple[str, ...]:
        """Return the labels of a covariate's levels as they stand on paper; none for a number."""
        covariate = self.population.covariates[variable]
        if isinstance(covariate, Cut) and covariate.descending:
            return covariate.level_labels[::-1]
        return covariate.level_labels if isinstance(covariate, Cut | Categorical) else ()

    def continuous(self, variable: str) -> bool:
        """Whether a covariate is a number."""
        return isinstance(self.population.covariates[variable], Continuous)


def scopes(protocol: Protocol, results: Results) -> list[Scope]:
    """Return every population under every strategy, in the protocol's order."""
    return [
        Scope(protocol, population, strategy, results)
        for population in protocol.plan()
        for strategy in population.missing
    ]
