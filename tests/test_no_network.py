"""No command opens a connection, starts another program or reads a pickle: watched from within and from without."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spec_commands import Watched
from spec_study import write_study
from twoarm.cli import main

ROOT = Path(__file__).parents[1]
NO_PICKLE = {
    "pickle",
    "marshal",
    "shelve",
    "joblib",
    "dill",
    "cloudpickle",
    "multiprocessing",
    "concurrent.futures.process",
}
NO_NETWORK = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests", "httpx", "aiohttp", "asyncio", "webbrowser"}  # fmt: skip
FAMILY = re.compile(r"AF_(?!UNIX|LOCAL|UNSPEC)\w+")


def study(folder: Path) -> Path:
    home = folder / "study"
    home.mkdir()
    return write_study(
        home, more='\n[subgroups]\nvariables = ["sex"]\n[output]\nfigures = ["svg"]\npatient_level = true\n'
    )


def assert_quiet(watched: Watched) -> None:
    codes = watched.every_command()
    assert codes == dict.fromkeys(codes, 0), watched.said
    assert [line for line in watched.told if line.startswith("forbidden")] == []
    helpers = [line for line in watched.told if "serve()" in line]
    assert len(helpers) == 3  # run, replace and reproduce draw with a second process each
    assert len(watched.told) == len(codes) + len(helpers)


def test_every_command_is_called() -> None:
    called = {"init", "check", "queries", "lock", "run", "verify", "reproduce", "diff", "schema", "selftest"}
    assert set(main.commands) == called, "a new command belongs into spec_commands.every_command"


def test_no_command_opens_a_connection_or_starts_another_program(tmp_path: Path) -> None:
    assert_quiet(Watched(tmp_path, study(tmp_path)))


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import socket; socket.socket(socket.AF_INET6)",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import pickle; pickle.loads(pickle.dumps(print))",
    ],
)
def test_the_watch_sees_what_is_forbidden(code: str, tmp_path: Path) -> None:
    watched = Watched(tmp_path, tmp_path / "study.toml")
    (watched.place / "twoarm.py").write_text(code)
    assert watched.call() == 1
    assert watched.told[-1].startswith("forbidden")


@pytest.mark.slow
def test_the_system_sees_no_connection_either(tmp_path: Path) -> None:
    """Libraries of their own threads and languages are seen by the system alone, where it can be asked."""
    log = tmp_path / "calls.txt"
    asked = ["strace", "-f", "-qq", "-e", "trace=network", "-A", "-o", str(log)] if shutil.which("strace") else []
    if asked and subprocess.run([*asked, sys.executable, "-c", ""], capture_output=True, check=False).returncode:
        asked = []  # it is there and may not look
    assert_quiet(Watched(tmp_path, study(tmp_path), asked))
    if asked:
        calls = log.read_text("utf-8", "replace").splitlines()
        assert [call for call in calls if FAMILY.search(call)] == []


@pytest.mark.slow
def test_every_command_works_without_a_network(tmp_path: Path) -> None:
    """In a namespace without any network device, where one can be made; its own loopback is down there."""
    ways = [["unshare", "-n"], ["unshare", "-rn"], ["unshare", "-U", "-n"]]
    works = [
        way
        for way in ways
        if shutil.which("unshare") and subprocess.run([*way, "true"], capture_output=True, check=False).returncode == 0
    ]
    assert_quiet(Watched(tmp_path, study(tmp_path), works[0] if works else []))


def imported(path: Path) -> set[str]:
    """Names of the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_module_imports_a_network_or_a_pickle() -> None:
    for path in sorted((ROOT / "src").rglob("*.py")):
        for name in imported(path):
            assert not any(name == bad or name.startswith(f"{bad}.") for bad in NO_PICKLE | NO_NETWORK), (path, name)
        text = path.read_text("utf-8")
        assert not re.search(
            r"allow_pickle\s*=\s*True|read_pickle|to_pickle|ProcessPoolExecutor|shell\s*=\s*True", text
        ), path
        assert not re.search(r"(?<![\w.])(eval|exec|compile|__import__)\(", text), path


def test_nothing_happens_when_the_package_is_imported(tmp_path: Path) -> None:
    """No file, no thread, no setting of the process changes."""
    code = (
        "import os, threading, signal, locale; before = (dict(os.environ), os.umask(0o22), threading.active_count(), "
        "signal.getsignal(signal.SIGTERM), locale.setlocale(locale.LC_ALL), sorted(os.listdir()));"
        "import twoarm, twoarm.cli; after = (dict(os.environ), os.umask(0o22), threading.active_count(), "
        "signal.getsignal(signal.SIGTERM), locale.setlocale(locale.LC_ALL), sorted(os.listdir()));"
        "assert before[0] == after[0] and before[2:] == after[2:] and after[1] == 0o22"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=dict(os.environ))
    assert list(tmp_path.iterdir()) == []
