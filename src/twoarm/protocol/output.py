"""What is written, and what may leave."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from twoarm.protocol.choices import DocumentFormat, FigureFormat, JournalStyle
from twoarm.protocol.section import Section


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
