"""What went in, under which rules, with which software."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twoarm.version import __version__

PACKAGES = ("numpy", "scipy", "polars", "narwhals", "pydantic")
OPTIONAL = ("matplotlib", "pillow", "jinja2", "typst", "python-calamine", "pyreadstat")  # of figures, documents, files


@dataclass(frozen=True, slots=True)
class InputFile:
    """A source of patient records, by content and size; no patient's value."""

    source: str
    file: str
    sha256: str
    bytes: int | None  # None where the rows are suppressed
    rows: int | None  # None where it is suppressed
    columns: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    sheet: str = ""  # of a workbook
    encoding: str = ""  # of a text file
    known_by: str = ""  # what the hash is of, where it is not a file's content


@dataclass(frozen=True, slots=True)
class CellStep:
    """Cells that were converted by declaration, or held: by which rule, where, and how many."""

    rule: str
    outcome: str  # normalised or held
    where: str
    column: str
    cells: int | None  # None where it is suppressed


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the manifest says of a run."""

    protocol_sha256: str
    inputs: tuple[InputFile, ...]
    seed: int | None
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls, protocol_sha256: str, inputs: Sequence[InputFile], seed: int | None, packages: Sequence[str] = ()
    ) -> Provenance:
        """Add the versions in force on this machine; ``packages`` are those that the study needs beside the usual."""
        from importlib.metadata import version  # what reads mail is imported with it, late, when figures are drawn

        versions = [
            ("python", platform.python_version()),
            ("platform", f"{sys.platform} {platform.machine()}"),
        ]
        versions += [
            ("twoarm", __version__),
            *((package, version(package)) for package in (*PACKAGES, *packages)),
            ("blas", _blas()),
        ]
        versions += [(package, found) for package in OPTIONAL if (found := _version_of(package))]
        return cls(protocol_sha256, tuple(inputs), seed, tuple(versions))


def _version_of(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _blas() -> str:
    """Name and version of the library of linear algebra that NumPy was built with."""
    built: Any = np.show_config(mode="dicts")
    library = built.get("Build Dependencies", {}).get("blas", {})
    return f"{library.get('name', 'unknown')} {library.get('version', '')}".strip()
