"""Which frames a file holds and when they are shown, from one pass over its packets."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from tspo_bench.types import FloatArray, IntArray

# Containers whose packets carry no presentation times: what FFmpeg makes up for them is wrong where
# there are B-frames, so their frames are counted as they come out of the decoder.
_FORMATS_WITHOUT_TIMES = frozenset({"avi", "h264", "hevc", "m4v"})


@dataclass(frozen=True)
class Timeline:
    """The n frames of a file in presentation order, and how to reach each.

    Attributes:
        pts: presentation times [n] in units of `time_base`, rising; frame numbers if `counted`.
        time_base: seconds a unit.
        end: presentation time at which the last frame ends, same unit.
        positions: where each frame's packet stands in decoding order [n].
        starts: position of the keyframe from which each frame can be decoded [n].
        packet_pts, packet_dts: the times of all packets [m] in decoding order.
        open_gop: some frames need a keyframe before the one that they follow in the file.
        counted: the packets carry no presentation times.
    """

    pts: IntArray
    time_base: Fraction
    end: int
    positions: IntArray
    starts: IntArray
    packet_pts: IntArray
    packet_dts: IntArray
    open_gop: bool = False
    counted: bool = False

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def seconds(self) -> FloatArray:
        """Presentation times [n] in seconds from the first frame."""
        return np.asarray((self.pts - self.pts[:1]) * float(self.time_base), np.float64)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame's start to the last one's end."""
        return (self.end - int(self.pts.min())) * self.time_base

    def position_of(self, pts: int | None) -> int | None:
        """Where the packet shown at `pts` stands in decoding order; None if there is none."""
        if pts is None:
            return None
        found = np.flatnonzero(self.packet_pts == pts)
        return int(found[0]) if len(found) else None


def read_timeline(container: InputContainer, stream: VideoStream) -> Timeline:
    """Read all packets of a stream (nothing is decoded) and lay out its frames.

    Packets that an edit list cuts off, and those that lean on a picture before a recording's first
    keyframe, are never shown and are no frames.
    """
    packets = [_facts(packet) for packet in container.demux(stream) if packet.size]
    time_base = stream.time_base or Fraction(1, av.time_base)
    no_times = container.format.name in _FORMATS_WITHOUT_TIMES
    if no_times or any(pts is None for pts, *_ in packets):
        return _counted(len(packets), stream.guessed_rate or Fraction(25))
    table = np.array(packets, dtype=np.int64).reshape(-1, 5)
    pts, dts, is_key, is_shown, duration = (table[:, column] for column in range(5))
    keys = np.flatnonzero(is_key)
    is_shown = is_shown.astype(bool)
    # A broadcast is cut anywhere. Elsewhere a file without a keyframe in front is damaged, and its
    # frames keep their numbers.
    if len(keys) and (keys[0] == 0 or container.format.name == "mpegts"):
        is_shown &= pts >= pts[keys[0]]
        is_shown[: keys[0]] = False
    shown = np.flatnonzero(is_shown)
    shown_pts, first = np.unique(pts[shown], return_index=True)
    positions = shown[first]
    end = int(shown_pts[-1] + _last_duration(duration[positions], shown_pts)) if len(shown) else 0
    starts = _starts(pts, positions, keys)
    open_gop = bool((np.diff(starts[np.argsort(positions)]) < 0).any())
    return Timeline(shown_pts, time_base, end, positions, starts, pts, dts, open_gop)


def _facts(packet: Packet) -> tuple[int | None, int | None, bool, bool, int]:
    dts = packet.pts if packet.dts is None else packet.dts
    shown = not packet.is_discard and not _is_hidden(packet)
    return packet.pts, dts, packet.is_keyframe, shown, packet.duration or 0


def _is_hidden(packet: Packet) -> bool:
    """VP8's alternate reference frames are packets of their own that are never shown."""
    return packet.stream.codec_context.name == "vp8" and not memoryview(packet)[0] & 0x10


def _last_duration(durations: IntArray, pts: IntArray) -> int:
    """How long the last frame stays: what its packet says, else as long as the one before it."""
    if durations[-1] > 0 or len(pts) == 1:
        return int(durations[-1])
    return int(pts[-1] - pts[-2])


def _starts(pts: IntArray, positions: IntArray, keys: IntArray) -> IntArray:
    """The last keyframe, in decoding order, that is both decoded and shown before each frame.

    A frame decoded after a keyframe but shown before it (open GOP) needs the one before that.
    """
    keys = np.union1d([0], keys)  # without a keyframe in front, from the file's start
    nearest = np.searchsorted(keys, positions, side="right") - 1
    while (leading := (pts[keys[nearest]] > pts[positions]) & (nearest > 0)).any():
        nearest[leading] -= 1
    return keys[nearest]


def _counted(num_frames: int, rate: Fraction) -> Timeline:
    numbers = np.arange(num_frames, dtype=np.int64)
    starts = np.zeros_like(numbers)
    return Timeline(numbers, 1 / rate, num_frames, numbers, starts, numbers, numbers, counted=True)
