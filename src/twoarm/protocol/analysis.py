"""What is asked of the adjusted cohorts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from twoarm.protocol.choices import (
    ContinuousSummary,
    FlatEnd,
    FollowUpMethod,
    IntervalType,
    QuantileInterval,
    Ties,
)
from twoarm.protocol.section import Names, Section

Landmark = Annotated[float, Field(gt=0)]


class Baseline(Section):
    """Table 1: counts and percentages, medians or means, tests and standardised differences."""

    continuous: ContinuousSummary = Field("median", description="Median and Wilcoxon, or mean and Welch's t test.")


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
    quantile_interval: QuantileInterval | None = Field(None, description="inverted by default.")
    flat_end: FlatEnd | None = Field(
        None, description="Median where the curve ends flat at one half; first by default."
    )

    @model_validator(mode="after")
    def _landmarks_rise(self) -> Survival:
        if [*self.landmarks] != sorted(set(self.landmarks)) or len({f"{x:.10g}" for x in self.landmarks}) < len(
            self.landmarks
        ):
            raise ValueError("landmarks must rise")
        return self


class HazardRatio(Section):
    """Cox regression."""

    ties: Ties | None = Field(None, description="efron by default.")


class Analyses(Section):
    """Options of the analyses; each has its defaults."""

    baseline: Baseline = Baseline()
    balance: Balance = Balance()
    follow_up: FollowUp = FollowUp()
    survival: Survival = Survival()
    hazard_ratio: HazardRatio = HazardRatio()


class Subgroups(Section):
    """Hazard ratios within the levels of covariates, with a test of interaction."""

    variables: Names = Field(min_length=1, description="Covariates with levels.")
    minimum_events: int = Field(10, ge=1, description="Below this many events a level is not estimated.")
