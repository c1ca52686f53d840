"""A registry with everything that is wrong with one: the same study, note for note, wherever its tables lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_engines import BY_SITE, MATCHED, most_fetched, on, outcome, write_folder
from spec_registry import with_events, with_events_protocol
from twoarm.commands.running import published_notes

HERE = ("polars", "duckdb")


def write(folder: Path, seed: int) -> int:
    """Write the tables as files and as folders; return the rows of the longest."""
    tables = with_events(seed)
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet")
        write_folder(table.sample(fraction=1, shuffle=True, seed=seed), folder / name)
    return max(table.height for table in tables.values())


@pytest.mark.parametrize("more", ["", MATCHED, BY_SITE])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_registry_is_the_same_on_every_engine(seed: int, more: str, tmp_path: Path) -> None:
    longest = write(tmp_path, seed)
    of_files, expected = outcome(on("polars", with_events_protocol('file = "{}.parquet"') + more), tmp_path)
    for engine in HERE:
        records, found = outcome(on(engine, with_events_protocol('folder = "{}"') + more), tmp_path)
        assert found == expected
        assert not records.in_memory
        assert most_fetched(records) <= longest
        notes = [note.replace(".parquet", "") for note in published_notes(of_files)]
        assert published_notes(records) == notes
