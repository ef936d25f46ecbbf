"""A file's packets one by one, each with its place in decoding order."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from tspo_bench.video.demuxing import demuxed
from tspo_bench.video.soundness import NotProvenError
from tspo_bench.video.timeline import REORDERING, Timeline

AT_THE_END = sys.maxsize


class Walk(Iterator[tuple[int, Packet]]):
    """Packets with their positions, compared with the table that was read first.

    Attributes:
        position: that of the next packet; `AT_THE_END` after the last.
        strayed: the packets were not those of the table, or ended before it does.

    Raises:
        NotProvenError: another packet is there.
    """

    def __init__(self, timeline: Timeline, packets: Iterable[Packet], position: int = 0) -> None:
        self.position, self.strayed = position, False
        self._timeline = timeline
        self._packets = iter(packets)

    def __next__(self) -> tuple[int, Packet]:
        position, self.position = self.position, AT_THE_END
        sizes = self._timeline.packets.sizes
        self.strayed = position < len(sizes)  # unless the packet says otherwise
        packet = next(self._packets)
        if position >= len(sizes) or packet.size != sizes[position]:
            raise NotProvenError
        self.position, self.strayed = position + 1, False
        return position, packet

    def on(self) -> Walk:
        """The rest of this walk as one of its own."""
        return Walk(self._timeline, self._packets, self.position)


def sought(
    container: InputContainer, stream: VideoStream, timeline: Timeline, position: int
) -> Walk | None:
    """A walk from the packet at `position`, or one shortly before it, on, by a seek.

    None if it cannot be proven where the seek landed: times do not show it, since FFmpeg makes them
    up in some containers, but a packet's place in the file and its size do.
    """
    for times in (timeline.packets.pts, timeline.packets.dts):
        try:
            container.seek(int(times[position]), stream=stream)
            packets = demuxed(container, stream)
            for packet in itertools.islice(packets, REORDERING):
                landed = timeline.position_of(packet)
                if landed is not None:
                    break
            else:
                continue
        except FFmpegError:
            continue
        if landed <= position:
            return Walk(timeline, itertools.chain([packet], packets), landed)
    return None
