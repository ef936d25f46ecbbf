"""Which decoded frames may be passed on: FFmpeg conceals damage."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from tspo_bench.types import IntArray
from tspo_bench.video.disposable import Disposable
from tspo_bench.video.frame_numbers import FrameNumbers
from tspo_bench.video.keyframes import is_overwritten, length_size
from tspo_bench.video.timeline import REORDERING, Timeline

# Codecs whose packets each yield one frame, and whose decoders in FFmpeg 7.1 do not mark pictures
# that lean on a lost one.
_ALL_COME_OUT = frozenset({"hevc"})


class NotProvenError(Exception):
    """A pass of the decoder has to end: what comes next is not proven to be whole."""


class Gate:
    """Lets the wanted frames of one pass through, once all that they may lean on came out whole.

    A frame may lean on every packet from its keyframe on up to its own, and some of these are shown
    after it. FFmpeg marks a frame whose own packet was damaged, but not those that lean on it.

    Args:
        timeline: the file's.
        start: position of the pass's first packet.
        wanted: rising frame numbers.
        codec: the stream's.
    """

    def __init__(
        self, timeline: Timeline, start: int, wanted: IntArray, codec: VideoCodecContext
    ) -> None:
        self._timeline, self._start = timeline, start
        self._frame_numbers = FrameNumbers(codec)
        self._disposable = Disposable(codec, self._frame_numbers)
        self._units = codec.name, length_size(codec.name, codec.extradata or b"")
        self._all_come_out = codec.name in _ALL_COME_OUT
        self._wanted = deque(wanted.tolist())
        self._kept = set() if timeline.counted else set(timeline.positions[wanted].tolist())
        self._alone = len(wanted) == 1  # tried from further back: it may lean on all from there on
        self._came: dict[int, tuple[VideoFrame, int]] = {}
        self._count = int(np.searchsorted(timeline.positions, start))  # of frames, if counted
        self._expected: deque[int] = deque()  # positions sent to the decoder, rising
        self._damaged: list[float] = []  # positions; halves are gaps before them
        self._furthest = start

    @property
    def done(self) -> bool:
        """Whether all wanted frames are through."""
        return not self._wanted

    def may_skip(self, position: int, packet: Packet) -> bool:
        """Whether a packet need not be decoded: it is not wanted, and no other picture needs it."""
        if position in self._kept or self._timeline.counted:
            return False
        return self._disposable(packet)

    def sent(self, position: int, packet: Packet) -> None:
        """Note that the packet at this position goes to the decoder."""
        if self._comes_out(position):
            self._expected.append(position)
        if self._timeline.packets.is_corrupt[position] or is_overwritten(*self._units, packet):
            self._damaged.append(position)
        if self._frame_numbers.misses_one(packet):
            self._damaged.append(position - 0.5)

    def came(self, frame: VideoFrame, position: int) -> None:
        """Note that the frame of the packet at this position came out.

        Some packets have no frame (the second of two fields): they are waited for no longer than
        any decoder delays a picture.
        """
        if frame.is_corrupt:
            self._damaged.append(position)
        self._furthest = max(self._furthest, position)
        if position in self._expected:
            self._expected.remove(position)
        self._give_up(self._furthest - REORDERING)
        number = self._count if self._timeline.counted else self._timeline.numbers[position]
        self._count += 1
        if self._wanted and number >= self._wanted[0]:
            self._came[int(number)] = frame, position

    def drained(self) -> None:
        """Note that the decoder is empty: nothing more comes out."""
        self._furthest = len(self._timeline.packets) + REORDERING
        self._give_up(self._furthest)

    def released(self) -> Iterator[VideoFrame]:
        """The wanted frames that are proven whole, in rising order.

        Raises:
            NotProvenError: the next of them is lost or damaged, or one that it may lean on is.
        """
        while self._wanted:
            number = self._wanted[0]
            if number not in self._came:
                if self._furthest > self._timeline.positions[number] + REORDERING:
                    raise NotProvenError
                return
            frame, position = self._came[number]
            start = self._start if self._alone else self._timeline.starts[number]
            if any(start <= place <= position for place in self._damaged):
                raise NotProvenError
            if any(start <= place < position for place in self._expected):
                return
            self._wanted.popleft()
            self._came = {n: came for n, came in self._came.items() if n > number}
            yield frame

    def _give_up(self, position: int) -> None:
        """Wait no longer for frames of packets before this position."""
        while self._expected and self._expected[0] < position:
            lost = self._expected.popleft()
            if self._all_come_out:
                self._damaged.append(lost)

    def _comes_out(self, position: int) -> bool:
        """Whether a packet is a frame that can be decoded from the pass's start on."""
        number = self._timeline.numbers[position]
        return bool(number >= 0 and self._timeline.starts[number] >= self._start)
