"""Frames for a transformers processor: a video with its times, or images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers.video_utils import VideoMetadata

from tspo_bench.types import Frames, Request

TICKS = 1000  # a second, for videos of variable frame rate


def video_inputs(requests: Sequence[Request]) -> dict[str, Any]:
    """Return a processor's arguments for one video a request, without sampling frames again."""
    return {
        "videos": [[request.frames.pixels] for request in requests],
        "videos_kwargs": {
            "video_metadata": [video_metadata(request) for request in requests],
            "do_sample_frames": False,
            "input_data_format": "channels_last",
        },
    }


def in_groups(request: Request, size: int, repeat: bool = False) -> Request:
    """Fill groups of `size` frames, which a class fuses into one grid step.

    `repeat` gives each frame its own group. Otherwise only a video of less than one group, which
    some processors reject, repeats its last frame, as they do for an odd count.
    """
    frames = request.frames
    if repeat:
        take = np.repeat(np.arange(len(frames)), size)
    else:
        take = np.minimum(np.arange(max(size, len(frames))), len(frames) - 1)
    if len(take) == len(frames):
        return request
    more = Frames(frames.indices[take], frames.seconds[take], frames.pixels[take])
    return dataclasses.replace(request, frames=more)


def image_inputs(requests: Sequence[Request], processor: Any) -> dict[str, Any]:
    """Return a processor's arguments for one list of images a request.

    The image processor's tiling, if it is optional, is off: a frame costs the same as in a video.
    """
    switches = ("crop_to_patches", "do_image_splitting")
    return {
        "images": [list(request.frames.pixels) for request in requests],
        "images_kwargs": {
            "input_data_format": "channels_last",
            **{switch: False for switch in switches if hasattr(processor, switch)},
        },
    }


def video_metadata(request: Request) -> VideoMetadata:
    """Return the true times of a request's frames, in the form that processors read.

    Processors compute a frame's time as index / fps, which is wrong for a variable frame rate: then
    the indices count milliseconds.
    """
    frames = request.frames
    fps, indices = request.frame_rate, frames.indices
    total = request.num_frames or int(indices[-1]) + 1
    duration = total / fps
    if np.abs(indices / fps - frames.seconds).max() > 0.5 / fps:
        fps, indices = float(TICKS), np.round(frames.seconds * TICKS).astype(np.int64)
        total = round(duration * TICKS)
    return VideoMetadata(
        total_num_frames=total,
        fps=fps,
        width=frames.pixels.shape[2],
        height=frames.pixels.shape[1],
        duration=duration,
        frames_indices=indices.tolist(),
    )
