"""Two-arm, observational, time-to-event studies from one declared protocol."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twoarm.errors import (
        ArgumentError,
        NotEstimableError,
        OutputError,
        Problem,
        ProtocolError,
        RecordsError,
        TwoArmError,
    )
    from twoarm.protocol.read import parse_protocol, read_protocol
    from twoarm.records.records import read_records
    from twoarm.report.publish import write_report
    from twoarm.results.results import Results, read_results
    from twoarm.study import run_study

_HOMES = {
    "ArgumentError": "twoarm.errors",
    "NotEstimableError": "twoarm.errors",
    "OutputError": "twoarm.errors",
    "Problem": "twoarm.errors",
    "ProtocolError": "twoarm.errors",
    "RecordsError": "twoarm.errors",
    "Results": "twoarm.results.results",
    "TwoArmError": "twoarm.errors",
    "parse_protocol": "twoarm.protocol.read",
    "read_protocol": "twoarm.protocol.read",
    "read_records": "twoarm.records.records",
    "read_results": "twoarm.results.results",
    "run_study": "twoarm.study",
    "write_report": "twoarm.report.publish",
}

__all__ = [
    "ArgumentError",
    "NotEstimableError",
    "OutputError",
    "Problem",
    "ProtocolError",
    "RecordsError",
    "Results",
    "TwoArmError",
    "parse_protocol",
    "read_protocol",
    "read_records",
    "read_results",
    "run_study",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import on first use, so that a command that needs little starts at once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'twoarm' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
