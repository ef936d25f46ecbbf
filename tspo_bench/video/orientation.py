"""How decoded pictures are mirrored and turned to be shown, as FFmpeg's automatic rotation does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

from tspo_bench.types import Pixels


@dataclass(frozen=True)
class Orientation:
    """A picture is first mirrored left to right, then turned.

    Attributes:
        rotation: degrees clockwise, 0 to 359.
        mirrored: mirrored before it is turned.
    """

    rotation: int = 0
    mirrored: bool = False

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """The shown width and height of a stored picture, or the other way round."""
        return (height, width) if self.rotation in (90, 270) else (width, height)

    @property
    def odd_angle(self) -> int:
        """The rotation, where it is not a right angle; else 0.

        Such a picture keeps its size: the corners are cut off, and what is uncovered is black.
        """
        return self.rotation if self.rotation % 90 else 0

    def apply(self, picture: Pixels) -> Pixels:
        """A picture [h, w, 3] as it is shown, but for an odd angle (see `RGBConverter`)."""
        if self.mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, -(self.rotation - self.odd_angle) // 90)


def orientation_of(frame: VideoFrame) -> Orientation | None:
    """The orientation in the frame's display matrix; None without one.

    The matrix comes from the container (MP4's track header, Matroska's projection, HEIF's irot and
    imir) or from the stream (the display orientation message of H.264 and HEVC, a JPEG's Exif).
    """
    try:
        found = cast(SideDataContainer, frame.side_data)
        side_data = [found[index] for index in range(len(found))]
    except ValueError:
        # PyAV 15.1 does not know all kinds of side data of FFmpeg 7.1, and one of those unknown
        # hides the rest. The rotation alone can still be read, without a mirror.
        return Orientation(-frame.rotation % 360)
    for data in side_data:
        if data.type is Type.DISPLAYMATRIX:
            return _from_matrix(np.frombuffer(bytes(data), np.int32).tolist())
    return None


def _from_matrix(matrix: list[int]) -> Orientation:
    """A display matrix of 3 x 3 numbers, read as the ffmpeg command reads it.

    Its rules are `av_display_rotation_get` (libavutil/display.c), `get_rotation`
    (fftools/cmdutils.c) and `configure_input_video_filter` (fftools/ffmpeg_filter.c) of FFmpeg 7.1:
    the angle of the x axis, in whole degrees; mirrors at right angles alone; nothing at 1 degree.
    """
    a, b, _, c, d = matrix[:5]
    across, along = math.hypot(a, c), math.hypot(b, d)
    if not across or not along:
        return Orientation()
    angle = round(math.degrees(math.atan2(b / along, a / across))) % 360
    if angle == 0:
        return Orientation(180, mirrored=True) if d < 0 else Orientation()
    if angle == 90:
        return Orientation(270, mirrored=True) if c > 0 else Orientation(90)
    if angle == 180:
        return Orientation(180) if d < 0 else Orientation(0, mirrored=True)
    if angle == 270:
        return Orientation(90, mirrored=True) if c < 0 else Orientation(270)
    return Orientation(0 if angle == 1 else angle)
