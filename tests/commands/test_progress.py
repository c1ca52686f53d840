"""Progress: a line a stage; of a long one what it is at, and that it still runs."""

from __future__ import annotations

import time

import pytest

from twoarm.commands.progress import Progress


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.partition("] ")[2] for line in capsys.readouterr().err.splitlines()]


def test_a_quick_study_sees_its_stages_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as say:
        say("analyses")
        say.step("Unadjusted: survival")
        say.step("Unadjusted: hazard ratio")
        say("report")
    assert lines(capsys) == ["analyses", "report"]


def test_a_long_stage_says_what_it_is_at(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(often=0.0) as say:
        say("analyses")
        say.step("Unadjusted: survival")
    assert lines(capsys) == ["analyses", "  Unadjusted: survival"]


def test_a_step_that_takes_long_is_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    found: list[str] = []
    with Progress(seldom=0.02) as say:
        say("reading the records")
        while "  reading the records ..." not in found:
            time.sleep(0.01)
            found += lines(capsys)
        say.step("Matched: subgroups")
        while "  Matched: subgroups ..." not in found:
            time.sleep(0.01)
            found += lines(capsys)
    assert found[0] == "reading the records"


def test_quiet_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True, often=0.0, seldom=0.0) as say:
        say("analyses")
        say.step("Unadjusted: survival")
    assert lines(capsys) == []
