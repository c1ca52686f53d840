"""Commands on a study whose records lie with DuckDB: they need no network, and tell what the records are known by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spec_commands import Watched
from spec_engines import ENGINES, PROTOCOL, native, write_folder

MORE = '\n[disclosure]\nminimum_cell = {cell}\n\n[output]\nfigures = ["svg"]\ndocuments = []\n'


def study(folder: Path, engine: str, cell: int) -> Path:
    folder.mkdir()
    native().write_csv(folder / "patients.csv")  # for the command that looks at a file
    write_folder(native(), folder / "patients")
    text = PROTOCOL.format(source='folder = "patients"') + MORE.format(cell=cell)
    path = folder / "study.toml"
    path.write_text(text.replace("\n[data.", f"\n{ENGINES[engine]}\n[data.", 1), "utf-8")
    return path


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_every_command_works_without_a_connection(engine: str, tmp_path: Path) -> None:
    home = tmp_path / "study"
    watched = Watched(tmp_path, study(home, engine, 1))
    codes = watched.every_command()
    assert codes == dict.fromkeys(codes, 0), watched.said
    assert [line for line in watched.told if line.startswith("forbidden")] == []
    manifest = json.loads((home / "out" / "manifest.json").read_text("utf-8"))
    (described,) = manifest["inputs"]
    assert described["rows"] == 240
    assert described["known_by"] == "names, sizes and contents of 3 files"
    assert ("duckdb" in manifest["versions"]) == (engine == "duckdb")
