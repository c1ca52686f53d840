"""Whether memory will suffice for a study, said before its records are read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from twoarm.errors import Problem, RecordsError
from twoarm.protocol.data import EventSource, Source, TablePart

MEMORY = "TWOARM_MEMORY"  # environment: GB that a study may take; by default what the machine has free
LEAST_ROWS = 200_000  # fewer are not looked at
PER_PATIENT, PER_CELL = 550, 45  # bytes at the peak of a whole study, measured: see docs/performance.md
PER_PARTNER, PER_FETCHED_CELL = 200, 16  # bytes of patients who are matched together, at the peak
PER_EVENT_CELL, PER_UNUSED_CELL = 60, 16  # of tables of events; of columns that a file has and a study does not use
_SAMPLE = 2**16  # bytes of a text file that tell how long its lines are


def refuse_too_large(
    declared: Mapping[str, Source | EventSource],
    folder: Path,
    frames: Mapping[str, Any],
    available: int | None,
    remedy: str = "declare fewer columns",
) -> None:
    """Refuse records that a study of them will probably find no room for.

    Args:
        declared: tables of patients, the first of them with a row each, and of events.
        folder: where their files lie.
        frames: what stands for files.
        available: bytes; None if nobody knows.
        remedy: the first that is told.

    Raises:
        RecordsError: with what is needed and what there is.
    """
    if available is None:
        return
    needed, rows = 0, {}
    for position, (name, table) in enumerate(declared.items()):
        rows[name], cells = _size(table, folder, frames.get(name))
        each = PER_EVENT_CELL if isinstance(table, EventSource) else PER_CELL
        used = rows[name] * len(table.columns)
        needed += used * each + max(0, cells - used) * PER_UNUSED_CELL + rows[name] * PER_PATIENT * (position == 0)
    most = max(rows, key=lambda name: rows[name])
    if rows[most] < LEAST_ROWS or needed <= available:
        return
    found = (
        f"some {rows[most]:,} rows of {len(declared[most].columns)} columns: a study of them needs about "
        f"{needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free"
    )
    expected = f"{remedy}, take a larger machine, or set {MEMORY} to the GB that it may use"
    place = "events" if isinstance(declared[most], EventSource) else "data"
    raise RecordsError([Problem(f"{place}.{most}", found, expected, rule="too_large")])


def refuse_large_part(patients: int, columns: int, available: int | None) -> None:
    """Refuse strata that have to be matched together and will probably find no room.

    Args:
        patients: of the largest part.
        columns: that are known of each.
        available: bytes; None if nobody knows.

    Raises:
        RecordsError: with what is needed and what there is.
    """
    needed = patients * (PER_PARTNER + PER_FETCHED_CELL * columns)
    if available is None or patients < LEAST_ROWS or needed <= available:
        return
    found = f"{patients:,} patients to be matched together need about {needed / 1e9:.1f} GB of memory"
    expected = f"{available / 1e9:.1f} GB are free; name more columns under exact, or set {MEMORY}"
    raise RecordsError([Problem("adjustments", found, expected, rule="too_large")])


def available_memory() -> int | None:
    """Return the bytes that this process can still take; None where the system does not say.

    Raises:
        RecordsError: the environment names something that is no number of GB.
    """
    asked = os.environ.get(MEMORY, "")
    if asked:
        with contextlib.suppress(ValueError):
            if float(asked) > 0:
                return int(float(asked) * 1e9)
        raise RecordsError([Problem(MEMORY, f"{asked!r}", "expected a number of GB above 0", rule="too_large")])
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    """Yield what the machine, its container and the user's limits leave."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        yield 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    for limit, used in _GROUPS:
        with contextlib.suppress(OSError, ValueError):  # without a limit it says "max"
            yield max(0, int(Path(limit).read_text("ascii")) - int(Path(used).read_text("ascii")))
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            yield soft


_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def _size(table: Source | EventSource, folder: Path, given: Any) -> tuple[int, int]:
    """Return about how many rows and cells a table has, 0 where that cannot be told quickly."""
    if given is not None:
        with contextlib.suppress(Exception):  # what is no frame is refused when it is taken
            return len(given), len(given) * len(given.columns)
        return 0, 0
    rows, cells = 0, 0
    for path in dict.fromkeys(path for part in table.parts() for path in _files(part, folder)):
        more, columns = _size_of(path)
        rows, cells = rows + more, cells + more * columns
    return rows, cells


def _files(part: TablePart, folder: Path) -> list[Path]:
    if part.folder is not None:
        return sorted((folder / part.folder).rglob("*.parquet"))
    return [] if part.file is None else [folder / part.file]


def _size_of(path: Path) -> tuple[int, int]:
    """Return rows and columns of a file; 0 columns where only the rows can be told."""
    with contextlib.suppress(Exception):  # what cannot be read is refused when it is read
        if path.is_symlink() or not path.is_file():
            return 0, 0
        if path.suffix.lower() == ".parquet":
            frame = pl.scan_parquet(path)
            return int(frame.select(pl.len()).collect().item()), len(frame.collect_schema())
        if path.suffix.lower() == ".csv":
            size = path.stat().st_size
            with path.open("rb") as file:
                file.seek(max(0, size - _SAMPLE) // 2)  # the first keys may be shorter than most
                sample = file.read(_SAMPLE)
            return size * sample.count(b"\n") // max(1, len(sample)), 0
    return 0, 0
