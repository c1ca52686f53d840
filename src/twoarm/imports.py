"""Modules that libraries import and this package never uses: put off until somebody does."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec


def put_off(*names: str) -> None:
    """Let modules be imported on first use, where they are installed and have not been imported.

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
