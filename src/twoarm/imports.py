"""What a command does at its start, so that imports take less time; nothing here is for processes of others."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from twoarm.quick_dataclasses import quick_dataclasses


def import_quickly() -> None:
    """Make dataclasses quickly, and look for cycles hundreds of times less often: what is imported stays."""
    quick_dataclasses()
    gc.set_threshold(300_000, 20, 100)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # nothing that is installed watches a protocol
    if os.environ["PYDANTIC_DISABLE_PLUGINS"] == "__all__":  # else what looks for plugins is imported all the same
        stand_in("pydantic.plugin._loader", get_plugins=tuple)


class StandIn(ModuleType):
    """Stands for a module with what is used of it, and makes way for the module when anything else is asked for.

    >>> import wsgiref
    >>> stand_in("wsgiref.simple_server", software_version="any")
    >>> from wsgiref.simple_server import software_version
    >>> import wsgiref.simple_server
    >>> software_version, wsgiref.simple_server.ServerHandler.__name__
    ('any', 'ServerHandler')
    """

    def __init__(self, name: str, **used: Any) -> None:
        super().__init__(name)
        vars(self).update(used)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = import_module(self.__name__)
        vars(self).update({own: value for own, value in vars(module).items() if not own.startswith("__")})
        return getattr(module, name)  # who has this already gets the module's own from here on


def stand_in(name: str, **used: Any) -> None:
    """Put a stand-in in the place of a module that is not imported yet; a package above it that is gets it, too."""
    if name not in sys.modules:
        above, _, own = name.rpartition(".")
        sys.modules[name] = made = StandIn(name, **used)
        if above in sys.modules:
            setattr(sys.modules[above], own, made)
