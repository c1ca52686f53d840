"""What is done about missing covariates."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from twoarm.protocol.choices import ImputationMethod
from twoarm.protocol.section import Label, Name, Section, tag_of


class CompleteCase(Section):
    """Patients with a missing covariate are left out, with a line of attrition for each covariate."""

    kind: Literal["complete_case"] = "complete_case"
    label: Label = "Complete case"


class MultipleImputation(Section):
    """Missing covariates are drawn several times by chained equations; every analysis is run on each and pooled.

    The imputation model holds all covariates of the population (numbers before they are cut), the arm and, for each
    endpoint, its event indicator and Nelson-Aalen cumulative hazard. Needs the seed.
    """

    kind: Literal["multiple_imputation"]
    label: Label = "Multiple imputation"
    imputations: int = Field(20, ge=2, le=1000)
    iterations: int = Field(10, ge=1, le=1000, description="Rounds of the chained equations.")
    donors: int = Field(5, ge=1, le=100, description="Nearest patients that predictive mean matching draws from.")
    methods: dict[Name, ImputationMethod] = Field(
        {}, description="By covariate; by default pmm for numbers, logistic, polytomous or ordinal for levels."
    )


def _default_kind(value: Any) -> Any:
    return {"kind": "complete_case", **value} if isinstance(value, dict) and "kind" not in value else value


MissingStrategy = Annotated[
    Annotated[CompleteCase, Tag("complete_case")] | Annotated[MultipleImputation, Tag("multiple_imputation")],
    Discriminator(tag_of("kind")),
    BeforeValidator(_default_kind),
]
