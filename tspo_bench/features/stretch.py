"""Frames brought to a given size, whatever their aspect."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tspo_bench.types import Pixels


def stretched(pixels: Pixels, width: int, height: int) -> Pixels:
    """Frames [n, height, width, 3] of those of another size, bilinear; the aspect is not kept."""
    if pixels.shape[1:3] == (height, width):
        return pixels
    size, resample = (width, height), Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(p).resize(size, resample)) for p in pixels])
