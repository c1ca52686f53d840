"""No warning's number counts few patients, or comes from a count that is hidden."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from spec_study import patients, write_study
from twoarm.cli import main
from twoarm.disclosure.disclose import disclose
from twoarm.protocol.output import Disclosure
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.results import read_results

CONTRAST = "New vs Old"


def warned(name: str, quoted: str, *, n: int, arm: str = CONTRAST, variable: str = "") -> str:
    """Return the status of a warning about a sample in which an arm counts n of something, 50 of the other."""
    ledger = Ledger(Estimate(analysis="", population="study", missing="cc", adjustment="unadjusted"))
    for label, count in (("New", n), ("Old", 50)):
        ledger.within(analysis=quoted).add("n", count, arm=label, endpoint="os", variable=variable)
        ledger.within(analysis=quoted).add("events", count, arm=label, endpoint="os", variable=variable)
    made = ledger.within(analysis="warning")
    made.add(name, 0.04, arm=arm, endpoint="os", variable=variable)
    return disclose(Disclosure(minimum_cell=10), ledger).get(analysis="warning").status


@pytest.mark.parametrize("name", ["zero_follow_up", "competing_censored", "immortal_time"])
def test_a_share_of_an_arm_is_never_told(name: str) -> None:
    assert warned(name, "survival", n=40, arm="New") == "suppressed"


@pytest.mark.parametrize(
    ("name", "quoted", "arm", "variable"),
    [
        ("extreme_weights", "weights", "New", ""),
        ("follow_up_differs", "follow_up", CONTRAST, ""),
        ("non_proportional", "survival", CONTRAST, ""),
        ("few_events", "hazard_ratio", "all", ""),
        ("negative_control", "hazard_ratio", CONTRAST, ""),
        ("mostly_missing", "baseline", "New", "sex"),
        ("imbalance", "balance", CONTRAST, "sex"),
    ],
)
def test_what_a_warning_quotes_goes_with_what_is_hidden(name: str, quoted: str, arm: str, variable: str) -> None:
    assert warned(name, quoted, n=3, arm=arm, variable=variable) == "suppressed"
    assert warned(name, quoted, n=40, arm=arm, variable=variable) == "ok"


def test_words_without_their_number(tmp_path: Path) -> None:
    """Four patients of one arm were followed for 0 days, and one level has two of them."""
    rows = patients()
    new = [row for row in rows if row["arm"] == "new"]
    for row in new[:4]:
        row["days"] = "0"
    for i, row in enumerate(rows):
        row["sex"], row["died"] = "m" if i < 2 else "f", "1" if i % 4 == 0 else "0"
    more = '\n[adjustments.mv]\nkind = "multivariable"\n[disclosure]\nminimum_cell = 10\n[output]\nfigures = ["svg"]\ndocuments = []\n'
    study = write_study(tmp_path, rows, more=more)
    out = tmp_path / "out"
    code = CliRunner().invoke(main, ["run", str(study), "--out", str(out), "--quiet"]).exit_code
    assert code in (0, 4)
    (zero,) = read_results(out).select(analysis="warning", statistic="zero_follow_up")
    assert (zero.value, zero.status) == (None, "suppressed")
    page = (out / "report.html").read_text("utf-8")
    assert "more than 5% of the patients of New have a follow-up of 0 days" in page
    assert "the model has too few events a term" in page
    assert f"{100 * 4 / len(new):.1f}%" not in page
