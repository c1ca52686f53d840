"""A folder of Parquet files: which files, of which columns and types, and what they are known by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from twoarm.errors import Problem, ProtocolError, RecordsError
from twoarm.records.findings import listed

_BLOCK = 1 << 22  # bytes read at a time
State = tuple[tuple[str, int, int], ...]  # name, size and time of change of each file


@dataclass(frozen=True, slots=True, eq=False)
class ParquetFolder:
    """Files in the order of their names, with the columns and types that all of them have."""

    name: str  # below the protocol's folder
    files: tuple[Path, ...]
    columns: tuple[str, ...]
    types: tuple[pl.DataType, ...]
    state: State


def open_folder(name: str, folder: Path) -> ParquetFolder:
    """Look at a folder's files without reading their rows.

    Raises:
        ProtocolError: a folder that is none of the protocol's.
        RecordsError: no such folder, no Parquet file in it, or files that disagree.
    """
    path = inside(name, folder)
    if not path.is_dir():
        raise RecordsError([Problem(name, "no such folder", "expected a folder of Parquet files", rule="no_folder")])
    files = parquet_files(path)
    for file in files:
        inside(f"{name}/{file.name}", folder)
    _refuse_other_layouts(name, path, files)
    state = state_at(path)
    schemas = [_schema(name, file) for file in files]
    problems = [
        problem
        for file, schema in zip(files, schemas, strict=True)
        for problem in _differs(name, file, schema, schemas[0])
    ]
    if problems:
        raise RecordsError(problems)
    return ParquetFolder(name, files, tuple(schemas[0]), tuple(schemas[0].dtypes()), state)


def _refuse_other_layouts(name: str, path: Path, files: tuple[Path, ...]) -> None:
    """Refuse what would be read in part: partitions in folders of their own, and tables with a log beside them."""
    if (path / "_delta_log").exists():
        found, expected = "a Delta table, whose log says which files count", "name it as a table of Spark's catalogue"
        raise RecordsError([Problem(name, found, expected, rule="delta_table")])
    folders = [entry.name for entry in path.iterdir() if entry.is_dir() and entry.name[0] not in "._"]
    if folders:
        found = f"folders within it ({listed(sorted(folders))})"
        raise RecordsError(
            [Problem(name, found, "expected all Parquet files in the folder itself", rule="nested_folder")]
        )
    if not files:
        raise RecordsError(
            [
                Problem(
                    name, "no Parquet file in it", "expected files .parquet in the folder itself", rule="empty_folder"
                )
            ]
        )


def inside(name: str, folder: Path) -> Path:
    """Return a path of the protocol's folder, which no link may leave.

    Raises:
        ProtocolError: it does.
    """
    path = folder / name
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
        raise ProtocolError(
            [Problem(name, "a path that leaves the protocol's folder", "expected a place in it", rule="outside_path")]
        )
    return path


def parquet_files(path: Path) -> tuple[Path, ...]:
    """Return a folder's Parquet files by name; hidden files are those that a writer left behind."""
    found = (entry for entry in path.resolve().iterdir() if entry.suffix.lower() == ".parquet" and entry.is_file())
    return tuple(sorted((entry for entry in found if entry.name[0] not in "._"), key=lambda entry: entry.name))


def state_at(path: Path) -> State:
    """Return what shows at a glance that a file, or a folder's files, were written again."""
    found = [(file.name, file.stat()) for file in (parquet_files(path) if path.is_dir() else (path,))]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


def folder_hash(files: Iterable[Path]) -> tuple[str, int]:
    """Return the SHA-256 of names, sizes and contents of a folder's files, and their size in bytes."""
    whole, size = hashlib.sha256(), 0
    for file in files:
        digest, length = file_hash(file)
        whole.update(f"{file.name}\0{length}\0{digest}\n".encode())
        size += length
    return whole.hexdigest(), size


def file_hash(file: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file's content, read in blocks, and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _schema(name: str, file: Path) -> pl.Schema:
    try:
        return pl.Schema(pl.scan_parquet(file, glob=False).collect_schema())
    except (pl.exceptions.PolarsError, OSError) as error:
        found = f"content that is not .parquet ({type(error).__name__})"
        raise RecordsError(
            [Problem(f"{name}/{file.name}", found, "write the file again", rule="damaged_file")]
        ) from None


def _differs(name: str, file: Path, schema: pl.Schema, first: pl.Schema) -> list[Problem]:
    where = f"{name}/{file.name}"
    expected = "expected the columns and types of the folder's first file"
    missing = [column for column in first if column not in schema]
    more = [column for column in schema if column not in first]
    problems = [Problem(where, f"no column {column}", expected, rule="files_differ") for column in missing]
    problems += [
        Problem(where, f"a column {column} that the first file does not have", expected, rule="files_differ")
        for column in more
    ]
    return problems + [
        Problem(
            where,
            f"a column of type {schema[column]}, where the first file has {dtype}",
            expected,
            column,
            "files_differ",
        )
        for column, dtype in first.items()
        if column in schema and schema[column] != dtype
    ]
