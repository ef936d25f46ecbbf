"""Of several video streams the one is read that FFmpeg ranks best, never cover art."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import decord
import pytest
from av.stream import Disposition
from PIL import Image

from tests.support import numbered_frame, read_number
from tspo_bench.errors import VideoError
from tspo_bench.video import open_video

DEFAULT, NOT_DEFAULT = Disposition.default, Disposition(0)
HEARING, VISUAL = Disposition.hearing_impaired, Disposition.visual_impaired


@dataclass(frozen=True)
class Film:
    """A stream: 20 frames that carry the numbers from `first` on, at crf `quality`."""

    first: int
    disposition: Disposition = NOT_DEFAULT
    size: tuple[int, int] = (160, 96)
    quality: int = 18


SMALL, LARGE = Film(100, size=(64, 48)), Film(200, size=(320, 192))


def default(film: Film, disposition: Disposition = DEFAULT) -> Film:
    return Film(film.first, disposition, film.size, film.quality)


def make_films(path: Path, films: Sequence[Film], cover: bool = False) -> Path:
    """Write films side by side, with a cover picture on request."""
    attached = cover and path.suffix == ".mkv"  # live: nothing in the file points to places in it
    with av.open(str(path), "w", options={"live": "1"} if attached else {}) as made:
        streams = []
        for film in films:
            options = {"crf": str(film.quality), "bf": "0"}
            stream = made.add_stream("libx264", rate=10, options=options)
            stream.width, stream.height = film.size
            stream.pix_fmt, stream.disposition = "yuv420p", film.disposition.value
            streams.append(stream)
        if cover and not attached:
            picture = made.add_stream("mjpeg", rate=10)
            picture.width, picture.height, picture.pix_fmt = 96, 96, "yuvj420p"
            picture.disposition = Disposition.attached_pic.value
            made.mux(picture.encode(av.VideoFrame.from_ndarray(numbered_frame(7, 96, 96), "rgb24")))
            made.mux(picture.encode())
        for index in range(20):
            for film, stream in zip(films, streams, strict=True):
                pixels = numbered_frame(film.first + index, *film.size)
                made.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        for stream in streams:
            made.mux(stream.encode())
    return attach_cover(path) if attached else path


def attach_cover(path: Path) -> Path:
    """Put a JPEG attachment in front of a Matroska file's first cluster (RFC 9559, 5.1.6)."""

    def element(name: str, content: bytes) -> bytes:
        return bytes.fromhex(name) + (len(content) | 1 << 56).to_bytes(8, "big") + content

    jpeg = io.BytesIO()
    Image.fromarray(numbered_frame(7, 96, 96)).save(jpeg, "JPEG")
    parts = (
        element("466e", b"cover.jpg"),
        element("4660", b"image/jpeg"),
        element("46ae", b"\x01"),
        element("465c", jpeg.getvalue()),
    )
    data = path.read_bytes()
    place = data.index(bytes.fromhex("1f43b675"))
    attachments = element("1941a469", element("61a7", b"".join(parts)))
    path.write_bytes(data[:place] + attachments + data[place:])
    return path


def first_number(path: Path, reader: str = "pyav") -> int:
    with open_video(path, reader) as video:
        assert video.info.num_frames == 20
        numbers = [read_number(picture) for picture in video.fetch([0, 7, 19]).pixels]
    assert numbers == [numbers[0], numbers[0] + 7, numbers[0] + 19]
    return numbers[0]


CASES = {
    "large is default.mp4": ([SMALL, default(LARGE)], LARGE),
    "small is default.mp4": ([default(SMALL), LARGE], SMALL),
    "both are default.mp4": ([default(SMALL), default(LARGE)], LARGE),  # by bit rate
    "large comes first.mp4": ([default(LARGE), SMALL], LARGE),
    "last of three.mp4": ([SMALL, Film(300), default(LARGE)], LARGE),
    "large is default.mkv": ([SMALL, default(LARGE)], LARGE),
    "small is default.mkv": ([default(SMALL), LARGE], SMALL),
    "none is default.mkv": ([SMALL, LARGE], SMALL),  # no bit rates: the first of equals
    "for the impaired.mkv": ([default(SMALL, HEARING), LARGE], LARGE),
    "both for the impaired.mkv": ([default(SMALL, VISUAL), default(LARGE, HEARING)], SMALL),
    "three, one impaired.mkv": ([default(SMALL, VISUAL), LARGE, Film(300)], LARGE),
}


@pytest.mark.parametrize("name", CASES)
def test_the_best_stream_is_read(name: str, tmp_path: Path) -> None:
    films, best = CASES[name]
    assert first_number(make_films(tmp_path / name, films)) == best.first


@pytest.mark.parametrize("name", CASES)
def test_cover_art_changes_nothing(name: str, tmp_path: Path) -> None:
    films, best = CASES[name]
    path = make_films(tmp_path / name, films, cover=True)
    with av.open(str(path)) as container:
        pictures = [s for s in container.streams.video if Disposition.attached_pic in s.disposition]
        assert len(pictures) == 1
    assert first_number(path) == best.first


def test_cover_art_that_ffmpeg_ranks_best_is_passed_over(tmp_path: Path) -> None:
    path = make_films(tmp_path / "film.mkv", [default(SMALL, VISUAL)], cover=True)
    with av.open(str(path)) as container:
        best = container.streams.best("video")
        assert best is not None
        assert Disposition.attached_pic in best.disposition
    assert first_number(path) == SMALL.first


@pytest.mark.parametrize("name", CASES)
def test_decord_gives_the_same_stream_or_an_error(name: str, tmp_path: Path) -> None:
    films, best = CASES[name]
    path = make_films(tmp_path / name, films)
    taken = read_number(decord.VideoReader(str(path))[0].asnumpy())
    if taken == best.first:
        assert first_number(path, "decord") == best.first
    else:
        with pytest.raises(VideoError, match="another of its video streams"):
            open_video(path, "decord")


def test_streams_of_one_size_are_disambiguate(tmp_path: Path) -> None:
    films = [Film(300, DEFAULT, quality=40), Film(400, quality=1)]
    path = make_films(tmp_path / "twins.mp4", films)
    assert first_number(path) == 300
    assert read_number(decord.VideoReader(str(path))[0].asnumpy()) == 400
    with pytest.raises(VideoError, match="decord takes another of its video streams"):
        open_video(path, "decord")


def test_a_film_beside_a_stream_that_nothing_decodes(tmp_path: Path) -> None:
    path = make_films(tmp_path / "odd.mp4", [default(LARGE), SMALL])
    path.write_bytes(path.read_bytes().replace(b"avc1\0\0", b"zzz1\0\0", 1))
    with av.open(str(path)) as container:
        assert [stream.codec_context is None for stream in container.streams.video] == [True, False]
    assert first_number(path) == SMALL.first


def test_the_film_of_the_field(real_data: Path) -> None:
    path = real_data / "field" / "video" / "small_first.mp4"
    if not path.exists():
        pytest.skip("no field files")
    for reader in ("pyav", "decord"):
        with open_video(path, reader) as video:
            assert (video.info.width, video.info.height) == (192, 96)
