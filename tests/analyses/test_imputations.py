"""What no imputation can change is worked out once, and is what each would have found by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from twoarm.analyses import subgroups
from twoarm.analyses.imputations import Imputations
from twoarm.design.adjusted_cohort import AdjustedCohort
from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records
from twoarm.results.results import Results
from twoarm.study import run_study

FOLDER = Path(__file__).parents[2] / "examples" / "es-sclc"


PLAIN = ("", '[analyses.landmark]\ntimes = [3]\n[centres]\ncolumn = "centre"\n')
OFFSET = (
    'months = { kind = "continuous", source = "firstline_pfs" }  # lacks three patients\n',
    '[analyses.hazard_ratio]\noffset = "months"\n',
)


def run(covariate: str, more: str) -> Results:
    text = (FOLDER / "study.toml").read_text().replace("imputations = 20", "imputations = 3")
    text = text.replace("[covariates]\n", f"[covariates]\n{covariate}", 1)
    protocol = parse_protocol(f"{text}\n{more}")
    return run_study(protocol, read_records(protocol, FOLDER))


@pytest.mark.parametrize(("declared", "share"), [(PLAIN, 0.7), (OFFSET, 1.0)])
def test_the_ledger_is_that_of_imputations_worked_out_one_by_one(
    declared: tuple[str, str], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[str] = []
    whole = subgroups.fit_observed

    def counted(*arguments: object, **more: object) -> object:
        fits.append("")
        return whole(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(subgroups, "fit_observed", counted)
    shared = run(*declared)
    few = len(fits)
    fits.clear()

    def apart(_: AdjustedCohort) -> Imputations:
        return Imputations(together=False)

    monkeypatch.setattr(Imputations, "of", apart)
    alone = run(*declared)
    assert few <= share * len(fits)
    assert shared.estimates == alone.estimates
    assert shared.curves == alone.curves
    assert any(row.analysis == "subgroups" and row.missing == "imputed" for row in shared.estimates)
