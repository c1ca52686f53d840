"""Pixels -> TIFF as journals ask for it: RGB without transparency, LZW, resolution in the file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

_PREDICTOR = 317  # TIFF 6.0, section 14: each pixel as its difference from the one to its left
_HORIZONTAL = 2


def encode_tiff(rgba: np.ndarray[Any, np.dtype[np.uint8]], dots_per_inch: int) -> bytes:
    """Return an opaque picture of shape (height, width, 4) as TIFF; the alpha channel is left out."""
    out = io.BytesIO()
    height, width, _ = rgba.shape
    picture = Image.frombuffer("RGBA", (width, height), rgba, "raw", "RGBA", 0, 1).convert("RGB")
    resolution = (dots_per_inch, dots_per_inch)
    picture.save(out, "TIFF", compression="tiff_lzw", dpi=resolution, tiffinfo={_PREDICTOR: _HORIZONTAL})
    return out.getvalue()
