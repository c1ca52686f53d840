"""Commands on output folders: verify, diff, reproduce."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twoarm.commands.exit_codes import DIFFERS, OK, exit_codes, tell, visible
from twoarm.commands.progress import Progress
from twoarm.errors import OutputError

if TYPE_CHECKING:
    from twoarm.report.figure_helper import FigureHelper

MOST_SHOWN = 40  # numbers of a difference; all are counted
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_FOLDER)
def verify(folder: Path) -> None:
    """Check every file of an output FOLDER against the hashes of its manifest.

    Exit codes: 0 as written; 1 something was changed, is missing or was added; 2 no output folder.
    """
    with exit_codes(folder):
        from twoarm.report.verification import read_manifest
        from twoarm.report.verification import verify as problems_of

        problems = list(problems_of(folder))
        for problem in problems:
            tell(visible(problem))
        files = len(read_manifest(folder)["outputs"])
        tell(f"{folder}: {files} files, {'all as written' if not problems else f'{len(problems)} problems'}.")
        sys.exit(DIFFERS if problems else OK)


@click.command()
@click.argument("before", type=_FOLDER)
@click.argument("after", type=_FOLDER)
@click.option("--all", "everything", is_flag=True, help="Show every number that moved.")
def diff(before: Path, after: Path, everything: bool) -> None:
    """Say which numbers of two output folders differ, and why: protocol, data or version.

    Exit codes: 0 no number differs; 1 some do; 2 no output folder.
    """
    with exit_codes(before):
        from twoarm.report.verification import moved_numbers, read_manifest, reasons

        why = reasons(read_manifest(before), read_manifest(after))
        moved = moved_numbers(before, after)
        for reason in why:
            tell(visible(reason))
        for one in moved if everything else moved[:MOST_SHOWN]:
            values = ["none" if value is None else f"{value:.12g}" for value in (one.before, one.after)]
            tell(visible(f"{one.id}: {one.what}, {values[0]} -> {values[1]}"))
        if len(moved) > MOST_SHOWN and not everything:
            tell(f"... and {len(moved) - MOST_SHOWN} more; --all shows them")
        tell(f"{len(moved)} numbers differ{'' if why or not moved else ', and nothing in the manifests says why'}.")
        sys.exit(DIFFERS if moved else OK)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--data", required=True, type=_FOLDER, help="Folder of the protocol, where its files lie.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def reproduce(folder: Path, data: Path, quiet: bool) -> None:
    """Run the study of an output FOLDER again, from the protocol in its manifest, and compare every file.

    Exit codes: 0 every file is the same, byte for byte; 1 some differ; 2 no output folder; 3 the data are refused.
    """
    with exit_codes(folder):
        from twoarm.report.figure_helper import FigureHelper
        from twoarm.report.output_folder import locked, partial_folder
        from twoarm.report.verification import read_manifest, reasons

        manifest = read_manifest(folder)
        with (
            FigureHelper() as helper,
            Progress(quiet) as say,
            locked(folder.resolve()),
            _scratch(partial_folder(folder.resolve())) as place,
        ):
            again = place / "again"
            _run_again(manifest, data, again, say, helper)
            made = read_manifest(again)
        for reason in reasons(manifest, made):
            tell(visible(reason))
        names = sorted(manifest["outputs"].keys() | made["outputs"].keys())
        differing = [name for name in names if manifest["outputs"].get(name) != made["outputs"].get(name)]
        for name in differing:
            tell(visible(f"{name}: differs"))
        said = "the same, byte for byte" if not differing else f"of which {len(differing)} differ"
        tell(f"{folder}: {len(names)} files made again, {said}.")
        sys.exit(DIFFERS if differing else OK)


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for oneself that goes afterwards; what a killed command leaves, the next one clears up."""
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_again(manifest: Mapping[str, object], data: Path, out: Path, say: Progress, helper: FigureHelper) -> None:
    from pydantic import ValidationError

    from twoarm.commands.running import run_and_publish
    from twoarm.protocol.protocol import Protocol
    from twoarm.records.records import read_records
    from twoarm.report.export_secret import read_export_secret

    try:
        protocol = Protocol.model_validate_json(json.dumps(manifest["protocol"]), strict=False)
    except ValidationError:
        raise OutputError("manifest.json: holds no protocol that this version can read") from None
    secret = read_export_secret(protocol.output, data)
    amended = manifest.get("amendments", ())
    assert isinstance(amended, list | tuple), "a manifest lists its amendments"
    with read_records(protocol, data) as records:
        run_and_publish(
            protocol, records, out, replace=False, say=say, helper=helper, amendments=amended, secret=secret
        )
