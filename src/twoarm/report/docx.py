"""Word documents, written directly: the same paper gives the same bytes, and a table takes a millisecond."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from twoarm.report.docx_body import paper_body, paragraph, section_properties, table_parts, text_run
from twoarm.report.paper import NumberedFigure, NumberedTable, Paper
from twoarm.report.table_layout import layout_of
from twoarm.tables.table import Table

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    f'xmlns:r="{_OFFICE}/relationships" xmlns:wp="{_DRAWING}/wordprocessingDrawing" '
    f'xmlns:a="{_DRAWING}/main" xmlns:pic="{_DRAWING}/picture"'
)
_PARTS = ("styles", "numbering", "settings")  # that every document has
_SOME_DAY = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can say


def report_docx(paper: Paper, pictures: Mapping[str, bytes]) -> bytes:
    """Return the report; pictures (PNG) by the stem of their figure."""
    numbers = {block.stem: block.number for block in paper.blocks if isinstance(block, NumberedFigure)}
    shown = {stem: png for stem, png in pictures.items() if stem in numbers}
    body = paper_body(paper, shown)
    running = {
        "word/header1.xml": _part("hdr", paragraph("Header", text_run(paper.title))),
        "word/header2.xml": _part("hdr", paragraph("Header", "")),
        "word/footer1.xml": _part("ftr", paragraph("Footer", _PAGE_NUMBER)),
    }
    media = {f"word/media/figure{numbers[stem]}.png": png for stem, png in shown.items()}
    related = {"rHeader": "header1.xml", "rFirst": "header2.xml", "rFooter": "footer1.xml"}
    related |= {f"rFigure{numbers[stem]}": f"media/figure{numbers[stem]}.png" for stem in shown}
    return _zipped(paper.title, body, running, related, media)


def table_docx(table: Table) -> bytes:
    """Return a document with one table."""
    layout = layout_of(table)
    parts = table_parts(NumberedTable(None, table, layout))
    return _zipped(table.title, "".join(parts) + section_properties(layout.turned, first=True, margins=False))


_PAGE_NUMBER = (
    '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> PAGE </w:instrText></w:r>'
    '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
)


def _zipped(
    title: str,
    body: str,
    running: Mapping[str, str] | None = None,
    related: Mapping[str, str] | None = None,
    media: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the package: parts in fixed order, at a fixed time, without author's name or date."""
    running = running or {}
    texts = {
        "[Content_Types].xml": _content_types(running),
        "_rels/.rels": _relationships(
            {"rDocument": ("officeDocument", "word/document.xml"), "rCore": ("core", "docProps/core.xml")}
        ),
        "docProps/core.xml": _core(title),
        "word/document.xml": _part("document", f"<w:body>{body}</w:body>"),
        "word/_rels/document.xml.rels": _relationships(
            {f"r{part}": (part, f"{part}.xml") for part in _PARTS}
            | {name: (_kind(target), target) for name, target in (related or {}).items()}
        ),
        **{f"word/{part}.xml": _kept_part(part) for part in _PARTS},
        **running,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, text in texts.items():
            package.writestr(_entry(name), text.encode("utf-8"), zipfile.ZIP_DEFLATED, 6)
        for name, content in (media or {}).items():
            package.writestr(_entry(name), content, zipfile.ZIP_STORED)  # a PNG is compressed already
    return out.getvalue()


@cache
def _kept_part(name: str) -> str:
    return files("twoarm.report").joinpath(f"word_{name}.xml").read_text("utf-8")


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _SOME_DAY)
    entry.create_system = 3  # the same on every machine
    entry.external_attr = 0o600 << 16
    return entry


def _part(kind: str, content: str) -> str:
    return f"{_HEAD}<w:{kind} {_NAMESPACES}>{content}</w:{kind}>"


def _kind(target: str) -> str:
    return "image" if target.startswith("media/") else "header" if target.startswith("header") else "footer"


def _relationships(related: Mapping[str, tuple[str, str]]) -> str:
    base = {"core": f"{_PACKAGE}/relationships/metadata/core-properties"}
    rows = "".join(
        f'<Relationship Id="{name}" Type="{base.get(kind, f"{_OFFICE}/relationships/{kind}")}" Target="{target}"/>'
        for name, (kind, target) in related.items()
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


def _content_types(running: Mapping[str, str]) -> str:
    kinds = {"word/document.xml": "document.main", **{f"word/{part}.xml": part for part in _PARTS}}
    kinds |= {name: "header" if "header" in name else "footer" for name in running}
    rows = "".join(f'<Override PartName="/{name}" ContentType="{_WORD}.{kind}+xml"/>' for name, kind in kinds.items())
    core = "application/vnd.openxmlformats-package.core-properties+xml"
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>'
        f'{rows}<Override PartName="/docProps/core.xml" ContentType="{core}"/></Types>'
    )


def _core(title: str) -> str:
    said = text_run(title).partition('preserve">')[2].partition("</w:t>")[0]
    return (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{said}</dc:title><dc:creator>twoarm</dc:creator></cp:coreProperties>"
    )
