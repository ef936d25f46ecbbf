"""The main reader: FFmpeg's libraries through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tspo_bench.errors import VideoError
from tspo_bench.types import IntArray, Pixels, VideoInfo
from tspo_bench.video import trusts_packets
from tspo_bench.video.base import scaled_size
from tspo_bench.video.cut_off import reject_or_warn, whole_packets, why_cut_off
from tspo_bench.video.demuxing import demuxed, with_frame
from tspo_bench.video.opened import OpenedVideo
from tspo_bench.video.opening import open_stream, set_threads
from tspo_bench.video.orientation import Orientation, orientation_of
from tspo_bench.video.rgb import RGBConverter
from tspo_bench.video.settling import decoded_order, settled
from tspo_bench.video.soundness import Gate, NotProvenError
from tspo_bench.video.timeline import Timeline, lay_out, read_packets
from tspo_bench.video.timeline_reader import TimelineReader
from tspo_bench.video.walk import Walk, sought

# A seek empties the decoder's pipeline; it pays where it skips more packets than that holds.
_WORTH_A_SEEK = 16


class PyAVReader(TimelineReader):
    """Reads any file that FFmpeg can read. See `VideoReader` for the methods.

    Frames are found by their packets: the number of a frame is looked up in the table of all
    packets, and only the picture of that packet is accepted, once it is proven whole.

    Raises:
        VideoError: the file is missing, is not a video, is cut off, or its first frame is broken.
    """

    def __init__(self, path: Path, opened: OpenedVideo | None = None) -> None:
        self._path = Path(path)
        # Without it a broken picture is patched up from its neighbours and passed on as sound.
        self._decoder_options = {"err_detect": "explode"}
        self._in_one_thread = False
        self._walk: Walk | None = None
        self._converters: dict[int | None, RGBConverter] = {}
        self._seeks = self._skips = self._several_threads = True
        if opened is not None:
            self.info, self.timeline = opened.info, opened.timeline
            self._decoder_options = dict(opened.decoder_options)
            self._in_one_thread, self._seeks = opened.one_thread, opened.seeks
            self._open()
            return
        self._open()
        try:
            self.container_format: str = self._container.format.name
            self.num_video_streams = len(self._container.streams.video)
            self.has_rotate_tag = "rotate" in map(str.lower, self._stream.metadata)
            self.timeline = self._read_timeline()
            self.info = self._describe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file and the decoder."""
        self._container.close()

    @property
    def opened(self) -> OpenedVideo:
        """What is known of the file."""
        return OpenedVideo(
            self.info, self.timeline, self._decoder_options, self._in_one_thread, self._seeks
        )

    def use_threads(self, several: bool) -> None:
        """Decode with one thread or, where that is safe, with several."""
        if several != self._several_threads:
            self._several_threads = several
            self.close()
            self._open()
            self._walk = None

    def pictures(self, indices: IntArray, short_side: int | None) -> Iterator[Pixels]:
        """The frames with these rising numbers, each [h, w, 3], scaled and upright."""
        orientation = Orientation(self.info.rotation, self.info.mirrored)
        if short_side not in self._converters:
            size = scaled_size(self.info.width, self.info.height, short_side)
            shown_size = orientation.shown_size(*size)
            self._converters[short_side] = RGBConverter(*shown_size, orientation.odd_angle)
        converter = self._converters[short_side]
        for run in _runs(self.timeline, indices):
            for index, frame in zip(run, self._decode(run), strict=True):
                if (orientation_of(frame) or orientation) != orientation:
                    raise VideoError(
                        f"video {self._path}: frame {index} is shown in another orientation than "
                        "frame 0; re-encode it by ffmpeg"
                    )
                yield orientation.apply(converter(frame))

    def _decode(self, indices: IntArray) -> Iterator[VideoFrame]:
        """The frames with these rising numbers, decoded in one go as far as that works.

        A wanted frame that does not come out is tried alone, from its own keyframe and then from
        the recording's start; what does not come out then cannot be decoded.
        """
        done = 0
        while done < len(indices):
            rest, before = indices[done:], done
            own_start, first_start = self.timeline.starts[rest[0]], self._first_start(rest[0])
            for start, wanted, skips in (
                (own_start, rest, self._skips),
                (own_start, rest[:1], False),
                (first_start, rest[:1], False),
            ):
                for frame in self._decode_from(int(start), wanted, skips):
                    done += 1
                    yield frame
                if done > before:
                    break
                # Damage, or pictures that others need although they say that none does.
                self._skips = False
            else:
                raise VideoError(
                    f"video {self._path}: frame {rest[0]} of {len(self.timeline)} cannot be "
                    "decoded, its data are damaged; fetch the file again, or re-encode it by ffmpeg"
                )

    def _first_start(self, number: int) -> int:
        """The place at which decoding of a frame's recording starts."""
        recordings = self.timeline.recordings
        return int(self.timeline.starts[np.searchsorted(recordings, recordings[number])])

    def _decode_from(self, start: int, indices: IntArray, skips: bool) -> Iterator[VideoFrame]:
        """Decode from the packet at position `start`, until a wanted frame is not proven whole.

        Each packet goes in with its position as its time, which its frame brings back: so a frame
        is known even where times are missing, equal or wrong.
        """
        gate = Gate(self.timeline, start, indices, self._stream.codec_context)
        try:
            for position, packet in self._packets_between(start, indices):
                if packet is not None:
                    if skips and gate.may_skip(position, packet):
                        continue
                    packet.pts = position
                    gate.sent(position, packet)
                for frame in self._stream.decode(packet):
                    gate.came(frame, position if frame.pts is None else frame.pts)
                if packet is None:
                    gate.drained()
                yield from gate.released()
                if gate.done:
                    return
        except (FFmpegError, NotProvenError):
            pass  # what is still wanted did not come out: `_decode` sees that
        if self._walk is not None and self._walk.strayed:
            self._seeks = False

    def _packets_between(
        self, start: int, indices: IntArray
    ) -> Iterator[tuple[int, Packet | None]]:
        """Packets up to the last that these frames need, then None, which empties the decoder.

        Damage behind a frame, in decoding order, thus costs it nothing.
        """
        recordings, numbers = self.timeline.recordings, indices
        if self.timeline.counted:  # a recording's end may be what brings its frames out
            numbers = np.searchsorted(recordings, recordings[indices], side="right") - 1
        last = int(self.timeline.positions[numbers].max())
        walk = self._walk = self._walk_from(start)
        for position, packet in walk:
            if position >= start:
                yield position, with_frame(packet) if packet.is_discard else packet
            if self._walk is not walk:
                raise NotProvenError  # another call has moved the file and the decoder
            if position >= last:
                break
        yield last + 1, None

    def _walk_from(self, position: int) -> Walk:
        """The packets from that at `position`, or one before it, on; the decoder is empty.

        A file in which a seek cannot be proven is read from front to back, on from where it stands.
        """
        if self._seeks:
            walk = sought(self._container, self._stream, self.timeline, position)
            if walk is not None:
                return walk
            self._seeks = False
        if self._walk is None or self._walk.position > position:
            self.close()
            self._open()
            return Walk(self.timeline, demuxed(self._container, self._stream))
        self._stream.codec_context.flush_buffers()
        return self._walk.on()

    def _open(self) -> None:
        self._container: InputContainer
        self._stream: VideoStream
        self._container, self._stream = open_stream(self._path)
        one = self._in_one_thread or not self._several_threads
        set_threads(self._stream, one=one)
        self._stream.codec_context.options = self._decoder_options

    def _read_timeline(self) -> Timeline:
        try:
            packets, facts = read_packets(self._container, self._stream)
            if facts.any_open:
                # The setting makes an error of every request to drop a picture that lies before the
                # keyframe at which decoding began. Frames that were patched up are marked, but now
                # and then not in time where several threads decode.
                self._decoder_options = self._stream.codec_context.options = {}
                self._in_one_thread = True
                set_threads(self._stream, one=True)
            packets, facts = settled(packets, facts, self._decoded_order)
            timeline = lay_out(packets, facts)
            why = None
            if len(timeline):
                why = why_cut_off(self._path, self._container, self._stream, timeline)
            if why and trusts_packets():
                timeline = lay_out(whole_packets(packets, self._path, self._container), facts)
        except FFmpegError as error:
            raise VideoError(
                f"video {self._path} breaks off while reading ({error.strerror}); fetch it again"
            ) from error
        if not len(timeline):
            raise VideoError(f"video {self._path} has no frames; fetch it again or remove it")
        if why:
            reject_or_warn(self._path, timeline, why)
        self._seeks = not timeline.counted
        return timeline

    def _decoded_order(self, first: int, last: int) -> list[int]:
        self.close()
        self._open()
        return decoded_order(self._container, self._stream, first, last)

    def _describe(self) -> VideoInfo:
        frame = next(self._decode(np.zeros(1, np.int64)))
        orientation = orientation_of(frame) or Orientation()
        width, height = orientation.shown_size(frame.width, frame.height)
        return VideoInfo(
            path=self._path,
            num_frames=len(self.timeline),
            frame_rate=_frame_rate(self._stream, self.timeline),
            duration_seconds=float(self.timeline.duration),
            width=width,
            height=height,
            rotation=orientation.rotation,
            codec=self._stream.codec_context.codec.canonical_name,
            mirrored=orientation.mirrored,
        )


def _frame_rate(stream: VideoStream, timeline: Timeline) -> Fraction:
    """The header's average rate where the frames' times bear it out, else that of the times."""
    stated = stream.average_rate or stream.guessed_rate
    if len(timeline) == 1 or not timeline.duration:
        return stated or Fraction(1)
    measured = len(timeline) / timeline.duration
    if stated and abs(stated - measured) <= measured / 100:
        return stated
    return measured.limit_denominator(1001)


def _runs(timeline: Timeline, indices: IntArray) -> list[IntArray]:
    """Cut rising frame numbers where jumping to the next one's keyframe saves decoding.

    And where another recording begins: nothing of the one before may stay in the decoder.
    """
    gaps = timeline.starts[indices[1:]] - timeline.positions[indices[:-1]]
    is_cut = (gaps > _WORTH_A_SEEK) | (np.diff(timeline.recordings[indices]) > 0)
    runs = np.split(indices, np.flatnonzero(is_cut) + 1)
    return [run for run in runs if len(run)]
