"""Centres apart and together, and how far unmeasured confounding would have to go."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from twoarm.protocol.section import Label, Name, Section

Prevalence = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(gt=0)]


class Centres(Section):
    """Where patients were treated: hazard ratios within centres, pooled over them, and stratified by centre."""

    column: Name = Field(description="Column that names the centre.")
    minimum_events: int = Field(
        5, ge=1, description="A centre with fewer events, both arms together, is not estimated."
    )
    labels: dict[str, Label] = Field({}, description="Names on paper, by cell; cells of one label are one centre.")


class Unmeasured(Section):
    """A binary confounder that nobody measured, independent of the covariates that were."""

    prevalence_treated: Prevalence = Field(description="Its share in the treated arm.")
    prevalence_comparator: Prevalence = Field(description="Its share in the comparator arm.")
    hazard_ratios: tuple[Ratio, ...] = Field(
        (1.5, 2.0, 3.0), min_length=1, max_length=10, description="Its hazard ratios for the endpoint, rising."
    )

    @model_validator(mode="after")
    def _can_confound(self) -> Self:
        if self.prevalence_treated == self.prevalence_comparator:
            raise ValueError("a confounder of equal prevalences causes no bias")
        shown = [f"{ratio:.6g}" for ratio in self.hazard_ratios]
        if [*self.hazard_ratios] != sorted(self.hazard_ratios) or len(set(shown)) < len(shown):
            raise ValueError("hazard_ratios must rise")
        return self


class Sensitivity(Section):
    """What is assumed of confounding that was not measured."""

    unmeasured: Unmeasured | None = None
