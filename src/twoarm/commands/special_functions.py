"""Scipy's special functions, imported as they are for numpy's arrays, without what nobody uses."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

_NAME = "scipy.special"
_KNOWN = "1.17."  # the version in which numpy's arrays get the compiled functions as they are


class _Compiled(ModuleType):
    """Stands for the package with its compiled functions, and makes way for it when anything else is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(_NAME) is self:
            del sys.modules[_NAME]
        return getattr(import_module(_NAME), name)


def import_special() -> None:
    """Import ``scipy.special`` in a process that runs a study and does nothing else.

    Scipy reads the manual of each function to say in it which other arrays the function takes, and imports what
    handles these; both take ten times as long as to load the functions. The functions are the same objects; of another
    version scipy is imported whole.
    """
    import scipy

    whole = not scipy.__version__.startswith(_KNOWN) or bool(os.environ.get("SCIPY_ARRAY_API"))
    if whole or _NAME in sys.modules:
        return
    compiled = _Compiled(_NAME)
    compiled.__path__ = [str(Path(scipy.__file__).parent / "special")]
    sys.modules[_NAME] = compiled
    try:
        functions = vars(import_module(f"{_NAME}._ufuncs"))
    except BaseException:
        del sys.modules[_NAME]
        raise
    vars(compiled).update({name: value for name, value in functions.items() if not name.startswith("_")})
