"""Fonts: looked for only when needed, never one that shows boxes; TIFF as journals ask for it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from twoarm.figures import fonts
from twoarm.figures.all_figures import NamedFigure
from twoarm.figures.drawing import draw
from twoarm.figures.fonts import FontFile, Fonts, find_fonts, font_warning, installed_fonts
from twoarm.figures.marks import mark_y, new_axes
from twoarm.figures.png import encode_png
from twoarm.figures.tiff import encode_tiff


def font(family: str, letters: str) -> FontFile:
    return FontFile(family, f"/fonts/{family}/a.ttf", lambda asked: set(asked) & set(letters))


def never() -> list[FontFile]:
    raise AssertionError("no font is looked for when none is needed")


@pytest.mark.parametrize("text", ["plain", "≤20 – 50 µg/m² ᵃ → ∞ Größe", "tab\tand\x01control"])
def test_no_font_is_looked_for_without_need(text: str) -> None:
    assert find_fonts([text], never) == Fonts()


def test_the_first_fonts_that_have_the_characters_are_taken() -> None:
    found = find_fonts(
        ["观察组", "対照"], lambda: [font("A", "xyz"), font("B", "观察组"), font("C", "观察组対照"), font("D", "照")]
    )
    assert found == Fonts(("B", "C"), ("/fonts/B", "/fonts/C"), "")


def test_what_no_font_has_is_named_and_replaced() -> None:
    found = find_fonts(["观察组"], lambda: [font("B", "观")])
    assert found.missing == "察组"
    assert found.shown("观察组 n = 3") == "观?? n = 3"
    assert "察 (U+5BDF), 组 (U+7EC4)." in font_warning(found)
    assert "fonts-noto-cjk" in font_warning(found)
    assert font_warning(Fonts()) == ""


def test_fonts_that_only_show_boxes_are_no_fonts() -> None:
    families = [one.family for one in installed_fonts()]
    assert not [family for family in families if "Last Resort" in family]
    assert len(families) == len(set(families))


def test_a_figure_shows_question_marks_and_no_boxes() -> None:
    drawn: list[Figure] = []

    def figure() -> Figure:
        made = Figure(figsize=(2, 2))
        axes = new_axes(made, (0.3, 0.3, 0.6, 0.6))
        mark_y(axes, [0, 1], ["观察组", "b"])
        axes.text(0.5, 0.5, "组")
        axes.plot([0, 1], label="察")
        axes.legend()
        drawn.append(made)
        return made

    draw(NamedFigure("n", "t", figure), ("png",), Fonts(missing="观察组"))
    FigureCanvasAgg(drawn[0]).draw()
    texts = {text.get_text() for text in drawn[0].findobj(Text)}
    assert {"???", "b", "?"} <= texts
    assert not [text for text in texts if "组" in text or "察" in text]


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
def test_tiff_is_opaque_compressed_and_of_print_resolution(channels: int, mode: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (40, 30, channels), dtype=np.uint8)
    content = encode_tiff(pixels, 300)
    picture = Image.open(io.BytesIO(content))
    assert (picture.mode, picture.size, picture.info["compression"]) == (mode, (30, 40), "tiff_lzw")
    assert [round(float(number)) for number in picture.info["dpi"]] == [300, 300]
    assert picture.tag_v2[296] == 2  # type: ignore[attr-defined]  # resolution in inches
    assert (np.asarray(picture).reshape(pixels.shape) == pixels).all()
    assert content == encode_tiff(pixels, 300)
    assert (np.asarray(Image.open(io.BytesIO(encode_png(pixels, 300)))) == np.asarray(picture)).all()


def test_the_usual_font_has_what_it_is_said_to_have() -> None:
    assert fonts._usual_characters() >= fonts.CERTAIN
    assert find_fonts(["μ ≤ 3 – “a”ᵃ"], never) == Fonts()
