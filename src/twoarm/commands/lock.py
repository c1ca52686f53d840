"""The command that locks a protocol, and records later edits as amendments."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from twoarm.commands.exit_codes import exit_codes, tell
from twoarm.errors import OutputError


@click.command()
@click.argument("study", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--amend", "reason", help="Record the edits since the lock, with the reason for them.")
def lock(study: Path, reason: str | None) -> None:
    """Freeze the design of STUDY.toml before outcomes are read.

    Reads the columns that decide who is compared with whom and no other, makes the matched pairs, and writes the
    protocol with a hash of them beside it. From then on every edit stands in the report as a numbered amendment.
    """
    with exit_codes(study):
        from twoarm.protocol.design_columns import design_columns
        from twoarm.protocol.read import read_protocol
        from twoarm.records.records import read_records
        from twoarm.report.output_folder import replace_file
        from twoarm.report.protocol_lock import LockEntry, canonical, lock_file, read_lock
        from twoarm.report.verification import changes
        from twoarm.study import design_hashes

        protocol = read_protocol(study)
        entries = read_lock(study)
        edits = list(changes(entries[-1].protocol, canonical(protocol))) if entries else []
        if entries and not edits:
            raise OutputError(f"{study.name} is locked, and has not been edited since")
        if entries and not reason:
            raise OutputError(f"{study.name} was edited after its lock; say why with --amend: {'; '.join(edits)}")
        design = design_hashes(protocol, read_records(protocol, study.parent, columns=design_columns(protocol)))
        entry = LockEntry(
            number=len(entries),
            time=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            reason=(reason or "").strip(),
            protocol=canonical(protocol),
            design=design,
            previous=entries[-1].sha256 if entries else "",
        )
        path = lock_file(study)
        replace_file(path, "".join(f"{one.line()}\n" for one in (*entries, entry)))
        tell(f"{path.name}: {'locked' if not entries else f'amendment {entry.number} recorded'}.")
        for name, digest in design.items():
            moved = bool(entries) and entries[-1].design.get(name) not in (digest, None)
            tell(f"  {name}: {digest[:16]}{' (was another)' if moved else ''}")
