"""Cases 86 and 89: where a hazard ratio is not estimable, Firth's estimate stands beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_bad_inputs import run
from spec_study import patients, write_study
from twoarm.results.results import read_results


@pytest.mark.parametrize("case", [86, 89], ids=["case_86-firth", "case_89-firth"])
def test_firth_stands_beside_what_is_not_estimable(case: int, tmp_path: Path) -> None:
    rows = [
        {**row, **({"died": "0"} if case == 86 else {"days": str(10 + i), "died": "1"})}
        if row["arm"] == "new"
        else {**row, "days": str(900 + i), "died": "1"}
        for i, row in enumerate(patients())
    ]
    run(write_study(tmp_path, rows))
    assert any("Firth" in row.method for row in read_results(tmp_path / "out").estimates)
