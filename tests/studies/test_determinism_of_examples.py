"""The examples, with all their analyses: the same bytes whatever the order of rows and columns, the place and the language."""

from __future__ import annotations

import csv
import filecmp
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PLACES = {
    "another place, order, zone and hash": {"TZ": "Asia/Shanghai", "LC_ALL": "C", "PYTHONHASHSEED": "7"},
    "one thread, another language": {
        "TZ": "America/New_York",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "POLARS_MAX_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    },
}


def moved(source: Path, target: Path, seed: int) -> None:
    """Copy an example with the rows and columns of its files in another order; the manifest tells files by hash."""
    shutil.copytree(source, target)
    generator = random.Random(seed)
    for path in sorted(target.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        order = generator.sample(range(len(header)), len(header))
        generator.shuffle(rows)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([row[i] for i in order] for row in (header, *rows))
    for path in sorted(target.glob("*.xlsx")):
        book = openpyxl.load_workbook(path)
        for sheet in book.worksheets:
            first, *rest = [list(row) for row in sheet.iter_rows(values_only=True)]
            order = generator.sample(range(len(first)), len(first))
            generator.shuffle(rest)
            formats = {(2, i + 1): sheet.cell(2, i + 1).number_format for i in range(len(first))}
            for number, row in enumerate((first, *rest), start=1):
                for place, i in enumerate(order, start=1):
                    cell = sheet.cell(number, place)
                    cell.value = row[i]
                    if number > 1:
                        cell.number_format = formats[2, i + 1]
        book.save(path)


def run(study: str, out: Path, cwd: Path, environment: dict[str, str]) -> Path:
    command = [sys.executable, "-m", "twoarm", "run", study, "--out", str(out), "--quiet"]
    subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, check=True, capture_output=True)
    return out


def different(first: Path, second: Path) -> list[str]:
    """Names of files that are not in both folders with the same bytes; the manifest has the hashes of the inputs."""
    names = {
        path.relative_to(folder).as_posix()
        for folder in (first, second)
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(
        name
        for name in names - {"manifest.json"}
        if not (first / name).is_file()
        or not (second / name).is_file()
        or not filecmp.cmp(first / name, second / name, shallow=False)
    )


@pytest.mark.slow
@pytest.mark.parametrize("example", ["rotterdam", "es-sclc"])
def test_an_example_gives_the_same_bytes_everywhere(example: str, tmp_path: Path) -> None:
    first = run(str(EXAMPLES / example / "study.toml"), tmp_path / "first", tmp_path, {})
    again = run(f"{example}/study.toml", tmp_path / "again", EXAMPLES, {"TZ": "Pacific/Apia"})
    assert different(first, again) == []
    assert (first / "manifest.json").read_bytes() == (again / "manifest.json").read_bytes()
    for number, (place, environment) in enumerate(PLACES.items()):
        home = tmp_path / f"place {number}" / "研究"
        home.parent.mkdir()
        moved(EXAMPLES / example, home, number)
        found = run("./study.toml", home.parent / "out", home, environment)
        assert different(first, found) == [], place
