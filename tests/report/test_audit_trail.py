"""The audit trail of a run: every step with how many it left, and no way to change it unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from spec_bad_inputs import Case, write_case
from spec_study import patients, write_study
from twoarm.cli import main
from twoarm.report.verification import manifest_text
from twoarm.version import __version__

Entries = list[dict[str, Any]]
LIGHT = '\n[output]\nfigures = ["svg"]\ndocuments = []\n'


def run(study: Path, out: Path) -> Entries:
    result = CliRunner().invoke(main, ["run", str(study), "--out", str(out), "--quiet"])
    assert result.exit_code in (0, 4), result.output
    return [json.loads(line) for line in (out / "audit.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Entries]:
    folder = tmp_path_factory.mktemp("audit")
    case = Case(
        0, "", "", cells={"age": "1"}, replace={'key = "id"': 'key = "id"\non_invalid = "hold"', 'age = "integer"': 'age = { type = "integer", minimum = 18 }'}, more=LIGHT
    )  # fmt: skip
    return folder / "out", run(write_case(case, folder), folder / "out")


def test_every_step_says_how_many_it_left(made: tuple[Path, Entries]) -> None:
    out, entries = made
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert {entry["tool"] for entry in entries} == {f"twoarm {__version__}"}
    assert {entry["protocol_sha256"] for entry in entries} == {manifest["protocol_sha256"]}
    read, held = entries[:2]
    assert (read["step"], read["rule"], read["where"], read["n_after"]) == ("records", "read", "patients.csv", 60)
    told = (held["step"], held["rule"], held["where"], held["n_after"], held["note"])
    assert told == ("cells", "outside_range", "patients.csv, age", 1, "held")
    cohort = [entry for entry in entries if entry["step"] == "cohort"]
    assert [(entry["where"], entry["n_before"], entry["n_after"]) for entry in cohort[:1]] == [("study", None, 60)]
    assert (cohort[-1]["where"], cohort[-1]["n_before"], cohort[-1]["n_after"]) == ("study/complete_case", 60, 59)
    assert all(before["n_after"] == after["n_before"] for before, after in pairwise(cohort))


def edited(entries: Entries) -> Entries:
    return [{**entries[0], "n_after": 61}, *entries[1:]]


def edited_with_its_hash(entries: Entries) -> Entries:
    rest = {name: value for name, value in edited(entries)[0].items() if name != "sha256"}
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True)
    return [{**rest, "sha256": hashlib.sha256(text.encode()).hexdigest()}, *entries[1:]]


CHANGES: dict[str, tuple[Callable[[Entries], Entries], int]] = {
    "edited": (edited, 0),
    "edited with its hash": (edited_with_its_hash, 1),
    "first taken out": (lambda entries: entries[1:], 0),
    "one taken out": (lambda entries: [entries[0], *entries[2:]], 1),
    "two exchanged": (lambda entries: [entries[0], entries[2], entries[1], *entries[3:]], 1),
    "one put in": (lambda entries: [entries[0], entries[0], *entries[1:]], 1),
    "no entry": (lambda entries: [entries[0], {}, *entries[1:]], 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_trail_is_found_whatever_the_manifest_says(
    name: str, made: tuple[Path, Entries], tmp_path: Path
) -> None:
    out, entries = made
    change, number = CHANGES[name]
    copy = tmp_path / "out"
    copy.mkdir()
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in change(entries))
    (copy / "audit.jsonl").write_text(text, "utf-8")
    outputs = {"audit.jsonl": hashlib.sha256(text.encode()).hexdigest()}
    (copy / "manifest.json").write_text(manifest_text({**manifest, "outputs": outputs}), "utf-8")
    result = CliRunner().invoke(main, ["verify", str(copy)])
    assert (result.exit_code, result.stdout.splitlines()[0]) == (
        1,
        f"audit.jsonl: entry {number} is not what it was when it was written",
    )


def test_an_end_that_was_taken_off_is_found_by_the_manifest(made: tuple[Path, Entries], tmp_path: Path) -> None:
    out, entries = made
    copy = tmp_path / "out"
    copy.mkdir()
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries[:-1])
    (copy / "audit.jsonl").write_text(text, "utf-8")
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    outputs = {"audit.jsonl": manifest["outputs"]["audit.jsonl"]}
    (copy / "manifest.json").write_text(manifest_text({**manifest, "outputs": outputs}), "utf-8")
    result = CliRunner().invoke(main, ["verify", str(copy)])
    assert (result.exit_code, "audit.jsonl: changed since it was written" in result.stdout) == (1, True)


def test_suppressed_counts_are_not_in_the_trail(tmp_path: Path) -> None:
    rows = [{**row, "age": "" if i < 3 else row["age"]} for i, row in enumerate(patients())]
    more = f"{LIGHT}\n[disclosure]\nminimum_cell = 10\n"
    entries = run(write_study(tmp_path, rows, more=more), tmp_path / "out")
    cohort = [entry for entry in entries if entry["step"] == "cohort"]
    assert cohort
    assert {(entry["n_before"], entry["n_after"]) for entry in cohort} == {(None, None)}
