"""Patient rows under hashed keys: the secret undoes them, and nothing that is written does."""

from __future__ import annotations

import csv
import hashlib
import hmac
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spec_study import patients, write_study
from spec_unpacked import unpacked
from twoarm.cli import main
from twoarm.errors import OutputError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report.publish import write_report
from twoarm.results.keyed_rows import keyed_rows
from twoarm.results.patient_row import PatientRow, patient_rows_csv
from twoarm.study import provenance_of, run_study

SECRET = b"a secret that is long enough 0123"
OUTPUT = '\n[output]\nfigures = ["svg"]\ndocuments = []\npatient_level = true\npatient_keys = "keyed_hash"\n'
OF_FILE, OF_VARIABLE = OUTPUT + 'key_file = "export.key"\n', OUTPUT + 'key_variable = "STUDY_SECRET"\n'


def run(study: Path, out: Path, command: str = "run") -> Result:
    arguments = (
        ["run", str(study), "--out", str(out)] if command == "run" else [command, str(out), "--data", str(study.parent)]
    )
    return CliRunner().invoke(main, [*arguments, "--quiet"])


def write(folder: Path, more: str, rows: list[dict[str, str]] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "export.key").write_bytes(SECRET + b"\n")
    (folder / "export.key").chmod(0o600)
    return write_study(folder, rows, more=more)


def read(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "patients.csv").read_text("utf-8").splitlines()))


def test_the_hash_is_that_of_rfc_4231() -> None:
    """Test case 1 of RFC 4231."""
    (row,) = keyed_rows([PatientRow("study", "cc", "unadjusted", "Hi There", "New")], b"\x0b" * 20)
    assert row.key == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"


def test_rows_stand_under_hashed_keys_in_their_order(tmp_path: Path) -> None:
    plain, hashed = write(tmp_path / "a", OUTPUT.replace("keyed_hash", "as_written")), write(tmp_path / "b", OF_FILE)
    assert run(plain, tmp_path / "plain").exit_code == 0
    assert run(hashed, tmp_path / "hashed").exit_code == 0
    known = {hmac.new(SECRET, row["id"].encode(), hashlib.sha256).hexdigest(): row["id"] for row in patients()}
    before, after = read(tmp_path / "plain"), read(tmp_path / "hashed")
    assert {known[row["key"]] for row in after} == {row["key"] for row in before}
    unadjusted = [row["key"] for row in after if row["adjustment"] == "unadjusted" and row["endpoint"] == "os"]
    assert unadjusted == sorted(unadjusted)
    back = [{**row, "key": known[row["key"]], "pair": ""} for row in after]
    assert sorted(map(str, back)) == sorted(str({**row, "pair": ""}) for row in before)

    def pairs(rows: list[dict[str, str]], names: dict[str, str]) -> set[frozenset[str]]:
        found: dict[str, set[str]] = {}
        for row in rows:
            if row["pair"]:
                found.setdefault(row["pair"], set()).add(names.get(row["key"], row["key"]))
        return {frozenset(both) for both in found.values()}

    assert pairs(after, known) == pairs(before, {})
    first = [min(both) for _, both in sorted(_by_number(after).items())]
    assert first == sorted(first)
    assert (tmp_path / "hashed" / "patients.csv").stat().st_mode & 0o777 == 0o600


def _by_number(rows: list[dict[str, str]]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for row in rows:
        if row["pair"]:
            found.setdefault(int(row["pair"]), set()).add(row["key"])
    return found


def test_neither_secret_nor_key_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "kingfisher-kingfisher"
    monkeypatch.setenv("STUDY_SECRET", secret)
    study = write(tmp_path / "a", OF_VARIABLE)
    result = run(study, tmp_path / "out")
    assert result.exit_code == 0, result.output
    digest = hashlib.sha256(secret.encode()).hexdigest()
    for name, text in unpacked(tmp_path / "out"):
        assert not [word for word in (secret, digest, *(row["id"] for row in patients())) if word in text], name
    assert secret not in result.output
    assert run(study, tmp_path / "out", "reproduce").exit_code == 0
    monkeypatch.setenv("STUDY_SECRET", secret[::-1])
    again = run(study, tmp_path / "out", "reproduce")
    assert (again.exit_code, "patients.csv: differs" in again.output) == (1, True)


def test_rows_do_not_depend_on_the_order_of_the_file(tmp_path: Path) -> None:
    rows = patients()
    random.Random(7).shuffle(rows)
    for name, given in (("a", None), ("b", rows)):
        assert run(write(tmp_path / name, OF_FILE, given), tmp_path / f"out-{name}").exit_code == 0
    first, second = ((tmp_path / f"out-{name}" / "patients.csv").read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda key: key.unlink(), "expected a file below the protocol's folder"),
        (lambda key: key.chmod(0o640), "others can read the secret"),
        (lambda key: key.write_bytes(b"short\n"), "at least 16 bytes"),
        (lambda key: (key.rename(key.with_name("k")), key.symlink_to(key.with_name("k"))), "below the protocol's folder"),
    ],
    ids=["absent", "open", "short", "link"],
)  # fmt: skip
def test_a_secret_that_is_none_is_refused_before_anything_is_read(change: object, says: str, tmp_path: Path) -> None:
    study = write(tmp_path / "a", OF_FILE)
    change(study.parent / "export.key")  # type: ignore[operator]
    (study.parent / "patients.csv").unlink()
    result = run(study, tmp_path / "out")
    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr
    assert not (tmp_path / "out").exists()


def test_a_variable_that_is_not_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDY_SECRET", raising=False)
    result = run(write(tmp_path / "a", OF_VARIABLE), tmp_path / "out")
    assert (result.exit_code, "$STUDY_SECRET: expected a secret" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (OUTPUT, "keyed_hash needs a secret"),
        (OF_FILE + 'key_variable = "X"\n', "keyed_hash needs a secret"),
        (OF_FILE.replace("patient_level = true\n", ""), "patient_level = true"),
        (OF_FILE.replace('patient_keys = "keyed_hash"\n', ""), "a secret is named"),
        (OF_FILE.replace("export.key", "../export.key"), "below the protocol's folder"),
    ],
)
def test_a_protocol_that_names_no_secret_or_two(more: str, says: str, tmp_path: Path) -> None:
    result = run(write(tmp_path / "a", more), tmp_path / "out")
    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr


def test_a_report_from_python_needs_the_secret_too(tmp_path: Path) -> None:
    study = write(tmp_path / "a", OF_FILE)
    protocol = read_protocol(study)
    records = read_records(protocol, study.parent)
    results = run_study(protocol, records)
    with pytest.raises(OutputError, match="no secret was given"):
        write_report(protocol, results, provenance_of(protocol, records), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_texts_that_a_spreadsheet_would_calculate_are_escaped() -> None:
    keys = ["=1+1", "+1", "-1", "@SUM", "＝1", "－1", " =1", "P1"]
    made = patient_rows_csv([PatientRow("study", "cc", "unadjusted", key, "New") for key in keys])
    assert [row["key"] for row in csv.DictReader(made.splitlines())] == [f"'{key}" for key in keys[:-1]] + ["P1"]
