"""Sources of engines that cannot be read, or are not what they were: each with the message that names the remedy."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner

from spec_engines import ENGINES, PROTOCOL, native, on, protocol_on, write_folder
from twoarm.cli import main
from twoarm.errors import ProtocolError, RecordsError
from twoarm.records.engines import door
from twoarm.records.records import read_records, refuse_changed

HERE = ("polars", "duckdb")
TABLE = 'table = "patients"\ndatabase = "study.duckdb"'
LIST = pl.concat_list("age").alias("age")


def remove(folder: Path, column: str) -> None:
    write_folder(native().drop(column), folder / "patients")


def empty(folder: Path) -> None:
    (folder / "patients").mkdir()


def other_type(folder: Path) -> None:
    write_folder(native(), folder / "patients")
    native(9).with_columns(pl.col("age").cast(pl.Float64)).write_parquet(folder / "patients" / "part-9.parquet")


def other_columns(folder: Path) -> None:
    write_folder(native(), folder / "patients")
    native(9).rename({"sex": "gender"}).write_parquet(folder / "patients" / "part-9.parquet")


def partitioned(folder: Path) -> None:
    write_folder(native(), folder / "patients")
    write_folder(native(), folder / "patients" / "year=2020")


def delta(folder: Path) -> None:
    write_folder(native(), folder / "patients")
    (folder / "patients" / "_delta_log").mkdir()


def no_parquet(folder: Path) -> None:
    write_folder(native(), folder / "patients")
    (folder / "patients" / "part-1.parquet").write_bytes(b"PAR1 and nothing else PAR1")


BAD: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "no folder": (lambda _: None, ["patients  no such folder; expected a folder of Parquet files [no_folder]"]),
    "empty": (empty, ["patients  no Parquet file in it; expected files .parquet in the folder itself [empty_folder]"]),
    "no column": (
        lambda folder: remove(folder, "sex"),
        ["patients  no column sex; expected it in the header [missing_column]"],
    ),
    "no key": (
        lambda folder: remove(folder, "id"),
        ["patients  no column id; expected it in the header [missing_column]"],
    ),
    "lists": (
        lambda folder: write_folder(native().with_columns(LIST), folder / "patients") and None,
        ["patients  age  a column of type List(Int64); expected text, numbers, yes/no or dates [unknown_type]"],
    ),
    "other type": (
        other_type,
        [
            "patients/part-9.parquet  age  a column of type Float64, where the first file has Int64; "
            "expected the columns and types of the folder's first file [files_differ]"
        ],
    ),
    "other columns": (
        other_columns,
        [
            "patients/part-9.parquet  no column sex; expected the columns and types of the folder's first file [files_differ]",
            "patients/part-9.parquet  a column gender that the first file does not have; "
            "expected the columns and types of the folder's first file [files_differ]",
        ],
    ),
    "partitioned": (
        partitioned,
        ["patients  folders within it (year=2020); expected all Parquet files in the folder itself [nested_folder]"],
    ),
    "delta": (
        delta,
        [
            "patients  a Delta table, whose log says which files count; name it as a table of Spark's catalogue [delta_table]"
        ],
    ),
    "no parquet": (
        no_parquet,
        ["patients/part-1.parquet  content that is not .parquet (ComputeError); write the file again [damaged_file]"],
    ),
    "no rows": (
        lambda folder: write_folder(native().clear(), folder / "patients", 1) and None,
        ["patients  no rows under the header; expected one row a patient [no_rows]"],
    ),
}


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize("case", BAD)
def test_a_folder_that_cannot_be_read(engine: str, case: str, tmp_path: Path) -> None:
    make, expected = BAD[case]
    make(tmp_path)
    with pytest.raises(RecordsError) as found:
        read_records(protocol_on(engine), tmp_path)
    assert [re.sub(r" \(did you mean \w+\?\)", "", str(problem)) for problem in found.value.problems] == expected


@pytest.mark.parametrize("engine", HERE)
def test_a_folder_elsewhere(engine: str, tmp_path: Path) -> None:
    write_folder(native(), tmp_path / "elsewhere")
    home = tmp_path / "home"
    home.mkdir()
    (home / "patients").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProtocolError, match="patients  a path that leaves the protocol's folder"):
        read_records(protocol_on(engine), home)
    (home / "patients").unlink()
    (home / "patients").mkdir()
    (home / "patients" / "a.parquet").symlink_to(tmp_path / "elsewhere" / "part-0.parquet")
    with pytest.raises(ProtocolError, match=r"patients/a\.parquet  a path that leaves"):
        read_records(protocol_on(engine), home)


def test_a_folder_with_a_strange_name(tmp_path: Path) -> None:
    home = tmp_path / "a[1]{2} *?%41#x'y"
    write_folder(native(), home / "p[0] *")
    for engine in HERE:
        assert read_records(protocol_on(engine, 'folder = "p[0] *"'), home).inputs[0].rows == 240


@pytest.mark.parametrize(("engine", "package"), [("duckdb", "duckdb"), ("spark", "pyspark"), ("spark", "pyarrow")])
def test_an_engine_that_is_not_installed(
    engine: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec

    def find_spec(name: str) -> Any:
        return None if name == package else there("json")

    monkeypatch.setattr("twoarm.records.engines.engine.find_spec", find_spec)
    write_folder(native(), tmp_path / "patients")
    expected = rf'engine  {engine}: the package {package} is not installed; install "twoarm\[{engine}\]"'
    with pytest.raises(RecordsError, match=expected):
        read_records(protocol_on(engine), tmp_path)
    study = tmp_path / "study.toml"
    study.write_text(
        PROTOCOL.format(source='folder = "patients"').replace("\n[data.", f"\n{ENGINES[engine]}\n[data.", 1), "utf-8"
    )
    done = CliRunner().invoke(main, ["check", str(study)])
    assert done.exit_code == 3
    assert f'install "twoarm[{engine}]"' in done.output


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda _: None, r"study.duckdb \(patients\)  no such file"),
        (lambda folder: (folder / "study.duckdb").write_bytes(b"x" * 9999), r"cannot be read by duckdb \(\w+\)"),
        (
            lambda folder: duckdb.connect(folder / "study.duckdb").close(),
            r"cannot be read by duckdb \(CatalogException\)",
        ),
    ],
)
def test_a_table_that_cannot_be_read(make: Callable[[Path], object], expected: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(RecordsError, match=expected):
        read_records(protocol_on("duckdb", TABLE), tmp_path)


@pytest.mark.parametrize(
    ("engine", "source", "more", "expected"),
    [
        ("polars", 'table = "t"', "", "a table of a catalogue for Polars, which has none"),
        ("duckdb", 'table = "t"', "", "a table without database; expected DuckDB's file that has the table"),
        ("spark", 'table = "t"\ndatabase = "d"', "", "a database for Spark"),
        ("polars", 'database = "d"', "", "database: expected table with it"),
        ("polars", 'folder = "p"\nfile = "p.csv"', "", "found file and folder; expected one place of the records"),
        ("polars", 'folder = "p"\ndelimiter = ";"', "", "delimiter: goes with file or files; found folder"),
        ("polars", 'folder = "p"\nidentical_rows = "merge"', "", "identical_rows: goes with file or files"),
        ("polars", 'folder = "../p"', "", "relative path below the protocol's folder"),
        ("duckdb", 'table = "t; drop"\ndatabase = "d"', "", "table"),
        ("polars", 'folder = "p"', '[adjustments.m]\nkind = "matching"\norder = "data"', "rows of a folder or a table"),
        ("flink", 'folder = "p"', "", "expected one of polars, duckdb, spark"),
        ("alone", 'folder = "p"', "", "spark, and nothing that says where it runs"),
        ("nowhere", 'folder = "p"', "", "spark.master"),
    ],
)
def test_a_protocol_that_cannot_be(engine: str, source: str, more: str, expected: str) -> None:
    others = {
        "flink": 'engine = "flink"',
        "alone": 'engine = "spark"',
        "nowhere": 'engine = "spark"\nspark = { master = "http://x" }',
    }
    text = PROTOCOL.format(source=source) + more
    text = text.replace("\n[data.", f"\n{others.get(engine, '')}\n[data.", 1)
    with pytest.raises(ProtocolError, match=re.escape(expected)):
        on(engine if engine in ENGINES else "polars", text)


@pytest.mark.parametrize("engine", HERE)
def test_a_folder_that_changes_during_the_run(engine: str, tmp_path: Path) -> None:
    write_folder(native(), tmp_path / "patients")
    protocol = protocol_on(engine)
    records = read_records(protocol, tmp_path)
    refuse_changed(protocol, records, tmp_path)
    native(9).write_parquet(tmp_path / "patients" / "part-9.parquet")
    with pytest.raises(RecordsError, match="patients  a source that changed during the run"):
        refuse_changed(protocol, records, tmp_path)
    for file in (tmp_path / "patients").iterdir():
        file.unlink()
    with pytest.raises(RecordsError, match="patients  a source that changed during the run"):
        refuse_changed(protocol, records, tmp_path)


@pytest.mark.parametrize("engine", HERE)
def test_a_folder_that_changes_while_it_is_read(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(native(), tmp_path / "patients")
    fetch = door.fetch

    def and_write(*arguments: Any) -> pl.DataFrame:
        found = fetch(*arguments)
        native(9).write_parquet(tmp_path / "patients" / "part-9.parquet")
        return found

    monkeypatch.setattr(door, "fetch", and_write)
    with pytest.raises(RecordsError, match="patients  a source that changed while it was read"):
        read_records(protocol_on(engine), tmp_path)


def test_a_database_that_changes_during_the_run(tmp_path: Path) -> None:
    file = tmp_path / "study.duckdb"
    with duckdb.connect(file) as connection:
        connection.register("frame", native().to_arrow())
        connection.execute("CREATE TABLE patients AS FROM frame")
    protocol = protocol_on("duckdb", TABLE)
    records = read_records(protocol, tmp_path)
    refuse_changed(protocol, records, tmp_path)
    with duckdb.connect(file) as connection:
        connection.execute("INSERT INTO patients SELECT 'Q', arm, age, sex, days, died FROM patients LIMIT 1")
    with pytest.raises(RecordsError, match=r"study\.duckdb \(patients\)  a source that changed during the run"):
        refuse_changed(protocol, records, tmp_path)
