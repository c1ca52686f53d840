"""The drawing library, imported without what figures never use; for a process that draws and does nothing else."""

from __future__ import annotations

import sys
import warnings
from typing import Any, cast

from twoarm.imports import put_off

_THREE_DIMENSIONS = "mpl_toolkits.mplot3d"


def _no_manual(_: object) -> str:
    """Stand for the manual of a class; to write them all takes a fifth of the library's import."""
    return ""


def import_library() -> None:
    """Import the drawing library; what is left out comes back when somebody else asks for it."""
    if "matplotlib.figure" in sys.modules:
        return
    put_off("fontTools.subset")
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
