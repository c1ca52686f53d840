"""What an engine says when it fails: its kind alone, as its own message may quote cells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twoarm.errors import Problem, ProtocolError, RecordsError

_ENGINES_OWN = ("polars", "duckdb", "_duckdb", "pyspark", "py4j", "pyarrow", "narwhals")


def engines_own(error: Exception) -> bool:
    """Return whether an error is that of an engine, and not ours."""
    return type(error).__module__.partition(".")[0] in _ENGINES_OWN


@contextmanager
def told(engine: str, name: str) -> Iterator[None]:
    """Tell that an engine cannot read what is named.

    Raises:
        RecordsError: in place of an engine's own error.
    """
    try:
        yield
    except (RecordsError, ProtocolError):
        raise
    except Exception as error:
        if not engines_own(error):
            raise
        found = f"cannot be read by {engine} ({type(error).__name__})"
        raise RecordsError(
            [Problem(name, found, "expected a source that it can open", rule="unreadable_source")]
        ) from None
