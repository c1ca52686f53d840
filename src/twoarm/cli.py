"""Commands: arguments, messages and exit codes; the work is done elsewhere."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twoarm.errors import OutputError, ProtocolError, RecordsError
from twoarm.version import __version__

if TYPE_CHECKING:
    from twoarm.records.records import Records
    from twoarm.report.figure_helper import FigureHelper

OK, PROTOCOL_INVALID, DATA_REFUSED, NOT_ESTIMABLE, INTERNAL, INTERRUPTED = 0, 2, 3, 4, 5, 130
MOST_PROBLEMS = 100  # shown; all are counted

_STUDY = click.argument("study", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="twoarm %(version)s")
def main() -> None:
    """Compare the survival of two arms of an observational study, from one declared protocol.

    Exit codes: 0 done; 2 the protocol or the call is invalid; 3 the data are refused; 4 the primary analysis is not
    estimable (the report is written); 5 internal error.
    """


@main.command()
@_STUDY
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make for the report.")
@click.option("--replace", is_flag=True, help="Replace an earlier output in that folder.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def run(study: Path, out: Path, replace: bool, quiet: bool) -> None:
    """Run STUDY.toml and write report, tables, figures and ledger into a folder."""
    with _exit_codes(study):
        from twoarm.report.figure_helper import FigureHelper
        from twoarm.report.output_folder import check_output

        check_output(out, replace=replace)
        with FigureHelper() as helper:
            code = _run(study, out, replace, _progress(quiet), helper)
    sys.exit(code)


def _run(study: Path, out: Path, replace: bool, say: Callable[[str], None], helper: FigureHelper) -> int:
    say("reading the protocol")
    from twoarm.protocol.read import read_protocol

    protocol = read_protocol(study)
    say("reading the records")
    from twoarm.records.records import read_records
    from twoarm.study import primary_status, provenance_of, run_study

    records = read_records(protocol, study.parent)
    results = run_study(protocol, records, progress=say)
    status = primary_status(protocol, results)
    if status == "failed":
        click.echo("internal error: the primary analysis failed; nothing was written", err=True)
        return INTERNAL
    say("writing tables, figures and report")
    from twoarm.report.publish import write_report

    provenance = provenance_of(protocol, records)
    notes = _data_notes(records, places=protocol.disclosure.minimum_cell <= 1)
    folder = write_report(protocol, results, provenance, out, data_notes=notes, replace=replace, helper=helper)
    click.echo(f"Report: {folder / 'report.html'}")
    if status == "not_estimable":
        click.echo("The primary analysis is not estimable; the report says why.", err=True)
        return NOT_ESTIMABLE
    return OK


@main.command()
@_STUDY
def check(study: Path) -> None:
    """Check STUDY.toml and its data, and the design, without looking at outcomes."""
    with _exit_codes(study):
        from twoarm.protocol.read import read_protocol
        from twoarm.records.records import read_records
        from twoarm.study import design_summary

        protocol = read_protocol(study)
        records = read_records(protocol, study.parent)
        click.echo(f"{study.name}: the protocol is valid.")
        for source in records.inputs:
            ignored = f"; not used: {', '.join(source.ignored_columns)}" if source.ignored_columns else ""
            click.echo(f"{source.file}: {source.rows or 0:,} rows{ignored}")
        for note in _data_notes(records):
            click.echo(f"  {note}")
        for line in design_summary(protocol, records):
            click.echo(line)


@main.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Protocol to write; study.toml beside the data by default."
)
def init(data: Path, out: Path | None) -> None:
    """Write a commented protocol to start from, with the columns of DATA."""
    target = out or data.parent / "study.toml"
    with _exit_codes(target):
        from twoarm.records.starter import starter_protocol

        if target.exists():
            raise OutputError(f"{target} exists already; name another file with --out")
        if not data.resolve().is_relative_to(target.resolve().parent):
            raise OutputError(f"{target}: the data must lie in the protocol's folder, or below it")
        text = starter_protocol(data, data.resolve().relative_to(target.resolve().parent).as_posix())
        target.write_text(text, encoding="utf-8")
        click.echo(f"{target}: fill in what is marked CHOOSE, then run: twoarm check {target}")


@main.command()
def schema() -> None:
    """Print the JSON Schema of a protocol, for editors."""
    with _exit_codes(Path()):
        from twoarm.protocol.read import protocol_schema

        click.echo(json.dumps(protocol_schema(), indent=2, ensure_ascii=False))


def _progress(quiet: bool) -> Callable[[str], None]:
    start = time.monotonic()

    def say(stage: str) -> None:
        if not quiet:
            click.echo(f"[{time.monotonic() - start:5.1f} s] {stage}", err=True)

    return say


def _data_notes(records: Records, *, places: bool = True) -> list[str]:
    """Findings that did not stop the study, in words; by place where that may be told; no value of a cell."""
    if not places:
        return sorted({f"{one.file}, {one.column}: some {one.what}; {one.remedy}." for one in records.findings})
    return [
        f"{finding.file}, {finding.column}: {len(finding.rows)} {finding.what} ({finding.place()}); {finding.remedy}."
        for finding in records.findings
    ]


@contextlib.contextmanager
def _exit_codes(study: Path) -> Iterator[None]:
    """Turn errors into messages and exit codes: no traceback, no patient's value."""
    try:
        yield
    except ProtocolError as error:
        lines = study.read_text("utf-8-sig", errors="replace").splitlines() if study.is_file() else []
        for problem in error.problems[:MOST_PROBLEMS]:
            click.echo(_visible(str(problem)), err=True)
            _caret(lines, problem.where)
        click.echo(f"{_counted(len(error.problems))} in the protocol; nothing was run.", err=True)
        sys.exit(PROTOCOL_INVALID)
    except RecordsError as error:
        for problem in error.problems[:MOST_PROBLEMS]:
            click.echo(_visible(str(problem)), err=True)
        click.echo(f"{_counted(len(error.problems))} in the data; nothing was written.", err=True)
        sys.exit(DATA_REFUSED)
    except BrokenPipeError:
        sys.exit(OK)  # whoever read the output has seen enough
    except OutputError as error:
        click.echo(_visible(str(error)), err=True)
        sys.exit(PROTOCOL_INVALID)
    except KeyboardInterrupt:
        click.echo("interrupted; nothing was written.", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:  # the message of a foreign exception may quote data, so only places are shown
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
        click.echo(f"internal error: {type(error).__name__} at {places}; nothing was written.", err=True)
        sys.exit(INTERNAL)


def _visible(text: str) -> str:
    """Return a message without characters that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _caret(lines: list[str], where: str) -> None:
    """Show the line of the protocol with a caret under the place."""
    parts = where.rsplit(":", 2)
    if len(parts) < 3:
        return
    line, column = int(parts[1]), int(parts[2])
    if line <= len(lines):
        click.echo(f"    {_visible(lines[line - 1])}\n    {' ' * (column - 1)}^", err=True)


def _counted(n: int) -> str:
    return "1 problem" if n == 1 else f"{n} problems"


if __name__ == "__main__":
    main()
