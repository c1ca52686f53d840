"""The output folder: it appears whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from dataclasses import replace as replace_fields
from pathlib import Path

from twoarm.errors import OutputError
from twoarm.figures.fonts import find_fonts, font_warning
from twoarm.protocol.protocol import Protocol
from twoarm.report.audit_trail import FILE as AUDIT
from twoarm.report.audit_trail import audit_trail
from twoarm.report.documents import Documents, drawn_figures, texts_of
from twoarm.report.figure_files import Drawing, needed_kinds
from twoarm.report.figure_helper import FigureHelper
from twoarm.report.html import embed, render_html, standalone_table
from twoarm.report.interactive_curves import interactive_curves
from twoarm.report.interactive_incidence import interactive_incidence
from twoarm.report.output_folder import Storing, partial_folder, publish, reserved
from twoarm.report.study_report import StudyReport, compose
from twoarm.report.verification import manifest_text
from twoarm.results.keyed_rows import keyed_rows
from twoarm.results.patient_row import patient_rows_csv
from twoarm.results.provenance import CellStep, Provenance
from twoarm.results.results import Results
from twoarm.tables.table import to_csv


def write_report(
    protocol: Protocol,
    results: Results,
    provenance: Provenance,
    out: str | Path,
    *,
    data_notes: Sequence[str] = (),
    amendments: Sequence[str] = (),
    replace: bool = False,
    helper: FigureHelper | None = None,
    warn: Callable[[str], None] = lambda _: None,
    secret: bytes | None = None,
    cells: Sequence[CellStep] = (),
) -> Path:
    """Write report, tables, figures, ledger and manifest into a new folder.

    Args:
        protocol: the study.
        results: its ledger, see ``run_study``.
        provenance: what went in, for the manifest.
        out: folder to make; it appears when everything is written.
        data_notes: findings of the records in words.
        amendments: the lock of the protocol and every later edit, in words.
        replace: put the new folder in the place of an earlier output.
        helper: a second process that draws figures.
        warn: is told what the reader must know of the files, such as a font that is missing.
        secret: under which patient keys are hashed; see ``read_export_secret``.
        cells: what was done to cells, for the audit trail.

    Raises:
        OutputError: the folder exists, cannot be made, or is being written by another run.
    """
    if protocol.output.patient_keys == "keyed_hash":
        if secret is None:
            raise OutputError("patient keys are to be hashed, and no secret was given")
        results = replace_fields(results, patients=keyed_rows(results.patients, secret))
    with reserved(out, replace=replace) as folder:
        partial = partial_folder(folder)
        old_mask = os.umask(0o077)
        try:
            partial.mkdir()
            _write(partial / AUDIT, audit_trail(results, provenance, cells, amendments))
            with Storing() as storing:
                _write_all(protocol, results, provenance, partial, (data_notes, amendments), helper, warn, storing)
                publish(partial, folder, storing, replace=replace)
        except BaseException:  # an interruption, too
            if helper is not None:  # whose next figure would come back into the folder while it is deleted
                helper.stop()
            raise
        finally:
            os.umask(old_mask)
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def _write_all(
    protocol: Protocol,
    results: Results,
    provenance: Provenance,
    folder: Path,
    said: tuple[Sequence[str], Sequence[str]],
    helper: FigureHelper | None,
    warn: Callable[[str], None],
    storing: Storing,
) -> None:
    report = compose(protocol, results, *said)
    fonts = find_fonts(texts_of(report, provenance))
    if fonts.missing:
        warn(font_warning(fonts))
        report = replace_fields(report, notices=(font_warning(fonts),))
    (folder / "tables").mkdir()
    (folder / "figures").mkdir()
    prefixes = [section.prefix for section in report.sections]
    with (
        Drawing(protocol, results, prefixes, folder / "figures", fonts, helper) as drawing,
        Documents(report, provenance, folder, fonts, protocol.output.documents) as documents,
    ):
        _write_tables(report, folder / "tables")
        documents.write_tables()
        _write(folder / "results.json", results.estimates_json())
        _write(folder / "curves.json", results.curves_json())
        if protocol.output.patient_level:
            _write(folder / "patients.csv", patient_rows_csv(results.patients))
        curves: dict[str, str] = {}
        for section in report.sections:
            curves |= interactive_curves(section.scope, section.prefix)
            curves |= interactive_incidence(section.scope, section.prefix)
        pages: list[str] = []

        def as_if_nothing_failed() -> None:
            documents.begin()
            pages.append(_page(report, provenance, folder / "figures", curves))

        failed = drawing.finish(as_if_nothing_failed)
        storing.begin(_finished(folder, protocol.output.figures))
        not_made = documents.finish(failed)
    for text in not_made:
        warn(text)
    if failed or not_made or not pages:
        pages.append(_page(report, provenance, folder / "figures", curves, failed, not_made))
    _write(folder / "report.html", pages[-1])
    for kind in set(needed_kinds(protocol)) - set(protocol.output.figures):
        for path in (folder / "figures").glob(f"*.{kind}"):
            path.unlink()
    _write(folder / "manifest.json", _manifest(protocol, provenance, said[1], folder))


def _finished(folder: Path, wanted: Sequence[str]) -> Iterator[Path]:
    """Return most of what is whole once all figures are drawn; of these, some are for the documents and go again."""
    yield from folder.glob("*.json")
    yield from (folder / "tables").iterdir()
    yield from (path for path in (folder / "figures").iterdir() if path.suffix[1:] in wanted)


def _write_tables(report: StudyReport, folder: Path) -> None:
    for section in report.sections:
        for table in section.tables:
            stem = f"{section.prefix}{table.name}"
            _write(folder / f"{stem}.csv", to_csv(table))
            _write(folder / f"{stem}.html", standalone_table(table))


def _page(
    report: StudyReport,
    provenance: Provenance,
    folder: Path,
    curves: Mapping[str, str],
    failed: Sequence[str] = (),
    not_made: Sequence[str] = (),
) -> str:
    figures = {
        section.prefix: [
            embed(figure.stem, figure.title, (folder / f"{figure.stem}.svg").read_bytes()) for figure in drawn
        ]
        for section, drawn in zip(report.sections, drawn_figures(report, folder).values(), strict=True)
    }
    return render_html(report, provenance, figures, curves, failed, not_made)


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def _manifest(protocol: Protocol, provenance: Provenance, amendments: Sequence[str], folder: Path) -> str:
    """Hashes of what went in and of what came out, versions, seed, and every default in force."""
    outputs = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    content = {
        "twoarm": dict(provenance.versions)["twoarm"],
        "protocol_sha256": provenance.protocol_sha256,
        "protocol": json.loads(protocol.model_dump_json()),
        "conventions": asdict(protocol.conventions),
        "amendments": list(amendments),
        "inputs": [asdict(source) for source in provenance.inputs],
        "seed": provenance.seed,
        "versions": dict(provenance.versions),
        "outputs": outputs,
    }
    return manifest_text(content)
