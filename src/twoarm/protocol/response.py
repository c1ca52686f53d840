"""Tumour response: which table holds the visits, and the rules of RECIST 1.1 that are in force."""

from pydantic import Field

from twoarm.protocol.choices import Confirmation, DifferenceInterval, ProportionInterval, ResponseDenominator
from twoarm.protocol.section import Label, Name, Section


class Response(Section):
    """Best overall response from dated assessments (RECIST 1.1), objective response and disease control.

    A visit counts from the day of time zero up to and including progression, and never after death or the data
    cut-off; visits that do not count are listed.
    """

    table: Name = Field(description="Table of events with one row a visit.")
    date: Name = Field(description="Its date column.")
    response: Name = Field(description="Its column with CR, PR, SD, PD or NE (by its map).")
    progression: Name | None = Field(None, description="Patients' date of progression; the first PD visit otherwise.")
    death: Name | None = Field(None, description="Patients' date of death; a visit after it is impossible.")
    confirmation: Confirmation = Field("not_required", description="Whether CR and PR must be seen twice.")
    confirmation_days: int = Field(28, ge=1, description="Days from a response to the visit that confirms it.")
    stable_disease_days: int = Field(0, ge=0, description="Days from time zero before SD counts as stable disease.")
    denominator: ResponseDenominator = Field("all", description="All patients (NE is no response), or the evaluable.")
    interval: ProportionInterval = "clopper-pearson"
    difference: DifferenceInterval = Field("newcombe", description="Interval of a difference of unmatched arms.")
    unpaired_tests: bool = Field(False, description="In matched samples, print the tests that ignore the pairs, too.")
    objective_response: Label = "ORR"
    disease_control: Label = "DCR"

    def rules(self) -> tuple[str, ...]:
        """Return the confirmation rules in force, the first being the headline."""
        named = {"not_required": ("unconfirmed",), "required": ("confirmed",), "both": ("unconfirmed", "confirmed")}
        return named[self.confirmation]
