"""The account of the catalogue: every one of its 94 cases has a test, and cases of cells stand in CSV and in Excel."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = range(1, 95)
CELLS = {
    *range(1, 4),
    *range(5, 13),
    13,
    16,
    17,
    15,
    18,
    *range(20, 23),
    27,
    *range(32, 34),
    36,
    37,
    41,
    44,
    *range(49, 55),
}
CELLS |= {*range(56, 63), 65, 66}  # of one cell, or of one column: the same in a CSV file and in a workbook
TABLES = {*range(68, 73), 78}  # of the form of a table: the same in both
WORKBOOKS = {4, 10, 67, 70, 76, 77}  # that only a workbook can have, or has in its own way


@pytest.fixture(scope="module")
def tests() -> dict[int, list[str]]:
    """Return the names of the tests of each case; a name says ``case_NN``, of several cases ``case_NN_MM``."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "-p", "no:cacheprovider", str(HERE)],
        capture_output=True,
        text=True,
        check=True,
        cwd=HERE.parents[1],
    )
    found: dict[int, list[str]] = {}
    for name in listed.stdout.splitlines():
        for numbers in re.findall(r"case((?:_\d\d)+)", name):
            for number in numbers.split("_")[1:]:
                found.setdefault(int(number), []).append(name)
    return found


def test_every_case_of_the_catalogue_has_a_test(tests: dict[int, list[str]]) -> None:
    assert sorted(tests) == list(CASES)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_cases_of_cells_and_tables_stand_in_both_kinds_of_files(kind: str, tests: dict[int, list[str]]) -> None:
    lacking = [
        case for case in sorted(CELLS | TABLES) if not any(re.search(rf"\b{kind}\b", name) for name in tests[case])
    ]
    assert lacking == []


def test_cases_of_workbooks_are_met_in_workbooks(tests: dict[int, list[str]]) -> None:
    told = {case: " ".join(tests[case]) for case in WORKBOOKS}
    assert [case for case, names in told.items() if not names] == []


def test_no_test_of_a_case_is_skipped_or_expected_to_fail() -> None:
    marks = re.compile(r"pytest\.(mark\.)?(xfail|skip|skipif|importorskip)\b")
    own = Path(__file__).name
    assert [path.name for path in HERE.glob("*.py") if path.name != own and marks.search(path.read_text("utf-8"))] == []
