"""Scipy's special functions, imported as they are for numpy's arrays, without what nobody uses."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any, cast

from twoarm.imports import put_off

_OTHER_ARRAYS = "scipy.special._support_alternative_backends"
_OF_NUMPY = ("f2py", "testing", "ctypeslib", "ma", "fft", "polynomial", "rec", "char", "strings")


def import_special() -> None:
    """Import ``scipy.special`` in a process that runs a study and does nothing else.

    To say in each function's manual which other arrays it takes, scipy reads all of these manuals, which takes longer
    than to load the functions; and it asks numpy for every part that it has. The functions are the same objects.
    """
    put_off(*(f"numpy.{part}" for part in _OF_NUMPY))
    modules = cast("dict[str, Any]", sys.modules)
    if "scipy.special" in modules or os.environ.get("SCIPY_ARRAY_API"):
        return
    nothing = ModuleType(_OTHER_ARRAYS)
    nothing.__all__ = []  # type: ignore[attr-defined]
    modules[_OTHER_ARRAYS] = nothing
    try:
        import scipy.special  # noqa: F401
    except ImportError:  # another version, which takes something by name from there, and is imported whole
        return
    finally:
        del modules[_OTHER_ARRAYS]
