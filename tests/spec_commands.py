"""Every command as a process of its own, one after another on one study, under eyes that see what Python does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

WATCH = '''\
"""Started before everything else in every Python process of a test: tells what no command may do, and forbids it."""
import os
import sys

FORBIDDEN = (
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
    "socket.gethostbyaddr", "urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect",
    "webbrowser.open", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class", "shutil.unpack_archive",
)


def _told(text):
    file = os.open(os.environ["TWOARM_TEST_TOLD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{text}\\n".encode())
    os.close(file)


def _see(event, arguments):
    if event == "socket.__new__":
        bad = int(arguments[1]) not in (0, 1)  # unspecified and within the machine
    elif event == "subprocess.Popen":
        bad = arguments[0] != sys.executable
    else:
        bad = event in FORBIDDEN
    if bad:
        _told(f"forbidden {event} {arguments!r}")
        raise RuntimeError(event)


sys.addaudithook(_see)
_told(f"started {sys.orig_argv[1:4]!r}")
'''


class Watched:
    """Runs commands in a folder of their own; ``told`` is what the watch saw in them and in what they started."""

    def __init__(self, folder: Path, study: Path, prefix: Sequence[str] = ()) -> None:
        self.study, self.prefix = study, list(prefix)
        self.place, self.temporary = folder / "watch", folder / "tmp"
        self.place.mkdir()
        self.temporary.mkdir()
        (self.place / "sitecustomize.py").write_text(WATCH, "utf-8")
        self._told = self.place / "told.txt"
        self.said: list[str] = []

    def call(self, *arguments: object, environment: Mapping[str, str] | None = None) -> int:
        """Run one command; return its exit code."""
        old = os.environ.get("PYTHONPATH", "")
        more = {
            "PYTHONPATH": f"{self.place}{os.pathsep}{old}",
            "TWOARM_TEST_TOLD": str(self._told),
            "TMPDIR": str(self.temporary),
            **(environment or {}),
        }
        command = [*self.prefix, sys.executable, "-m", "twoarm", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, env={**os.environ, **more}, check=False, cwd=self.place)
        self.said.append((done.stdout + done.stderr).decode("utf-8", "replace"))
        return done.returncode

    @property
    def told(self) -> list[str]:
        """One line for each process that was started, and for each thing that is forbidden."""
        return self._told.read_text("utf-8").splitlines()

    def every_command(self) -> dict[str, int]:
        """Call every command once, in the order of a study; return the exit codes."""
        home = self.study.parent
        out, asked = home / "out", home / "queries"
        data = next(path for path in sorted(home.iterdir()) if path.suffix == ".csv")
        calls: dict[str, tuple[object, ...]] = {
            "help": ("--help",),
            "version": ("--version",),
            "schema": ("schema",),
            "init": ("init", data, "--out", home / "starter.toml"),
            "check": ("check", self.study),
            "queries": ("queries", self.study, "--out", asked),
            "lock": ("lock", self.study),
            "run": ("run", self.study, "--out", out),
            "replace": ("run", self.study, "--out", out, "--replace"),
            "verify": ("verify", out),
            "reproduce": ("reproduce", out, "--data", home),
            "diff": ("diff", out, out, "--all"),
            "selftest": ("selftest", "--out", home / "qualification"),
        }
        return {name: self.call(*arguments) for name, arguments in calls.items()}
