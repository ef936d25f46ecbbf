"""A name is that of one file, whatever FFmpeg takes it for; errors say what a file is."""

from __future__ import annotations

import io
import os
import shutil
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image, features

from tests.support import make_video, numbered_frame, read_number
from tspo_bench.errors import VideoError
from tspo_bench.video import open_video

Clip = Callable[[str], Path]

NAMES = [
    "co:lon.mp4", "pipe:0.mp4", "pipe:", "http:x.mp4", "https:", "file:x.mp4", "data:x.mp4",
    "concat:a|b.mp4", "subfile,,start,0,end,5,,:a.mp4", "crypto:a.mp4", "cache:a.mp4", "fd:.mp4",
    "rtsp:x.mp4", "rtmp:x", "-", "-x.mp4", "%d.mp4", "img%03d.mp4", "a*b?.mp4", "a[1].mp4",
    "{a,b}.mp4", "new\nline.mp4", "tab\t.mp4", " space .mp4", "~.mp4", "a#b?c=d&e.mp4", "a\\b.mp4",
    "'quoted' \"twice\".mp4", "été.mp4", "映画.mp4", "no suffix", "film.png", "film.txt",
    "film.m3u8",
]  # fmt: skip


@pytest.mark.parametrize("reader", ["pyav", "decord"])
@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_names(
    name: str, reader: str, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(clip("plain.mp4"), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, Path(name)):
        with open_video(path, reader) as video:
            assert read_number(video.fetch([41]).pixels[0]) == 41
            assert video.info.path == path


@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_odd_folders_are_folders(
    reader: str, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("http:", "data%02d", "film.mp4")
    (tmp_path / path).parent.mkdir(parents=True)
    shutil.copy(clip("plain.mp4"), tmp_path / path)
    monkeypatch.chdir(tmp_path)
    with open_video(path, reader) as video:
        assert video.info.num_frames == 60


def test_a_name_that_is_not_utf8(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe.mp4")
    try:
        shutil.copy(clip("plain.mp4"), path)
    except OSError:
        pytest.skip("this file system has UTF-8 names alone")
    with open_video(path) as video:
        assert video.info.num_frames == 60
    with pytest.raises(VideoError, match="not UTF-8; use the reader 'pyav'"):
        open_video(path, "decord")


@pytest.mark.parametrize("name", ["img%03d.png", "img%d.jpg", "a*.png", "a[0-9].png", "%%.bmp"])
def test_a_pattern_of_pictures_is_one_picture(name: str, tmp_path: Path) -> None:
    for index, other in enumerate((name, "img000.png", "img1.jpg", "ab.png", "a1.png", "%.bmp")):
        Image.fromarray(numbered_frame(index, 160, 96)).save(tmp_path / other)
    with open_video(tmp_path / name) as video:
        assert video.info.num_frames == 1
        assert read_number(video.fetch([0]).pixels[0]) == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nul\0.mp4", "no file can have this name"),
        ("lone\ud800.mp4", "no file can have this name"),
        ("x" * 5000 + ".mp4", "cannot be reached .*long"),
        ("file.txt/film.mp4", "cannot be reached .*directory"),
    ],
)
@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_names_that_no_file_can_have(name: str, reason: str, reader: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    with pytest.raises(VideoError, match=reason):
        open_video(tmp_path / name, reader)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.mp4")
    for path in (tmp_path / "film.mp4", Path("/dev/null")):
        with pytest.raises(VideoError, match="is a device or a pipe; give a file"):
            open_video(path)


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    """A port, and the connections made to it."""
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, address = listening.accept()
                except OSError:
                    return
                seen.append(str(address))
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1], seen
        listening.shutdown(socket.SHUT_RDWR)


HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{}</BaseURL></MPD>'
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.txt", "list"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HLS, "is an HLS playlist, not a video file; give the video file itself"),
        ("\ufeff\n" + HLS, "is an HLS playlist"),
        ("ffconcat version 1.0\nfile {}\n", "is a list for ffmpeg's concat"),
        (DASH, "is a DASH playlist"),
        (SDP, "is an SDP session description"),
    ],
)
def test_playlists_lead_nowhere(
    name: str, text: str, reason: str, clip: Clip, tmp_path: Path, server: tuple[int, list[str]]
) -> None:
    port, seen = server
    shutil.copy(clip("broadcast.ts"), tmp_path / "other.ts")
    for target in ("other.ts", tmp_path / "other.ts", f"http://127.0.0.1:{port}/other.ts"):
        path = tmp_path / name
        path.write_text(text.format(target))
        with pytest.raises(VideoError, match=reason):
            open_video(path)
    assert not seen


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("page.mp4", "<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        ("page.mp4", "\n  <html lang=en><title>404</title></html>", "is a web page"),
        (
            "error.mp4",
            '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
            "an XML file",
        ),
        ("film.mp4", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        ("notes.txt", "what was seen\n" * 50, "is a text, a playlist or raw pixels"),
        ("readme.nfo", "what was seen\n" * 50, "is a text, a playlist or raw pixels"),
        ("error.mp4", '{"error": "not found"}', "cannot be read .*is it a whole video file"),
        ("film.yuv", "x" * 40_000, "is a text, a playlist or raw pixels"),
        ("film.srt", "1\n00:00:01,000 --> 00:00:02,000\nYes.\n", "no video stream, only subtitle"),
        ("film.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nYes.\n", "no video stream, only subtitle"),
    ],
)
@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_texts(name: str, text: str, reason: str, reader: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(VideoError, match=rf"{name} .*{reason}"):
        open_video(tmp_path / name, reader)


def sound_with_cover(path: Path) -> Path:
    with av.open(str(path), "w") as made:
        sound = made.add_stream("aac", rate=8000)
        picture = made.add_stream("mjpeg", rate=10)
        picture.width, picture.height, picture.pix_fmt = 96, 96, "yuvj420p"
        picture.disposition = Disposition.attached_pic.value
        made.mux(picture.encode(av.VideoFrame.from_ndarray(numbered_frame(7, 96, 96), "rgb24")))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        silence.rate = 8000
        made.mux(sound.encode(silence))
        made.mux(sound.encode())
    return path


def test_sound_with_a_cover_picture_is_not_a_film(tmp_path: Path) -> None:
    path = sound_with_cover(tmp_path / "song.mp4")
    reason = r"no video stream, only a cover picture and audio; give a file with pictures"
    with pytest.raises(VideoError, match=rf"song\.mp4 has {reason}"):
        open_video(path)


def pictures(count: int) -> list[Image.Image]:
    return [Image.fromarray(numbered_frame(index, 160, 96)) for index in range(count)]


needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")


@pytest.mark.parametrize(
    "name", ["film.gif", "film.png", "film.apng", pytest.param("film.avif", marks=needs_avif)]
)
def test_animated_pictures_are_films(name: str, tmp_path: Path) -> None:
    first, *others = pictures(12)
    path = tmp_path / name
    kind = "PNG" if name.endswith("png") else None
    first.save(path, kind, save_all=True, append_images=others, duration=200, loop=0)
    with open_video(path) as video:
        assert (video.info.num_frames, video.info.frame_rate) == (12, 5)
        fetched = video.fetch([0, 11, 5, 5])
        scanned = [read_number(picture) for batch in video.scan(5) for picture in batch.pixels]
    assert [read_number(picture) for picture in fetched.pixels] == [0, 11, 5, 5]
    np.testing.assert_allclose(fetched.seconds, [0, 2.2, 1, 1], atol=1e-6)
    assert scanned == list(range(12))


def test_an_animated_webp_says_that_it_cannot_be_decoded(tmp_path: Path) -> None:
    first, *others = pictures(4)
    path = tmp_path / "film.webp"
    first.save(path, save_all=True, append_images=others, duration=100)
    with pytest.raises(VideoError, match=r"film\.webp is an animated WebP, which FFmpeg .* cannot"):
        open_video(path)


@pytest.mark.parametrize(
    "name",
    ["one.png", "one.jpg", "one.webp", "one.bmp", pytest.param("one.avif", marks=needs_avif)],
)
def test_a_single_picture_is_a_film_of_one_frame(name: str, tmp_path: Path) -> None:
    Image.fromarray(numbered_frame(77, 160, 96)).save(tmp_path / name)
    with open_video(tmp_path / name) as video:
        assert video.info.num_frames == 1
        assert read_number(video.fetch([0]).pixels[0]) == 77


def tiled_avif(path: Path) -> Path:
    """A picture of 2 x 2 tiles, as phones write HEIC (ISO 23008-12, 6.6.2.3)."""

    def box(name: bytes, *content: bytes, version: int | None = None) -> bytes:
        data = b"".join(content)
        if version is not None:
            data = struct.pack(">I", version << 24) + data
        return struct.pack(">I", 8 + len(data)) + name + data

    encoded = io.BytesIO()
    Image.fromarray(numbered_frame(77, 64, 64)).save(encoded, "AVIF")
    tile = encoded.getvalue()

    def found(name: bytes) -> bytes:
        start = tile.index(name) - 4
        return tile[start : start + struct.unpack(">I", tile[start : start + 4])[0]]

    coded = found(b"mdat")[8:]
    grid = struct.pack(">4B2H", 0, 0, 1, 1, 128, 128)
    items = [(1, b"grid"), *((item, b"av01") for item in (2, 3, 4, 5))]
    entries = [box(b"infe", struct.pack(">2H", i, 0), kind, b"\0", version=2) for i, kind in items]
    sizes = [box(b"ispe", struct.pack(">2I", side, side), version=0) for side in (128, 64)]
    uses = [
        struct.pack(">H2B", 1, 1, 1),
        *(struct.pack(">H3B", i, 2, 2, 0x83) for i in range(2, 6)),
    ]

    def meta(data_at: int) -> bytes:
        places = struct.pack(">6H2I", 0x4400, 5, 1, 1, 0, 1, 0, len(grid))
        for item in range(2, 6):
            places += struct.pack(">4H2I", item, 0, 0, 1, data_at, len(coded))
        return box(
            b"meta",
            box(b"hdlr", bytes(4), b"pict", bytes(13), version=0),
            box(b"pitm", struct.pack(">H", 1), version=0),
            box(b"iloc", places, version=1),
            box(b"iinf", struct.pack(">H", len(entries)), *entries, version=0),
            box(b"iref", box(b"dimg", struct.pack(">6H", 1, 4, 2, 3, 4, 5)), version=0),
            box(
                b"iprp",
                box(b"ipco", *sizes, found(b"av1C")),
                box(b"ipma", struct.pack(">I", 5), *uses, version=0),
            ),
            box(b"idat", grid),
            version=0,
        )

    kind = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")
    data_at = len(kind) + len(meta(0)) + 8
    path.write_bytes(kind + meta(data_at) + box(b"mdat", coded))
    return path


@needs_avif
def test_one_tile_does_not_pass_for_the_picture(tmp_path: Path) -> None:
    path = tiled_avif(tmp_path / "phone.avif")
    assert Image.open(path).size == (128, 128)
    with pytest.raises(VideoError, match=r"phone\.avif is a picture in tiles .*convert it"):
        open_video(path)


def test_streams_that_turn_up_late_do_no_harm(tmp_path: Path) -> None:
    """Flash video's header names no streams: PyAV freed what was not its own, given options."""
    path = make_video(tmp_path / "film.flv", 20)
    for _ in range(5):
        with open_video(path) as video:
            assert read_number(video.fetch([13]).pixels[0]) == 13
