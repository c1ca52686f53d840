"""The command that qualifies an installation: known answers on the user's own machine."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import click

from twoarm.commands.exit_codes import DIFFERS, OK, exit_codes, tell
from twoarm.errors import OutputError


@click.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the certificate there: FILE.txt, and FILE.json beside it.",
)
@click.option("--date", help="Date of the certificate, YYYY-MM-DD; today by default.")
def selftest(out: Path | None, date: str | None) -> None:
    """Calculate known answers on this machine and certify the digits of agreement.

    Needs no data, no network and no R. Exit codes: 0 every quantity is as required; 1 some are not, each on a line.
    """
    with exit_codes(out or Path()):
        from twoarm.report.output_folder import replace_file
        from twoarm.selftest.certificate import (
            certificate_json,
            certificate_text,
            failure_line,
            run_selftest,
            verdict,
        )

        certificate = run_selftest(date=_day(date))
        for check in certificate.failures:
            tell(failure_line(check))
        tell(verdict(certificate))
        if out is not None:
            stem = out.with_suffix("") if out.suffix in (".txt", ".json") else out
            for suffix, text in ((".txt", certificate_text(certificate)), (".json", certificate_json(certificate))):
                replace_file(stem.with_name(stem.name + suffix), text)
            tell(f"Certificate: {stem.with_name(stem.name + '.txt')}")
        sys.exit(DIFFERS if certificate.failures else OK)


def _day(date: str | None) -> str:
    if date is None:
        return datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        return datetime.date.fromisoformat(date).isoformat()
    except ValueError:
        raise OutputError(f"--date: found {date!r}; expected YYYY-MM-DD") from None
