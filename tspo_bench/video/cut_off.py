"""Files that end before their header says: rejected, or read as far as they go."""

from __future__ import annotations

import functools
import itertools
import logging
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from tspo_bench.errors import VideoError
from tspo_bench.video import trusts_packets
from tspo_bench.video.demuxing import demuxed
from tspo_bench.video.stated import SLACK, begins_again, ends_within_a_packet, stated_ends
from tspo_bench.video.timeline import Packets, Timeline

_log = logging.getLogger(__name__)


def why_cut_off(
    path: Path, container: InputContainer, stream: VideoStream, timeline: Timeline
) -> str | None:
    """The way in which a file states more than it has; None if it does not.

    What a stream states of itself is held against its own packets, and what the file states
    against those of all streams: pictures may end before the sound does.
    """
    end = timeline.end * timeline.time_base
    own, of_file = stated_ends(path, container, stream, timeline)
    if max(own, of_file) > end + SLACK:
        ends = {stream.index: end}
        container.seek(0)
        for packet in demuxed(container):
            index = packet.stream.index
            ends[index] = max(ends.get(index, Fraction(0)), _end(packet))
        missing = own > ends[stream.index] + SLACK, of_file > max(ends.values()) + SLACK
        if any(missing):
            stated = float(max(itertools.compress((own, of_file), missing)))
            return f"before the end that its header states ({stated:.1f} s)"
    name = container.format.name
    if name.startswith("matroska") and begins_again(path, timeline.packets):
        return "where another file is joined to it that FFmpeg does not read"
    is_recording = name.startswith("mpeg")  # broadcasts are cut anywhere
    if not is_recording and _lacks_some(timeline.packets, path, container):
        return "in the middle of a packet"
    return None


def reject_or_warn(path: Path, timeline: Timeline, why: str) -> None:
    """Warn that a file is cut off, where such files are read on request.

    Raises:
        VideoError: they are not.
    """
    end = float(timeline.end * timeline.time_base)
    what = f"video {path} is cut off: its pictures end at {end:.1f} s, {why}"
    if not trusts_packets():
        raise VideoError(f"{what}; fetch it again, or read what is there with --trust-packets")
    _warn(f"{what}; the {len(timeline)} frames that are there are read")


def whole_packets(packets: Packets, path: Path, container: InputContainer) -> Packets:
    """The packets without what a file that was cut off holds of its last one."""
    if container.format.name == "ogg" or not _lacks_some(packets, path, container):
        return packets  # of an Ogg file's last page, those that are whole are read
    return Packets(*(getattr(packets, field.name)[:-1] for field in fields(packets)))


def _lacks_some(packets: Packets, path: Path, container: InputContainer) -> bool:
    pos = int(packets.pos[-1])
    return bool(packets.is_corrupt[-1]) or ends_within_a_packet(path, container.format.name, pos)


@functools.cache
def _warn(text: str) -> None:
    """Warn once, however often a file is opened."""
    _log.warning(text)


def _end(packet: Packet) -> Fraction:
    """The second at which a packet's picture or sound ends; 0 if it carries no time."""
    if packet.pts is None:
        return Fraction(0)
    return (packet.pts + (packet.duration or 0)) * packet.time_base
