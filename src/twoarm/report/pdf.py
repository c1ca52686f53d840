"""The report as PDF, set by typst without a network; all text is data to it, never markup."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from twoarm.figures.fonts import USUAL, Fonts, usual_folder
from twoarm.report.paper import Block, NumberedFigure, NumberedTable, Paper, pages, printable
from twoarm.report.table_layout import (
    INDENT,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    figure_scale,
    header_text,
)

BODY = "Libertinus Serif"  # comes with typst
_LONG_WORD = re.compile(r"(?![0-9a-f]{64}\b)[^\s\u200b\u2e80-\uffff]{25,}")
_MAY_BREAK = "\u200b"
_SIZE = re.compile(rb'viewBox="0 0 ([0-9.]+) ([0-9.]+)"')  # in points, as the drawing library writes it


def report_pdf(paper: Paper, pictures: Mapping[str, bytes], fonts: Fonts) -> bytes:
    """Return the report; pictures (SVG) by the stem of their figure."""
    import typst

    content = {
        "title": paper.title,
        "byline": paper.byline,
        "fonts": [BODY, USUAL, *fonts.families],
        "page": {"width": PAGE_WIDTH, "height": PAGE_HEIGHT, "margin": MARGIN},
        "runs": [
            {"turned": turned, "blocks": [_block(block, pictures) for block in blocks if _is_there(block, pictures)]}
            for turned, blocks in pages(paper.blocks)
        ],
    }
    sources = {
        "main.typ": files("twoarm.report").joinpath("report.typ").read_bytes(),
        "paper.json": fonts.shown(json.dumps(_clean(content), ensure_ascii=False)).encode("utf-8"),
        **{f"figures/{stem}.svg": picture for stem, picture in pictures.items()},
    }
    folders = [str(usual_folder()), *fonts.folders]
    made: bytes = typst.compile(  # type: ignore[call-overload]  # it takes a mapping of files, too
        sources, font_paths=folders, ignore_system_fonts=True, format="pdf", timestamp=0
    )
    return made


def _is_there(block: Block, pictures: Mapping[str, bytes]) -> bool:
    return not isinstance(block, NumberedFigure) or block.stem in pictures


def _block(block: Block, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    kind = {"type": type(block).__name__}
    if isinstance(block, NumberedTable):
        return {**kind, **_table(block)}
    if isinstance(block, NumberedFigure):
        return {**kind, **asdict(block), "lead": block.lead, "width": _width(pictures[block.stem])}
    return {**kind, **asdict(block)}


def _table(block: NumberedTable) -> dict[str, Any]:
    table, layout = block.table, block.layout
    rows = [
        {"cells": [cell.text for cell in row.cells], "heading": row.kind == "heading", "indent": row.indent}
        for row in table.rows
    ]
    return {
        **asdict(layout),
        "lead": block.lead,
        "title": table.title,
        "groups": table.groups,
        "columns": [header_text(column) for column in table.columns],
        "rows": rows,
        "footnotes": table.footnotes,
        "indent": INDENT,
    }


def _width(svg: bytes) -> float:
    """Width on the page in points."""
    found = _SIZE.search(svg)
    assert found is not None, "the drawing library writes a viewBox"
    wide, high = float(found[1]), float(found[2])
    return wide * figure_scale(wide, high)


def _breakable(text: str) -> str:
    """Let a very long word break, so that it stays in its column; a hash fits, and is to be copied."""
    return _LONG_WORD.sub(lambda word: _MAY_BREAK.join(re.findall(".{1,8}", word.group())), text)


def _clean(value: Any) -> Any:
    """Return nested lists and dictionaries with text that can be printed, and broken at the end of a line."""
    if isinstance(value, str):
        return _breakable(printable(value))
    if isinstance(value, Mapping):
        return {name: part if name == "stem" else _clean(part) for name, part in value.items()}
    return [_clean(part) for part in value] if isinstance(value, list | tuple) else value
