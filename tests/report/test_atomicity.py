"""The output folder when something fails at any moment: absent, or as it was, and the next run is clean."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spec_study import write_study
from twoarm.cli import main
from twoarm.errors import OutputError
from twoarm.protocol.read import read_protocol
from twoarm.records.records import read_records
from twoarm.report import documents, output_folder
from twoarm.report.figure_helper import FigureHelper
from twoarm.report.output_folder import check_output, locked
from twoarm.report.publish import write_report
from twoarm.report.verification import verify
from twoarm.study import provenance_of, run_study

LIGHT = '\n[output]\nfigures = ["svg"]\ndocuments = ["docx"]\n'
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"><path d="M0 0h9v9z"/></svg>'
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)
WRITES = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove"}


class Faults:
    """Fails the k-th change of a folder's files; the hook that sees them cannot be taken away, only put to rest."""

    def __init__(self) -> None:
        self.folder, self.at, self.seen, self.error = "", -1, 0, OSError(errno.EIO, "Input/output error")
        self.awake = False
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.awake or event not in WRITES or not str(arguments[0]).startswith(self.folder):
            return
        if event == "open" and not int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR):
            return
        self.seen += 1
        if self.seen == self.at:
            raise self.error

    @contextlib.contextmanager
    def once(self, folder: Path, at: int, error: BaseException) -> Iterator[None]:
        self.folder, self.at, self.seen, self.error, self.awake = str(folder), at, 0, error, True
        try:
            yield
        finally:
            self.awake = False


FAULTS = Faults()


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A report of results that are there; its figures take no time to draw."""
    monkeypatch.setattr("twoarm.figures.drawing.draw", lambda *_: {"svg": SVG, "png": PNG})
    study = write_study(tmp_path, more=LIGHT)
    protocol = read_protocol(study)
    records = read_records(protocol, tmp_path)
    results, provenance = run_study(protocol, records), provenance_of(protocol, records)

    def write(**options: Any) -> Path:
        return write_report(protocol, results, provenance, tmp_path / "out", **options)

    return write


class StillWriting(FigureHelper):
    """A second process as it is when a run is interrupted: it writes figures until it is stopped."""

    def __init__(self) -> None:
        self.writer, self.stopped, self.begun = (
            threading.Thread(target=self.write),
            threading.Event(),
            threading.Event(),
        )

    def send(self, _: object, __: object, ___: object, folder: Path, *____: object) -> None:
        self.folder = folder
        self.writer.start()
        self.begun.wait()

    def write(self) -> None:
        number = 0
        while not self.stopped.is_set():
            with contextlib.suppress(OSError):
                (self.folder / f"{number}.svg").write_bytes(SVG)
            number += 1
            self.begun.set()

    def is_there(self) -> bool:
        return False

    def wait(self) -> None:
        raise KeyboardInterrupt

    def stop(self) -> None:
        self.stopped.set()
        self.writer.join()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in ("study.toml", "patients.csv"))


def changes_of(publish: Callable[..., Path], folder: Path, *, replace: bool) -> int:
    with FAULTS.once(folder, -1, OSError()):
        publish(replace=replace)
    return FAULTS.seen


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), RuntimeError(), KeyboardInterrupt()])
@pytest.mark.parametrize("replace", [False, True])
def test_a_failure_at_any_change_of_a_file(
    replace: bool, error: BaseException, publish: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    publish()
    number = changes_of(publish, tmp_path, replace=True)
    assert number > 50
    step = 1 if isinstance(error, OSError) and replace else 3
    for at in (*range(1, number - 5, step), *range(number - 5, number + 1)):
        if not replace and out.exists():
            os.rename(out, tmp_path / f"done-{at}")
        raised = False
        with FAULTS.once(tmp_path, at, error):
            try:
                publish(replace=replace)
            except (OutputError, RuntimeError, KeyboardInterrupt):
                raised = True
        if out.exists():
            assert list(verify(out)) == [], at
        else:
            assert raised, at
    publish(replace=True)
    assert [name for name in names(tmp_path) if not name.startswith("done-")] == ["out"]


def test_no_figure_comes_back_into_a_folder_that_is_deleted(publish: Callable[..., Path], tmp_path: Path) -> None:
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            publish(helper=StillWriting())
        assert names(tmp_path) == []


def test_a_disk_that_is_full_from_any_moment_on(
    publish: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    before, left = (tmp_path / "out" / "manifest.json").read_bytes(), [1000]
    whole = Path.write_bytes

    def write_bytes(path: Path, content: bytes) -> int:
        left[0] -= 1
        if left[0] >= 0:
            return whole(path, content)
        whole(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    publish(replace=True)
    for room in range(1000 - left[0]):
        left[0] = room
        with pytest.raises(OutputError, match="No space left"):
            publish(replace=True)
        assert names(tmp_path) == ["out"]
        assert (tmp_path / "out" / "manifest.json").read_bytes() == before
        assert list(verify(tmp_path / "out")) == []


def test_a_figure_that_cannot_be_written_is_no_failed_figure(
    publish: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path.write_bytes

    def write_bytes(path: Path, content: bytes) -> int:
        if path.suffix == ".png":
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(OutputError, match="No space left"):
        publish()
    assert names(tmp_path) == []


def test_what_cannot_be_stored_is_not_published(
    publish: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(output_folder, "_store_file", fails)
    with pytest.raises(OutputError, match="Input/output error"):
        publish()
    assert names(tmp_path) == []


@pytest.mark.parametrize("owner", [2**22 - 3, os.getpid(), 1], ids=["gone", "this", "first"])
@pytest.mark.parametrize("name", ["out", "out[1]"])
def test_an_old_output_comes_back_whoever_has_the_number_of_its_process_now(
    name: str, owner: int, publish: Callable[..., Path], tmp_path: Path
) -> None:
    publish()
    os.replace(tmp_path / "out", tmp_path / f".{name}.old-{owner}")
    (tmp_path / f".{name}.partial-{owner}").mkdir()
    (tmp_path / f".{name}.partial-{owner}" / "report.html").touch()
    with pytest.raises(OutputError, match="exists already"):
        check_output(tmp_path / name)
    assert list(verify(tmp_path / name)) == []
    assert names(tmp_path) == [name]


def test_an_old_output_goes_when_the_new_one_is_there(publish: Callable[..., Path], tmp_path: Path) -> None:
    publish()
    (tmp_path / ".out.old-1").mkdir()
    check_output(tmp_path / "out", replace=True)
    assert names(tmp_path) == ["out"]


def test_two_runs_do_not_write_one_folder_at_once(publish: Callable[..., Path], tmp_path: Path) -> None:
    with locked(tmp_path / "out"):
        with pytest.raises(OutputError, match="another run is writing it"):
            publish()
        with pytest.raises(OutputError, match="another run is writing it"):
            check_output(tmp_path / "out")
    (tmp_path / ".out.lock").touch()  # of a run that was killed
    publish()
    assert names(tmp_path) == ["out"]


def test_one_of_many_writers_at_once_wins(publish: Callable[..., Path], tmp_path: Path) -> None:
    inside, most, refused = [0], [0], [0]

    def hold() -> None:
        for _ in range(200):
            try:
                with locked(tmp_path / "out"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    inside[0] -= 1
            except OutputError:
                refused[0] += 1

    together = [threading.Thread(target=hold) for _ in range(4)]
    for one in together:
        one.start()
    for one in together:
        one.join()
    assert most == [1]
    assert names(tmp_path) == []


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", ["lock", "init"])
def test_a_lock_and_a_starter_are_written_whole_or_not_at_all(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path, more=LIGHT)
    if command == "lock":
        assert invoke("lock", study).exit_code == 0
        study.write_text(study.read_text().replace("age >= 18", "age >= 45"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(output_folder.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    arguments = ["lock", study, "--amend", "x"] if command == "lock" else ["init", tmp_path / "patients.csv"]
    arguments += ["--out", tmp_path / "new.toml"] if command == "init" else []
    result = invoke(*arguments)
    assert (result.exit_code, "cannot be written (full)" in result.stderr) == (2, True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("document", ["report_docx", "report_pdf", "table_docx"])
def test_a_document_that_fails_is_named_in_the_others(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """See also test_isolation, which looks at all of them in their own files."""
    papers: list[str] = []

    def fails(*_: object) -> bytes:
        raise ValueError("SECRET")

    def made(paper: object, *_: object) -> bytes:
        papers.append(repr(paper))
        return b"made"

    monkeypatch.setattr("twoarm.figures.drawing.draw", lambda *_: {"svg": SVG, "png": PNG})
    for name in ("report_docx", "report_pdf", "table_docx"):
        monkeypatch.setattr(documents, name, fails if name == document else made)
    study = write_study(tmp_path, more='\n[output]\nfigures = ["svg"]\n')
    protocol = read_protocol(study)
    records = read_records(protocol, tmp_path)
    write_report(protocol, run_study(protocol, records), provenance_of(protocol, records), tmp_path / "out")
    name = {"report_docx": "report.docx", "report_pdf": "report.pdf", "table_docx": "tables as .docx"}[document]
    assert f"{name} could not be made (ValueError)" in papers[-1]
    assert f"{name} could not be made (ValueError)" in (tmp_path / "out" / "report.html").read_text()
    assert "SECRET" not in papers[-1]
    assert (tmp_path / "out" / name).exists() is False


def test_every_file_and_folder_is_on_the_disk_before_it_is_published(
    publish: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: dict[str, bytes] = {}
    store_file, replace = output_folder._store_file, os.replace

    def store(path: Path) -> None:
        store_file(path)
        assert str(path) not in stored
        stored[str(path)] = path.read_bytes()

    def renamed(source: Path, target: Path) -> None:
        if "partial" in source.name:
            content = {str(path): path.read_bytes() for path in source.rglob("*") if path.is_file()}
            assert {path: whole for path, whole in stored.items() if path in content} == content
            stored["published"] = b""
        replace(source, target)

    monkeypatch.setattr(output_folder, "_store_file", store)
    monkeypatch.setattr(output_folder.os, "replace", renamed)
    publish()
    assert "published" in stored
