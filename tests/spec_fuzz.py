"""How much a fuzz test tries: little in every run, much in the slow ones; what may come out, and in what time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, settings

from twoarm.errors import ProtocolError, RecordsError
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import Records, read_records, survey_records

_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def quick(examples: int) -> settings:
    """The same few examples in every run."""
    return settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=_CHECKS)


def thorough(examples: int) -> settings:
    """Many examples; others in every run with TWOARM_FUZZ=random, where a failure prints what makes it again."""
    same = os.environ.get("TWOARM_FUZZ") != "random"
    return settings(
        max_examples=examples, deadline=None, derandomize=same, print_blob=True, suppress_health_check=_CHECKS
    )


@contextlib.contextmanager
def in_bounded_time() -> Iterator[None]:
    """Fail after 5 s of the processor; the clock on the wall would count the machine's other work."""
    begin = time.process_time()
    yield
    assert time.process_time() - begin < 5


def read_or_refused(text: str) -> Protocol | None:
    """Read a protocol; nothing but a list of problems may come instead."""
    try:
        protocol = parse_protocol(text)
    except ProtocolError as error:
        assert error.problems
        assert all(str(problem) for problem in error.problems)
        return None
    return protocol


COLUMNS = """\
format_version = 1
title = "Cells"

[data.patients]
file = "FILE"
key = "id"
OPTIONS

[data.patients.columns]
id = "text"
arm = "text"
note = "text"
number = { type = "number", percent = "share", limits = "limit", thousands = ",", on_invalid = "hold" }
plain = { type = "number", multiply = 2.54 }
days = { type = "integer", minimum = 0, maximum = 90000, on_invalid = "hold" }
day = { type = "date", format = ["YYYY-MM-DD", "DD/MM/YY", "excel"], pivot = 2030, on_invalid = "hold" }
partial = { type = "date", format = "DD.MM.YYYY", partial = "last", placeholders = "keep", on_invalid = "hold" }
event = { type = "boolean", true = ["yes", "是"], false = ["no"], on_invalid = "hold" }
code = { type = "category", map = { x = "x", "男" = "y" }, on_invalid = "hold" }

[derived]
sum = "number + days + plain"
later = "day + 30 days * number"
whole = "round(number * plain, 2) if event else max(number, plain, days)"

[timeline]
birth = "partial"
death = "day"

[populations.study]
label = "Everybody"

[populations.study.arms]
column = "arm"
treated = { value = "new", label = "New" }
comparator = { value = "old", label = "Old" }

[covariates]
number = { kind = "continuous" }

[endpoints.os]
label = "Overall survival"
time = "days"
event = "event"
"""
HEADER = ["id", "arm", "note", "number", "plain", "days", "day", "partial", "event", "code"]


def cells_protocol(file: str, options: str = "") -> Protocol:
    """Return a protocol with a column of every type."""
    return parse_protocol(COLUMNS.replace("FILE", file).replace("OPTIONS", options))


def records_or_refused(protocol: Protocol, folder: Path) -> Records | None:
    """Read records as ``run`` and as ``queries`` do; nothing but a list of problems may come instead."""
    survey = survey_records(protocol, folder)
    found, problems = survey.findings, survey.problems
    assert all(finding.found() for finding in found)
    assert all(str(problem) for problem in problems)
    try:
        records = read_records(protocol, folder)
    except (RecordsError, ProtocolError) as error:
        assert error.problems
        return None
    return records


def spliced(base: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Return bytes with pieces cut out and others put in; places are shares of the length."""
    for share, cut, piece in changes:
        at = int(share * len(base))
        base = base[:at] + piece + base[at + cut :]
    return base
