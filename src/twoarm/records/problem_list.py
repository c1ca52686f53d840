"""What was found wrong, for machines: by rule and place, without patient keys and cells' values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from twoarm.errors import Problem
from twoarm.records.findings import Finding, split_place

OF_PROTOCOL = "protocol"  # the rule of what the protocol itself has wrong; its place is line and column


def problems_json(findings: Iterable[Finding], problems: Iterable[Problem] = ()) -> str:
    """Return findings by row, and problems of whole files or of the protocol, as JSON.

    >>> print(problems_json([], [Problem("a.csv", "an empty file", "expected rows", rule="empty_file")]))
    [
     {
      "rule": "empty_file",
      "outcome": "refused",
      "file": "a.csv",
      "sheet": "",
      "column": "",
      "rows": [],
      "what": "an empty file",
      "remedy": "expected rows"
     }
    ]
    <BLANKLINE>
    """
    known = list(findings)
    told = {finding.problem() for finding in known}
    rows = [_of_problem(problem) for problem in dict.fromkeys(problems) if problem not in told]
    rows += [_of_finding(finding) for finding in known]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def _of_problem(problem: Problem) -> dict[str, Any]:
    file, sheet = split_place(problem.where)
    return {
        "rule": problem.rule or OF_PROTOCOL,
        "outcome": "refused",
        "file": file,
        "sheet": sheet,
        "column": problem.key,
        "rows": [],
        "what": problem.found,
        "remedy": problem.expected,
    }


def _of_finding(finding: Finding) -> dict[str, Any]:
    file, sheet = split_place(finding.where)
    return {
        "rule": finding.rule,
        "outcome": finding.outcome,
        "file": file,
        "sheet": sheet,
        "column": finding.column,
        "rows": list(finding.rows),
        "what": finding.what,
        "remedy": finding.remedy,
    }
