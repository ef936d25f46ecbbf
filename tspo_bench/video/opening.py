"""Opens a video file for PyAV: that file alone, its best stream, and with threads that are safe."""

from __future__ import annotations

import errno
import functools
import os
import stat
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.format import ContainerFormat
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from tspo_bench.errors import VideoError

# Formats that are not videos: playlists, which name other files and addresses to read, and texts,
# which FFmpeg draws in white on black.
_NOT_VIDEOS = frozenset({"hls", "concat", "sdp", "tty", "bin", "xbin", "adf", "idf"})

# Codecs that FFmpeg 7.1 decodes safely in one thread alone. Found by decoding files of all codecs
# that could be made, whole and damaged, again and again with one decoder and up to 16 threads.
_ONE_THREAD = {
    "theora": "emptied after one packet and used again, it crashes the process (signal 11)",
    "vp3": "the same decoder as Theora's",
    "vp4": "the same decoder as Theora's",
    "vp9": "a damaged keyframe ends the process: an assertion fails, or memory is overwritten",
    "apng": "emptied after one packet and used again, it takes sound packets for damaged ones",
}

# What is often found in place of a video, by how it begins (lower case).
_BEGINNINGS = (
    (b"#extm3u", "is an HLS playlist, not a video file; give the video file itself"),
    (b"<mpd", "is a DASH playlist, not a video file; give the video file itself"),
    (b"ffconcat", "is a list for ffmpeg's concat, not a video file; join the parts by ffmpeg"),
    (b"v=0", "is an SDP session description, not a video file; give the video file itself"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the video file; run `git lfs pull`"),
    (b"<!doctype html", "is a web page, not a video file; download it again"),
    (b"<html", "is a web page, not a video file; download it again"),
    (b"<?xml", "is an XML file, not a video file; download it again"),
)


def open_stream(path: Path) -> tuple[InputContainer, VideoStream]:
    """Open a file and choose its video stream.

    Whatever the name looks like to FFmpeg (a protocol, a pattern of numbered pictures), it is that
    of one file. Nothing else is read: playlists are errors.

    Raises:
        VideoError: the file cannot be read, is not a video, or FFmpeg cannot decode its pictures.
    """
    _check_file(path)
    try:
        # As `container_options`: given `options`, PyAV 15.1 frees memory that it does not own
        # where streams turn up while FFmpeg looks at the file (FLV).
        container = av.open(
            file_url(path), metadata_errors="replace", container_options=_container_options()
        )
    except (FFmpegError, OSError) as error:
        raise VideoError(_why_unreadable(path, error)) from error
    try:
        return container, _best_or_error(path, container)
    except BaseException:
        container.close()
        raise


def file_url(path: Path) -> str:
    """A file's address for FFmpeg, which takes `co:lon.mp4` alone for a protocol `co`."""
    return f"file:{path}"


def set_threads(stream: VideoStream, *, one: bool) -> None:
    """Let the decoder use several threads where that is safe for its codec; with `one`, never."""
    one = one or stream.codec_context.name in _ONE_THREAD
    stream.thread_type = "NONE" if one else "AUTO"


def best_stream(container: InputContainer) -> VideoStream | None:
    """FFmpeg's best video stream (`av_find_best_stream`), cover art and the undecodable left out.

    FFmpeg ranks by disposition (default first, those for the impaired last), then by how many
    frames it saw while opening (up to 5), then by bit rate; the first of equals is taken. Returns
    None where no stream is left.
    """
    films = [stream for stream in container.streams.video if _is_film(stream)]
    if films and container.streams.best("video") not in films:
        # FFmpeg cannot be asked to leave streams out, but ranks by their dispositions first, and
        # these can be set: the highest for the films that have the best one, the lowest for others.
        highest = max(map(_disposition_rank, films))
        for stream in container.streams.video:
            stays = stream in films and _disposition_rank(stream) == highest
            given = Disposition.default if stays else Disposition.hearing_impaired
            stream.disposition = given.value  # type: ignore[assignment]
    best = container.streams.best("video")
    return next((stream for stream in films if stream is best), None)


def _is_film(stream: VideoStream) -> bool:
    attached = bool(stream.disposition & Disposition.attached_pic)
    return not attached and stream.codec_context is not None


def _disposition_rank(stream: Stream) -> int:
    """`av_find_best_stream` (libavformat/avformat.c, FFmpeg 7.1): its first criterion."""
    impaired = Disposition.hearing_impaired | Disposition.visual_impaired
    given = stream.disposition
    return int(not given & impaired) + int(bool(given & Disposition.default))


def _best_or_error(path: Path, container: InputContainer) -> VideoStream:
    if any(stream.disposition & Disposition.dependent for stream in container.streams.video):
        raise VideoError(
            f"video {path} is a picture in tiles (HEIC, AVIF), which PyAV does not put together; "
            "convert it, say to PNG"
        )
    stream = best_stream(container)
    if stream is not None:
        if stream.codec_context.name == "webp" and _is_animated_webp(path):
            raise VideoError(
                f"video {path} is an animated WebP, which FFmpeg {av.ffmpeg_version_info} cannot "
                "decode; convert it to a video or a GIF"
            )
        return stream
    pictures = container.streams.video
    if not all(stream.disposition & Disposition.attached_pic for stream in pictures):
        raise VideoError(f"video {path}: FFmpeg has no decoder for it; re-encode it, say to H.264")
    kinds = {
        "a cover picture" if stream in pictures else stream.type for stream in container.streams
    }
    only = f", only {' and '.join(sorted(kinds))}" if kinds else ""
    raise VideoError(f"video {path} has no video stream{only}; give a file with pictures")


def _is_animated_webp(path: Path) -> bool:
    """Whether the file's extended header (RFC 9649, section 2.7) says so."""
    head = _head(path)
    return head[8:16] == b"WEBPVP8X" and bool(int.from_bytes(head[20:21]) & 0b10)


@functools.cache
def _container_options() -> dict[str, str]:
    readable = [
        form
        for form in map(ContainerFormat, av.formats_available)
        # `no_file` marks formats that open what they read by themselves: devices and network
        # streams. "image2" is one, too, and single pictures need it.
        if form.is_input and (not form.no_file or form.name == "image2")
    ]
    return {
        "format_whitelist": ",".join(sorted({form.name for form in readable} - _NOT_VIDEOS)),
        "protocol_whitelist": "file",
        "pattern_type": "none",  # img%03d.png is one picture
    }


def _check_file(path: Path) -> None:
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise VideoError(f"video {path} not found; check the path") from error
    except ValueError as error:
        kind = "a NUL" if "\0" in str(path) else "half a character"
        raise VideoError(
            f"video {str(path)!r}: no file can have this name, which holds {kind}; check the path"
        ) from error
    except OSError as error:  # a name too long, a folder that is closed
        raise VideoError(
            f"video {path} cannot be reached ({error.strerror}); check the path"
        ) from error
    if stat.S_ISDIR(found.st_mode):
        raise VideoError(f"video {path} is a folder; give a file")
    if not stat.S_ISREG(found.st_mode):
        raise VideoError(f"video {path} is a device or a pipe; give a file")
    if not os.access(path, os.R_OK):
        raise VideoError(f"video {path}: no permission to read it; change the file's mode")
    if found.st_size == 0:
        raise VideoError(f"video {path} is empty (0 bytes); fetch it again")


def _why_unreadable(path: Path, error: FFmpegError | OSError) -> str:
    text = _head(path).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<mpd" in text:
        text = b"<mpd"
    for beginning, reason in _BEGINNINGS:
        if text.startswith(beginning):
            return f"video {path} {reason}"
    if error.errno == errno.EINVAL:  # not in the list of formats
        return f"video {path} is a text, a playlist or raw pixels; give a video file with a header"
    return (
        f"video {path} cannot be read ({error.strerror}); "
        "is it a whole video file? Fetch it again or remove it"
    )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1024)
    except OSError:
        return b""
