"""A figure's drawing, taken down once, at 72 dots an inch, and played to as many renderers as there are files.

Laying out a figure (ticks, transforms, sizes of texts) costs more than writing a file of it, and is the same for all.
"""

from __future__ import annotations

from typing import Any, cast

from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.transforms import Affine2D, Bbox, TransformedPath

from twoarm.figures.outlines import KNOWN, OUTLINES

DPI = 72  # of what is taken down


class Recording(RendererBase):
    """What a figure draws: names and arguments of the calls that a renderer gets, in points, y upwards.

    Which calls belong to which part of the figure (groups) is left out; it is half of the elements of an SVG.
    """

    def __init__(self, figure: Figure) -> None:
        super().__init__()
        self._text2path = OUTLINES
        self.inches: tuple[float, float] = tuple(figure.get_size_inches().tolist())
        self.width, self.height = (inches * DPI for inches in self.inches)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.grey = True  # until a colour is taken down
        self.on_white = figure.patch.get_visible() and figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
        figure.set_dpi(DPI)
        figure.draw(self)

    def flipy(self) -> bool:
        """Whether y goes down."""
        return False

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the size in points."""
        return self.width, self.height

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Return what a text takes, in points."""
        return OUTLINES.get_text_width_height_descent(s, prop, ismath)

    def _get_font_height_metrics(self, prop: FontProperties) -> tuple[float | None, float | None, float | None]:
        """Return how far lines of a font rise and fall; a library that asks this looks it up for each text else."""
        return OUTLINES.heights(prop) if KNOWN else (None, None, None)

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:
        """Take down a path; one without a line and a face shows nothing."""
        lined = gc.get_linewidth() > 0
        if not lined and rgbFace is None:
            return
        self._see(gc.get_rgb() if lined else None, rgbFace)
        self.calls.append(("draw_path", (_kept(gc), path, transform.frozen(), rgbFace)))

    def draw_markers(self, gc: Any, marker_path: Any, marker_trans: Any, path: Any, trans: Any,
                     rgbFace: Any = None) -> None:  # fmt: skip
        """Take down markers."""
        self._see(gc.get_rgb(), rgbFace)
        marks = marker_path, marker_trans.frozen(), path, trans.frozen(), rgbFace
        self.calls.append(("draw_markers", (_kept(gc), *marks)))

    def draw_path_collection(self, gc: Any, master_transform: Any, paths: Any, all_transforms: Any, offsets: Any,
                             offset_trans: Any, *looks: Any, **more: Any) -> None:  # fmt: skip
        """Take down paths that look alike."""
        self._see(*looks[0], *looks[1])  # colours of faces and of edges
        places = master_transform.frozen(), paths, all_transforms, offsets, offset_trans.frozen()
        self.calls.append(("draw_path_collection", (_kept(gc), *places, looks, more)))

    def draw_text(self, gc: Any, x: float, y: float, s: str, prop: FontProperties, angle: float, ismath: Any = False,
                  mtext: Any = None) -> None:  # noqa: ARG002  # fmt: skip
        """Take down a line of text."""
        assert not ismath, "figures set no formulas"
        self._see(gc.get_rgb())
        self.calls.append(("draw_text", (_kept(gc), x, y, s, prop.copy(), angle)))

    def _see(self, *colours: Any) -> None:
        self.grey = self.grey and all(colour is None or colour[0] == colour[1] == colour[2] for colour in colours)


def _kept(gc: GraphicsContextBase) -> GraphicsContextBase:
    kept = GraphicsContextBase()
    kept.copy_properties(gc)
    return kept


class Player:
    """Plays what was taken down to a renderer that counts in points."""

    def __init__(self, renderer: Any, height: float) -> None:
        self.renderer, self._height = renderer, height

    def play(self, recording: Recording, begin: int = 0) -> None:
        """Draw everything, in its order, or all but what comes first."""
        for name, arguments in recording.calls[begin:]:
            getattr(self, name)(*arguments)

    def context(self, gc: GraphicsContextBase) -> Any:
        """Return the renderer's own kind of graphics context."""
        own = self.renderer.new_gc()
        own.copy_properties(gc)
        return own

    def draw_path(self, gc: GraphicsContextBase, path: Any, transform: Any, face: Any) -> None:
        """Draw a path."""
        self.renderer.draw_path(self.context(gc), path, transform, face)

    def draw_markers(
        self, gc: GraphicsContextBase, marker: Any, marker_transform: Any, path: Any, transform: Any, face: Any
    ) -> None:
        """Draw markers."""
        self.renderer.draw_markers(self.context(gc), marker, marker_transform, path, transform, face)

    def draw_path_collection(self, gc: GraphicsContextBase, master: Any, paths: Any, transforms: Any, offsets: Any,
                             offset_transform: Any, looks: Any, more: Any) -> None:  # fmt: skip
        """Draw paths that look alike."""
        context = self.context(gc)
        self.renderer.draw_path_collection(
            context, master, paths, transforms, offsets, offset_transform, *looks, **more
        )

    def draw_text(
        self, gc: GraphicsContextBase, x: float, y: float, text: str, font: FontProperties, angle: float
    ) -> None:
        """Draw a line of text."""
        y = self._height - y if self.renderer.flipy() else y
        self.renderer.draw_text(self.context(gc), x, y, text, font, angle)


class PixelPlayer(Player):
    """Plays to a renderer of pixels: everything larger, texts as outlines."""

    def __init__(self, renderer: Any, height: float) -> None:
        super().__init__(renderer, height)
        self._scale = renderer.dpi / DPI
        self._grow = Affine2D().scale(self._scale)

    def context(self, gc: GraphicsContextBase) -> Any:
        """Return the graphics context with what it clips to in pixels; widths and dashes stay in points."""
        own = super().context(gc)
        rectangle = gc.get_clip_rectangle()
        if rectangle is not None:
            own.set_clip_rectangle(Bbox(rectangle.get_points() * self._scale))
        path, transform = cast("tuple[Any, Any]", gc.get_clip_path())
        if path is not None:
            own.set_clip_path(TransformedPath(path, transform + self._grow))
        return own

    def draw_path(self, gc: GraphicsContextBase, path: Any, transform: Any, face: Any) -> None:
        """Draw a path."""
        super().draw_path(gc, path, transform + self._grow, face)

    def draw_markers(
        self, gc: GraphicsContextBase, marker: Any, marker_transform: Any, path: Any, transform: Any, face: Any
    ) -> None:
        """Draw markers."""
        super().draw_markers(gc, marker, marker_transform + self._grow, path, transform + self._grow, face)

    def draw_path_collection(self, gc: GraphicsContextBase, master: Any, paths: Any, transforms: Any, offsets: Any,
                             offset_transform: Any, looks: Any, more: Any) -> None:  # fmt: skip
        """Draw paths that look alike."""
        places = paths, transforms, offsets, offset_transform + self._grow
        super().draw_path_collection(gc, master + self._grow, *places, looks, more)

    def draw_text(
        self, gc: GraphicsContextBase, x: float, y: float, text: str, font: FontProperties, angle: float
    ) -> None:
        """Fill the outlines of a line of text."""
        context = self.context(gc)
        context.set_linewidth(0)
        context.set_snap(False)
        scale = self._scale
        if angle:
            place = Affine2D().rotate_deg(angle).translate(x, y) + self._grow
        else:
            place = Affine2D.from_values(scale, 0.0, 0.0, scale, x * scale, y * scale)
        self.renderer.draw_path(context, OUTLINES.path_of(text, font), place, gc.get_rgb())
