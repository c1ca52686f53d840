"""Which factors go with a worse outcome: uni- and multivariable Cox regression side by side."""

from pydantic import Field

from twoarm.protocol.choices import ArmChoice, ScreenedBy
from twoarm.protocol.section import Names, Section, Share


class Screening(Section):
    """Which factors enter the multivariable model by their univariable P; flagged in the report."""

    p_below: Share
    by: ScreenedBy = Field("any_level", description="A factor enters when any level passes, or by its global test.")


class Prognostic(Section):
    """Uni- and multivariable Cox regression on the covariates, within one arm or in all patients."""

    arm: ArmChoice = "all"
    covariates: Names | None = Field(None, min_length=1, description="All covariates of the population by default.")
    endpoints: Names | None = Field(None, min_length=1, description="All endpoints of the population by default.")
    screening: Screening | None = Field(None, description="All factors enter by default.")
