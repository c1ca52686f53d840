"""The output folder: the same bytes twice, self-contained, quoting the ledger, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from spec_study import patients, write_study
from twoarm.cli import main
from twoarm.report import publish
from twoarm.results.results import read_results

NASTY = "<script>alert(1)</script>{{7*7}}=cmd|' /C calc'!A0"


def run(study: Path, out: Path, *more: str) -> int:
    return CliRunner().invoke(main, ["run", str(study), "--out", str(out), *more]).exit_code


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    more = '\n[subgroups]\nvariables = ["sex"]\n[output]\npatient_level = true\n'
    assert run(write_study(folder, more=more), folder / "out") == 0
    return folder / "out"


def test_two_runs_give_the_same_bytes(out: Path, tmp_path: Path) -> None:
    study = out.parent / "study.toml"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Shanghai", "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "twoarm", "run", str(study), "--out", str(tmp_path / "again"), "--quiet"]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, capture_output=True)
    assert hashes(tmp_path / "again") == hashes(out)


def test_the_manifest_names_every_file_and_input(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    found = hashes(out)
    found.pop("manifest.json")
    assert manifest["outputs"] == found
    (source,) = manifest["inputs"]
    assert source["sha256"] == hashlib.sha256((out.parent / "patients.csv").read_bytes()).hexdigest()
    assert manifest["conventions"]["ties"] == "efron"
    assert manifest["protocol"]["adjustments"]["matched"]["caliper"] == {"width": 0.2, "unit": "sd", "sd": "all"}


class Page(HTMLParser):
    """Collects what a browser would fetch, and the ledger ids that the page quotes."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.quoted: set[str] = set()
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data") and value and not value.startswith(("#", "data:")):
                self.fetched.append(value)
            if name == "data-ledger" and value:
                self.quoted.update(value.split())


def test_the_page_fetches_nothing_and_quotes_rows_that_exist(out: Path) -> None:
    page = Page()
    page.feed((out / "report.html").read_text())
    ids = {row.id for row in read_results(out).estimates}
    assert page.fetched == []
    assert page.scripts == 1  # its own, see test_interactive_curves
    assert len(page.quoted) > 100
    assert page.quoted <= ids


def test_the_ledger_reads_back_as_it_was_written(out: Path) -> None:
    results = read_results(out)
    assert results.estimates_json() == (out / "results.json").read_text()
    assert results.curves_json() == (out / "curves.json").read_text()
    frame = results.to_frame()
    assert frame.height == len(results.estimates)
    assert frame["id"].is_unique().all()


def test_tables_equal_the_ledger(out: Path) -> None:
    results = read_results(out)
    rows = list(csv.reader((out / "tables" / "hazard_ratios.csv").read_text().splitlines()))
    row = results.get(
        analysis="hazard_ratio", adjustment="unadjusted", endpoint="os", arm="New vs Old", statistic="hazard_ratio"
    )
    shown = next(line for line in rows if line[0].strip() == "Unadjusted")
    assert shown[3].startswith(f"{row.value:.2f} (")


def test_patient_rows_are_written_on_request_only(out: Path) -> None:
    rows = list(csv.DictReader((out / "patients.csv").read_text().splitlines()))
    pairs = [row for row in rows if row["adjustment"] == "matched"]
    assert {row["key"] for row in rows} == {row["id"] for row in patients()}
    assert all(sum(r["pair"] == row["pair"] for r in pairs) == 2 for row in pairs)


def test_labels_are_inert_everywhere(tmp_path: Path) -> None:
    rows = [{**row, "sex": NASTY if row["sex"] == "m" else row["sex"]} for row in patients()]
    for row in rows:
        row["sex"] = '"' + row["sex"].replace('"', '""') + '"'
    toml = json.dumps(NASTY)
    study = write_study(tmp_path, rows, {'levels = ["f", "m"], labels = ["Female", "Male"]': f'levels = ["f", {toml}]',
                                         'label = "New"': f"label = {toml}", 'title = "A small study"': f"title = {toml}"})  # fmt: skip
    assert run(study, tmp_path / "out") == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<script>") == 1  # the page's own
    assert "<script>alert" not in page
    assert "{{7*7}}" in page
    for path in (tmp_path / "out" / "tables").glob("*.csv"):
        for line in csv.reader(path.read_text().splitlines()):
            assert not any(cell.lstrip().startswith(("=", "@", "+")) for cell in line), path
    for path in (tmp_path / "out" / "tables").glob("*.html"):
        assert "<script>" not in path.read_text()


@pytest.mark.parametrize("broken", ["_manifest", "render_html", "standalone_table"])
def test_a_failure_while_writing_leaves_nothing(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    study = write_study(tmp_path)
    monkeypatch.setattr(publish, broken, fails)
    assert run(study, tmp_path / "out") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patients.csv", "study.toml"]


def test_a_figure_that_fails_is_named_and_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import twoarm.figures.all_figures as all_figures

    def fails(*_: object) -> None:
        raise ValueError("SECRET")

    class NoHelper:
        def __enter__(self) -> NoHelper:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def nothing(self, *_: object, **__: object) -> None:
            return None

        draw_ahead = send = is_there = wait = nothing

    monkeypatch.setattr("twoarm.report.figure_helper.FigureHelper", NoHelper)
    monkeypatch.setattr(all_figures, "love_plot", fails)
    assert run(write_study(tmp_path), tmp_path / "out") == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert re.search(r"figure <code>love</code>: failed", page)
    assert "SECRET" not in page
    assert not (tmp_path / "out" / "figures" / "love.svg").exists()
    assert (tmp_path / "out" / "figures" / "flow.svg").exists()


def test_an_analysis_that_fails_is_named_and_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import twoarm.analyses.follow_up as follow_up

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("SECRET")

    monkeypatch.setattr(follow_up, "fit_curve", fails)
    assert run(write_study(tmp_path), tmp_path / "out") == 0
    results = read_results(tmp_path / "out")
    assert {row.status for row in results.select(analysis="follow_up")} == {"failed"}
    assert results.select(analysis="survival", status="ok")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Analyses that did not complete" in page
    assert "SECRET" not in page


def test_a_primary_analysis_that_fails_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import twoarm.analyses.hazard_ratio as hazard_ratio

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(hazard_ratio, "fit_own_model", fails)
    assert run(write_study(tmp_path), tmp_path / "out") == 5
    assert not (tmp_path / "out").exists()
