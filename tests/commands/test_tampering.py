"""Outputs and locks that somebody touched: each way of touching is told, with the exit code for it, and nothing crashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spec_study import PROTOCOL, csv_text, patients, write_study
from twoarm.cli import main
from twoarm.commands.exit_codes import DIFFERS, OK, PROTOCOL_INVALID
from twoarm.report.verification import manifest_text

LIGHT = '\n[output]\nfigures = ["svg"]\ndocuments = []\n'


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    assert call("run", write_study(folder, more=LIGHT), "--out", folder / "out", "--quiet").exit_code == OK
    return folder / "out"


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


def manifest(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "manifest.json").read_text("utf-8"))
    return content


def with_manifest(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    def touch(out: Path) -> None:
        content = manifest(out)
        change(content)
        (out / "manifest.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")

    return touch


def swapped(out: Path) -> None:
    names = [out / "tables" / f"{name}.csv" for name in ("baseline", "balance")]
    contents = [name.read_bytes() for name in names]
    for name, content in zip(names, reversed(contents), strict=True):
        name.write_bytes(content)


def linked(out: Path) -> None:
    shutil.copy(out / "results.json", out.parent / "elsewhere.json")
    (out / "results.json").unlink()
    (out / "results.json").symlink_to(out.parent / "elsewhere.json")


def rehashed(out: Path) -> None:
    """Edit a number and write its new hash into the manifest, but not the manifest's own."""
    (out / "results.json").write_text("[]\n")
    digest = hashlib.sha256(b"[]\n").hexdigest()
    with_manifest(lambda content: content["outputs"].update({"results.json": digest}))(out)


TOUCHES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "edited": (lambda out: (out / "curves.json").write_text("[]"), "curves.json: changed since it was written"),
    "one byte": (
        lambda out: (out / "report.html").write_bytes((out / "report.html").read_bytes() + b" "),
        "report.html: changed since it was written",
    ),
    "emptied": (lambda out: (out / "report.html").write_bytes(b""), "report.html: changed since it was written"),
    "removed": (lambda out: (out / "figures" / "flow.svg").unlink(), "figures/flow.svg: missing"),
    "folder removed": (lambda out: shutil.rmtree(out / "tables"), "tables/baseline.csv: missing"),
    "added": (lambda out: (out / "tables" / "more.csv").touch(), "tables/more.csv: not among the outputs"),
    "hidden file added": (lambda out: (out / ".DS_Store").touch(), ".DS_Store: not among the outputs"),
    "pipe added": (lambda out: os.mkfifo(out / "pipe"), "pipe: not among the outputs"),
    "link added": (lambda out: (out / "link").symlink_to(out), "link: not among the outputs"),
    "renamed": (lambda out: (out / "curves.json").rename(out / "Curves.json"), "Curves.json: not among the outputs"),
    "a folder in its place": (
        lambda out: ((out / "curves.json").unlink(), (out / "curves.json").mkdir()),
        "curves.json: missing",
    ),
    "two swapped": (swapped, "tables/balance.csv: changed since it was written"),
    "a link in its place": (linked, "results.json: missing"),
    "hash of another file": (
        with_manifest(lambda m: m["outputs"].update({"curves.json": m["outputs"]["results.json"]})),
        "curves.json: changed since it was written",
    ),
    "hash that is none": (
        with_manifest(lambda m: m["outputs"].update({"curves.json": 7})),
        "curves.json: changed since it was written",
    ),
    "file and hash": (rehashed, "manifest.json: changed since it was written"),
    "seed of the manifest": (with_manifest(lambda m: m.update(seed=9)), "manifest.json: changed since it was written"),
    "protocol of the manifest": (
        with_manifest(lambda m: m["protocol"].update(title="x")),
        "manifest.json: changed since it was written",
    ),
    "hash of the manifest": (with_manifest(lambda m: m.pop("manifest_sha256")), "manifest.json: changed since"),
    "space in the manifest": (
        lambda out: (out / "manifest.json").write_bytes((out / "manifest.json").read_bytes() + b"\n"),
        "manifest.json: changed since it was written",
    ),
    "a name that leaves the folder": (
        with_manifest(lambda m: m["outputs"].update({"../study.toml": "0" * 64, "a\0b": "0" * 64})),
        "../study.toml: missing",
    ),
}


@pytest.mark.parametrize("name", TOUCHES)
def test_a_touched_output_is_told(name: str, out: Path) -> None:
    assert call("verify", out).exit_code == OK
    touch, message = TOUCHES[name]
    touch(out)
    result = call("verify", out)
    assert (result.exit_code, message in result.output) == (DIFFERS, True), result.output


BROKEN: dict[str, Callable[[Path], Any]] = {
    "no manifest": lambda out: (out / "manifest.json").unlink(),
    "no JSON": lambda out: (out / "manifest.json").write_text("{"),
    "nested beyond measure": lambda out: (out / "manifest.json").write_text("[" * 100_000),
    "a list": lambda out: (out / "manifest.json").write_text("[]"),
    "bytes": lambda out: (out / "manifest.json").write_bytes(b"\xff\xfe\x00"),
    "a folder": lambda out: ((out / "manifest.json").unlink(), (out / "manifest.json").mkdir()),
    "no outputs": with_manifest(lambda m: m.pop("outputs")),
    "outputs are a list": with_manifest(lambda m: m.update(outputs=[])),
    "no protocol": with_manifest(lambda m: m.pop("protocol")),
    "no inputs": with_manifest(lambda m: m.pop("inputs")),
    "odd inputs": with_manifest(lambda m: m.update(inputs=[7])),
    "no versions": with_manifest(lambda m: m.update(versions=None)),
    "odd amendments": with_manifest(lambda m: m.update(amendments="x")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_manifest_that_cannot_be_read_is_no_output(name: str, out: Path, made: Path) -> None:
    BROKEN[name](out)
    for command in (
        ["verify", out],
        ["diff", made, out],
        ["diff", out, made],
        ["reproduce", out, "--data", made.parent],
    ):
        result = call(*command)
        assert (result.exit_code, "internal error" in result.output) == (PROTOCOL_INVALID, False), result.output
        assert "manifest.json" in result.output


LEDGERS = [
    "",
    "{}",
    "[7]",
    '[{"id": 1}]',
    '[{"id": "a", "value": "x", "status": "ok"}]',
    '[{"id": "a", "value": 1}]',
    "null",
    "[" * 100_000,
]


@pytest.mark.parametrize("text", LEDGERS)
def test_a_ledger_that_cannot_be_read_is_told(text: str, out: Path, made: Path) -> None:
    (out / "results.json").write_text(text)
    result = call("diff", made, out)
    expected = PROTOCOL_INVALID if text != "{}" else DIFFERS  # no rows at all: every number disappeared
    assert (result.exit_code, "internal error" in result.output) == (expected, False), result.output


def test_a_forged_output_is_told_by_reproduce(out: Path, made: Path) -> None:
    """Who writes all hashes anew deceives verify; making the run again does not give those bytes."""
    ledger = (out / "results.json").read_text("utf-8").replace('"value": 60', '"value": 61', 1)
    (out / "results.json").write_text(ledger, "utf-8")
    content = manifest(out)
    content["outputs"]["results.json"] = hashlib.sha256(ledger.encode()).hexdigest()
    (out / "manifest.json").write_text(manifest_text(content), "utf-8")
    assert call("verify", out).exit_code == OK
    result = call("reproduce", out, "--data", made.parent, "--quiet")
    assert (result.exit_code, "results.json: differs" in result.output) == (DIFFERS, True), result.output


def test_a_protocol_that_no_version_wrote_is_not_run(out: Path, made: Path) -> None:
    with_manifest(lambda m: m["protocol"].update(endpoints={}))(out)
    result = call("reproduce", out, "--data", made.parent, "--quiet")
    assert (result.exit_code, "no protocol that this version can read" in result.output) == (PROTOCOL_INVALID, True)
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def locked(folder: Path, entries: int) -> Path:
    study = write_study(folder, more=LIGHT)
    assert call("lock", study).exit_code == OK
    for number in range(entries - 1):
        study.write_text(study.read_text("utf-8").replace(f"age >= {18 + number}", f"age >= {19 + number}"), "utf-8")
        assert call("lock", study, "--amend", f"reason {number}").exit_code == OK
    return study


LOCKS: dict[str, Callable[[list[str]], list[str]]] = {
    "first edited": lambda lines: [lines[0].replace("age >= 18", "age >= 20"), *lines[1:]],
    "last edited": lambda lines: [*lines[:-1], lines[-1].replace("age >= 20", "age >= 18")],
    "reason edited": lambda lines: [*lines[:-1], lines[-1].replace("reason 1", "as planned")],
    "time edited": lambda lines: [lines[0].replace('"time": "20', '"time": "19'), *lines[1:]],
    "design edited": lambda lines: [*lines[:-1], lines[-1].replace('matched": "', 'matched": "0', 1)],
    "first taken out": lambda lines: lines[1:],
    "middle taken out": lambda lines: [lines[0], lines[2]],
    "two swapped": lambda lines: [lines[0], lines[2], lines[1]],
    "one twice": lambda lines: [*lines, lines[-1]],
    "emptied": lambda _: [],
    "no JSON": lambda lines: [*lines, "{"],
    "another kind": lambda lines: [*lines, "[]"],
    "a field more": lambda lines: [*lines[:-1], lines[-1].replace("{", '{"x": 1, ', 1)],
}


def test_every_way_to_touch_a_lock_is_found(tmp_path: Path) -> None:
    study = locked(tmp_path, 3)
    path = study.with_suffix(".lock.jsonl")
    whole = path.read_text("utf-8")
    for name, change in LOCKS.items():
        changed = "".join(f"{line}\n" for line in change(whole.splitlines()))
        assert changed != whole, name
        path.write_text(changed, "utf-8")
        for command in (["lock", study, "--amend", "x"], ["run", study, "--out", tmp_path / "out", "--quiet"]):
            result = call(*command)
            assert (result.exit_code, "restore" in result.output) == (PROTOCOL_INVALID, True), (name, result.output)
        assert path.read_text("utf-8") == changed
    path.write_text("".join(whole.splitlines(keepends=True)[:-1]), "utf-8")  # the last amendment taken out
    assert call("run", study, "--out", tmp_path / "out", "--quiet").exit_code == OK
    assert "Amendment 2, not recorded in the lock" in (tmp_path / "out" / "report.html").read_text("utf-8")


KINDS = {
    "multivariable": 'kind = "multivariable"',
    **{f"matching-{order}": f'kind = "matching"\norder = "{order}"' for order in ("closest", "largest", "smallest", "random")},
    "matching-data": 'kind = "matching"\norder = "data"\norder_column = "age"',
    "matching-exact": 'kind = "matching"\nexact = ["sex"]',
    "matching-comparator": 'kind = "matching"\nfocal = "comparator"\nscale = "probability"\ncaliper = "none"',
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_adjustment_looks_at_outcomes(kind: str, tmp_path: Path) -> None:
    text = PROTOCOL.replace('kind = "matching"', KINDS[kind]).replace(
        "format_version = 1", "format_version = 1\nseed = 5"
    )
    study = tmp_path / "study.toml"
    study.write_text(text + LIGHT, "utf-8")
    garbage = [
        {**row, "days": ["约三个月", "=1+1", "", "-7"][i % 4], "died": f"?{i}"} for i, row in enumerate(patients())
    ]
    other = [{**row, "days": str(9999 - i), "died": str(i % 2)} for i, row in enumerate(patients())]
    designs = []
    for rows in (
        patients(),
        garbage,
        other,
        [{k: v for k, v in row.items() if k not in ("days", "died")} for row in patients()],
    ):
        (tmp_path / "patients.csv").write_text(csv_text(rows), "utf-8")
        assert call("lock", study).exit_code == OK
        lock = study.with_suffix(".lock.jsonl")
        designs.append(json.loads(lock.read_text("utf-8"))["design"])
        lock.unlink()
    assert all(design == designs[0] for design in designs)
    assert len(designs[0]) == 2
