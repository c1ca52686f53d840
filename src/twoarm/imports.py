"""What a command does at its start, so that imports take less time; nothing here is for processes of others."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec

from twoarm.quick_dataclasses import quick_dataclasses


def import_quickly() -> None:
    """Make dataclasses quickly, and look for cycles hundreds of times less often: what is imported stays."""
    quick_dataclasses()
    gc.set_threshold(300_000, 20, 100)


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
