"""Pictures that no other picture needs: they are decoded only where they are wanted.

decoded   I0  P4  B2  b1  b3  P8 ...     b: not a reference
wanted                    b3             b1 is left out, B2 is not: b3 needs it
"""

from __future__ import annotations

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from tspo_bench.video.frame_numbers import FrameNumbers
from tspo_bench.video.keyframes import length_size, nal_units

_H264_SLICES = (1, 2, 3, 4, 5)
_HEVC_SPS = 33
# Sub-layer non-reference pictures (H.265, table 7-1): only those of a higher temporal layer may
# need them, so they are disposable in a stream of one layer.
_HEVC_NON_REFERENCE = frozenset(range(0, 16, 2))
_HEVC_SLICES = range(32)


class Disposable:
    """Recognises the disposable pictures of an H.264 or HEVC stream; other codecs have none.

    Args:
        codec: the stream's.
        frame_numbers: knows whether an H.264 stream has fields. A field that no other needs may
            still be half of a wanted frame.
    """

    def __init__(self, codec: VideoCodecContext, frame_numbers: FrameNumbers) -> None:
        extradata = codec.extradata or b""
        self._length_size = length_size(codec.name, extradata)
        self._frame_numbers = frame_numbers
        self._judge = {"h264": self._is_h264, "hevc": self._is_hevc}.get(codec.name)
        if codec.name == "hevc" and not _has_one_layer(extradata, self._length_size):
            self._judge = None

    def __call__(self, packet: Packet) -> bool:
        """Whether no other picture needs the one in this packet."""
        return self._judge is not None and self._judge(packet)

    def _is_h264(self, packet: Packet) -> bool:
        if not self._frame_numbers.frames_only:
            return False
        slices = [
            unit[0]
            for unit in nal_units(memoryview(packet), self._length_size)
            if unit[0] & 31 in _H264_SLICES
        ]
        return bool(slices) and not any(header & 0x60 for header in slices)

    def _is_hevc(self, packet: Packet) -> bool:
        slices = [
            bytes(unit[:2])
            for unit in nal_units(memoryview(packet), self._length_size)
            if unit[0] >> 1 & 63 in _HEVC_SLICES and len(unit) > 1
        ]
        return bool(slices) and all(
            first >> 1 in _HEVC_NON_REFERENCE and second & 7 == 1 for first, second in slices
        )


def _has_one_layer(extradata: bytes, length_size: int) -> bool:
    """Whether an HEVC stream says that it has a single temporal layer."""
    if length_size:
        return extradata[21] >> 3 & 7 == 1  # ISO 14496-15: numTemporalLayers
    layers = [
        unit[2] >> 1 & 7
        for unit in nal_units(memoryview(extradata), 0)
        if unit[0] >> 1 & 63 == _HEVC_SPS and len(unit) > 2
    ]
    return bool(layers) and not any(layers)
