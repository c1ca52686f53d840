"""The command that writes one query workbook a centre, for the hospitals to answer."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from twoarm.commands.exit_codes import DIFFERS, OK, exit_codes, visible
from twoarm.errors import OutputError

STATE = "queries.json"


@click.command()
@click.argument("study", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the workbooks.")
@click.option("--centre", metavar="COLUMN", help="One workbook a value of this column, not one a file.")
def queries(study: Path, out: Path, centre: str | None) -> None:
    """Write what is wrong with the records of STUDY.toml into one workbook a hospital, for it to answer.

    A hospital is a file, or a value of the column that --centre names.

    Run again on corrected files with the same folder, it says which queries were resolved and keeps the answers. The
    workbooks name patients by their keys and hold no cell's value.

    Exit codes: 0 nothing is open; 1 queries are open; 2 the protocol or the call is invalid.
    """
    with exit_codes(study):
        from twoarm.protocol.read import read_protocol
        from twoarm.records.queries import as_json, compared, from_json, queries_of
        from twoarm.report.output_folder import locked
        from twoarm.study import everything_wrong

        protocol = read_protocol(study)
        if centre is not None and centre not in protocol.column_types():
            raise OutputError(f"--centre: {centre} is no column of the patients")
        survey = everything_wrong(protocol, study.parent)
        centres = survey.records.patients.values_by_key(centre) if centre and survey.records is not None else None
        if not out.absolute().parent.is_dir():
            raise OutputError(f"{out}: the folder around it does not exist")
        with locked(out.absolute()):
            asked = compared(queries_of(survey.findings, survey.problems, centres), from_json(_before(out)))
            _write(out, as_json(asked))
        still = sum(query.state != "resolved" for query in asked)
        click.echo(f"{still} queries are open.")
        sys.exit(DIFFERS if still else OK)


def _before(out: Path) -> list[dict[str, Any]]:
    """Return the queries of the run before, with what the hospitals have written into their workbooks since."""
    from twoarm.report.query_workbook import read_answers

    path = out / STATE
    for left in out.glob(".*.partial-*"):  # by a run that was killed, as nobody else holds the lock
        left.unlink()
    if not path.exists():
        if out.exists() and any(out.iterdir()):
            raise OutputError(f"{out} holds other files; name another folder")
        return []
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        answers: dict[str, str] = {}
        for book in sorted(out.glob("*.xlsx")):
            answers |= read_answers(book.read_bytes())
        return [{**row, "answer": answers.get(row["id"], row["answer"])} for row in rows]
    except Exception:  # a reader's own message may quote what the hospital wrote
        raise OutputError(f"{out}: {STATE} or a workbook cannot be read; restore it, or name another folder") from None


def _write(out: Path, rows: list[dict[str, Any]]) -> None:
    """Write the state, and then the workbooks: a run that ends between them can be repeated, and loses no answer."""
    from twoarm.report.output_folder import replace_bytes

    out.mkdir(mode=0o700, exist_ok=True)
    replace_bytes(out / STATE, (json.dumps(rows, indent=1, ensure_ascii=False) + "\n").encode("utf-8"))
    for asked_of in dict.fromkeys(row["centre"] or row["file"] for row in rows):
        _write_centre(out, asked_of, [row for row in rows if (row["centre"] or row["file"]) == asked_of])


def _write_centre(out: Path, file: str, rows: list[Mapping[str, Any]]) -> None:
    from twoarm.report.output_folder import replace_bytes
    from twoarm.report.query_workbook import query_workbook

    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in file)
    if name != file:  # two that differ in such letters alone have a workbook each
        name += f"-{hashlib.sha256(file.encode('utf-8')).hexdigest()[:4]}"
    replace_bytes(out / f"{name}.queries.xlsx", query_workbook(file, rows))
    counts = {state: sum(row["state"] == state for row in rows) for state in ("new", "open", "resolved")}
    click.echo(visible(f"{file}: {counts['new']} new, {counts['open']} still open, {counts['resolved']} resolved"))
