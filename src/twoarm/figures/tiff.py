"""Pixels -> TIFF as journals ask for it: RGB without transparency, LZW, resolution in the file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.TiffImagePlugin  # noqa: F401  # makes TIFF known; else all formats are imported to find it
from PIL import Image

_PREDICTOR = 317  # TIFF 6.0, section 14: each pixel as its difference from the one to its left
_HORIZONTAL = 2


def encode_tiff(rgb: np.ndarray[Any, np.dtype[np.uint8]], dots_per_inch: int) -> bytes:
    """Return a picture of shape (height, width, 3) as TIFF."""
    out = io.BytesIO()
    picture = Image.fromarray(rgb)
    resolution = (dots_per_inch, dots_per_inch)
    picture.save(out, "TIFF", compression="tiff_lzw", dpi=resolution, tiffinfo={_PREDICTOR: _HORIZONTAL})
    return out.getvalue()
