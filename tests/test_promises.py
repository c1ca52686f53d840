"""Promises of privacy and determinism that no other room keeps: modes of files, noise, streams of chance, rules, lists."""

from __future__ import annotations

import ast
import json
import os
import random
import re
import resource
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from click.testing import CliRunner, Result

from bad_inputs.test_structure import BOMB, archive
from spec_bad_inputs import PROTOCOL, Case, dated_patients, write_case, write_csv
from spec_study import patients, write_study
from twoarm.cli import main
from twoarm.design import propensity
from twoarm.disclosure.disclose import disclose
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.results.estimate import Estimate
from twoarm.results.ledger import Ledger
from twoarm.results.results import Results
from twoarm.study import design_hashes, run_study

ROOT = Path(__file__).parents[1]
LIGHT = '\n[output]\nfigures = ["svg"]\ndocuments = []\n'


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_every_command_writes_for_the_owner_alone(tmp_path: Path) -> None:
    rows = patients()
    rows[4]["age"] = "?"
    home = tmp_path / "home"
    home.mkdir()
    study = write_study(home, rows, {'key = "id"': 'key = "id"\non_invalid = "hold"'}, LIGHT + "patient_level = true\n")
    given = {path.name for path in home.iterdir()}
    old = os.umask(0)  # everybody may do everything, if nobody says otherwise
    try:
        for arguments in (
            ("init", home / "patients.csv", "--out", home / "starter.toml"),
            ("check", study, "--problems", home / "problems.json"),
            ("queries", study, "--out", home / "asked"),
            ("lock", study),
            ("run", study, "--out", home / "out", "--quiet"),
            ("run", study, "--out", home / "out", "--quiet", "--replace"),
            ("selftest", "--out", home / "certificate"),
        ):
            result = invoke(*arguments)
            assert result.exit_code in (0, 1), result.output
    finally:
        os.umask(old)
    made = [path for path in home.rglob("*") if path.relative_to(home).parts[0] not in given]
    assert len(made) > 30
    wrong = {path.name: oct(path.stat().st_mode) for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077}
    assert wrong == {}


def test_a_crash_writes_no_copy_of_the_memory() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        assert invoke("schema").exit_code == 0
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def test_a_pipe_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    (tmp_path / "patients.csv").unlink()
    os.mkfifo(tmp_path / "patients.csv")
    result = invoke("check", study)
    assert (result.exit_code, "no regular file; expected a file [unreadable_file]" in result.stderr) == (3, True)


@pytest.mark.parametrize("bomb", ["zeros", "entities"])
def test_a_bomb_takes_little_memory(bomb: str, tmp_path: Path) -> None:
    """Measured in a process of its own, against one that reads a sound workbook."""

    def most(folder: Path, *, armed: bool) -> int:
        folder.mkdir()
        study = write_study(folder, replace={"patients.csv": "patients.xlsx"})
        book = openpyxl.Workbook()
        assert book.active is not None
        for row in ([*patients()[0]], *(list(row.values()) for row in patients())):
            book.active.append(row)
        book.save(folder / "patients.xlsx")
        if armed and bomb == "zeros":
            archive(folder / "patients.xlsx", lambda zip: zip.writestr("xl/media/a.bin", b"\0" * 290_000_000))
        elif armed:
            name = "xl/sharedStrings.xml"
            archive(folder / "patients.xlsx", lambda zip: zip.writestr(name, BOMB.replace("<w", "<strike/><w")), name)
        code = (
            "import resource, sys; from click.testing import CliRunner; from twoarm.cli import main;"
            "r = CliRunner().invoke(main, ['check', sys.argv[1]]);"
            "print(r.exit_code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code, str(study)], capture_output=True, text=True, check=True)
        exit_code, size = map(int, done.stdout.split())
        assert (exit_code == 3) == armed
        return size * (1 if sys.platform == "darwin" else 1024)

    assert most(tmp_path / "bomb", armed=True) - most(tmp_path / "sound", armed=False) < 200_000_000


@pytest.mark.parametrize("seed", range(5))
def test_noise_in_the_scores_moves_no_pair(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the size that another machine's arithmetic makes; Cyclops#57."""
    study = write_study(tmp_path, patients(200))
    protocol = read_protocol(study)
    records = read_records(protocol, tmp_path)
    before = design_hashes(protocol, records)
    whole, noise = propensity.fit_logistic, np.random.default_rng(seed)

    def shaken(**arguments: Any) -> Any:
        fit = whole(**arguments)
        shake = noise.uniform(-1e-13, 1e-13, fit.linear_predictor.size)
        return replace(fit, linear_predictor=fit.linear_predictor + shake)

    monkeypatch.setattr(propensity, "fit_logistic", shaken)
    assert design_hashes(protocol, records) == before


IMPUTED = """
[missing.imputed]
kind = "multiple_imputation"
imputations = 2
"""


def test_what_is_added_to_a_study_changes_no_draw_of_the_rest(tmp_path: Path) -> None:
    rows = [{**row, "age": "" if i % 9 == 0 else row["age"]} for i, row in enumerate(patients(120))]
    seed = {'title = "A small study"': 'title = "A small study"\nseed = 7'}
    order = {'kind = "matching"': 'kind = "matching"\norder = "random"'}

    def results(folder: Path, primary: dict[str, str], more: str) -> Results:
        folder.mkdir()
        protocol = read_protocol(write_study(folder, rows, {**seed, **order, **primary}, IMPUTED + more))
        return run_study(protocol, read_records(protocol, folder))

    more = (
        '\n[subgroups]\nvariables = ["sex"]\n\n[adjustments.another]\nkind = "matching"\nlabel = "Another"\n'
        '\n[endpoints.again]\nlabel = "Again"\ntime = "days"\nevent = "died"\n'
    )
    primary = {'label = "Overall survival"': 'label = "Overall survival"\nprimary = true'}
    small, large = (results(tmp_path / name, primary, added) for name, added in (("a", ""), ("b", more)))
    new = {row.id: row for row in large.estimates}
    drawn = [row for row in small.estimates if row.analysis in ("hazard_ratio", "balance") and row.missing == "imputed"]
    assert len(drawn) > 20
    assert [row.id for row in drawn if new[row.id].value != row.value] == []


def test_neither_time_of_the_file_nor_user_nor_home_changes_a_byte(tmp_path: Path) -> None:
    made = []
    for number, user in enumerate(("anna", "bo")):
        home = tmp_path / user / "a longer path"[: 3 + 4 * number]
        home.mkdir(parents=True)
        study = write_study(home, more='\n[output]\nfigures = ["svg", "png"]\n')
        os.utime(home / "patients.csv", (10**9 * (1 + number),) * 2)
        environment = {**os.environ, "USER": user, "LOGNAME": user, "HOME": str(home)}
        command = [sys.executable, "-m", "twoarm", "run", str(study), "--out", str(home / "out"), "--quiet"]
        subprocess.run(command, check=True, env=environment, capture_output=True)
        made.append({p.relative_to(home): p.read_bytes() for p in (home / "out").rglob("*") if p.is_file()})
    assert made[0].keys() == made[1].keys()
    assert [str(name) for name, content in made[0].items() if made[1][name] != content] == []


def test_the_manifest_says_what_numbers_and_figures_were_made_with(tmp_path: Path) -> None:
    study = write_study(tmp_path, more=LIGHT)
    assert invoke("run", study, "--out", tmp_path / "out", "--quiet").exit_code == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert {"python", "platform", "twoarm", "numpy", "scipy", "blas", "matplotlib", "typst"} <= set(
        manifest["versions"]
    )
    (source,) = manifest["inputs"]
    assert (source["encoding"], source["sheet"], source["rows"]) == ("utf-8", "", 60)
    assert source["bytes"] == (tmp_path / "patients.csv").stat().st_size
    assert Protocol.model_validate_json(json.dumps(manifest["protocol"]), strict=False) == read_protocol(study)


def counted(disclosure: str, *counts: int, tmp_path: Path) -> list[float | None]:
    """Return what is left of counts of patients under a rule that is declared by its name."""
    study = write_study(
        tmp_path, replace={'title = "A small study"': f'title = "A small study"\ndisclosure = {disclosure}'}
    )
    ledger = Ledger(Estimate(analysis="baseline", population="study"))
    for position, count in enumerate(counts):  # each of a variable of its own, so that none protects another
        ledger.add("n", count, arm=f"arm {position}", variable=f"v{position}", variable_level="only")
    return [row.value for row in disclose(read_protocol(study).disclosure, ledger).estimates]


@pytest.mark.parametrize(
    ("rule", "counts", "left"),
    [
        ('"off"', (0, 1, 10, 11), [0, 1, 10, 11]),
        ('"cms"', (0, 1, 10, 11, 12), [0, None, None, 11, 12]),
        ('"nhs"', (0, 1, 7, 8, 12, 13), [0, None, None, 10, 10, 15]),
        ("5", (0, 1, 4, 5), [0, None, None, 5]),
    ],
)
def test_a_rule_by_its_name(rule: str, counts: tuple[int, ...], left: list[int | None], tmp_path: Path) -> None:
    assert counted(rule, *counts, tmp_path=tmp_path) == left


OURS = [ROOT / "src" / "twoarm" / room for room in ("records", "records/engines", "cohort", "design")]


def problem_calls() -> list[tuple[str, ast.Call]]:
    paths = [path for room in OURS for path in sorted(room.glob("*.py"))]
    return [
        (f"{path.name}:{node.lineno}", node)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem"
    ]


def test_every_refusal_of_a_file_has_a_rule() -> None:
    calls = problem_calls()
    assert len(calls) > 40
    lacking = [place for place, call in calls if len(call.args) < 5 and not any(k.arg == "rule" for k in call.keywords)]
    assert lacking == []


def test_every_rule_of_a_file_is_documented() -> None:
    page = (ROOT / "docs" / "problems.md").read_text("utf-8")
    told = set(re.findall(r"^\| `([a-z_]+)`", page, re.MULTILINE))
    rules = set()
    for _, call in problem_calls():
        given = next((k.value for k in call.keywords if k.arg == "rule"), call.args[4] if len(call.args) > 4 else None)
        if isinstance(given, ast.Constant):
            rules.add(str(given.value))
    text = (ROOT / "src" / "twoarm" / "records" / "workbook_xml.py").read_text("utf-8")
    rules |= set(re.findall(r'^        \("([a-z_]+)", ', text, re.MULTILINE))
    assert told == rules


def listed(study: Path, folder: Path) -> tuple[int, list[dict[str, Any]]]:
    result = invoke("check", study, "--problems", folder / "problems.json")
    return result.exit_code, json.loads((folder / "problems.json").read_text("utf-8"))


def test_a_list_of_problems_for_machines(tmp_path: Path) -> None:
    """Of cells that are refused, held and normalised, by all their rows, without keys and values."""
    secret = "Zeisig 31/02"
    held = {'birth = "date"': 'birth = { type = "date", on_invalid = "hold" }'}
    made = write_case(
        Case(0, "", "", cells={"birth": secret, "age": "Nachtigall", "sex": "ｍ"}, replace=held), tmp_path, "xlsx"
    )
    code, problems = listed(made, tmp_path)
    found = {(one["rule"], one["outcome"], one["column"], tuple(one["rows"])) for one in problems}
    assert code == 3
    assert any(one[1:] == ("refused", "age", (6,)) for one in found), found
    assert any(one[1:] == ("held", "birth", (6,)) for one in found), found
    assert any(one[1:] == ("normalised", "sex", (6,)) for one in found), found
    assert {(one["file"], one["sheet"]) for one in problems} == {("patients.xlsx", "Sheet")}
    text = (tmp_path / "problems.json").read_text("utf-8")
    assert not [word for word in (secret, "Zeisig", "Nachtigall", "ｍ", "P004") if word in text]


@pytest.mark.parametrize(
    ("change", "code", "rule"),
    [
        (lambda home: (home / "patients.csv").unlink(), 3, "unreadable_file"),
        (lambda home: (home / "patients.csv").write_bytes(b""), 3, "empty_file"),
        (lambda home: (home / "patients.csv").write_bytes("é".encode("utf-16")), 3, "wrong_encoding"),
        (lambda home: (home / "study.toml").write_text(PROTOCOL.replace("agee", "age") + "\n[nothing]\n"), 2, "protocol"),
    ],
    ids=["absent", "empty", "encoding", "protocol"],
)  # fmt: skip
def test_what_cannot_be_read_is_in_the_list_by_its_rule(change: Any, code: int, rule: str, tmp_path: Path) -> None:
    study = write_study(tmp_path)
    change(tmp_path)
    found, problems = listed(study, tmp_path)
    assert (found, [(one["rule"], one["outcome"], one["rows"]) for one in problems]) == (code, [(rule, "refused", [])])


def test_a_list_of_no_problems_is_empty_and_no_other_file_is_written_over(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    assert listed(study, tmp_path) == (0, [])
    before = study.read_bytes()
    result = invoke("check", study, "--problems", study)
    assert (result.exit_code, "name a .json file" in result.stderr, study.read_bytes()) == (2, True, before)


def test_queries_that_were_interrupted_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is there before the workbooks, so that the next run knows its own folder."""
    from twoarm.commands import queries

    rows = patients()
    rows[4]["age"] = "?"
    study = write_study(tmp_path, rows)

    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(queries, "_write_centre", fails)
        assert invoke("queries", study, "--out", tmp_path / "asked").exit_code == 130
    (tmp_path / "asked" / ".queries.json.partial-77").write_text("[")
    assert invoke("queries", study, "--out", tmp_path / "asked").exit_code == 1
    assert sorted(path.name for path in (tmp_path / "asked").iterdir()) == ["patients.csv.queries.xlsx", "queries.json"]
    with zipfile.ZipFile(tmp_path / "asked" / "patients.csv.queries.xlsx") as book:
        assert b"not_" in book.read("xl/sharedStrings.xml")
    shutil.rmtree(tmp_path / "asked")


def test_documents_of_dirty_records_do_not_depend_on_the_order_of_rows_and_columns(tmp_path: Path) -> None:
    """Findings are published by their counts; rows and patients are named to those who hold the records."""
    rows = dated_patients()
    rows[5]["birth"], rows[8]["bmi"], rows[9]["sex"], rows[11]["age"] = "31/02/1950", "<5", "Ｍ", ""
    made = []
    for number in range(2):
        home = tmp_path / str(number)
        home.mkdir()
        study = write_case(Case(0, "", "", replace={'key = "id"': 'key = "id"\non_invalid = "hold"'}), home)
        columns = list(rows[0])
        if number:
            random.Random(3).shuffle(rows)
            random.Random(4).shuffle(columns)
        write_csv(home / "patients.csv", [{name: row[name] for name in columns} for row in rows])
        checked = invoke("check", study)
        assert (checked.exit_code, "patient P005" in checked.stdout) == (0, True)
        assert invoke("run", study, "--out", home / "out", "--quiet").exit_code == 0
        made.append({p.relative_to(home): p.read_bytes() for p in (home / "out").rglob("*") if p.is_file()})
    assert [str(name) for name in made[0].keys() | made[1].keys() if made[0].get(name) != made[1].get(name)] == [
        "out/manifest.json"
    ]
    page = made[0][Path("out/report.html")].decode()
    assert "patients.csv, birth: 1 dates that are not" in page
    assert not re.search(r"\(row \d", page)
