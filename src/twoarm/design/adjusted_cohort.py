"""The arms made comparable: one type whatever the method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from twoarm.design.complete import CompletedCohort
from twoarm.design.propensity import PropensityScore
from twoarm.protocol.choices import Estimand
from twoarm.statistics.arrays import Booleans, Floats, Integers, count_distinct, group_sums
from twoarm.statistics.balancing_weights import ArmWeights
from twoarm.statistics.counting import count


@dataclass(frozen=True, slots=True, eq=False)
class Lost:
    """Patients of the focal arm by whether they found a partner."""

    arm: str
    row: Integers  # row of the completed cohort, shape (k,)
    matched: Booleans  # shape (k,)
    frequency: Integers | None  # patients that each entry stands for, shape (k,); None where one each
    larger_arm: bool  # the focal arm is the larger of the two


@dataclass(frozen=True, slots=True)
class MatchedStrata:
    """Strata that were matched by themselves, as many at a time as there is room for."""

    of_both_arms: int
    of_one_arm: int  # nobody in them can have a partner
    parts: int


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """What weighting cost: weights of the arms, and how many truncation moved."""

    treated: ArmWeights
    comparator: ArmWeights
    limits: tuple[float, float] | None  # None without truncation
    truncated_below: int  # patients
    truncated_above: int


@dataclass(frozen=True, slots=True)
class MatchedSets:
    """Matched sets whose patients are weighted: more than one partner, or partners who stand in several sets."""

    ratio: int  # partners wanted
    replacement: bool  # a patient may have several rows


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedCohort:
    """m rows that stand for patients of a completed cohort; "unadjusted" is every patient once with weight 1.

    A matched row is one patient; a patient may have several, in matched sets. Without pairs a row stands for all the
    patients of its row of the completed cohort.
    """

    name: str
    label: str
    completed: CompletedCohort
    row: Integers  # row of the completed cohort, shape (m,); repeats for patients who are alike
    weight: Floats  # at least 0, shape (m,)
    pair: Integers | None  # pair or matched set of each row, shape (m,)
    covariates_in_model: tuple[str, ...]  # carried in the outcome model; () for a marginal comparison
    estimand: Estimand | None
    propensity: PropensityScore | None
    caliper_width: float | None
    lost: Lost | None
    naive_variance: bool  # print the variance that ignores the pairs, too; pairs there are
    weighted: Weighted | None = None
    sets: MatchedSets | None = None  # None for pairs without replacement, all of weight 1
    strata: MatchedStrata | None = None  # None where all patients were matched together
    again: Callable[[Integers], AdjustedCohort] | None = None  # make it anew of these rows of the completed cohort
    replicates: int = 0  # resamples that the protocol asks for

    @property
    def marginal(self) -> bool:
        """Whether arms are compared as they stand, without a regression on covariates."""
        return not self.covariates_in_model

    @property
    def designed(self) -> bool:
        """Whether matching or weighting made the arms comparable."""
        return self.pair is not None or self.weighted is not None

    @property
    def repeated(self) -> bool:
        """Whether a patient may have several rows, each in a matched set of its own."""
        return self.sets is not None and self.sets.replacement

    @property
    def everybody(self) -> bool:
        """Whether its rows are those of the completed cohort, in their order."""
        n = self.completed.treated.size
        return self.row.size == n and bool((self.row == np.arange(n)).all())

    @property
    def set_count(self) -> int:
        """Number of pairs or matched sets."""
        return 0 if self.pair is None else count_distinct(self.pair)

    @property
    def frequency(self) -> Integers | None:
        """How many identical patients each row stands for, each of its weight, shape (m,); None where one each."""
        counted = self.completed.frequency
        return None if counted is None or self.pair is not None else counted[self.row]

    def count(self, rows: Booleans) -> int:
        """Return how many patients some rows stand for; one who has several rows counts once."""
        return count_distinct(self.row[rows]) if self.repeated else count(rows, self.frequency)

    def by_patient(self) -> AdjustedCohort:
        """Return the cohort with a row a patient, of the sum of its weights, for what describes an arm."""
        if not self.repeated:
            return self
        row, at = np.unique(self.row, return_inverse=True)
        return replace(self, row=row, weight=group_sums(at.reshape(-1), self.weight, row.size), pair=None)

    @property
    def weights(self) -> Floats | None:
        """Weight of each row, shape (m,); None where every row counts once."""
        return None if self.weighted is None and bool((self.weight == 1.0).all()) else self.weight

    @property
    def treated(self) -> Booleans:
        """Arm of each row, shape (m,)."""
        return np.asarray(self.completed.treated[self.row])

    def members(self) -> Iterator[str]:
        """Yield key, arm, pair, weight and score of every row, as text."""
        assert self.completed.one_by_one, "patients are named one by one"
        for position, row in enumerate(self.row.tolist()):
            pair = "" if self.pair is None else str(self.pair[position])
            score = "" if self.propensity is None else f"{self.propensity.logit[row]:.10f}"
            arm = "1" if self.completed.treated[row] else "0"
            yield "\t".join((str(self.completed.key[row]), arm, pair, f"{self.weight[position]:.12g}", score))

    @property
    def cohort_rows(self) -> Integers:
        """Rows of the cohort, and so of its endpoints, shape (m,)."""
        return np.asarray(self.completed.cohort_rows[self.row])


@dataclass(frozen=True, slots=True)
class NotAdjusted:
    """An adjustment that could not be made, and why."""

    name: str
    label: str
    reason: str
