"""Where decoding may start, as the packets' own bytes say: containers mark more as keyframes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

# Types of NAL units and of an SEI message: H.264, table 7-1 and annex D; H.265, table 7-1.
_H264_SLICE, _H264_IDR, _H264_SEI, _RECOVERY_POINT = 1, 5, 6, 6
_HEVC_RADL = (6, 7)  # "random access decodable leading" pictures
_HEVC_SLICES = range(32)
# Three bytes that no NAL unit holds (H.264 and H.265, 7.4: a 3 is put between them).
_FORBIDDEN = re.compile(rb"\x00\x00[\x00-\x02]")
# Start codes of what states a picture's size: MPEG-1's and -2's sequence header (the size lies in
# its first bytes, what follows may change), MPEG-4's video object layer.
_SEQUENCE_HEADER = re.compile(rb"\x00\x00\x01\xb3(...)", re.DOTALL)
_SIZE_HEADERS = {
    "mpeg1video": _SEQUENCE_HEADER,
    "mpeg2video": _SEQUENCE_HEADER,
    "mpeg4": re.compile(rb"\x00\x00\x01[\x20-\x2f](.*?)\x00\x00\x01", re.DOTALL),
}


class PictureKinds:
    """The contents of one stream's packets.

    Attributes:
        any_open: a keyframe of an H.264 stream does not clear the decoder (is not an IDR picture).
            What follows it may ask for pictures before it to be dropped, which is harmless.
    """

    def __init__(self, codec: VideoCodecContext) -> None:
        self.any_open = False
        self._codec = codec.name
        self._size_header: bytes | None = None
        self._length_size = length_size(codec.name, codec.extradata or b"")

    def is_hidden(self, packet: Packet) -> bool:
        """Whether it is never shown: VP8's alternate reference frames are packets of their own."""
        return self._codec == "vp8" and not memoryview(packet)[0] & 0x10

    def is_clean(self, packet: Packet) -> bool:
        """Whether decoding may start at this packet, which the container marks as a keyframe.

        With intra refresh (H.264) such a packet has no whole picture: the frames mend bit by bit.
        """
        if self._codec != "h264":
            return True
        recovery = 0
        for unit in nal_units(memoryview(packet), self._length_size):
            kind = unit[0] & 31
            if kind == _H264_SEI:
                recovery = max(recovery, _frames_to_recovery(unit))
            elif kind in (_H264_SLICE, _H264_IDR):
                self.any_open |= kind != _H264_IDR
                return kind == _H264_IDR or not recovery
        return True

    def changes_size(self, packet: Packet) -> bool:
        """Whether a keyframe states another size than the one before (MPEG-1, -2 and -4).

        Their decoders lose the picture that they hold back then, unless they are emptied before.
        """
        known, header = self._size_header, _SIZE_HEADERS.get(self._codec)
        found = header.search(memoryview(packet)) if header else None
        self._size_header = found[1] if found else known
        return known not in (None, self._size_header)

    def leads_alone(self, packet: Packet) -> bool:
        """Whether a picture that is shown before its keyframe needs nothing before that (HEVC)."""
        if self._codec != "hevc":
            return False
        kinds = (unit[0] >> 1 & 63 for unit in nal_units(memoryview(packet), self._length_size))
        return next((kind for kind in kinds if kind in _HEVC_SLICES), None) in _HEVC_RADL


def length_size(codec: str, extradata: bytes) -> int:
    """Bytes of the length before each NAL unit (ISO 14496-15); 0: start codes divide them."""
    place = {"h264": 4, "hevc": 21}.get(codec, 0)
    if extradata[:1] != b"\x01" or len(extradata) <= place:
        return 0
    return (extradata[place] & 3) + 1


def nal_units(data: memoryview, length_size: int) -> Iterator[memoryview]:
    """The NAL units of a packet, each from its header on; none is empty."""
    if length_size:
        place = 0
        while (first := place + length_size) < len(data):
            place = first + int.from_bytes(data[place:first], "big")
            if place > first:
                yield data[first:place]
        return
    content = bytes(data)
    first = content.find(b"\0\0\1") + 3
    while 3 <= first < len(content):
        end = content.find(b"\0\0\1", first)
        end = end if end >= 0 else len(content)
        if end > first:
            yield data[first:end]
        first = end + 3


def is_overwritten(codec: str, length_size: int, packet: Packet) -> bool:
    """Whether a slice of H.264 or HEVC holds bytes that it cannot, as where a file has holes."""
    slices = {"h264": lambda first: 1 <= first & 31 <= 5, "hevc": lambda first: first >> 1 < 32}
    is_slice = slices.get(codec)
    return is_slice is not None and any(
        is_slice(unit[0]) and _FORBIDDEN.search(bytes(unit).rstrip(b"\0"))
        for unit in nal_units(memoryview(packet), length_size)
    )


def _frames_to_recovery(sei: memoryview) -> int:
    """0 if the pictures are whole from this one on, or no message of this SEI unit says."""
    place = 1
    while place + 2 < len(sei):
        fields = []
        for _ in range(2):  # type and size, each the sum of its bytes up to the first below 255
            value = 0
            while place < len(sei) - 1 and sei[place] == 255:
                value, place = value + 255, place + 1
            fields.append(value + sei[place])
            place = min(place + 1, len(sei) - 1)
        if fields[0] == _RECOVERY_POINT:
            return 0 if sei[place] & 0x80 else 1  # Exp-Golomb: a first bit of 1 is the number 0
        place += fields[1]
    return 0
