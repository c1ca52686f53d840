"""Memory that will not suffice is said before the records are read."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from spec_study import PROTOCOL, patients, write_study
from twoarm.cli import main
from twoarm.errors import RecordsError
from twoarm.protocol.protocol import Protocol
from twoarm.protocol.read import parse_protocol, read_protocol
from twoarm.records import memory
from twoarm.records.memory import available_memory, refuse_too_large

MANY = 300_000


def twoarm(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def large(tmp_path: Path, name: str = "patients.parquet") -> Protocol:
    frame = pl.DataFrame(patients()[:1] * MANY).with_columns(id=pl.int_range(MANY).cast(pl.String))
    if name.endswith("csv"):
        frame.write_csv(tmp_path / name)
    else:
        frame.write_parquet(tmp_path / name)
    return parse_protocol(PROTOCOL.replace("patients.csv", name))


def refusal(protocol: Protocol, folder: Path, available: int | None, **frames: object) -> str:
    try:
        refuse_too_large({**protocol.data, **protocol.event_sources()}, folder, frames, available)
    except RecordsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["patients.parquet", "patients.csv"])
def test_rows_times_columns_against_what_is_free(tmp_path: Path, name: str) -> None:
    protocol = large(tmp_path, name)
    said = refusal(protocol, tmp_path, 100_000_000)
    assert said.startswith("data.patients  some ")
    rows = int(said.split()[2].replace(",", ""))
    assert abs(rows - MANY) <= (0 if name.endswith("parquet") else 0.1 * MANY)
    assert f"rows of {len(protocol.data['patients'].columns)} columns: a study of them needs about 0." in said
    assert "and 0.1 GB are free; declare fewer columns" in said
    assert said.endswith("[too_large]")
    assert refusal(protocol, tmp_path, 10**9) == ""
    assert refusal(protocol, tmp_path, None) == ""


def test_a_frame_is_counted_and_a_small_table_is_not_looked_at(tmp_path: Path) -> None:
    protocol = large(tmp_path)
    assert refusal(protocol, tmp_path / "nowhere", 10**6, patients=pl.DataFrame({"id": range(MANY)}))
    assert refusal(protocol, tmp_path / "nowhere", 0, patients=pl.DataFrame({"id": range(1000)})) == ""
    assert refusal(protocol, tmp_path / "nowhere", 0, patients="no frame at all") == ""
    (tmp_path / "patients.parquet").write_bytes(b"PAR1 is not enough")  # refused when it is read
    assert refusal(protocol, tmp_path, 0) == ""


def test_columns_that_nobody_uses_are_read_too(tmp_path: Path) -> None:
    protocol = large(tmp_path)
    assert refusal(protocol, tmp_path, 400_000_000) == ""
    path = tmp_path / "patients.parquet"
    pl.read_parquet(path).with_columns(pl.lit(1).alias(f"x{i}") for i in range(200)).write_parquet(path)
    assert "needs about 1." in refusal(protocol, tmp_path, 400_000_000)


def test_a_study_is_refused_before_it_is_read_unless_it_may_use_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path)
    monkeypatch.setattr(memory, "LEAST_ROWS", 2)
    monkeypatch.setenv("TWOARM_MEMORY", "0.00001")
    result = twoarm("run", str(study), "--out", str(tmp_path / "out"))
    assert (result.exit_code, "0.0 GB are free" in result.stderr, (tmp_path / "out").exists()) == (3, True, False)
    monkeypatch.setenv("TWOARM_MEMORY", "8")
    assert twoarm("check", str(study)).exit_code == 0
    monkeypatch.setenv("TWOARM_MEMORY", "plenty")
    result = twoarm("check", str(study))
    assert (result.exit_code, "TWOARM_MEMORY  'plenty'; expected a number of GB above 0" in result.stderr) == (3, True)
    assert read_protocol(study).data


def test_what_is_free_is_less_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWOARM_MEMORY", raising=False)
    free = available_memory()
    assert free is None or 0 < free < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_a_group_of_processes_has_a_limit_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWOARM_MEMORY", raising=False)
    limit, used = tmp_path / "max", tmp_path / "current"
    used.write_text("1500\n")
    monkeypatch.setattr(memory, "_GROUPS", ((str(limit), str(used)),))
    limit.write_text("2500\n")
    assert available_memory() == 1000
    limit.write_text("max\n")
    assert available_memory() != 1000
