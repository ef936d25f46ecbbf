"""The packets of a file, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream


def demuxed(container: InputContainer, stream: VideoStream | None = None) -> Iterator[Packet]:
    """The packets with bytes, of one stream or of all, from the file's position.

    PyAV raises an IndexError at a packet of a stream that was not there when the file was opened,
    as broadcasts have them; reading continues behind it.
    """
    while True:
        try:
            packets = container.demux() if stream is None else container.demux(stream)
            for packet in packets:
                if packet.size:
                    yield packet
        except IndexError:
            continue
        return


def with_frame(packet: Packet) -> Packet:
    """A packet that an edit list cuts off, as one whose frame the decoder gives out.

    That frame is not shown, but others lean on it: whether it is whole has to be seen.
    """
    made = Packet(bytes(packet))
    made.dts, made.time_base, made.stream = packet.dts, packet.time_base, packet.stream
    made.is_keyframe = packet.is_keyframe
    return made
