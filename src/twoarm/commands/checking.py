"""A look at a study's protocol, records and design that lists everything at once and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from twoarm.commands.exit_codes import tell
from twoarm.errors import OutputError, Problem, ProtocolError, RecordsError

if TYPE_CHECKING:
    from twoarm.records.findings import Finding


def check_study(study: Path, listed: Path | None = None) -> None:
    """Tell what is found; of records that are refused everything that is wrong with them, whatever hides it.

    Args:
        study: protocol file.
        listed: JSON file to write the same into, for machines.

    Raises:
        ProtocolError: the protocol is not valid.
        RecordsError: with every reason to refuse the records.
    """
    from twoarm.commands.running import data_notes
    from twoarm.protocol.read import read_protocol
    from twoarm.records.findings import refused
    from twoarm.records.records import read_records
    from twoarm.study import design_summary, everything_wrong

    _refuse_other_file(listed)
    try:
        protocol = read_protocol(study)
    except ProtocolError as error:
        _write_list(listed, (), error.problems)
        raise
    tell(f"{study.name}: the protocol is valid.")
    try:
        with read_records(protocol, study.parent) as records:
            design = list(design_summary(protocol, records))
    except RecordsError as error:
        survey = everything_wrong(protocol, study.parent)
        for finding in survey.findings:
            if finding.outcome != "refused":
                tell(f"  {finding.note()}")
        found = [*survey.problems, *refused(survey.findings)]
        problems = [*error.problems, *(one for one in found if one not in error.problems)]
        _write_list(listed, survey.findings, problems)
        raise RecordsError(problems) from None
    _write_list(listed, records.findings, ())
    for source in records.inputs:
        ignored = f"; not used: {', '.join(source.ignored_columns)}" if source.ignored_columns else ""
        tell(f"{source.file}: {source.rows or 0:,} rows{ignored}")
    for note in data_notes(records):
        tell(f"  {note}")
    for line in design:
        tell(line)


def _refuse_other_file(path: Path | None) -> None:
    """Keep from writing over what is no list of problems, such as the protocol itself."""
    if path is not None and path.suffix.lower() != ".json":
        raise OutputError(f"{path}: name a .json file for the list of problems")


def _write_list(path: Path | None, findings: Iterable[Finding], problems: Iterable[Problem]) -> None:
    from twoarm.records.problem_list import problems_json
    from twoarm.report.output_folder import replace_file

    if path is not None:
        replace_file(path, problems_json(findings, problems))
