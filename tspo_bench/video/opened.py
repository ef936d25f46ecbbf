"""The result of opening a video file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tspo_bench.types import VideoInfo
from tspo_bench.video.timeline import Timeline


@dataclass(frozen=True)
class OpenedVideo:
    """Everything known of a file once it is open; with it, another process opens it at once.

    Attributes:
        info: the video's facts.
        timeline: its frames, and how to reach each.
        decoder_options: FFmpeg's options for the decoder.
        one_thread: frames of this file are proven whole only where one thread decodes.
        seeks: whether the file can be entered in the middle.
    """

    info: VideoInfo
    timeline: Timeline
    decoder_options: Mapping[str, str]
    one_thread: bool
    seeks: bool
