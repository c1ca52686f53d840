"""What is written, and what may leave."""

from __future__ import annotations

from pydantic import Field

from twoarm.protocol.choices import DocumentFormat, FigureFormat, JournalStyle
from twoarm.protocol.section import Section


class Disclosure(Section):
    """Suppression of small cells, over the whole ledger, before anything is written."""

    minimum_cell: int = Field(0, ge=0, description="Counts from 1 to one below this are suppressed; 0 is off.")


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
