"""A cluster of its own on this machine, by its URL: master, worker and executor are processes apart from the study's."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spec_engines import BY_SITE, write_folder
from spec_registry import DATED, registry

pytestmark = pytest.mark.spark

DEFAULTS = """\
spark.sql.shuffle.partitions 2
spark.ui.enabled false
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(home: Path, environment: dict[str, str], log: Path, *arguments: str) -> Iterator[None]:
    """Run one of Spark's servers, until the test is over."""
    command = [str(home / "bin" / "spark-class"), *arguments]
    with log.open("wb") as said:
        server = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=60)


def wait_for(log: Path, text: str) -> None:
    end = time.monotonic() + 120
    while text not in log.read_text("utf-8", errors="replace"):
        assert time.monotonic() < end, log.read_text("utf-8", errors="replace")[-2000:]
        time.sleep(0.2)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Return the URL of a cluster of one worker, on this machine's own sockets, and the environment for it."""
    pyspark = pytest.importorskip("pyspark")
    home, place = Path(pyspark.__file__).parent, tmp_path / "cluster"
    place.mkdir()
    (place / "spark-defaults.conf").write_text(DEFAULTS, "utf-8")
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_CONF_DIR": str(place), "SPARK_HOME": str(home)}
    url = f"spark://127.0.0.1:{free_port()}"
    port, master, worker = url.rpartition(":")[2], place / "master.log", place / "worker.log"
    on_loopback = ("--host", "127.0.0.1", "--webui-port", "0")
    of_master = ("org.apache.spark.deploy.master.Master", *on_loopback, "--port", port)
    work = ("--cores", "1", "--memory", "1g", "--work-dir", str(place / "work"), url)
    with running(home, environment, master, *of_master):
        wait_for(master, "I have been elected leader")
        with running(home, environment, worker, "org.apache.spark.deploy.worker.Worker", *on_loopback, *work):
            wait_for(worker, "Successfully registered with master")
            yield url, environment


def run(study: Path, environment: dict[str, str]) -> dict[str, bytes]:
    out = study.with_suffix(".out")
    command = [sys.executable, "-m", "twoarm", "run", str(study), "--out", str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=540, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return {name: (out / name).read_bytes() for name in ("results.json", "curves.json")}


def test_a_registry_is_the_same_on_a_cluster(cluster: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    url, environment = cluster
    write_folder(registry(1), tmp_path / "registry")
    head, _, tail = DATED.replace('file = "registry.csv"', 'folder = "registry"').partition("\n[data.")
    light = '\n[output]\nfigures = ["svg"]\ndocuments = []\n'
    engines = {"polars": "", "spark": f'engine = "spark"\nspark = {{ master = "{url}" }}\n'}
    found = {}
    for engine, words in engines.items():
        study = tmp_path / f"{engine}.toml"
        study.write_text(f"{head}\n{words}\n[data.{tail}{BY_SITE}{light}", "utf-8")
        found[engine] = run(study, environment)
    assert found["spark"] == found["polars"]
