"""Recordings that were joined or cut anywhere: one after the other, each with its own frames."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.support import numbered_frame, read_number
from tests.video.clips import encode
from tests.video.test_times import shown
from tspo_bench.errors import VideoError
from tspo_bench.video import open_video


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": "open-gop=1:bframes=3:keyint=12"}),
        ("mpeg2video", {"g": "12", "bf": "2", "b": "800k"}),
    ],
)
@pytest.mark.parametrize("times", [2, 3])
def test_joined_recordings_follow_one_another(
    codec: str, options: dict[str, str], times: int, tmp_path: Path
) -> None:
    one = encode(tmp_path / "one.ts", 40, codec, options)
    path = tmp_path / "joined.ts"
    path.write_bytes(one.read_bytes() * times)
    assert shown(path) == list(range(40)) * times
    with open_video(path) as video:
        np.testing.assert_allclose(video.times, np.arange(40 * times) / 10, atol=1e-3)
        scanned = [read_number(picture) for batch in video.scan(2) for picture in batch.pixels]
    assert scanned == (list(range(40)) * times)[::5]


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": "bframes=3:keyint=12"}),
        ("mpeg2video", {"g": "12", "bf": "0", "b": "800k"}),  # FFmpeg makes its decoding times up
        ("mpeg4", {"g": "12", "bf": "2", "b": "800k"}),
    ],
)
def test_joined_files_of_other_kinds_follow_one_another(
    codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    one = encode(tmp_path / "one.mkv", 40, codec, options)
    path = tmp_path / "joined.mkv"
    path.write_bytes(one.read_bytes() * 2)
    assert shown(path) == list(range(40)) * 2


def test_a_recording_cut_into_begins_at_its_first_whole_picture(tmp_path: Path) -> None:
    options = {"x264-params": "open-gop=1:bframes=3:keyint=12:scenecut=0"}
    whole = encode(tmp_path / "one.ts", 40, "libx264", options).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(whole + whole[188 * 40 :])
    numbers = shown(path)
    assert numbers[:40] == list(range(40))
    assert numbers[40:] == list(range(numbers[40], 40))
    assert 0 < numbers[40] < 30


def encoded(path: Path, form: str, codec: str, size: tuple[int, int], first: int = 0) -> bytes:
    """40 numbered frames at 25 a second with B-frames, in a container of that name."""
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=25, options={"g": "12", "bf": "2", "b": "900k"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(first, first + 40):
            frame = av.VideoFrame.from_ndarray(numbered_frame(index, *size), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


PROGRAM_STREAMS = {"vob": "mpeg2video", "mpeg": "mpeg1video", "mpeg2video": "mpeg2video"}


@pytest.mark.parametrize("form", [*PROGRAM_STREAMS, "m4v"])
@pytest.mark.parametrize("size", [(160, 96), (192, 112)])
def test_joined_recordings_that_are_counted(
    form: str, size: tuple[int, int], tmp_path: Path
) -> None:
    codec = PROGRAM_STREAMS.get(form, "mpeg4")
    path = tmp_path / f"joined.{form}"
    one, other = (encoded(path, form, codec, *given) for given in (((160, 96),), (size, 100)))
    path.write_bytes(one + other)
    assert shown(path) == [*range(40), *range(100, 140)]


@pytest.mark.parametrize("form", PROGRAM_STREAMS)
def test_a_program_stream_cut_into_begins_at_its_first_whole_picture(
    form: str, tmp_path: Path
) -> None:
    path = tmp_path / f"cut.{form}"
    whole = encoded(path, form, PROGRAM_STREAMS[form], (160, 96))
    path.write_bytes(whole[len(whole) // 3 :])
    numbers = shown(path)
    assert 0 < numbers[0] < 30
    assert numbers == list(range(numbers[0], 40))


def test_a_third_file_that_ffmpeg_does_not_read_is_said(tmp_path: Path) -> None:
    one = encode(tmp_path / "one.mkv", 40, "libx264", {"x264-params": "bframes=3:keyint=12"})
    path = tmp_path / "joined.mkv"
    path.write_bytes(one.read_bytes() * 3)
    with pytest.raises(VideoError, match=r"8\.0 s, where another file is joined.*--trust-packets"):
        open_video(path)
