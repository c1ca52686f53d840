"""What went in, under which rules, with which software."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from twoarm.version import __version__

PACKAGES = ("numpy", "scipy", "polars", "narwhals", "pydantic")


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


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the manifest says of a run."""

    protocol_sha256: str
    inputs: tuple[InputFile, ...]
    seed: int | None
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, protocol_sha256: str, inputs: Sequence[InputFile], seed: int | None) -> Provenance:
        """Add the versions in force on this machine."""
        versions = [
            ("python", platform.python_version()),
            ("platform", f"{sys.platform} {platform.machine()}"),
        ]
        versions += [("twoarm", __version__), *((package, version(package)) for package in PACKAGES)]
        return cls(protocol_sha256, tuple(inputs), seed, tuple(versions))
