"""Blocks of a paper -> WordprocessingML (ECMA-376): paragraphs, tables with three rules, pictures."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from html import escape

from twoarm.report.paper import (
    Block,
    Bullets,
    Heading,
    NumberedFigure,
    NumberedTable,
    Panel,
    Paper,
    Paragraph,
    pages,
    printable,
)
from twoarm.report.table_layout import (
    INDENT,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    figure_scale,
    header_text,
)
from twoarm.tables.table import Cell, Row

PIXELS_PER_INCH = 300
_EMU = 12700  # English metric units in a point
_TABLE_SIZE = 9.0  # of the style for cells
_THICK, _THIN = 8, 4  # eighths of a point
_NEXT = "<w:keepNext/>"


def text_run(text: str, bold: bool = False, size: float | None = None) -> str:
    """Return a run; what XML does not allow becomes a question mark, a line break stays one."""
    properties = "<w:b/>" * bold + (f'<w:sz w:val="{round(2 * size)}"/>' if size else "")
    lines = _clean(text).split("\n")
    inside = "<w:br/>".join(f'<w:t xml:space="preserve">{line}</w:t>' for line in lines)
    return f"<w:r>{f'<w:rPr>{properties}</w:rPr>' if properties else ''}{inside}</w:r>"


def paragraph(style: str, content: str, more: str = "") -> str:
    """Return a paragraph; ``more`` are properties in the order of the schema."""
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr>{content}</w:p>'


def _clean(text: str) -> str:
    return escape(printable(text), quote=True)


def paper_body(paper: Paper, pictures: dict[str, bytes]) -> str:
    """Return the content of the document; pictures (PNG) by stem, whose relationship is named after their number."""
    parts = [paragraph("Title", text_run(paper.title)), paragraph("Subtitle", text_run(paper.byline))]
    runs = pages(paper.blocks)
    for position, (turned, blocks) in enumerate(runs):
        for block in blocks:
            parts.extend(_block(block, pictures))
        last = position == len(runs) - 1
        section = section_properties(turned, first=position == 0, margins=True)
        parts.append(section if last else f'<w:p><w:pPr><w:pStyle w:val="SectionEnd"/>{section}</w:pPr></w:p>')
    return "".join(parts)


def section_properties(turned: bool, *, first: bool, margins: bool) -> str:
    """Return the page of a section, with running header and footer where it has ``margins`` for them."""
    width, height = (PAGE_HEIGHT, PAGE_WIDTH) if turned else (PAGE_WIDTH, PAGE_HEIGHT)
    orient = ' w:orient="landscape"' if turned else ""
    edge = _twips(MARGIN)
    running = '<w:headerReference w:type="default" r:id="rHeader"/><w:footerReference w:type="default" r:id="rFooter"/>'
    running += (
        '<w:headerReference w:type="first" r:id="rFirst"/><w:footerReference w:type="first" r:id="rFooter"/>' * first
    )
    return (
        f'<w:sectPr>{running * margins}<w:type w:val="nextPage"/>'
        f'<w:pgSz w:w="{_twips(width)}" w:h="{_twips(height)}"{orient}/>'
        f'<w:pgMar w:top="{edge}" w:right="{edge}" w:bottom="{edge}" w:left="{edge}" w:header="567" w:footer="567" '
        f'w:gutter="0"/>{"<w:titlePg/>" * (first and margins)}</w:sectPr>'
    )


def _block(block: Block, pictures: dict[str, bytes]) -> Iterator[str]:
    if isinstance(block, Heading):
        yield paragraph(f"Heading{block.level}", text_run(block.text))
    elif isinstance(block, Paragraph):
        yield paragraph("BodyText", text_run(block.text))
    elif isinstance(block, Panel):
        style = "KeyResult" if block.kind == "key" else "Warning"
        if block.title:
            yield paragraph(style, text_run(block.title, bold=True), _NEXT)
        for text in block.items:
            yield paragraph(style, text_run(text))
        yield paragraph("AfterTable", "")
    elif isinstance(block, Bullets):
        for text in block.items:
            yield paragraph("ListBullet", text_run(text))
    elif isinstance(block, NumberedTable):
        yield from table_parts(block)
    elif block.stem in pictures:
        yield _picture(block, pictures[block.stem])


def table_parts(block: NumberedTable) -> Iterator[str]:
    """Return caption, table and notes."""
    table, layout = block.table, block.layout
    lead = text_run(f"{block.lead} ", bold=True) if block.lead else ""
    yield paragraph("Caption", lead + text_run(table.title, bold=not block.lead), _NEXT)
    grid = "".join(f'<w:gridCol w:w="{_twips(width)}"/>' for width in layout.widths)
    rows = [*_head_rows(block), *_body_rows(block)]
    described = _clean(table.title)
    yield (
        f'<w:tbl><w:tblPr><w:tblStyle w:val="ThreeRules"/><w:tblW w:w="{_twips(sum(layout.widths))}" w:type="dxa"/>'
        f'<w:tblLayout w:type="fixed"/><w:tblLook w:val="0020" w:firstRow="1"/>'
        f'<w:tblCaption w:val="{described}"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{"".join(rows)}</w:tbl>'
    )
    for i, note in enumerate(table.footnotes):
        yield paragraph("TableNote", text_run(note), _NEXT if i < len(table.footnotes) - 1 else "")
    yield paragraph("AfterTable", "")


def _head_rows(block: NumberedTable) -> Iterator[str]:
    layout = block.layout
    if block.table.groups:
        cells, at = [], 0
        for title, span in block.table.groups:
            rule = ("bottom", _THIN) if title else None
            cells.append(_cell(title, sum(layout.widths[at : at + span]), layout.size, span=span, rule=rule, bold=True))
            at += span
        yield _row(cells, head=True)
    yield _row(
        [
            _cell(
                header_text(column),
                layout.widths[i],
                layout.size,
                side=layout.sides[i],
                rule=("bottom", _THIN),
                bold=True,
            )
            for i, column in enumerate(block.table.columns)
        ],
        head=True,
    )


def _body_rows(block: NumberedTable) -> Iterator[str]:
    last = len(block.table.rows) - 1
    for number, row in enumerate(block.table.rows):
        together = (block.layout.whole and number < last) or row.kind == "heading"
        notes = block.layout.whole and number == last and bool(block.table.footnotes)
        yield _row(_body_cells(block, row, together or notes), head=False)


def _body_cells(block: NumberedTable, row: Row, together: bool) -> Iterator[str]:
    layout, heading = block.layout, row.kind == "heading"
    if heading and len(row.cells) == 1:
        width = len(layout.widths)
        yield _cell(
            row.cells[0].text, sum(layout.widths), layout.size, "left", span=width, bold=True, together=together
        )
        return
    cells: Sequence[Cell] = [*row.cells, *[Cell("")] * (len(layout.widths) - len(row.cells))]
    for i, cell in enumerate(cells):
        yield _cell(
            cell.text,
            layout.widths[i],
            layout.size,
            layout.sides[i],
            indent=INDENT * (row.indent and i == 0),
            bold=heading,
            together=together,
        )


def _row(cells: Sequence[str] | Iterator[str], *, head: bool) -> str:
    return f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' * head}</w:trPr>{''.join(cells)}</w:tr>"


def _cell(
    text: str,
    width: float,
    size: float,
    side: str = "center",
    *,
    span: int = 1,
    rule: tuple[str, int] | None = None,
    indent: float = 0.0,
    bold: bool = False,
    together: bool = True,
) -> str:
    merged = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    border = (
        f'<w:tcBorders><w:{rule[0]} w:val="single" w:sz="{rule[1]}" w:space="0" w:color="000000"/></w:tcBorders>'
        if rule
        else ""
    )
    foot = '<w:vAlign w:val="bottom"/>' if rule else ""
    more = _NEXT * together + (f'<w:ind w:left="{_twips(indent)}"/>' if indent else "")
    more += '<w:jc w:val="center"/>' if side == "center" else ""
    smaller = None if size == _TABLE_SIZE else size
    if smaller:  # the end of a paragraph has a height, too
        more += f'<w:rPr><w:sz w:val="{round(2 * smaller)}"/></w:rPr>'
    content = text_run(text, bold, smaller) if text else ""
    properties = f'<w:tcPr><w:tcW w:w="{_twips(width)}" w:type="dxa"/>{merged}{border}{foot}</w:tcPr>'
    return f"<w:tc>{properties}{paragraph('TableText', content, more)}</w:tc>"


def _picture(block: NumberedFigure, png: bytes) -> str:
    pixels = struct.unpack(">II", png[16:24])  # IHDR of a PNG
    wide, high = (pixel / PIXELS_PER_INCH * 72 for pixel in pixels)
    scale = figure_scale(wide, high)
    size = f'cx="{round(wide * scale * _EMU)}" cy="{round(high * scale * _EMU)}"'
    name, described = _clean(f"Figure {block.number}"), _clean(block.described)
    drawing = (
        f'<w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent {size}/>'
        f'<wp:docPr id="{block.number}" name="{name}" descr="{described}"/>'
        '<wp:cNvGraphicFramePr><a:graphicFrameLocks noChangeAspect="1"/></wp:cNvGraphicFramePr>'
        '<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic>'
        f'<pic:nvPicPr><pic:cNvPr id="{block.number}" name="{name}" descr="{described}"/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip r:embed="rFigure{block.number}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
        f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext {size}/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
        "</pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing>"
    )
    caption = text_run(f"{block.lead} ", bold=True) + text_run(block.title)
    return paragraph("Figure", f"<w:r>{drawing}</w:r>", _NEXT) + paragraph("Caption", caption)


def _twips(points: float) -> int:
    return round(20 * points)
