"""Which frames a file holds and when they are shown, from one pass over its packets."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from tspo_bench.types import FloatArray, IntArray
from tspo_bench.video.demuxing import demuxed
from tspo_bench.video.keyframes import PictureKinds

# Containers whose packets carry no presentation times: what FFmpeg makes up for them is wrong where
# there are B-frames, and in a program stream after a seek. Their frames are counted as they come
# out of the decoder.
_FORMATS_WITHOUT_TIMES = frozenset({"avi", "h264", "hevc", "m4v", "mpeg", "mpegvideo"})
# No decoder delays a picture by more than 16 others (H.264, A.3.1); twice that for fields.
REORDERING = 32
# In broadcast formats the ffmpeg command takes a jump of the clock by more than this for a joint.
_JOINT_SECONDS = 10


@dataclass(frozen=True)
class Packets:
    """The facts of a stream's m packets in decoding order, each an array [m]; -1 for no `pos`.

    Attributes:
        pts, dts: times in units of the stream's time base.
        timed: whether the packet carries a presentation time.
        sizes, pos: bytes, and offsets in the file.
        is_key, is_shown, is_corrupt: flags; a packet that is not shown is not a frame.
        resizes: whether its pictures have another size than those before.
        leans: whether it is shown before the keyframe that it follows, and may need one before.
        durations: how long the frame stays, 0 where not stated.
    """

    pts: IntArray
    dts: IntArray
    timed: IntArray
    sizes: IntArray
    pos: IntArray
    is_key: IntArray
    is_shown: IntArray
    leans: IntArray
    is_corrupt: IntArray
    resizes: IntArray
    durations: IntArray

    def __len__(self) -> int:
        return len(self.pts)


@dataclass(frozen=True)
class StreamFacts:
    """Facts about a stream that are known before anything is decoded.

    Attributes:
        time_base: seconds a unit of time.
        rate: frames a second, as the container or the codec guesses it.
        container: FFmpeg's name of the container.
        counted: the packets carry no presentation times.
        any_open: an H.264 stream has keyframes that do not clear the decoder.
        reorders: the decoder gives some pictures out in another order than they go in.
    """

    time_base: Fraction
    rate: Fraction
    container: str
    counted: bool
    any_open: bool
    reorders: bool

    @property
    def is_broadcast(self) -> bool:
        """Whether the container is cut and joined anywhere."""
        return self.container == "mpegts"

    @property
    def one_frame(self) -> int:
        """The usual time from frame to frame, in units of `time_base`."""
        return max(1, round(1 / self.rate / self.time_base))


@dataclass(frozen=True)
class Timeline:
    """The n frames of a file in presentation order, and how to reach each.

    Attributes:
        pts: presentation times [n] in units of `time_base`, never falling.
        time_base: seconds a unit.
        end: presentation time at which the last frame ends, same unit.
        positions: of each frame's packet in decoding order [n].
        starts: position of the keyframe from which each frame can be decoded [n].
        packets: the packets [m] in decoding order.
        recordings: the number of the recording that each frame belongs to [n]; 0 but where several
            were joined.
        counted: the packets carry no presentation times. Frames are numbered as they come out of
            the decoder from the file's start on; `positions` are right to within its delay.
    """

    pts: IntArray
    time_base: Fraction
    end: int
    positions: IntArray
    starts: IntArray
    packets: Packets
    recordings: IntArray
    counted: bool = False

    def __len__(self) -> int:
        return len(self.pts)

    @functools.cached_property
    def numbers(self) -> IntArray:
        """The frame number of each packet [m]; -1 where it is not a frame."""
        numbers = np.full(len(self.packets), -1, np.int64)
        numbers[self.positions] = np.arange(len(self))
        return numbers

    @functools.cached_property
    def keyframes(self) -> IntArray:
        """The numbers of the frames that are decoded by themselves [k], rising; at least one."""
        numbers = self.numbers[np.flatnonzero(self.packets.is_key)]
        return np.unique(numbers[numbers >= 0]) if (numbers >= 0).any() else np.zeros(1, np.int64)

    @property
    def open_gop(self) -> bool:
        """Some frames need a keyframe before the one that they follow in the file."""
        return bool((np.diff(self.starts[np.argsort(self.positions)]) < 0).any())

    @property
    def seconds(self) -> FloatArray:
        """Presentation times [n] in seconds from the first frame."""
        return np.asarray((self.pts - self.pts[:1]) * float(self.time_base), np.float64)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame's start to the last one's end."""
        return (self.end - int(self.pts.min())) * self.time_base

    def position_of(self, packet: Packet) -> int | None:
        """The position of a packet of the file in decoding order; None if that is not certain.

        It is known by its place in the file and its size: FFmpeg makes times up after a seek.
        """
        if packet.pos is None:
            return None
        bounds = np.searchsorted(
            self.packets.pos, [packet.pos, packet.pos + 1], sorter=self._by_pos
        )
        there = self._by_pos[slice(*bounds)]
        found = there[self.packets.sizes[there] == packet.size]
        return int(found[0]) if len(found) == 1 else None

    @functools.cached_property
    def _by_pos(self) -> IntArray:
        """The packets in the order in which they lie in the file [m]."""
        return np.argsort(self.packets.pos)


def lay_out(packets: Packets, facts: StreamFacts) -> Timeline:
    """The frames that the packets of a stream hold.

    Packets that an edit list cuts off, and those that lean on a picture before a recording's first
    keyframe, are never shown and are no frames. Where the clock steps back, a second recording
    begins: it follows the first.
    """
    if facts.counted:
        return _counted(packets, facts)
    segments = segments_of(packets, facts)
    order = np.lexsort((packets.pts, segments))
    shown = order[_shown(packets, segments, facts.is_broadcast)[order]]
    times = _joined_times(packets, segments, shown, facts.one_frame)
    end = int(times[-1] + _last_duration(packets.durations[shown], times)) if len(shown) else 0
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    starts = _starts(rank, shown, np.flatnonzero(packets.is_key))
    packets = replace(packets, is_corrupt=packets.is_corrupt & (1 - _at_joints(segments)))
    return Timeline(times, facts.time_base, end, shown, starts, packets, segments[shown])


def read_packets(container: InputContainer, stream: VideoStream) -> tuple[Packets, StreamFacts]:
    """Read all packets of a stream; nothing is decoded."""
    kinds = PictureKinds(stream.codec_context)
    rows = []
    key_pts = 0
    for packet in demuxed(container, stream):
        timed = packet.pts is not None
        pts = packet.pts if packet.pts is not None else packet.dts or 0
        dts = packet.dts if packet.dts is not None else pts
        is_key = packet.is_keyframe and kinds.is_clean(packet)
        key_pts = pts if is_key else key_pts
        is_shown = not packet.is_discard and not kinds.is_hidden(packet)
        leans = pts < key_pts and not kinds.leads_alone(packet)
        pos = -1 if packet.pos is None else packet.pos
        resizes = is_key and kinds.changes_size(packet)
        flags = is_key, is_shown, leans, packet.is_corrupt, resizes
        rows.append((pts, dts, timed, packet.size, pos, *flags, packet.duration or 0))
    packets = Packets(*np.array(rows, dtype=np.int64).reshape(-1, 11).T)
    name = container.format.name
    counted = name in _FORMATS_WITHOUT_TIMES or 2 * int(packets.timed.sum()) < len(packets)
    time_base = stream.time_base or Fraction(1, av.time_base)
    rate = stream.guessed_rate or Fraction(25)
    reorders = bool(stream.codec_context.has_b_frames)
    facts = StreamFacts(time_base, rate, name, counted, kinds.any_open, reorders)
    return packets, facts


def segments_of(packets: Packets, facts: StreamFacts) -> IntArray:
    """The number of the recording that each packet belongs to, [m]: cut where the clock jumps.

    At a keyframe any step back of the decoding clock is a new recording's first packet; where
    FFmpeg makes decoding times up, the packet behind it may be the one that steps back. A broadcast
    may begin with any packet: there a larger step back is one too, or a jump far ahead. Where
    frames are counted, so is a picture of another size.
    """
    steps = np.diff(packets.dts, prepend=packets.dts[:1])
    before = np.maximum(np.roll(packets.pts, 1), np.roll(packets.pts, 2)) > packets.pts
    back = (steps < 0) | (np.roll(steps, -1) < 0)
    cuts = back & (packets.is_key == 1) & before
    if facts.is_broadcast:
        joint = round(_JOINT_SECONDS / facts.time_base)
        cuts |= (steps > joint) | (20 * steps < -joint)
    if facts.counted:
        cuts |= packets.resizes == 1
    cuts[:1] = False
    return np.cumsum(cuts)


def _at_joints(segments: IntArray) -> IntArray:
    """Which packets lie at a joint, [m]: there FFmpeg misses packets whose count restarted.

    Its mark may stand one packet too early, since it splits the stream into frames later.
    """
    is_first = np.diff(segments, prepend=segments[:1])
    return np.minimum(is_first + np.roll(is_first, -1) + np.roll(is_first, -2), 1)


def _shown(packets: Packets, segments: IntArray, is_broadcast: bool) -> np.ndarray:
    """Which packets are frames, [m] booleans.

    A recording is cut anywhere. A file that is none and has no keyframe in front is damaged, and
    its frames keep their numbers.
    """
    shown = packets.is_shown == 1
    for number in range(int(segments.max(initial=-1)) + 1):
        members = np.flatnonzero(segments == number)
        keys = members[packets.is_key[members] == 1]
        if not len(keys) or (keys[0] != members[0] and not number and not is_broadcast):
            continue
        shown[members[0] : keys[0]] = False
        group = members[(members > keys[0]) & (packets.pts[members] < packets.pts[keys[0]])]
        shown[group[packets.leans[group] == 1]] = False
    return shown


def _joined_times(
    packets: Packets, segments: IntArray, shown: IntArray, one_frame: int
) -> IntArray:
    """When each shown packet is shown, [n]: every recording starts where the one before it ends."""
    times = packets.pts[shown].copy()
    for first in np.flatnonzero(np.diff(segments[shown])) + 1:
        lasting = int(packets.durations[shown[first - 1]]) or one_frame
        times[first:] += times[first - 1] + lasting - times[first]
    return times


def _last_duration(durations: IntArray, pts: IntArray) -> int:
    """The duration of the last frame: what its packet says, else as long as the one before it."""
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


def _counted(packets: Packets, facts: StreamFacts) -> Timeline:
    """Frames in the order in which they leave the decoder, at the packets' decoding times.

    Where these do not rise, at a constant rate.
    """
    segments = segments_of(packets, facts)
    places = np.flatnonzero(packets.is_shown)
    times, time_base, one_frame = packets.dts[places], facts.time_base, facts.one_frame
    times -= times[:1]
    if not (np.diff(times) > 0).all():
        times, time_base, one_frame = np.arange(len(places)), 1 / facts.rate, 1
    end = int(times[-1]) + one_frame if len(times) else 0
    recordings = segments[places]
    starts = np.searchsorted(segments, recordings)
    return Timeline(times, time_base, end, places, starts, packets, recordings, counted=True)
