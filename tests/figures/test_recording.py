"""A figure that is laid out once and played to its files looks as the drawing library would have saved it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath
from PIL import Image

from twoarm.figures import outlines, vectors
from twoarm.figures.drawing import PRINT_DPI, render, warm_up
from twoarm.figures.outlines import Outlines
from twoarm.figures.pixels import opaque_pixels
from twoarm.figures.recording import Recording
from twoarm.figures.theme import new_figure, style
from twoarm.figures.vectors import encode_pdf, encode_svg

BLOCK = 30  # pixels, a tenth of an inch
OFF = 10  # of 255, in the mean of a block: a mark may lie on the next pixel, a letter's edge be a little darker


@pytest.fixture
def figure() -> Figure:
    """Everything that figures use: steps, dashes, bands, markers, clipping, bars, arrows, turned and accented texts."""
    with style():
        made = new_figure(4.3, 3.1)
        axes = made.add_axes((0.15, 0.2, 0.8, 0.6))
        time, height = np.arange(40) / 3, 100 * 0.93 ** np.arange(40)
        axes.step(time, height, where="post", linestyle=(0, (5, 2)), linewidth=1.6, label="Arm „α“, AVAST – fi 95%")
        axes.fill_between(time, height * 0.9, height * 1.1, step="post", alpha=0.13, linewidth=0)
        axes.plot(time, height, linestyle="", marker="|", markersize=4, markeredgewidth=0.6)
        axes.plot(time[::7], height[::7] / 2, linestyle="", marker="o", markersize=2.4, alpha=0.45, label="Events")
        axes.plot([11], [10], marker=">", clip_on=False)
        axes.bar(time[:5], height[:5] / 5, 0.2)
        axes.vlines(time[20:25], 60, 80, linewidth=1.4)
        axes.axhspan(20, 30, alpha=0.18, linewidth=0)
        axes.annotate("", xy=(6, 50), xytext=(2, 20), arrowprops={"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0})
        axes.set_xlim(0, 11)
        axes.set_ylabel("Überleben (%)")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
        made.text(0.1, 0.05, "two\nlines", fontweight="bold", rotation=30)
        made.text(0.5, 0.05, " ")
        return made


def saved(figure: Figure, kind: str) -> bytes:
    out = io.BytesIO()
    with style():
        figure.savefig(out, format=kind, metadata={"Date": None} if kind == "svg" else {"CreationDate": None})
    return out.getvalue()


def elements(svg: bytes) -> list[tuple[str, dict[str, str]]]:
    """Everything that an SVG shows, in order; groups that say what belongs together, and empty paths, are left out."""
    parts = ((part.tag.partition("}")[2], part.attrib) for part in ElementTree.fromstring(svg).iter())
    shown = [(tag, said) for tag, said in parts if tag != "g" or set(said) != {"id"}]
    return [(tag, said) for tag, said in shown if said.get("style") != "fill: none"]


def test_the_svg_shows_what_the_library_saves(figure: Figure) -> None:
    with style():
        played = encode_svg(Recording(figure))
    assert elements(played) == elements(saved(figure, "svg"))
    assert {"path", "use", "g", "clipPath"} <= {tag for tag, _ in elements(played)}
    assert b"<g id=" not in played


def test_pixels_are_those_that_the_library_paints(figure: Figure) -> None:
    with style():
        played = opaque_pixels(Recording(figure), PRINT_DPI).astype(int)
        figure.set_dpi(PRINT_DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    painted = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    assert played.shape == painted.shape
    off = (played - painted).reshape(930 // BLOCK, BLOCK, 1290 // BLOCK, BLOCK, 3).mean(axis=(1, 3))
    assert np.abs(off).max() <= OFF


PIECES = ("A", "b", "g", "fi", "AV", "Ä", "ß", "µ", "–", "“", "≤", "→", " ", "0", "1.5", "%", "(", "中", "א", "ت", "e\u0301", "q\u0301",
          "\u200b", "\t", "ก\u0e33", "🙂")  # fmt: skip


def test_texts_take_the_room_that_the_library_measures() -> None:
    rng, library = np.random.default_rng(4), TextToPath()
    with style(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that no font has
        for _ in range(400):
            text = "".join(rng.choice(PIECES, rng.integers(0, 7)))
            font = FontProperties(size=rng.choice([8, 8.5, 10.5]), weight=rng.choice(["normal", "bold"]))
            ours = outlines.OUTLINES.get_text_width_height_descent(text, font, False)
            assert ours == library.get_text_width_height_descent(text, font, False), ascii(text)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep no text from here on that was worked out before."""
    kept = Outlines()
    for name in ("recording", "vectors", *(("pdf_text",) if outlines.KNOWN else ())):
        monkeypatch.setattr(f"twoarm.figures.{name}.OUTLINES", kept)


def shown(pdf: bytes) -> list[str]:
    """Texts of a PDF's page, without kerns."""
    streams = [zlib.decompress(part) for part in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL) if part[:1] == b"x"]  # fmt: skip
    page = next(stream for stream in streams if b"TJ" in stream)
    arrays = re.findall(rb"\[(.*?)\]\s+TJ", page, re.DOTALL)
    return [b"".join(re.findall(rb"\((.*?)(?<!\\)\)", array, re.DOTALL)).decode("latin-1") for array in arrays]


def test_the_pdf_has_the_texts_and_fonts_that_the_library_writes(figure: Figure) -> None:
    with style():
        played = encode_pdf(Recording(figure))
    library = saved(figure, "pdf")
    assert shown(played) == shown(library)
    assert any("AVAST" in text for text in shown(played))
    for pdf in (played, library):
        assert re.findall(rb"/Subtype /Type3", pdf)
        assert b"Type42" not in pdf
    fonts = rb"/BaseFont|/Subtype /Type3|/FontName /[A-Za-z+-]+"
    assert sorted(re.findall(fonts, played)) == sorted(re.findall(fonts, library))


def test_another_version_of_the_library_draws_the_texts_itself(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "KNOWN", False)
    monkeypatch.setattr(vectors, "KNOWN", False)
    forget(monkeypatch)
    with style():
        recording = Recording(figure)
        svg, pdf = encode_svg(recording), encode_pdf(recording)
    assert elements(svg) == elements(saved(figure, "svg"))
    assert shown(pdf) == shown(saved(figure, "pdf"))


def test_the_same_figure_gives_the_same_bytes_whatever_was_drawn_before(
    figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    with style():
        first = render(figure, ("svg", "pdf", "png", "tiff"))
    warm_up()
    with style():
        turned = new_figure(2, 2)
        turned.text(0.5, 0.5, "AVAST", rotation=30)
        turned.savefig(io.BytesIO(), format="png")  # the library leaves its fonts turned
        forget(monkeypatch)
        again = render(figure, ("tiff", "png", "pdf", "svg"))
    assert first == again


def test_what_is_grey_everywhere_has_one_channel(figure: Figure) -> None:
    with style():
        recording = Recording(figure)
        grey = new_figure(1, 1)
        grey.text(0.1, 0.5, "grey", color="#595959")
        assert opaque_pixels(recording, PRINT_DPI).shape == (930, 1290, 3)
        assert opaque_pixels(Recording(grey), PRINT_DPI).shape == (300, 300, 1)
        grey.text(0.1, 0.05, ".", color="#58595a", fontsize=3)
        assert opaque_pixels(Recording(grey), PRINT_DPI).shape == (300, 300, 3)


def test_print_files_have_their_resolution(figure: Figure) -> None:
    with style():
        files = render(figure, ("png", "tiff"))
    for content in files.values():
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.mode == "RGB"
            assert picture.size == (1290, 930)
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)


LIBRARY = """
import sys
from twoarm.figures.library import import_library
import_library()
assert "mpl_toolkits.mplot3d" not in sys.modules and "fontTools.ttLib.ttFont" not in sys.modules
from matplotlib import artist
assert artist.kwdoc(artist.Artist)
import mpl_toolkits.mplot3d
import fontTools.subset
assert fontTools.subset.Options
import fontTools.agl
assert fontTools.agl.toUnicode("uni2264") == "≤"
from twoarm.figures.drawing import warm_up
warm_up()
"""


DRAWN = """
import sys
from pathlib import Path
from twoarm.figures.library import import_library
import_library()
from test_figures import EXAMPLE, scope_of
from twoarm.figures.all_figures import all_figures
from twoarm.figures.drawing import draw
for figure in all_figures(scope_of(EXAMPLE)):
    Path(f"{figure.name}.svg").write_bytes(draw(figure, ("svg",))["svg"])
"""


def test_a_library_without_manuals_draws_the_same(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    for name, code in (("lean", DRAWN), ("whole", DRAWN.replace("import_library()\n", "\n"))):
        (tmp_path / name).mkdir()
        subprocess.run(
            [sys.executable, "-c", code], check=True, cwd=tmp_path / name, env=os.environ | {"PYTHONPATH": path}
        )
    lean, whole = ({file.name: file.read_bytes() for file in (tmp_path / n).iterdir()} for n in ("lean", "whole"))
    assert lean == whole
    assert len(lean) == 17


def test_what_is_left_out_of_the_library_comes_back_when_it_is_wanted(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LIBRARY], check=True, cwd=tmp_path)


LISTING = """
import sys
import twoarm.figures.all_figures, twoarm.report.publish, twoarm.study
assert not {"matplotlib", "typst", "scipy.stats"} & set(sys.modules)
"""


def test_figures_are_listed_without_the_drawing_library(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LISTING], check=True, cwd=tmp_path)
