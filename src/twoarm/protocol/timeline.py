"""A patient's life in dates, by which the records are checked against themselves."""

from pydantic import Field

from twoarm.protocol.section import Name, Section


class Timeline(Section):
    """Columns of the patients; what contradicts another of them is held."""

    birth: Name | None = Field(None, description="Date of birth: not after time zero.")
    death: Name | None = Field(None, description="Date of death: nothing comes after it.")
    last_contact: Name | None = Field(None, description="Last contact: not after death, not before an event.")
    death_flag: Name | None = Field(None, description="Yes/no column: died. It agrees with the date of death.")
    treatment_start: Name | None = Field(
        None, description="Start of the treatment that makes the arm: warned of where it lies after time zero."
    )
    treatment_end: Name | None = Field(None, description="End of treatment: not before time zero.")
    age: Name | None = Field(None, description="Age in years at time zero: within a year of the one by date of birth.")
    sex: Name | None = Field(None, description="With birth and time zero it tells patients who stand under two keys.")

    def columns(self) -> dict[str, str]:
        """Return the declared columns by their key."""
        return dict(self.model_dump(exclude_none=True))
