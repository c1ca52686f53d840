"""Scipy's special functions, imported as they are for numpy's arrays, without what nobody uses."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any, cast

from twoarm.imports import put_off

_OTHER_ARRAYS = "scipy.special._support_alternative_backends"
_KNOWN = "1.17."  # the version in which that module gives numpy's arrays the functions that were there before


def import_special() -> None:
    """Import ``scipy.special`` in a process that runs a study and does nothing else.

    To say in each function's manual which other arrays it takes, scipy reads all of these manuals, which takes longer
    than to load the functions. The functions are the same objects; of another version scipy is imported whole.
    """
    put_off("numpy.f2py", "numpy.testing", "numpy.ctypeslib")  # which scipy takes from numpy, and nobody uses
    import scipy

    modules = cast("dict[str, Any]", sys.modules)
    whole = not scipy.__version__.startswith(_KNOWN) or bool(os.environ.get("SCIPY_ARRAY_API"))
    if whole or "scipy.special" in modules:
        return
    nothing = ModuleType(_OTHER_ARRAYS)
    nothing.__all__ = []  # type: ignore[attr-defined]
    modules[_OTHER_ARRAYS] = nothing
    try:
        import scipy.special
    finally:
        del modules[_OTHER_ARRAYS]
