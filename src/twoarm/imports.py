"""What a command does at its start, so that imports take less time; nothing here is for processes of others."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType
from typing import Any

from twoarm.quick_dataclasses import quick_dataclasses


def import_quickly() -> None:
    """Make dataclasses quickly, and look for cycles hundreds of times less often: what is imported stays."""
    quick_dataclasses()
    gc.set_threshold(300_000, 20, 100)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # nothing that is installed watches a protocol
    if os.environ["PYDANTIC_DISABLE_PLUGINS"] == "__all__":  # else what looks for plugins is imported all the same
        sys.modules.setdefault("pydantic.plugin._loader", StandIn("pydantic.plugin._loader", get_plugins=tuple))


class StandIn(ModuleType):
    """Stands for a module with what is used of it, and makes way for the module when anything else is asked for."""

    def __init__(self, name: str, **used: Any) -> None:
        super().__init__(name)
        vars(self).update(used)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


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
