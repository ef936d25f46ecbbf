"""Reference pictures that are missing from an H.264 stream: its decoder puts others in their place.

Every picture carries the number of reference pictures before it, modulo a power of two (H.264,
7.4.3, `frame_num`).
"""

from __future__ import annotations

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from tspo_bench.video.keyframes import length_size, nal_units

_SLICES, _IDR, _SPS = (1, 2, 5), 5, 7
# Profiles whose sequence parameter sets state a chroma format (H.264, 7.3.2.1.1).
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_HEADER_BYTES = 32  # more than the fields of a slice header that are read here take


class FrameNumbers:
    """Counts the reference pictures of one stream as they go by in decoding order.

    It judges nothing in streams of other codecs, and in those that may leave pictures out.

    Attributes:
        frames_only: every picture is a whole frame, none a field.
    """

    def __init__(self, codec: VideoCodecContext) -> None:
        self._is_h264 = codec.name == "h264"
        extradata = codec.extradata or b""
        self._length_size = length_size(codec.name, extradata)
        self._bits = self._planes = 0
        self.frames_only = False
        self._last: int | None = None
        if self._is_h264 and self._length_size and extradata[5] & 31:
            size = int.from_bytes(extradata[6:8], "big")  # ISO 14496-15: the first parameter set
            self._read_sps(extradata[8 : 8 + size])
        elif self._is_h264 and not self._length_size:
            for unit in nal_units(memoryview(extradata), 0):
                if unit[0] & 31 == _SPS:
                    self._read_sps(bytes(unit))

    def misses_one(self, packet: Packet) -> bool:
        """Whether a reference picture is missing between the last packet and this one."""
        if not self._is_h264:
            return False
        for unit in nal_units(memoryview(packet), self._length_size):
            kind = unit[0] & 31
            if kind == _SPS:
                self._read_sps(bytes(unit))
            elif kind in _SLICES:
                return self._bits > 0 and self._compare(unit)
        return False

    def _compare(self, unit: memoryview) -> bool:
        last, is_reference = self._last, unit[0] >> 5 & 3
        if unit[0] & 31 == _IDR:
            self._last = 0
            return False
        bits = _Bits(bytes(unit[1:_HEADER_BYTES]))
        for _ in range(3):  # first macroblock, type of slice, picture parameter set
            bits.exp_golomb()
        bits.skip(2 * self._planes)
        number = bits.read(self._bits)
        if is_reference or last is None:
            self._last = number
        return last is not None and number not in (last, (last + 1) % (1 << self._bits))

    def _read_sps(self, unit: bytes) -> None:
        bits = _Bits(unit[1:])
        profile, chroma = bits.read(8), 1
        bits.skip(16)
        bits.exp_golomb()
        self._planes = 0
        if profile in _HIGH_PROFILES:
            chroma = bits.exp_golomb()
            self._planes = bits.read(1) if chroma == 3 else 0
            bits.exp_golomb(), bits.exp_golomb()
            bits.skip(1)
            if bits.read(1):
                for index in range(12 if chroma == 3 else 8):
                    if bits.read(1):
                        bits.skip_scaling_list(16 if index < 6 else 64)
        number_bits = bits.exp_golomb() + 4
        kind = bits.exp_golomb()
        if kind == 0:
            bits.exp_golomb()
        elif kind == 1:
            bits.skip(1)
            bits.exp_golomb(), bits.exp_golomb()
            for _ in range(min(bits.exp_golomb(), 255)):
                bits.exp_golomb()
        bits.exp_golomb()
        may_leave_out = bits.read(1)
        bits.exp_golomb(), bits.exp_golomb()  # width and height
        self.frames_only = bool(bits.read(1)) and not bits.is_over
        self._bits = 0 if may_leave_out or bits.is_over else number_bits


class _Bits:
    """The bits of a NAL unit, first to last; 0 behind its end."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\0\0\3", b"\0\0")  # emulation prevention
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    @property
    def is_over(self) -> bool:
        """Whether more bits were read than there are."""
        return self._left < 0

    def read(self, count: int) -> int:
        """The next bits as a whole number."""
        self._left -= count
        if self._left < 0:
            return 0
        return self._value >> self._left & (1 << count) - 1

    def skip(self, count: int) -> None:
        """Leave out the next bits."""
        self._left -= count

    def exp_golomb(self) -> int:
        """The next Exp-Golomb code's number (H.264, 9.1)."""
        zeros = 0
        while self._left > 0 and not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def skip_scaling_list(self, size: int) -> None:
        """Leave out a scaling list (H.264, 7.3.2.1.1.1)."""
        last = following = 8
        for _ in range(size):
            if following:
                code = self.exp_golomb()
                delta = -(code // 2) if code % 2 == 0 else (code + 1) // 2
                following = (last + delta) % 256
            last = following or last
