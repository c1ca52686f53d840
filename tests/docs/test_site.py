"""The documentation: it builds, its links lead somewhere, nothing is fetched, and every method has its page."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
METHODS = ROOT / "docs" / "methods"
PAGES = sorted(path for path in METHODS.glob("*.md") if path.name != "README.md")
BUILDER = ROOT / "docs" / "build_site.py"
HEADINGS = ["Options and defaults", "Equal R call", "Where R, SAS and SPSS differ", "Known limits"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "site"
    subprocess.run([sys.executable, BUILDER, folder], check=True, capture_output=True, cwd=ROOT)
    return folder


def test_every_page_is_there(site):
    for page in (ROOT / "docs").rglob("*.md"):
        below = page.relative_to(ROOT).as_posix()
        assert (site / re.sub(r"README\.md$", "index.md", below)).with_suffix(".html").is_file(), below


def test_every_link_and_picture_of_the_site_is_in_it_with_its_anchor(site):
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"]+)"', page.read_text("utf-8")):
            if link.startswith("http"):
                continue
            path, _, anchor = link.partition("#")
            target = page if not path else page.parent / path
            assert target.is_file(), (page.name, link)
            assert not anchor or f'id="{anchor}"' in target.read_text("utf-8"), (page.name, link)


def test_nothing_is_fetched_when_a_page_is_looked_at(site):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        assert "<script" not in text
        assert not re.search(r'src="(https?:)?//|<link[^>]*href="(https?:)?//|@import|url\(', text)
    assert not re.search(r"@import|url\(", (site / "style.css").read_text("utf-8"))


def test_two_builds_are_the_same_and_one_replaces_the_other(site, tmp_path):
    build = runpy.run_path(str(BUILDER))["build"]
    again = tmp_path / "again"
    assert build(again) == build(again) == []
    contents = [
        {path.relative_to(one).as_posix(): path.read_bytes() for path in one.rglob("*") if path.is_file()}
        for one in (site, again)
    ]
    assert contents[0] == contents[1]


def test_a_folder_that_is_no_site_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    assert "no site" in runpy.run_path(str(BUILDER))["build"](tmp_path)[0]
    assert (tmp_path / "mine.txt").is_file()


def test_broken_links_are_listed_and_nothing_is_written(tmp_path):
    names = runpy.run_path(str(BUILDER))
    repository = tmp_path / "repository"
    for name in (*names["FIRST"], *names["LAST"]):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("# A page\n", "utf-8")
    (repository / "README.md").write_text("# A\n[no](no.md), [none](docs/README.md#none), [yes](#a)\n", "utf-8")
    names["build"].__globals__["ROOT"] = repository
    assert names["build"](tmp_path / "out") == [
        "README.md: no.md leads nowhere",
        "README.md: docs/README.md#none names no heading",
    ]
    assert not (tmp_path / "out").exists()


def test_every_statistics_module_has_its_page():
    named = set()
    for page in PAGES:
        code = re.search(r"^Code: (.+?)(?:\n\n|$)", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        assert code, f"{page.name} says where its code is"
        named |= set(re.findall(r"`(statistics/\w+\.py)`", code.group(1)))
    modules = (ROOT / "src" / "twoarm" / "statistics").glob("*.py")
    assert {f"statistics/{path.name}" for path in modules if path.stem != "__init__"} == named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_method_page_has_all_its_parts(page):
    text = page.read_text("utf-8")
    found = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert found[0] in ("Formula", "Rules", "Procedure")
    assert [heading for heading in found if heading in HEADINGS] == HEADINGS
    assert text.count("```") % 2 == 0
    assert f"({page.name})" in (METHODS / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_method_page_names_exists(page):
    import twoarm

    text = page.read_text("utf-8")
    for path in re.findall(r"`((?:statistics|design|endpoints|analyses)/\w+\.py)`", text):
        assert (ROOT / "src" / "twoarm" / path).is_file(), path
    for path in re.findall(r"`(tests/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"`twoarm\.(\w+)`", text):
        assert callable(getattr(twoarm, name))
