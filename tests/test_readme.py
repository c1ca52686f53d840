"""The README's code runs and prints what it says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from twoarm.protocol.read import parse_protocol
from twoarm.records.records import read_records
from twoarm.study import run_study

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_prints_what_its_comments_say(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    said = [line.removeprefix("# ") for line in code.splitlines() if line.startswith("# ")]
    assert out.getvalue().splitlines() == said


@pytest.mark.parametrize("text", blocks("toml"))
def test_the_protocol_in_the_readme_runs(text: str) -> None:
    protocol = parse_protocol(text)
    results = run_study(protocol, read_records(protocol, ROOT / "examples" / "rotterdam"))
    assert results.get(analysis="lost", adjustment="matched", statistic="pairs").value


def test_the_tutorial_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl

    monkeypatch.chdir(ROOT)
    mpl.use("Agg")
    page = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    codes, said = (re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) for language in ("python", "text"))
    names: dict[str, object] = {}
    assert len(codes[0].splitlines()) <= 15
    for code, expected in zip(codes, said, strict=True):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, names)
        assert out.getvalue() == expected


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
