"""Build the documentation into a static site: every page that the repository's links lead to, readable offline.

Usage: python docs/build_site.py FOLDER. Links and anchors are checked; a broken one ends with exit code 1.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
FIRST = ("README.md", "docs/README.md")
LAST = ("GLOSSARY.md", "CONTRIBUTING.md", "CHANGELOG.md")
SECTIONS = (("Guide", "docs"), ("Methods", "docs/methods"), ("Decisions", "docs/decisions"))
EXTERNAL = ("http://", "https://", "mailto:")


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown file of the repository, parsed."""

    source: str  # path below the repository
    title: str
    tokens: list[Token]
    anchors: frozenset[str]
    links: tuple[str, ...]  # as written, images included

    @property
    def target(self) -> str:
        """Path of the page in the site."""
        return site_path(self.source)


def site_path(source: str) -> str:
    """Return where a Markdown file stands in the site: README.md is the index of its folder.

    >>> site_path("docs/README.md"), site_path("docs/protocol.md")
    ('docs/index.html', 'docs/protocol.html')
    """
    return re.sub(r"README\.md$", "index.md", source).removesuffix(".md") + ".html"


def slug(heading: str) -> str:
    """Return the anchor of a heading, as code hosts make it.

    >>> slug("`[data.NAME]`: where the records lie")
    'dataname-where-the-records-lie'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def read_page(source: str) -> Page:
    """Parse one Markdown file; headings get anchors."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse((ROOT / source).read_text("utf-8"))
    title, anchors, links = "", set[str](), []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[place + 1].content
            anchor = slug(heading)
            token.attrSet("id", anchor)
            anchors.add(anchor)
            title = title or heading.replace("`", "")
        for child in token.children or ():
            link = child.attrGet("href") or child.attrGet("src")
            if link:
                links.append(str(link))
    return Page(source, title or source, tokens, frozenset(anchors), tuple(links))


def collect() -> tuple[dict[str, Page], set[str], list[str]]:
    """Return (pages by source, other files that they show or link to, broken links)."""
    waiting = [*FIRST, *LAST, *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]
    pages: dict[str, Page] = {}
    files, broken = set[str](), []
    while waiting:
        source = waiting.pop(0)
        if source in pages:
            continue
        pages[source] = page = read_page(source)
        for link in page.links:
            found = resolve(source, link)
            if found is None:
                continue
            if not (ROOT / found).is_file() or not (ROOT / found).resolve().is_relative_to(ROOT):
                broken.append(f"{source}: {link} leads nowhere")
            elif found.endswith(".md"):
                waiting.append(found)
            else:
                files.add(found)
    for page in pages.values():
        for link in page.links:
            found, anchor = resolve(page.source, link), link.partition("#")[2]
            if anchor and found in pages and anchor not in pages[found].anchors:
                broken.append(f"{page.source}: {link} names no heading")
    return pages, files, broken


def resolve(source: str, link: str) -> str | None:
    """Return the repository's path of a link, None for one that leads out."""
    if link.startswith(EXTERNAL):
        return None
    path = link.partition("#")[0]
    return os.path.normpath(os.path.join(os.path.dirname(source), path)) if path else source


def render(page: Page, pages: dict[str, Page]) -> str:
    """Return a page as HTML, its links leading to the site's pages."""
    here = os.path.dirname(page.target)
    for token in page.tokens:
        for child in token.children or ():
            for attribute in ("href", "src"):
                link = child.attrGet(attribute)
                found = resolve(page.source, str(link)) if link else None
                if found is not None:
                    anchor = str(link).partition("#")[2]
                    target = os.path.relpath(site_path(found) if found in pages else found, here or ".")
                    child.attrSet(attribute, target + (f"#{anchor}" if anchor else ""))
    body = MarkdownIt("commonmark").enable("table").renderer.render(page.tokens, MarkdownIt().options, {})
    top = os.path.relpath(".", here or ".")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(page.title)} - twoarm</title>\n"
        f'<link rel="stylesheet" href="{top}/style.css">\n</head>\n<body>\n'
        f"<nav>\n{navigation(page, pages)}</nav>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def navigation(page: Page, pages: dict[str, Page]) -> str:
    """Return the list of pages, section by section, with the one shown marked."""
    here = os.path.dirname(page.target) or "."
    entries = [("", [pages[source] for source in FIRST])]
    for name, folder in SECTIONS:
        members = [one for one in pages.values() if os.path.dirname(one.source) == folder and one.source not in FIRST]
        entries.append(
            (name, sorted(members, key=lambda one: (not one.source.endswith("README.md"), one.title.lower())))
        )
    listed = {one.source for _, members in entries for one in members}
    entries.append(("Project", [one for source, one in pages.items() if source not in listed]))
    lines = []
    for name, members in entries:
        lines.append(f"<h2>{name}</h2>\n" if name else "")
        lines.append("<ul>\n")
        for one in members:
            mark = ' class="here"' if one is page else ""
            link = os.path.relpath(one.target, here)
            lines.append(f'<li{mark}><a href="{link}">{html.escape(one.title)}</a></li>\n')
        lines.append("</ul>\n")
    return "".join(lines)


STYLE = """\
body { margin: 0; display: flex; font: 16px/1.55 system-ui, sans-serif; color: #1b1f24; background: #fff; }
nav { flex: 0 0 15rem; height: 100vh; overflow-y: auto; position: sticky; top: 0; padding: 1rem; box-sizing: border-box;
  background: #f5f6f8; font-size: 14px; }
nav h2 { font-size: 13px; margin: 1rem 0 .2rem; color: #57606a; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { color: inherit; text-decoration: none; }
nav a:hover { text-decoration: underline; }
nav .here a { font-weight: 600; }
main { flex: 1; min-width: 0; max-width: 56rem; padding: 1.5rem 2rem; }
h1, h2, h3 { line-height: 1.25; }
pre, code { font-family: ui-monospace, Consolas, monospace; font-size: 14px; background: #f5f6f8; }
pre { padding: .8rem; overflow-x: auto; }
code { padding: 0 .2em; }
pre code { padding: 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #d0d7de; padding: .3rem .6rem; text-align: left; vertical-align: top; }
img { max-width: 100%; }
@media (max-width: 50rem) { body { display: block; } nav { height: auto; position: static; } }
@media print { nav { display: none; } }
"""


def build(folder: Path) -> list[str]:
    """Write the site into a folder, which is emptied first; return the broken links, with which nothing is written."""
    pages, files, broken = collect()
    if broken:
        return broken
    if folder.exists():
        if not (folder / "style.css").is_file():
            return [f"{folder}: is there and is no site; name another folder"]
        shutil.rmtree(folder)
    for page in pages.values():
        target = folder / page.target
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(render(page, pages), "utf-8")
    for source in sorted(files):
        target = folder / source
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, target)
    (folder / "style.css").write_text(STYLE, "utf-8")
    return []


if __name__ == "__main__":
    problems = build(Path(sys.argv[1]))
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"Documentation: {Path(sys.argv[1]) / 'index.html'}")
    sys.exit(1 if problems else 0)
