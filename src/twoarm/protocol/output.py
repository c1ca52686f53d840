"""What is written, and what may leave."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from twoarm.protocol.choices import DocumentFormat, FigureFormat, JournalStyle, PatientKeys
from twoarm.protocol.data import FilePath
from twoarm.protocol.section import Name, Section


class Disclosure(Section):
    """Suppression of small cells, over the whole ledger, before anything is written."""

    minimum_cell: int = Field(0, ge=0, description="Counts from 1 to one below this are suppressed; 0 is off.")
    round_to: int = Field(1, ge=1, le=100, description="Other counts are rounded to a multiple of this.")


RULES = {"off": {}, "cms": {"minimum_cell": 11}, "nhs": {"minimum_cell": 8, "round_to": 5}}
"""CMS cell size policy: 1 to 10 are suppressed. NHS hospital statistics: 1 to 7 are, and the rest is rounded to 5."""


def _by_name(value: Any) -> Any:
    """``disclosure = "cms"`` and ``disclosure = 10`` are short for a section."""
    if isinstance(value, str):
        if value not in RULES:
            raise ValueError(f'found "{value}"; expected one of {", ".join(RULES)}, or the smallest count to show')
        return RULES[value]
    return {"minimum_cell": value} if isinstance(value, int) and not isinstance(value, bool) else value


DisclosureRule = Annotated[Disclosure, BeforeValidator(_by_name)]


class Output(Section):
    """Files of the output folder."""

    figures: tuple[FigureFormat, ...] = Field(
        ("svg", "pdf", "png", "tiff"), description="Formats; png and tiff at 300 dots an inch."
    )
    documents: tuple[DocumentFormat, ...] = Field(
        ("docx", "pdf"), description="Formats of the report beside the page, and of single tables (docx)."
    )
    style: JournalStyle = Field("plain", description="How numbers and p-values are written: a journal's style.")
    time_decimals: int | None = Field(None, ge=0, le=4, description="Decimals of times; by their unit by default.")
    patient_level: bool = Field(False, description="Write keys, pairs, scores and times of patients to their own file.")
    patient_keys: PatientKeys = Field(
        "as_written", description="Keys of that file: as in the records, or HMAC-SHA256 of them under a secret."
    )
    key_file: FilePath | None = Field(None, description="File below the protocol's folder that holds the secret.")
    key_variable: Name | None = Field(None, description="Environment variable that holds the secret.")

    @model_validator(mode="after")
    def _secret_is_where_it_is_needed(self) -> Self:
        places = sum(place is not None for place in (self.key_file, self.key_variable))
        if self.patient_keys == "keyed_hash" and not self.patient_level:
            raise ValueError("patient_keys are those of patient_level = true")
        if self.patient_keys == "keyed_hash" and places != 1:
            raise ValueError("keyed_hash needs a secret: name key_file or key_variable")
        if self.patient_keys != "keyed_hash" and places:
            raise ValueError('a secret is named, but patient_keys is not "keyed_hash"')
        return self
