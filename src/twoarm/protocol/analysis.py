"""What is asked of the adjusted cohorts."""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from twoarm.protocol.choices import (
    ContinuousSummary,
    Dialect,
    FlatEnd,
    FollowUpMethod,
    IntervalType,
    QuantileInterval,
    TableTest,
    Ties,
)
from twoarm.protocol.section import Name, Names, Section

Landmark = Annotated[float, Field(gt=0)]


def _as_list(value: Any) -> Any:
    """``quantile_interval = "normal"`` is short for a list of one."""
    return (value,) if isinstance(value, str) else value


def _rise(times: Sequence[float]) -> bool:
    """Whether times rise, in the ten digits by which the ledger names them."""
    return [*times] == sorted(set(times)) and len({f"{time:.10g}" for time in times}) == len(times)


QuantileIntervals = Annotated[tuple[QuantileInterval, ...], Field(min_length=1), BeforeValidator(_as_list)]


class Baseline(Section):
    """Table 1: counts and percentages, medians or means, tests and standardised differences."""

    continuous: ContinuousSummary = Field("median", description="Median and Wilcoxon, or mean and Welch's t test.")
    table_test: TableTest | None = Field(
        None, description="Where every expected count is 5 or more; yates corrects tables of two by two for continuity."
    )


class Balance(Section):
    """Standardised differences before and after adjustment."""

    threshold: float = Field(0.1, gt=0, description="An absolute standardised difference above this is an imbalance.")


class FollowUp(Section):
    """How long patients were watched."""

    method: FollowUpMethod = "reverse_kaplan_meier"


class Survival(Section):
    """Kaplan-Meier curves, medians, survival at landmark times, log-rank test."""

    landmarks: tuple[Landmark, ...] = Field((), description="Times in the display unit, rising.")
    interval: IntervalType | None = Field(None, description="Scale of the pointwise limits; log-log by default.")
    quantile_interval: QuantileIntervals | None = Field(
        None, description="Intervals of medians, one or both, the headline first; inverted by default."
    )
    flat_end: FlatEnd | None = Field(
        None, description="Median where the curve ends flat at one half; first by default."
    )

    @model_validator(mode="after")
    def _landmarks_rise(self) -> Self:
        if self.quantile_interval and len(set(self.quantile_interval)) < len(self.quantile_interval):
            raise ValueError("quantile_interval names an interval twice")
        if not _rise(self.landmarks):
            raise ValueError("landmarks must rise")
        return self


class HazardRatio(Section):
    """Cox regression."""

    ties: Ties | None = Field(None, description="efron by default; exact goes with neither matching nor weighting.")
    offset: Name | None = Field(
        None, description="Continuous covariate that is added to the log hazard with coefficient 1 in every Cox model."
    )


class RestrictedMean(Section):
    """Restricted mean survival time."""

    tau: float | None = Field(None, gt=0, description="In the display unit; the smaller of the arms' largest times.")


class Piecewise(Section):
    """Hazard ratios within intervals of follow-up, and a test that they are equal."""

    cuts: tuple[Landmark, ...] = Field(
        (), description="Times in the display unit, rising; the median event time of all patients by default."
    )
    minimum_events: int = Field(10, ge=1, description="Below this many events an interval is not estimated.")

    @model_validator(mode="after")
    def _cuts_rise(self) -> Self:
        if not _rise(self.cuts):
            raise ValueError("cuts must rise")
        return self


class LandmarkAnalysis(Section):
    """The arms compared among patients who are still at risk after a time."""

    times: tuple[Landmark, ...] = Field((), description="Times in the display unit, rising.")

    @model_validator(mode="after")
    def _times_rise(self) -> Self:
        if not _rise(self.times):
            raise ValueError("times must rise")
        return self


class Analyses(Section):
    """Options of the analyses; each has its defaults."""

    baseline: Baseline = Baseline()
    balance: Balance = Balance()
    follow_up: FollowUp = FollowUp()
    survival: Survival = Survival()
    hazard_ratio: HazardRatio = HazardRatio()
    restricted_mean: RestrictedMean = RestrictedMean()
    piecewise: Piecewise = Piecewise()
    landmark: LandmarkAnalysis = LandmarkAnalysis()
    dialects: tuple[Dialect, ...] = Field((), description="Say what would differ under these packages' conventions.")


class Subgroups(Section):
    """Hazard ratios within the levels of covariates, with a test of interaction."""

    variables: Names = Field(min_length=1, description="Covariates with levels.")
    minimum_events: int = Field(10, ge=1, description="Below this many events a level is not estimated.")
    adjustments: Names | None = Field(None, description="Samples in which subgroups are looked at; all by default.")
