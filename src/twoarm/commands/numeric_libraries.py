"""Numpy, scipy and polars, imported without what no study uses."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from twoarm.imports import stand_in

_SPECIAL = "scipy.special"
_ICEBERG = "polars.io.iceberg"
_KNOWN = "1.17."  # scipy's version in which numpy's arrays get the compiled functions as they are


def import_numeric_libraries() -> None:
    """Import numpy and scipy's special functions in a process that runs a study and does nothing else.

    Polars, which takes longer, is imported where it is used first.
    """
    _stand_in_for_masked_arrays()
    _import_special()
    _stand_in_for_iceberg()


def _stand_in_for_masked_arrays() -> None:
    """Keep numpy from importing masked arrays when it or polars asks whether it got one; nobody makes any."""
    import numpy as np

    class MaskedArray(np.ndarray):
        """What no array is."""

    asked = {"is_masked": lambda _: False, "getmask": lambda _: np.False_, "getdata": np.asarray}
    place = [str(Path(np.__file__).parent / "ma")]
    stand_in("numpy.ma", __path__=place, MaskedArray=MaskedArray, nomask=np.False_, **asked)


def _import_special() -> None:
    """Import ``scipy.special`` with its compiled functions alone.

    Scipy reads the manual of each function to say in it which other arrays the function takes, and imports what
    handles these; both take ten times as long as to load the functions. The functions are the same objects; of another
    version scipy is imported whole.
    """
    import scipy

    whole = not scipy.__version__.startswith(_KNOWN) or bool(os.environ.get("SCIPY_ARRAY_API"))
    if whole or _SPECIAL in sys.modules:
        return
    stand_in(_SPECIAL, __path__=[str(Path(scipy.__file__).parent / "special")])
    functions = vars(import_module(f"{_SPECIAL}._ufuncs"))
    vars(sys.modules[_SPECIAL]).update({name: value for name, value in functions.items() if not name.startswith("_")})


def _stand_in_for_iceberg() -> None:
    """Keep polars from importing what plans scans of Iceberg tables, a fifth of its import; no study does."""
    found = find_spec("polars")
    assert found is not None, "twoarm is installed with it"
    places = [str(Path(place, "io", "iceberg")) for place in found.submodule_search_locations or ()]
    stand_in(_ICEBERG, __path__=places, delete_iceberg=None, scan_iceberg=None)
