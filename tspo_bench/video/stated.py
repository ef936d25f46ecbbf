"""When a film ends by its own header, read here where FFmpeg does not pass it on."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from tspo_bench.video.timeline import Packets, Timeline

# Boxes of an MP4 file (ISO 14496-12) that hold others, and those that state durations.
_PARENTS = frozenset({b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"})
_STATING = frozenset({b"mvhd", b"tkhd", b"elst", b"mdhd", b"stts"})
_UNKNOWN = (2**32 - 1, 2**64 - 1)
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # ASF specification, 3.2
_ASF_HEAD = 1 << 16
SLACK = Fraction(1)  # seconds that a header may state beyond what is there
_LONGEST_PAGE = 65_307  # of an Ogg file, in bytes (RFC 3533, section 6)


def stated_ends(
    path: Path, container: InputContainer, stream: VideoStream, timeline: Timeline
) -> tuple[Fraction, Fraction]:
    """The seconds at which the header says that the stream and the file end; 0 if it does not.

    What FFmpeg guesses from the packets of a file without a header is not a statement.
    """
    name, unit = container.format.name, stream.time_base or Fraction(0)
    of_file = Fraction(container.duration or 0, av.time_base)
    try:
        with path.open("rb") as file:
            if name == "avi":  # FFmpeg makes the duration fit what is there
                behind = int((timeline.packets.pos + timeline.packets.sizes)[-1])
                return (stream.frames - _empty_chunks(file, behind)) * unit, Fraction(0)
            if timeline.counted:
                return Fraction(0), Fraction(0)
            if name == "asf":  # FFmpeg withholds the duration where bytes are missing
                of_file = max(of_file, _asf_end(file.read(_ASF_HEAD)))
            if "mp4" in name:  # FFmpeg looks at the sample tables alone
                of_file = max(of_file, _mp4_end(file, path.stat().st_size))
    except (struct.error, ZeroDivisionError):  # not a header that can be believed
        pass
    # What else is stated of a stream alone may be the file's duration, or a guess.
    is_counted = bool(stream.frames and stream.duration)
    return ((stream.duration or 0) * unit if is_counted else Fraction(0)), of_file


def ends_within_a_packet(path: Path, name: str, pos: int) -> bool:
    """Whether the container's last packet, the last frame's at `pos`, is longer than the file.

    FFmpeg marks what it reads of such a packet as corrupt, but not in ASF and Ogg.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if name == "asf":
            header = file.read(_ASF_HEAD)
            place = header.find(_ASF_PROPERTIES) + 96
            return place >= 96 and pos + int.from_bytes(header[place : place + 4], "little") > size
        file.seek(max(0, size - _LONGEST_PAGE))
        page = file.read().rpartition(b"OggS")[2]
    count = page[22] if len(page) > 22 else 255
    return name == "ogg" and len(page) < 23 + count + sum(page[23 : 23 + count])


def begins_again(path: Path, packets: Packets) -> bool:
    """Whether another Matroska file lies behind the last packet: FFmpeg reads two at most."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"\x1a\x45\xdf\xa3", int((packets.pos + packets.sizes).max())) >= 0


def _empty_chunks(file: BinaryIO, place: int) -> int:
    """The empty chunks of an AVI file behind its last picture, which stays on show for them."""
    count = 0
    file.seek(place + place % 2)
    while len(head := file.read(8)) == 8 and head[:2].isdigit():
        size = int.from_bytes(head[4:], "little")
        count += not size
        file.seek(size + size % 2, 1)
    return count


def _asf_end(header: bytes) -> Fraction:
    """The play duration of an ASF file, without what a player buffers first."""
    place = header.find(_ASF_PROPERTIES)
    if place < 0:
        return Fraction(0)
    duration, _, preroll, flags = struct.unpack_from("<QQQI", header, place + 64)
    is_broadcast = flags & 1  # the fields are not valid then
    return Fraction(0) if is_broadcast else Fraction(duration, 10**7) - Fraction(preroll, 1000)


def _mp4_end(file: BinaryIO, size: int) -> Fraction:
    """The longest duration that an MP4 file states: its own, a track's or an edit list's.

    0 if a sample table is as long: it may be that of chapters, or hold what an edit list cuts off.
    """
    film, media, samples = [0], [Fraction(0)], [Fraction(0)]
    film_unit = unit = Fraction(0)
    for kind, box in _boxes(file, size):
        is_long = box[:1] == b"\x01"
        if kind == b"elst":
            edits = struct.iter_unpack(">QqI" if is_long else ">IiI", box[8:])
            film.append(sum(duration for duration, *_ in edits))
        elif kind == b"tkhd":
            film += struct.unpack_from(">24xQ" if is_long else ">16xI", box, 4)
        elif kind == b"stts":
            counts = struct.iter_unpack(">II", box[8:])
            samples.append(sum(count * lasting for count, lasting in counts) * unit)
        else:
            scale, duration = struct.unpack_from(">16xIQ" if is_long else ">8xII", box, 4)
            unit = Fraction(1, scale)
            if kind == b"mvhd":
                film_unit = unit
                film.append(duration)
            elif duration not in _UNKNOWN:
                media.append(duration * unit)
    stated = max(max(ticks for ticks in film if ticks not in _UNKNOWN) * film_unit, *media)
    return stated if stated > max(samples) + SLACK else Fraction(0)


def _boxes(file: BinaryIO, end: int) -> Iterator[tuple[bytes, bytes]]:
    """The boxes that state durations, in the file's order: kind and content."""
    place = 0
    while place + 8 <= end:
        file.seek(place)
        size, kind = struct.unpack(">I4s", file.read(8))
        first = place + 8
        if size == 1:
            size, first = int.from_bytes(file.read(8)), place + 16
        stop = min(place + size, end) if place + size >= first else end
        if kind in _STATING:
            yield kind, file.read(stop - first)
        place = first if kind in _PARENTS else stop
