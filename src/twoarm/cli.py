"""Commands: arguments, messages and exit codes; the work is done elsewhere."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twoarm.commands.exit_codes import NOT_ESTIMABLE, OK, exit_codes, tell
from twoarm.commands.lock import lock
from twoarm.commands.outputs import diff, reproduce, verify
from twoarm.commands.progress import Progress
from twoarm.commands.queries import queries
from twoarm.commands.selftest import selftest
from twoarm.errors import OutputError
from twoarm.version import __version__

if TYPE_CHECKING:
    from twoarm.report.figure_helper import FigureHelper

_STUDY = click.argument("study", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="twoarm %(version)s")
def main() -> None:
    """Compare the survival of two arms of an observational study, from one declared protocol.

    Exit codes: 0 done; 1 verify, diff, reproduce or selftest found a difference; 2 the protocol or the call is invalid;
    3 the data are refused; 4 the primary analysis is not estimable (the report is written); 5 internal error; 130
    interrupted; 143 terminated.
    """


@main.command()
@_STUDY
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make for the report.")
@click.option("--replace", is_flag=True, help="Replace an earlier output in that folder.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def run(study: Path, out: Path, replace: bool, quiet: bool) -> None:
    """Run STUDY.toml and write report, tables, figures and ledger into a folder."""
    with exit_codes(study):
        from twoarm.imports import import_quickly
        from twoarm.report.figure_helper import FigureHelper
        from twoarm.report.output_folder import check_output

        import_quickly()
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a study uses one; others would only wait, at full speed
        check_output(out, replace=replace)
        with FigureHelper() as helper, Progress(quiet) as say:
            code = _run(study, out, replace, say, helper)
    sys.exit(code)


def _run(study: Path, out: Path, replace: bool, say: Progress, helper: FigureHelper) -> int:
    say("reading the protocol")
    from twoarm.protocol.read import read_protocol

    protocol = read_protocol(study)
    say("reading the records")
    from twoarm.commands.numeric_libraries import import_numeric_libraries
    from twoarm.commands.running import run_and_publish

    import_numeric_libraries()
    from twoarm.records.records import read_records
    from twoarm.report.export_secret import read_export_secret
    from twoarm.report.protocol_lock import amendments, read_lock

    secret = read_export_secret(protocol.output, study.parent)
    amended = amendments(read_lock(study), protocol)
    with read_records(protocol, study.parent) as records:
        code = run_and_publish(
            protocol,
            records,
            out,
            replace=replace,
            say=say,
            helper=helper,
            amendments=amended,
            folder=study.parent,
            secret=secret,
        )
    if code in (OK, NOT_ESTIMABLE):
        tell(f"Report: {out / 'report.html'}")
    return code


@main.command()
@_STUDY
@click.option(
    "--problems",
    metavar="FILE.json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what is found for machines, too: rule, outcome, file, sheet, column and rows.",
)
def check(study: Path, problems: Path | None) -> None:
    """Check STUDY.toml and its data, and the design, without looking at outcomes."""
    with exit_codes(study):
        from twoarm.commands.checking import check_study

        check_study(study, problems)


@main.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Protocol to write; study.toml beside the data by default."
)
def init(data: Path, out: Path | None) -> None:
    """Write a commented protocol to start from, with the columns of DATA."""
    target = out or data.parent / "study.toml"
    with exit_codes(target):
        from twoarm.records.starter import starter_protocol
        from twoarm.report.output_folder import replace_file

        if target.exists():
            raise OutputError(f"{target} exists already; name another file with --out")
        if not data.resolve().is_relative_to(target.resolve().parent):
            raise OutputError(f"{target}: the data must lie in the protocol's folder, or below it")
        text = starter_protocol(data, data.resolve().relative_to(target.resolve().parent).as_posix())
        replace_file(target, text)
        tell(f"{target}: fill in what is marked CHOOSE, then run: twoarm check {target}")


@main.command()
def schema() -> None:
    """Print the JSON Schema of a protocol, for editors."""
    with exit_codes(Path()):
        from twoarm.protocol.read import protocol_schema

        tell(json.dumps(protocol_schema(), indent=2, ensure_ascii=False))


for command in (queries, lock, verify, diff, reproduce, selftest):
    main.add_command(command)


def program() -> None:
    """Run a command in a process of its own, and end it at once: to take down what was imported takes time."""
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        except OSError:
            raise end from None  # Python's own end says what could not be written
        os._exit(end.code)


if __name__ == "__main__":
    program()
