"""Frames as a transformers processor takes them: a video with its times, or images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers.video_utils import VideoMetadata

from tspo_bench.types import Frames, Request

TICKS = 1000  # a second, on the clock of videos whose frame rate varies


def video_inputs(requests: Sequence[Request]) -> dict[str, Any]:
    """A processor's arguments for one video a request: the frames as they are, none dropped."""
    return {
        "videos": [[request.frames.pixels] for request in requests],
        "videos_kwargs": {
            "video_metadata": [video_metadata(request) for request in requests],
            "do_sample_frames": False,
            "input_data_format": "channels_last",
        },
    }


def in_groups(request: Request, size: int, repeat: bool = False) -> Request:
    """A request whose frames fill groups of `size`, which a class fuses into one grid step.

    `repeat` gives each frame a group of its own. Else a video of less than one group, which some
    processors refuse, repeats its last frame, as the same processors do where a count is odd.
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
    """A processor's arguments for one list of images a request.

    `processor` is its image processor: where that would cut an image into tiles by a switch, the
    switch is off, so that a frame costs what it costs in a video.
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
    """The true times of a request's frames, in the form that processors read.

    Processors take a frame's time to be its index / fps. Where the video's frame rate varies, that
    is not its time: then frames are counted on a clock of 1000 ticks a second instead.
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
