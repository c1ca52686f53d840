"""The lock beside a protocol: the design as it was before outcomes were read, and every later edit by number.

Each entry carries its own hash and that of the one before it, so that an entry that was edited, taken out or moved is
found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from twoarm.errors import OutputError
from twoarm.protocol.protocol import Protocol
from twoarm.report.verification import changes


@dataclass(frozen=True, slots=True)
class LockEntry:
    """The protocol and the design at one time; number 0 is the lock itself, the others are amendments."""

    number: int
    time: str  # UTC, ISO 8601
    reason: str
    protocol: Mapping[str, Any]
    design: Mapping[str, str]  # population/strategy/adjustment -> hash of who is compared with whom
    previous: str  # hash of the entry before

    def text(self) -> str:
        """Return the entry as text."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(fields, ensure_ascii=False, sort_keys=True)

    def line(self) -> str:
        """Return the entry as its line of the file, with its own hash."""
        return json.dumps({**json.loads(self.text()), "sha256": self.sha256}, ensure_ascii=False, sort_keys=True)

    @property
    def sha256(self) -> str:
        """The hash that the next entry carries."""
        return hashlib.sha256(self.text().encode("utf-8")).hexdigest()


def lock_file(study: Path) -> Path:
    """Return where the lock of a protocol lies."""
    return study.with_suffix(".lock.jsonl")


def read_lock(study: Path) -> tuple[LockEntry, ...]:
    """Return the entries of a protocol's lock; none where it was never locked.

    Raises:
        OutputError: the file cannot be read, or an entry was edited, taken out or moved.
    """
    path = lock_file(study)
    if not path.exists():
        return ()
    entries: list[LockEntry] = []
    hashes: list[str] = []
    try:
        for line in path.read_text("utf-8").splitlines():
            fields = json.loads(line)
            hashes.append(fields.pop("sha256"))
            entries.append(LockEntry(**fields))
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise OutputError(f"{path.name}: not a lock that can be read; restore it") from None
    if not entries:
        raise OutputError(f"{path.name}: not a lock that can be read; restore it")
    expected = ""
    for number, (entry, own) in enumerate(zip(entries, hashes, strict=True)):
        if entry.number != number or entry.previous != expected or entry.sha256 != own:
            raise OutputError(f"{path.name}: entry {number} is not what it was when it was written; restore the file")
        expected = entry.sha256
    return tuple(entries)


def canonical(protocol: Protocol) -> dict[str, Any]:
    """Return a protocol's content, every default filled in."""
    content: dict[str, Any] = json.loads(protocol.model_dump_json())
    return content


def amendments(entries: tuple[LockEntry, ...], protocol: Protocol) -> tuple[str, ...]:
    """Return every edit after the lock in words, by number; the last one may not have been recorded."""
    if not entries:
        return ()
    said = [f"The design was locked on {entries[0].time}, before outcomes were read."]
    for before, entry in pairwise(entries):
        edits = "; ".join(changes(before.protocol, entry.protocol))
        said.append(f"Amendment {entry.number} of {entry.time} ({entry.reason}): {edits}.")
    unrecorded = list(changes(entries[-1].protocol, canonical(protocol)))
    if unrecorded:
        said.append(f"Amendment {len(entries)}, not recorded in the lock: {'; '.join(unrecorded)}.")
    elif len(entries) == 1:
        said.append("The protocol has not been edited since.")
    return tuple(said)
