"""Frames as a transformers processor takes them: a video with its times, or images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers.video_utils import VideoMetadata

from tspo_bench.types import Frames, Request

TICKS = 1000  # a second, on the clock of videos whose frame rate varies


def video_inputs(requests: Sequence[Request], shortest: int = 1) -> dict[str, Any]:
    """A processor's arguments for one video a request: the frames as they are, none dropped.

    A video of fewer than `shortest` frames, which some processors refuse, repeats its last one, as
    the same processors do where a frame count is odd.
    """
    requests = [_repeat_last(request, shortest) for request in requests]
    return {
        "videos": [[request.frames.pixels] for request in requests],
        "videos_kwargs": {
            "video_metadata": [video_metadata(request) for request in requests],
            "do_sample_frames": False,
            "input_data_format": "channels_last",
        },
    }


def _repeat_last(request: Request, shortest: int) -> Request:
    frames = request.frames
    if len(frames) >= shortest:
        return request
    take = np.minimum(np.arange(shortest), len(frames) - 1)
    repeated = Frames(frames.indices[take], frames.seconds[take], frames.pixels[take])
    return dataclasses.replace(request, frames=repeated)


def image_inputs(requests: Sequence[Request]) -> dict[str, Any]:
    """A processor's arguments for one list of images a request."""
    return {
        "images": [list(request.frames.pixels) for request in requests],
        "images_kwargs": {"input_data_format": "channels_last"},
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
