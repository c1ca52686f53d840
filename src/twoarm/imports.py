"""What a command does at its start, so that imports take less time; nothing here is for processes of others."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType
from typing import Any, cast

_OTHER_ARRAYS = "scipy.special._support_alternative_backends"
_OF_NUMPY = ("f2py", "testing", "ctypeslib", "ma", "fft", "polynomial", "rec", "char", "strings", "core", "typing")


def collect_seldom() -> None:
    """Look for cycles hundreds of times less often: what is imported stays, and to look through it again takes long.

    What is there in the end goes with the process, and is not looked through before either.
    """
    gc.set_threshold(300_000, 20, 100)
    atexit.register(gc.freeze)


def put_off(*names: str) -> None:
    """Let modules be imported on first use, which never comes; where they are installed and not imported already.

    >>> put_off("wsgiref.simple_server")
    >>> import wsgiref.simple_server
    >>> wsgiref.simple_server.ServerHandler.__name__
    'ServerHandler'
    """
    for name in names:
        spec = None if name in sys.modules else find_spec(name)
        if spec is None or spec.loader is None:
            continue
        spec.loader = LazyLoader(spec.loader)
        module = module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        above, _, own = name.rpartition(".")
        setattr(import_module(above), own, module)  # else "from above import own" would look for it, and load it


def import_special() -> None:
    """Import scipy's special functions as they are for numpy's arrays, without what nobody uses.

    To say in each function's manual which other arrays it takes, scipy reads them all, which takes longer than the
    functions; and it asks numpy for every part that it has.
    """
    put_off(*(f"numpy.{part}" for part in _OF_NUMPY))
    modules = cast("dict[str, Any]", sys.modules)
    if _OTHER_ARRAYS in modules or os.environ.get("SCIPY_ARRAY_API"):
        return
    nothing = ModuleType(_OTHER_ARRAYS)
    nothing.__all__ = []  # type: ignore[attr-defined]
    modules[_OTHER_ARRAYS] = nothing
    try:
        import scipy.special  # noqa: F401
    except ImportError:  # a version that takes something by name from there; who needs it imports it whole
        return
    finally:
        del modules[_OTHER_ARRAYS]
