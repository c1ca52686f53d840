"""A look at a study's protocol, records and design that lists everything at once and writes nothing."""

from __future__ import annotations

from pathlib import Path

from twoarm.commands.exit_codes import tell
from twoarm.errors import RecordsError


def check_study(study: Path) -> None:
    """Tell what is found; of records that are refused everything that is wrong with them, whatever hides it.

    Raises:
        ProtocolError: the protocol is not valid.
        RecordsError: with every reason to refuse the records.
    """
    from twoarm.commands.running import data_notes
    from twoarm.protocol.read import read_protocol
    from twoarm.records.findings import refused
    from twoarm.records.records import read_records
    from twoarm.study import design_summary, everything_wrong

    protocol = read_protocol(study)
    tell(f"{study.name}: the protocol is valid.")
    try:
        records = read_records(protocol, study.parent)
        design = list(design_summary(protocol, records))
    except RecordsError as error:
        survey = everything_wrong(protocol, study.parent)
        for finding in survey.findings:
            if finding.outcome != "refused":
                tell(f"  {finding.note()}")
        found = [*survey.problems, *refused(survey.findings)]
        raise RecordsError([*error.problems, *(one for one in found if one not in error.problems)]) from None
    for source in records.inputs:
        ignored = f"; not used: {', '.join(source.ignored_columns)}" if source.ignored_columns else ""
        tell(f"{source.file}: {source.rows or 0:,} rows{ignored}")
    for note in data_notes(records):
        tell(f"  {note}")
    for line in design:
        tell(line)
