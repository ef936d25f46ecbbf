"""Files that end before their header says: rejected, or read as far as they go."""

from __future__ import annotations

import functools
import logging
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from tspo_bench.errors import VideoError
from tspo_bench.video import trusts_packets
from tspo_bench.video.demuxing import demuxed
from tspo_bench.video.timeline import Packets, Timeline

# A file is cut off if all its streams end this many seconds before what its header says.
_CUT_OFF_SECONDS = 1.0

_log = logging.getLogger(__name__)


def stated_end(
    path: Path, container: InputContainer, stream: VideoStream, timeline: Timeline
) -> Fraction | None:
    """The second at which the header says that the data end, if those of all streams end before.

    None if they do not, or the header says nothing that is not guessed from the packets.
    """
    is_avi = container.format.name == "avi"
    stated = _stated(path, container, stream)
    if not stated or not len(timeline) or (timeline.counted and not is_avi):
        return None
    limit = stated - Fraction(_CUT_OFF_SECONDS)
    if timeline.end * timeline.time_base >= limit:
        return None
    container.seek(0)  # pictures may end before the sound does: look at all streams
    if any(_end(packet) >= limit for packet in demuxed(container)):
        return None
    return stated


def _stated(path: Path, container: InputContainer, stream: VideoStream) -> Fraction | None:
    if container.format.name != "avi":
        return Fraction(container.duration, av.time_base) if container.duration else None
    # FFmpeg makes an AVI file's duration fit what is there, and counts empty chunks twice where it
    # writes one: the frames stated count where the file ends before its first chunk does.
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8)[4:], "little")
    is_cut = size + 8 > path.stat().st_size
    return stream.frames * stream.time_base if is_cut and stream.time_base else None


def reject_or_warn(path: Path, timeline: Timeline, stated: Fraction) -> None:
    """Warn that a file is cut off, where such files are read on request.

    Raises:
        VideoError: they are not.
    """
    what = (
        f"video {path} is cut off: its pictures end at "
        f"{float(timeline.end * timeline.time_base):.1f} s, before the end that its header "
        f"states ({float(stated):.1f} s)"
    )
    if not trusts_packets():
        raise VideoError(f"{what}; fetch it again, or read what is there with --trust-packets")
    _warn(f"{what}; the {len(timeline)} frames that are there are read")


def whole_packets(packets: Packets) -> Packets:
    """The packets without what a file that was cut off holds of its last one."""
    if not packets.is_corrupt[-1:].any():
        return packets
    return Packets(*(getattr(packets, field.name)[:-1] for field in fields(packets)))


@functools.cache
def _warn(text: str) -> None:
    """Warn once, however often a file is opened."""
    _log.warning(text)


def _end(packet: Packet) -> Fraction:
    """The second at which a packet's picture or sound ends; 0 if it carries no time."""
    if packet.pts is None:
        return Fraction(0)
    return (packet.pts + (packet.duration or 0)) * packet.time_base
