"""The output folder: it appears whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from twoarm.errors import OutputError
from twoarm.figures.all_figures import all_figures
from twoarm.protocol.protocol import Protocol
from twoarm.report.figure_files import FigureHelper, draw_figures
from twoarm.report.html import EmbeddedFigure, embed, render_html, standalone_table
from twoarm.report.study_report import StudyReport, compose
from twoarm.results.patient_row import patient_rows_csv
from twoarm.results.provenance import Provenance
from twoarm.results.results import Results
from twoarm.tables.table import to_csv


def check_output(out: str | Path, *, replace: bool = False) -> Path:
    """Return the folder to write, or say why it cannot be written.

    Raises:
        OutputError: it exists and is not to be replaced, is no earlier output, or its parent is missing.
    """
    folder = Path(os.path.abspath(out))  # ".." is taken out by name, so that every rename means the same folder
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{out}: not a folder")
    if not folder.name or not folder.parent.is_dir():
        raise OutputError(f"{out}: the folder around it does not exist")
    _sweep(folder)
    if folder.exists() and not replace:
        raise OutputError(f"{out} exists already; name another folder, or replace it with --replace")
    if folder.exists():
        foreign = _foreign_files(folder)
        if foreign:
            raise OutputError(f"{out} is not replaced: it holds what is no earlier output, such as {foreign[0]}")
    return folder


def _foreign_files(folder: Path) -> list[str]:
    """Return the files that the folder's own manifest does not list; everything, if it is no manifest of ours."""
    found = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        listed = {"manifest.json", *manifest["outputs"]} if "twoarm" in manifest else set()
    except (OSError, ValueError, KeyError, TypeError):
        listed = set()
    return sorted(found - listed)


def _sweep(folder: Path) -> None:
    """Clear up after a run that was killed: half-made folders go, and an old output that was moved aside comes back."""
    for kind in ("partial", "old"):
        for left in folder.parent.glob(f".{folder.name}.{kind}-*"):
            owner = left.name.rpartition("-")[2]
            if not owner.isdigit() or _alive(int(owner)):
                continue
            if kind == "old" and not folder.exists():
                os.replace(left, folder)
            else:
                shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def write_report(
    protocol: Protocol,
    results: Results,
    provenance: Provenance,
    out: str | Path,
    *,
    data_notes: Sequence[str] = (),
    replace: bool = False,
    helper: FigureHelper | None = None,
) -> Path:
    """Write report, tables, figures, ledger and manifest into a new folder.

    Args:
        protocol: the study.
        results: its ledger, see ``run_study``.
        provenance: what went in, for the manifest.
        out: folder to make; it appears when everything is written.
        data_notes: findings of the records in words.
        replace: put the new folder in the place of an earlier output.
        helper: a second process that draws figures.

    Raises:
        OutputError: the folder exists, or cannot be made.
    """
    folder = check_output(out, replace=replace)
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    old_mask = os.umask(0o077)
    try:
        partial.mkdir()
        _write_all(protocol, results, provenance, partial, data_notes, helper)
        _publish(partial, folder, replace=replace)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or type(error).__name__})") from None
    finally:
        os.umask(old_mask)
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _write_all(
    protocol: Protocol,
    results: Results,
    provenance: Provenance,
    folder: Path,
    data_notes: Sequence[str],
    helper: FigureHelper | None,
) -> None:
    report = compose(protocol, results, data_notes)
    prefixes = [section.prefix for section in report.sections]
    (folder / "tables").mkdir()
    (folder / "figures").mkdir()
    failed = draw_figures(protocol, results, prefixes, folder / "figures", helper)
    for section in report.sections:
        for table in section.tables:
            stem = f"{section.prefix}{table.name}"
            _write(folder / "tables" / f"{stem}.csv", to_csv(table))
            _write(folder / "tables" / f"{stem}.html", standalone_table(table))
    figures = _embedded(report, folder / "figures")
    if "svg" not in protocol.output.figures:
        for path in (folder / "figures").glob("*.svg"):
            path.unlink()
    _write(folder / "report.html", render_html(report, provenance, figures, failed))
    _write(folder / "results.json", results.estimates_json())
    _write(folder / "curves.json", results.curves_json())
    if protocol.output.patient_level:
        _write(folder / "patients.csv", patient_rows_csv(results.patients))
    _write(folder / "manifest.json", _manifest(protocol, provenance, folder))


def _embedded(report: StudyReport, folder: Path) -> dict[str, list[EmbeddedFigure]]:
    return {
        section.prefix: [
            embed(f"{section.prefix}{figure.name}", figure.title, path.read_bytes())
            for figure in all_figures(section.scope)
            if (path := folder / f"{section.prefix}{figure.name}.svg").is_file()
        ]
        for section in report.sections
    }


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def _manifest(protocol: Protocol, provenance: Provenance, folder: Path) -> str:
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
        "inputs": [asdict(source) for source in provenance.inputs],
        "seed": provenance.seed,
        "versions": dict(provenance.versions),
        "outputs": outputs,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _publish(partial: Path, folder: Path, *, replace: bool) -> None:
    """Rename into place; an earlier output is moved aside first and goes last."""
    if folder.exists() and not (replace and not _foreign_files(folder)):
        raise OutputError(f"{folder}: was made by somebody else in the meantime; nothing was replaced")
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(partial, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
