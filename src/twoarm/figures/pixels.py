"""What was taken down of a figure -> pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg

from twoarm.figures.recording import PixelPlayer, Recording

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
_SIZES = 4  # of figures, for which room is kept: 12 MB each


def opaque_pixels(recording: Recording, dots_per_inch: int) -> Pixels:
    """Return shape (height, width, 3), or (height, width, 1) where nothing has a colour.

    A figure is opaque, so that its alpha channel can be left out.
    """
    width, height = (int(inches * dots_per_inch) for inches in recording.inches)
    renderer = _renderer(width, height, dots_per_inch)
    rgba = np.asarray(renderer.buffer_rgba())  # type: ignore[no-untyped-call]
    rgba.fill(255)  # also in place of a white figure's own first rectangle, which is drawn as shapes are
    PixelPlayer(renderer, recording.height).play(recording, begin=int(recording.on_white))
    channels = 1 if recording.grey else 3
    kept = np.empty((height, width, channels), dtype=np.uint8)
    for channel in range(channels):  # five times as fast as all three at once
        kept[..., channel] = rgba[..., channel]
    return kept


@lru_cache(_SIZES)
def _renderer(width: int, height: int, dots_per_inch: int) -> RendererAgg:
    """Return a renderer with the pixels of the last figure of this size; to make a new one takes as long as to draw."""
    return RendererAgg(width, height, dots_per_inch)  # type: ignore[no-untyped-call]
