from __future__ import annotations

from pathlib import Path

import pytest

from bad_inputs.cases_cells import CELLS
from spec_bad_inputs import Case, assert_outcome


@pytest.mark.parametrize(
    ("case", "kind"),
    [(case, kind) for case in CELLS for kind in ("csv", "xlsx") if case.excel or kind == "csv"],
    ids=lambda value: value.id if isinstance(value, Case) else value,
)
def test_a_bad_cell(case: Case, kind: str, tmp_path: Path) -> None:
    assert_outcome(case, tmp_path, kind)
