"""The self-test: it passes, its constants are R's, and a broken kernel makes it fail."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from oracles.stored import reference
from twoarm.cli import main
from twoarm.errors import NotEstimableError
from twoarm.selftest import certificate, comparisons, regressions
from twoarm.selftest.certificate import agreement, certificate_json, certificate_text, failure_line, run_selftest
from twoarm.selftest.known_answers import REQUIRED_DIGITS, KnownAnswer, read_known_answers
from twoarm.statistics.contingency import pearson
from twoarm.statistics.cox import fit_cox

DATE = "2026-01-31"
FIFTEEN_DIGITS = 2e-14  # constants are printed with 15 significant digits
SECTIONS = {  # of the R script, and where its constants stand
    "t1": ["six_rows"],
    "t2": ["late_entries"],
    "tw": ["weighted_rows"],
    "camis": ["flat_half"],
    "small_tables": ["two_by_two", "two_samples", "proportions"],
}
NOT_CARRIED = {"log_survival", "log_std_error", "untied_log_rank", "stabilised_naive_std_error"}


def test_every_known_answer_is_found_within_ten_seconds():
    start = time.monotonic()
    made = run_selftest(date=DATE)
    assert [failure_line(check) for check in made.failures] == []
    assert len(made.checks) >= 280
    assert time.monotonic() - start < 10


def test_required_digits_are_those_that_were_promised():
    assert REQUIRED_DIGITS["coefficient"] >= 9
    assert REQUIRED_DIGITS["std_error"] >= 8
    assert REQUIRED_DIGITS["survival"] >= 12
    assert REQUIRED_DIGITS["p_value"] >= 6


def test_every_constant_of_the_r_script_is_carried_as_it_was_written():
    known = {sample.name: {answer.name: answer for answer in sample.answers} for sample in read_known_answers()}
    content = reference("known_answers")
    compared = 0
    for section, values in content.items():
        if section == "software":
            continue
        for name, value in values.items():
            if name in NOT_CARRIED:
                continue
            homes = [known[home][name] for home in SECTIONS.get(section, [section]) if name in known[home]]
            assert len(homes) == 1, (section, name)
            expected = homes[0].value
            assert (value is None and math.isnan(expected)) or expected == pytest.approx(value, rel=FIFTEEN_DIGITS), (
                name
            )
            compared += 1
    assert compared > 220


def test_every_sample_and_quantity_says_where_it_comes_from():
    for sample in read_known_answers():
        assert sample.about
        assert sample.source
        assert all(answer.source for answer in sample.answers)
    assert {sample.name for sample in read_known_answers()} == set(certificate.CALCULATIONS)


@pytest.mark.parametrize("error", [1e-8, 1e-3])
def test_a_kernel_that_is_slightly_wrong_fails(error, monkeypatch):
    def wrong(**columns):
        fit = fit_cox(**columns)
        return dataclasses.replace(fit, coefficients=fit.coefficients * (1 + error))

    monkeypatch.setattr(regressions, "fit_cox", wrong)
    made = run_selftest(date=DATE)
    failed = {f"{check.sample}.{check.answer.name}" for check in made.failures}
    assert {"six_rows.efron_coefficient", "float_ties.coefficient", "pairs.coefficient"} <= failed
    assert all("coefficient" in name or "cox_" in name for name in failed)


def test_a_kernel_that_raises_fails_what_it_did_not_answer_and_nothing_else(monkeypatch):
    def refuses(**columns):
        if columns.get("continuity"):
            raise NotEstimableError("out of order")
        return pearson(**columns)

    monkeypatch.setattr(comparisons, "pearson", refuses)
    made = run_selftest(date=DATE)
    assert {check.sample for check in made.failures} == {"two_by_two"}
    assert failure_line(made.failures[0]) == "two_by_two.pearson: nothing found (NotEstimableError: out of order)"
    assert json.loads(certificate_json(made))["checks"][-1]["passed"]


def test_a_number_where_there_is_none_fails(monkeypatch):
    monkeypatch.setattr(regressions, "fit_exact_cox", fit_cox)
    failed = [check.answer.name for check in run_selftest(date=DATE).failures]
    assert failed == ["exact_coefficient"]


def test_the_command_writes_a_certificate_for_people_and_one_for_machines(tmp_path):
    result = CliRunner().invoke(main, ["selftest", "--out", str(tmp_path / "qualification.txt"), "--date", DATE])
    assert result.exit_code == 0
    assert "all as required" in result.stdout
    content = json.loads((tmp_path / "qualification.json").read_text("utf-8"))
    assert (content["date"], content["passed"], content["failed"]) == (DATE, True, 0)
    assert {"twoarm", "python", "platform", "numpy", "scipy"} <= content["versions"].keys()
    row = next(check for check in content["checks"] if check["quantity"] == "newcombe_lower")
    assert (row["expected"], row["required"]) == ("0.0524", "all 3 printed")
    text = (tmp_path / "qualification.txt").read_text("utf-8")
    assert text.startswith(f"twoarm self-test: known answers on this machine\n\ndate      {DATE}\n")
    assert text.count("\n") > len(content["checks"])


def test_the_command_lists_failures_and_exits_1(monkeypatch):
    monkeypatch.setattr(comparisons, "wilcoxon", lambda **_: 1 / 0)
    result = CliRunner().invoke(main, ["selftest"])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("two_samples.rank_sum: nothing found (ZeroDivisionError")
    assert lines[-1].endswith("8 FAILED.")
    assert len(lines) == 9


def test_a_date_that_is_none_is_refused():
    result = CliRunner().invoke(main, ["selftest", "--date", "yesterday"])
    assert result.exit_code == 2
    assert "expected YYYY-MM-DD" in result.stderr


def test_other_commands_do_not_pay_for_it():
    code = "import sys, twoarm.cli; print(sorted(m for m in sys.modules if m.startswith(('twoarm.selftest', 'numpy'))))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_two_runs_give_the_same_bytes():
    one, other = run_selftest(date=DATE), run_selftest(date=DATE)
    assert certificate_text(one) == certificate_text(other)
    assert certificate_json(one) == certificate_json(other)


@pytest.mark.parametrize(
    ("found", "expected", "digits"),
    [
        (2.0, 2.0, 15.0),
        (1.01, 1.0, 2.0),
        (5.0, 1.0, 0.0),
        (1e-13, 0.0, 13.0),
        (math.nan, 1.0, 0.0),
        (math.nan, math.nan, 15.0),
    ],
)
def test_digits_of_agreement(found, expected, digits):
    assert agreement(found, expected) == pytest.approx(digits, abs=1e-9)


@pytest.mark.parametrize(
    ("expected", "printed"), [("0.0524", 3), ("-4.5600", 5), ("4.168e-05", 4), ("6/7", None), ("not estimable", None)]
)
def test_printed_digits(expected, printed):
    assert KnownAnswer("x", "limit", expected, "").printed_digits == printed
