"""Pixels -> TIFF as journals ask for it: RGB or grey without transparency, LZW, resolution in the file."""

from __future__ import annotations

import io

import PIL.TiffImagePlugin  # noqa: F401  # makes TIFF known; else all formats are imported to find it
from PIL import Image

from twoarm.figures.pixels import Pixels


def encode_tiff(pixels: Pixels, dots_per_inch: int) -> bytes:
    """Return a picture of shape (height, width, 3), or (height, width, 1) when grey, as TIFF.

    Pixels are packed as they are: as differences from their left neighbours (a predictor) those of drawings took longer
    and more room.
    """
    out = io.BytesIO()
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    resolution = (dots_per_inch, dots_per_inch)
    picture.save(out, "TIFF", compression="tiff_lzw", dpi=resolution)
    return out.getvalue()
