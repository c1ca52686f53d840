"""The drawing library, imported without what figures never use; for a process that draws and does nothing else."""

from __future__ import annotations

import sys
import warnings
from typing import Any, cast

from twoarm.imports import put_off

_THREE_DIMENSIONS = "mpl_toolkits.mplot3d"


class _Undocumented:
    """Writes no manual of a class, which takes a third of the library's import."""

    def __init__(self, _: object) -> None:
        self.aliasd: dict[str, set[str]] = {}

    def get_setters(self) -> list[str]:
        return []

    def pprint_setters(self, *_: object, **__: object) -> list[str]:
        return []


def import_library() -> None:
    """Import the drawing library; what is left out comes back when somebody else asks for it."""
    if "matplotlib.figure" in sys.modules:
        return
    put_off("fontTools.subset")
    from matplotlib import artist

    documented = artist.ArtistInspector
    artist.ArtistInspector = _Undocumented  # type: ignore[assignment, misc]
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
        artist.ArtistInspector = documented  # type: ignore[misc]
        del modules[_THREE_DIMENSIONS]
