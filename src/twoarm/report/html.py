"""The report as one self-contained page: one script of its own; no font and no picture from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from twoarm.report.interactive_curves import curve_script, script_hash
from twoarm.report.study_report import StudyReport
from twoarm.results.provenance import Provenance
from twoarm.tables.table import Table, to_html


@dataclass(frozen=True, slots=True)
class EmbeddedFigure:
    """A figure within the page."""

    name: str
    title: str
    data: str  # base64 of the SVG


def embed(name: str, title: str, svg: bytes) -> EmbeddedFigure:
    """Return a figure for the page."""
    return EmbeddedFigure(name, title, base64.b64encode(svg).decode("ascii"))


def render_html(
    report: StudyReport,
    provenance: Provenance,
    figures: Mapping[str, Sequence[EmbeddedFigure]],
    curves: Mapping[str, str],
    failed_figures: Sequence[str],
    failed_documents: Sequence[str] = (),
) -> str:
    """Return the page; all text from protocol and data is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("twoarm.report").joinpath("template.html").read_text("utf-8"))
    tables = {
        f"{section.prefix}{table.name}": Markup(to_html(_renamed(table, section.prefix)))
        for section in report.sections
        for table in section.tables
    }
    script = curve_script()
    return template.render(
        report=report,
        provenance=provenance,
        tables=tables,
        figures=figures,
        failed_figures=failed_figures,
        failed_documents=failed_documents,
        curves={name: Markup(curve) for name, curve in curves.items()},
        script=Markup(script),
        script_hash=script_hash(script),
        version=dict(provenance.versions)["twoarm"],
    )


def standalone_table(table: Table) -> str:
    """Return a page with one table, for pasting into a document."""
    style = (
        "body{font:15px/1.4 system-ui,Arial,sans-serif}table{border-collapse:collapse}"
        "caption{text-align:left;font-weight:600}"
        "th,td{padding:.2rem .6rem;text-align:right}tbody th,thead th:first-child{text-align:left;font-weight:400}"
        ".indent th{padding-left:1.7rem}thead tr:last-child>*{border-bottom:1.5px solid}"
    )
    head = f"<meta charset='utf-8'><title>{Markup.escape(table.title)}</title><style>{style}</style>"
    return f"<!doctype html>\n<html lang='en'><head>{head}</head><body>{to_html(table)}</body></html>\n"


def _renamed(table: Table, prefix: str) -> Table:
    return Table(prefix + table.name, table.title, table.columns, table.rows, table.footnotes, table.groups)
