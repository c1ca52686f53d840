"""How the arms are made comparable, and which patients the answer is about."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from twoarm.protocol.choices import CaliperSd, CaliperUnit, Estimand, Focal, Order, Scale
from twoarm.protocol.section import Label, Name, Names, Section, tag_of

ESTIMAND_OF_FOCAL: dict[Focal, Estimand] = {"treated": "ATT", "comparator": "ATC", "smaller": "matched set"}


DEFAULT_LABELS = {"unadjusted": "Unadjusted", "multivariable": "Multivariable", "matching": "Matched"}


class Unadjusted(Section):
    """The arms as they are."""

    kind: Literal["unadjusted"]
    label: Label = DEFAULT_LABELS["unadjusted"]
    primary: bool = Field(False, description="Carries the primary analysis.")


class Multivariable(Section):
    """The arms as they are, the covariates in the outcome model: a conditional hazard ratio."""

    kind: Literal["multivariable"]
    label: Label = DEFAULT_LABELS["multivariable"]
    primary: bool = Field(False, description="Carries the primary analysis.")
    covariates: Names | None = Field(None, description="All covariates of the population by default.")


class Caliper(Section):
    """The largest distance between partners, inclusive."""

    width: float = Field(0.2, gt=0)
    unit: CaliperUnit = Field("sd", description="Standard deviations of the score, or its own units.")
    sd: CaliperSd = Field("all", description="SD over both arms together, or the root of the mean within-arm variance.")


class Matching(Section):
    """Greedy one-to-one nearest-neighbour matching on the propensity score, without replacement."""

    kind: Literal["matching"]
    label: Label = DEFAULT_LABELS["matching"]
    primary: bool = Field(False, description="Carries the primary analysis; the first matching by default.")
    covariates: Names | None = Field(None, description="All covariates of the population by default.")
    focal: Focal = Field("treated", description="Whose patients look for partners.")
    estimand: Estimand | None = Field(None, description="Follows from focal; stated, it must agree.")
    scale: Scale = Field("logit", description="Distances on the logit of the score, or on the probability.")
    caliper: Caliper | Literal["none"] = Caliper()
    order: Order = Field("closest", description="Who chooses first.")
    order_column: Name | None = Field(None, description="Column that order = data follows; the file's own by default.")
    exact: Names = Field((), description="Columns on which partners agree exactly, such as the centre.")
    naive_variance: bool = Field(False, description="Print the variance that ignores the pairs, too.")

    @model_validator(mode="before")
    @classmethod
    def _estimand_follows(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        focal = value.get("focal", "treated")  # not checked yet: it may be a table
        follows = next((estimand for word, estimand in ESTIMAND_OF_FOCAL.items() if word == focal), None)
        stated = value.get("estimand")
        if stated in ESTIMAND_OF_FOCAL.values() and follows is not None and stated != follows:
            raise ValueError(f"estimand {stated} does not follow from the focal arm, which gives {follows}")
        return value

    @property
    def answers(self) -> Estimand:
        """The estimand in force."""
        return self.estimand or ESTIMAND_OF_FOCAL[self.focal]


Adjustment = Annotated[
    Annotated[Unadjusted, Tag("unadjusted")]
    | Annotated[Multivariable, Tag("multivariable")]
    | Annotated[Matching, Tag("matching")],
    Discriminator(tag_of("kind")),
]
