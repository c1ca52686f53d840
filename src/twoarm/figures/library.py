"""The drawing library, imported without what figures never use; for a process that draws and does nothing else."""

from __future__ import annotations

import io
import sys
import warnings
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from twoarm.imports import stand_in

_THREE_DIMENSIONS = "mpl_toolkits.mplot3d"


def is_known() -> bool:
    """Whether the library is of the version whose ways are known; of another, what is not public is left alone."""
    import matplotlib as mpl

    return mpl.__version_info__[:2] == (3, 11)


def _no_manual(_: object) -> str:
    """Stand for the manual of a class; to write them all takes a fifth of the library's import."""
    return ""


def import_library() -> None:
    """Import the drawing library; what is left out comes back when somebody else asks for it."""
    if "matplotlib.figure" in sys.modules:
        return
    import_module("fontTools")
    stand_in("fontTools.subset")
    stand_in("fontTools.agl")
    from matplotlib import artist

    manual = artist.kwdoc
    artist.kwdoc = _no_manual  # type: ignore[assignment]
    modules = cast("dict[str, Any]", sys.modules)
    modules[_THREE_DIMENSIONS] = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are no three dimensions
            import matplotlib.backends.backend_agg
            import matplotlib.backends.backend_pdf
            import matplotlib.backends.backend_svg
            import matplotlib.figure  # noqa: F401
    finally:
        artist.kwdoc = manual
        del modules[_THREE_DIMENSIONS]
    _read_fonts_whole()


def _read_fonts_whole() -> None:
    """Let fonts be read when they are opened, and not piece by piece whenever a glyph is wanted.

    To seek and read in a Python file took half of the time in which texts are shaped. Nothing of an open file is shared
    with a copy of this process either, so that a copy may go on with the fonts and texts that are known.
    """
    from matplotlib import font_manager, ft2font

    if not is_known():
        return
    library, manager = cast("Any", ft2font), cast("Any", font_manager)
    usual, make = manager._get_font.__wrapped__, ft2font.FT2Font

    @lru_cache(64)
    def whole(*paths: Any, **options: Any) -> Any:
        library.FT2Font = lambda path, **more: make(_Content(path), **more)
        try:
            return usual(*paths, **options)
        finally:
            library.FT2Font = make

    manager._get_font = whole


class _Content(io.BytesIO):
    """A file's content; the font library asks for the file's name by ``str``."""

    def __init__(self, path: str) -> None:
        super().__init__(Path(path).read_bytes())
        self._path = path

    def __str__(self) -> str:
        return self._path
