"""Curves in the page: the numbers are the ledger's, the only script is the page's own, and it stands without it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from spec_study import patients, write_study
from twoarm.cli import main
from twoarm.protocol.read import read_protocol
from twoarm.report.curve_values import MOST_STEPS, curve_values
from twoarm.results.curve import Curve
from twoarm.results.results import read_results
from twoarm.tables.formats import Numbers

EXAMPLE = Path(__file__).parents[2] / "examples" / "rotterdam" / "study.toml"
NASTY = "<script>alert(1)</script>\\\"'&{{7*7}}"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    study = write_study(folder, replace={'label = "New"': f'label = "{NASTY}"'})
    assert CliRunner().invoke(main, ["run", str(study), "--out", str(folder / "out")]).exit_code == 0
    return folder / "out"


def pictures(page: str) -> list[str]:
    return re.findall(r'<div class="km".*?</svg>', page, re.DOTALL)


def test_the_page_allows_its_own_script_and_no_other(out: Path) -> None:
    page = (out / "report.html").read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0])
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert not re.search(r"\son\w+=", page)
    assert "innerHTML" not in script


def test_curves_are_pictures_without_script_and_labels_are_inert(out: Path) -> None:
    found = pictures((out / "report.html").read_text())
    assert len(found) == 2
    for picture in found:
        assert 'role="img"' in picture
        assert "<title " in picture
        assert "Number at risk" in picture
        assert "<script" not in picture
        assert picture.count('class="km-line" data-curve') == 2


def test_the_values_of_the_page_are_the_ledgers(out: Path) -> None:
    curves = {(c.adjustment, c.arm): c for c in read_results(out).curves if c.kind == "survival"}
    found = [
        json.loads(html.unescape(v)) for v in re.findall(r'data-values="([^"]*)"', (out / "report.html").read_text())
    ]
    for data, adjustment in zip(found, ("unadjusted", "matched"), strict=True):
        for arm in data["arms"]:
            for index, _, text, left in arm["at"]:
                assert_holds(curves[adjustment, arm["name"]], round(index * data["time"], 6) * 30.4375, text, left)


def assert_holds(curve: Curve, day: float, text: str, left: str) -> None:
    columns: dict[str, Any] = dict(curve.columns)
    assert int(left.replace(",", "")) == next(
        (n for t, n in zip(columns["time"], columns["at_risk"], strict=True) if t >= day), 0
    )
    past = [i for i, time in enumerate(columns["time"]) if time <= day]
    if day > columns["time"][-1]:
        assert text == "–"
    elif not past:
        assert text == "100.0"
    else:
        assert float(text.split()[0]) == pytest.approx(100 * columns["survival"][past[-1]], abs=0.0501)


@pytest.mark.parametrize(("end", "steps"), [(0.4, 40), (2.0, 200), (19.2, 384), (240.0, 480), (9000.0, 450)])
def test_the_grid_is_fine_and_not_too_fine(end: float, steps: int) -> None:
    protocol = read_protocol(EXAMPLE)
    columns = {"time": (end * protocol.unit_days,), "survival": (0.5,), "lower": (0.1,), "upper": (0.9,),
               "at_risk": (1.0,), "events": (1.0,), "censored": (0.0,)}  # fmt: skip
    curve = Curve("survival", "p", "m", "a", "e", "arm", columns)
    values = curve_values([curve], protocol, Numbers(), end)
    assert values.last == steps <= MOST_STEPS
    assert values.arms[0].steps[0].text == "100.0"
    assert values.arms[0].steps[-1].text == "50.0 (10.0–90.0)"


@pytest.fixture(scope="module")
def competing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("competing")
    other = 'other = { type = "boolean", true = ["1"], false = ["0"] }\ndied = { type'
    rows = [{**row, "died": str(int(i % 3 == 0)), "other": str(int(i % 3 == 1))} for i, row in enumerate(patients())]
    changes = {"died = { type": other, 'event = "died"': 'event = "died"\ncompeting = ["other"]'}
    study = write_study(folder, rows, {**changes, 'label = "New"': f'label = "{NASTY}"'})
    assert CliRunner().invoke(main, ["run", str(study), "--out", str(folder / "out")]).exit_code in (0, 4)
    return folder / "out"


def test_incidences_are_two_pictures_with_the_ledgers_values(competing: Path) -> None:
    page = (competing / "report.html").read_text()
    curves = {(c.adjustment, c.arm): c for c in read_results(competing).curves if c.kind == "cumulative_incidence"}
    found = [json.loads(html.unescape(v)) for v in re.findall(r'data-values="([^"]*)"', page)]
    kinds = [(adjustment, prefix) for adjustment in ("unadjusted", "matched") for prefix in ("", "competing_")]
    assert [data["quantity"] for data in found] == ["Incidence, %"] * len(kinds)
    for data, (adjustment, prefix) in zip(found, kinds, strict=True):
        for arm in data["arms"]:
            columns: dict[str, Any] = dict(curves[adjustment, arm["name"]].columns)
            for index, place, text, left in arm["at"]:
                day = round(index * data["time"], 6) * 30.4375
                past = [i for i, time in enumerate(columns["time"]) if time <= day]
                risk = next((n for t, n in zip(columns["time"], columns["at_risk"], strict=True) if t >= day), 0)
                assert int(left) == risk
                if day > columns["time"][-1]:
                    assert (text, place) == ("–", None)
                    continue
                share = columns[f"{prefix}incidence"][past[-1]] if past else 0.0
                assert float(text.split()[0]) == pytest.approx(100 * share, abs=0.0501)
                assert 52 <= place <= 330  # within the axes


def test_incidences_stand_without_script_and_their_labels_are_inert(competing: Path) -> None:
    found = pictures((competing / "report.html").read_text())
    assert len(found) == 4
    assert ["Overall survival: competing events" in picture for picture in found] == [False, True, False, True]
    for picture in found:
        assert "<title " in picture
        assert "Number at risk" in picture
        assert "<script" not in picture
        assert picture.count('class="km-line" data-curve') == 2
        assert 'class="km-mark"' not in picture
    identities = re.findall(r'<title id="([^"]*)"', "".join(found))
    assert len(set(identities)) == len(found)
