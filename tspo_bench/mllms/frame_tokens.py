"""Keeps the visual tokens of frames, so that a frame shown again passes the vision tower once.

Rollouts of a question, questions about a video and cells of a run show the same frames. Only for
classes whose tokens of a frame depend on no other frame.
"""

from __future__ import annotations

import functools
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPooling

from tspo_bench.mllms.equal_frames import share_equal_frames

MAX_BYTES = 2**29
# By class: how many tokens close a video after those of its frames.
_VIDEOS = {"LlavaOnevisionModel": 1, "GridModel": 0, "LlavaNextVideoModel": 0}
# Whose features of images [n, channels, height, width] are a tensor or a list, one row an image.
_IMAGES: dict[str, Callable[[Tensor], Any]] = {
    "InternVLModel": lambda rows: rows,
    "LlavaModel": list,
}


class FrameTokens:
    """Tokens of frames by their pixels, the least recently used forgotten first.

    Args:
        max_bytes: of tokens kept, at most; what one call needs is always kept for its length.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[bytes, Tensor] = OrderedDict()

    def __call__(self, frames: Tensor, encode: Callable[[Tensor], Tensor]) -> Tensor:
        """Tokens [n, t, d] of frames [n, channels, height, width].

        `encode` computes those of frames that are not kept, all in one call.
        """
        keys = [_key(frame) for frame in frames.cpu()]
        new = {key: row for row, key in enumerate(keys) if key not in self._kept}
        if new:
            rows = torch.tensor(list(new.values()), device=frames.device)
            for key, tokens in zip(new, encode(frames[rows]), strict=True):
                self._kept[key] = tokens.clone()
                self._bytes += tokens.nbytes
        found = torch.stack([self._kept[key] for key in keys])
        for key in keys:
            self._kept.move_to_end(key)
        while self._bytes > self._max_bytes:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return found


def encode_frames_once(model: nn.Module) -> None:
    """Let a model compute the tokens of equal frames once, also across calls.

    A class that is not known to encode frames independently shares equal frames of a batch only,
    and those by `share_equal_frames`, which checks.
    """
    share_equal_frames(model)
    inner: Any = getattr(model, "model", None)
    name, kept = type(inner).__name__, FrameTokens()
    if name in _VIDEOS:
        inner.get_video_features = _of_videos(inner.get_video_features, kept, _VIDEOS[name])
    elif name in _IMAGES:
        inner.get_image_features = _of_images(inner.get_image_features, kept, _IMAGES[name])


def _of_videos(features: Callable[..., Any], kept: FrameTokens, closing: int) -> Callable[..., Any]:
    @functools.wraps(features)  # `generate` reads its signature
    def by_frame(pixel_values_videos: Tensor, **options: Any) -> Any:
        videos, frames = pixel_values_videos.shape[:2]

        def encode(rows: Tensor) -> Tensor:
            found: Tensor = features(rows[:, None], **options).pooler_output
            return found

        tokens = kept(pixel_values_videos.flatten(0, 1), encode)
        ends = tokens[::frames, tokens.shape[1] - closing :]
        tokens = tokens[:, : tokens.shape[1] - closing]
        by_video = tokens.unflatten(0, (videos, frames)).flatten(1, 2)
        return BaseModelOutputWithPooling(pooler_output=torch.cat((by_video, ends), 1))

    return by_frame


def _of_images(
    features: Callable[..., Any], kept: FrameTokens, form: Callable[[Tensor], Any]
) -> Callable[..., Any]:
    @functools.wraps(features)
    def by_image(pixel_values: Tensor, **options: Any) -> Any:
        if options.get("image_sizes") is not None:  # images of several sizes in one row
            return features(pixel_values, **options)

        def encode(rows: Tensor) -> Tensor:
            found = features(rows, **options).pooler_output
            return found if isinstance(found, Tensor) else torch.stack(list(found))

        return BaseModelOutputWithPooling(pooler_output=form(kept(pixel_values, encode)))

    return by_image


def _key(frame: Tensor) -> bytes:
    """A digest of a frame's values and shape."""
    values = frame.contiguous().view(torch.uint8).numpy()
    return hashlib.sha256(values.tobytes() + str(tuple(frame.shape)).encode()).digest()
