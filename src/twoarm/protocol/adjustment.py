"""How the arms are made comparable, and which patients the answer is about."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from twoarm.protocol.choices import (
    CaliperSd,
    CaliperUnit,
    Estimand,
    Focal,
    MatchingMethod,
    Order,
    Scale,
    WeightingEstimand,
    WeightingMethod,
)
from twoarm.protocol.section import Label, Name, Names, Section, Share, tag_of

Weight = Annotated[float, Field(ge=0)]

ESTIMAND_OF_FOCAL: dict[Focal, Estimand] = {"treated": "ATT", "comparator": "ATC", "smaller": "matched set"}


DEFAULT_LABELS = {
    "unadjusted": "Unadjusted",
    "multivariable": "Multivariable",
    "matching": "Matched",
    "weighting": "Weighted",
}


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


class Bootstrap(Section):
    """A variance from resampled patients; each resample is adjusted anew, its scores fitted again."""

    replicates: int = Field(500, ge=100, le=100_000, description="Resamples of all patients, with replacement.")


class Matching(Section):
    """Partners of like propensity score for each patient of the focal arm: the nearest, or the best for all."""

    kind: Literal["matching"]
    label: Label = DEFAULT_LABELS["matching"]
    primary: bool = Field(False, description="Carries the primary analysis; the first matching by default.")
    covariates: Names | None = Field(None, description="All covariates of the population by default.")
    focal: Focal = Field("treated", description="Whose patients look for partners.")
    estimand: Estimand | None = Field(None, description="Follows from focal; stated, it must agree.")
    scale: Scale = Field("logit", description="Distances on the logit of the score, or on the probability.")
    caliper: Caliper | Literal["none"] = Caliper()
    method: MatchingMethod = Field("nearest", description="Greedy, or at the smallest total distance.")
    ratio: int = Field(1, ge=1, le=20, description="Up to so many partners for each patient.")
    replacement: bool = Field(False, description="A partner may stand for several patients.")
    order: Order = Field("closest", description="Who chooses first.")
    order_column: Name | None = Field(None, description="Column that order = data follows; the file's own by default.")
    exact: Names = Field((), description="Columns on which partners agree exactly, such as the centre.")
    naive_variance: bool = Field(False, description="Print the variance that ignores the pairs, too.")
    bootstrap: Bootstrap | None = Field(None, description="Print the variance of resamples matched anew, too.")

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

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        ordered = [name for name in ("order", "order_column") if name in self.model_fields_set]
        if self.method == "optimal" and self.replacement:
            raise ValueError("optimal matching has no replacement: with it the nearest are the best for all together")
        if self.method == "optimal" and ordered:
            raise ValueError(f"{ordered[0]} goes with nearest matching: optimal matching looks at all patients at once")
        if self.replacement and ordered:
            raise ValueError(f"{ordered[0]} goes with matching without replacement: else nobody chooses first")
        if self.replacement and self.bootstrap:
            raise ValueError("no bootstrap with replacement: its variance is wrong there (Abadie and Imbens 2008)")
        if self.sets and self.naive_variance:
            raise ValueError("naive_variance goes with pairs: under weights the model's own variance means nothing")
        return self

    @property
    def sets(self) -> bool:
        """Whether there are weighted sets: of more than two patients, or of patients who stand in several."""
        return self.ratio > 1 or self.replacement

    @property
    def by_stratum(self) -> bool:
        """Whether each stratum can be matched by itself: nobody's choice waits for another stratum's."""
        ordered = self.method == "nearest" and self.order in ("data", "random")
        return bool(self.exact) and not (ordered or self.replacement or self.bootstrap)

    @property
    def answers(self) -> Estimand:
        """The estimand in force."""
        return self.estimand or ESTIMAND_OF_FOCAL[self.focal]


class Weighting(Section):
    """Weights under which the arms resemble one population: from the propensity score, or by entropy balancing."""

    kind: Literal["weighting"]
    label: Label = DEFAULT_LABELS["weighting"]
    primary: bool = Field(False, description="Carries the primary analysis.")
    covariates: Names | None = Field(None, description="All covariates of the population by default.")
    method: WeightingMethod = "propensity"
    estimand: WeightingEstimand = Field("ATE", description="Whom the arms come to resemble; ATO are overlap weights.")
    stabilised: bool | None = Field(None, description="ATE weights times the share of the arm; true by default.")
    truncate_quantiles: tuple[Share, Share] | None = Field(
        None, description="Weights outside these quantiles are moved to them."
    )
    truncate_at: tuple[Weight, Weight] | None = Field(None, description="Weights outside these are moved to them.")
    moments: Literal[1, 2] = Field(1, description="Entropy balancing of means, or of variances as well.")
    bootstrap: Bootstrap | None = Field(None, description="Print the variance of resamples weighted anew, too.")

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        if self.truncate_quantiles and self.truncate_at:
            raise ValueError("expected truncate_quantiles or truncate_at, not both")
        for name in ("truncate_quantiles", "truncate_at"):
            limits = getattr(self, name)
            if limits and not limits[0] < limits[1]:
                raise ValueError(f"{name}: the lower limit must be below the upper one")
        if self.method == "entropy":
            if self.truncate_quantiles or self.truncate_at or self.stabilised is not None:
                raise ValueError("entropy balancing takes neither truncation nor stabilised: balance would be lost")
            if self.estimand == "ATO":
                raise ValueError("entropy balancing knows ATE, ATT and ATC; overlap weights come from a score")
        elif self.moments != 1:
            raise ValueError("moments go with entropy balancing")
        if self.stabilised and self.estimand != "ATE":
            raise ValueError("only ATE weights are stabilised")
        return self

    @property
    def stabilises(self) -> bool:
        """Whether weights are multiplied by the share of the arm."""
        return self.method == "propensity" and self.estimand == "ATE" and self.stabilised is not False


Adjustment = Annotated[
    Annotated[Unadjusted, Tag("unadjusted")]
    | Annotated[Multivariable, Tag("multivariable")]
    | Annotated[Matching, Tag("matching")]
    | Annotated[Weighting, Tag("weighting")],
    Discriminator(tag_of("kind")),
]
