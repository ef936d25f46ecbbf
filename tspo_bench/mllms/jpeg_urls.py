"""Frames as JPEG data URLs, which chat messages hold."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections import OrderedDict
from concurrent.futures import Future

from PIL import Image

from tspo_bench.types import Pixels

QUALITY = 90
MAX_BYTES = 2**29


def jpeg_url(pixels: Pixels, quality: int = QUALITY) -> str:
    """Return a frame [h, w, 3] as a data URL.

    Args:
        pixels: the frame.
        quality: of the JPEG, as Pillow counts it.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


class JpegURLs:
    """Returns what `jpeg_url` does, and keeps it: questions about a video show the same frames.

    Safe to call from several threads, one of which encodes a new frame.

    Args:
        quality: of the JPEGs.
        max_bytes: of the pixels whose URLs are kept, at most; the least recently used go first. The
            URLs take about a tenth of it.
    """

    def __init__(self, quality: int, max_bytes: int = MAX_BYTES) -> None:
        self._quality, self._max_bytes = quality, max_bytes
        self._kept: OrderedDict[bytes, tuple[Future[str], int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __call__(self, pixels: Pixels) -> str:
        """The data URL of a frame [h, w, 3]."""
        key = hashlib.sha256(pixels.tobytes() + str(pixels.shape).encode()).digest()
        with self._lock:
            known = self._kept.get(key)
            url, num_bytes = self._kept[key] = known or (Future(), pixels.nbytes)
            self._kept.move_to_end(key)
            if known is None:
                self._bytes += num_bytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._kept.popitem(last=False)[1][1]
        if known is None:
            try:
                url.set_result(jpeg_url(pixels, self._quality))
            except BaseException as error:  # noqa: BLE001 - raised in all threads that wait for it
                url.set_exception(error)
                with self._lock:  # the next question tries again
                    if self._kept.pop(key, None):
                        self._bytes -= num_bytes
        return url.result()
