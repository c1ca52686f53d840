"""A run in its own process that is killed, told to end, or short of disk: what is there is whole."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spec_study import write_study
from twoarm.report.output_folder import check_output
from twoarm.report.verification import verify

LIGHT = '\n[output]\nfigures = ["svg", "png"]\n'
TOKEN = "TWOARM_TEST_OF_KILLS"


def start(study: Path, *more: str, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "twoarm", "run", str(study), "--out", str(study.parent / "out"), *more]
    environment = {**os.environ, TOKEN: str(study)}
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, start_new_session=True, **options
    )  # type: ignore[call-overload, no-any-return]


def code(process: subprocess.Popen[bytes]) -> int:
    process.communicate(timeout=60)
    return process.returncode


def alive(study: Path) -> list[str]:
    """Processes that a run of the study started and that are still there."""
    mark, found = f"{TOKEN}={study}\0".encode(), []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environ.read_bytes():
                found.append(environ.parent.name)
        except OSError:
            continue
    return found


def wait_for_none(study: Path) -> None:
    end = time.monotonic() + 10
    while alive(study):
        assert time.monotonic() < end, "a process outlives its run"
        time.sleep(0.02)


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def timed(study: Path) -> float:
    begin = time.monotonic()
    assert code(start(study, "--replace")) == 0
    return time.monotonic() - begin


@pytest.mark.slow
@pytest.mark.parametrize(("sort", "times"), [(signal.SIGKILL, 80), (signal.SIGTERM, 25), (signal.SIGINT, 25)])
def test_a_run_that_ends_at_any_instant(sort: signal.Signals, times: int, tmp_path: Path) -> None:
    study, out, generator = write_study(tmp_path, more=LIGHT), tmp_path / "out", random.Random(7)
    whole = timed(study)
    codes: dict[int, int] = {}
    aside = 0
    for attempt in range(times):
        low = 0.0 if attempt % 4 == 0 else 0.3  # mostly when something is being written
        process = start(study, "--replace")
        time.sleep(generator.uniform(low, 1.05) * whole)
        (os.killpg if sort is signal.SIGINT else os.kill)(process.pid, sort)
        _, said = process.communicate(timeout=60)
        wait_for_none(study)
        codes[process.returncode] = codes.get(process.returncode, 0) + 1
        if process.returncode in (130, 143):
            assert hidden(tmp_path) == []
            assert said.endswith(b"interrupted; nothing was written.\n")
        aside += not out.exists()
        check_output(out, replace=True)  # as the next run does
        assert list(verify(out)) == []
        assert hidden(tmp_path) == []
    print(f"{sort.name}: exit codes {codes}; the old output stood aside {aside} times")
    assert code(start(study, "--replace")) == 0
    assert {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[sort] in codes


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_run_that_is_terminated_clears_up(tmp_path: Path) -> None:
    study = write_study(tmp_path, more=LIGHT)
    process = start(study)
    assert process.stderr is not None
    for line in process.stderr:
        if b"writing" in line:
            break
    os.kill(process.pid, signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (143, b"interrupted; nothing was written.\n")
    wait_for_none(study)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patients.csv", "study.toml"]


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    study = write_study(tmp_path, more=LIGHT)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))  # noqa: E731
    process = start(study, "--quiet", preexec_fn=limit)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert b"cannot be written (File too large)" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patients.csv", "study.toml"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 200, 400, 700, 1000, 1300])
def test_a_disk_that_is_full(size: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        study = write_study(disk, more=LIGHT)
        process = start(study, "--quiet")
        said = process.communicate(timeout=60)[1]
        if process.returncode:
            assert (process.returncode, b"No space left" in said) == (2, True)
            assert sorted(path.name for path in disk.iterdir()) == ["patients.csv", "study.toml"]
        else:
            assert list(verify(disk / "out")) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_reader_who_leaves_does_not_stop_a_run(tmp_path: Path) -> None:
    study = write_study(tmp_path, more='\n[output]\nfigures = ["svg"]\ndocuments = []\n')
    process = start(study)
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(60) == 0
    assert list(verify(tmp_path / "out")) == []


def test_exit_codes_are_true_when_nobody_reads(tmp_path: Path) -> None:
    study = write_study(tmp_path, more='\n[output]\nfigures = ["svg"]\ndocuments = []\n')
    assert code(start(study, "--quiet")) == 0
    (tmp_path / "out" / "results.json").write_text("[]")
    for arguments, expected in ((["verify", tmp_path / "out"], 1), (["check", study], 0), (["schema"], 0)):
        read, write = os.pipe()
        os.close(read)
        command = [sys.executable, "-m", "twoarm", *map(str, arguments)]
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
        os.close(write)
        assert (done.returncode, done.stderr) == (expected, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_schema_that_cannot_be_written_is_no_success() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-m", "twoarm", "schema"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert b"standard output cannot be written (No space left on device)" in done.stderr
