"""No decoder ends the process, or fails, because it is emptied and used again.

Everything runs in processes of its own, so that a crash is a failed test.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tests.support import numbered_frame
from tests.video.clips import DATA, encode
from tspo_bench.video.opening import _ONE_THREAD

READ = """
import json, sys
from pathlib import Path
from tests.support import read_number
from tspo_bench.video import open_video
with open_video(Path(sys.argv[1])) as video:
    count = video.info.num_frames
    ones = [read_number(video.fetch([index]).pixels[0]) for index in (*range(count), 0, 1, 0)]
    print(json.dumps(ones + [read_number(p) for p in video.fetch(range(count)).pixels]))
"""
# Runs of packets, given to one decoder, each as many times as it takes: first sound ones, then ones
# that start behind a keyframe, as a damaged file has them. More threads than this machine may have.
REUSE = """
import sys
from pathlib import Path
import av
from tspo_bench.video.opening import open_stream, set_threads
container, stream = open_stream(Path(sys.argv[1]))
set_threads(stream, one=False)
stream.codec_context.thread_count = 16
packets = [packet for packet in container.demux(stream) if packet.size]
for first, last in ((0, 1), (0, 1), (0, 5), (1, 5), (0, 7), (5, 12), (0, 1), (1, 12), (3, 6)):
    for packet in (*packets[first:last], None):
        try:
            if packet is not None:
                copied = av.Packet(bytes(packet))
                copied.pts, copied.dts = packet.pts, packet.dts
                copied.time_base, copied.stream = packet.time_base, stream
                packet = copied
            stream.decode(packet)
        except av.FFmpegError:
            pass
    stream.codec_context.flush_buffers()
"""


def run(code: str, *arguments: object) -> Any:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def numbers_read(path: Path) -> list[int]:
    done = run(READ, path)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    numbers: list[int] = json.loads(done.stdout)
    return numbers


def test_theora_frame_by_frame() -> None:
    assert numbers_read(DATA / "theora.ogv") == [*range(30), 0, 1, 0, *range(30)]


def test_apng_frame_by_frame(tmp_path: Path) -> None:
    frames = [Image.fromarray(numbered_frame(index, 160, 96)) for index in range(12)]
    path = tmp_path / "film.png"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    assert numbers_read(path) == [*range(12), 0, 1, 0, *range(12)]


def test_a_run_with_the_film_of_the_field(real_data: Path) -> None:
    path = real_data / "field" / "video" / "theora.ogv"
    if not path.exists():
        pytest.skip("no field files")
    done = run(READ, path)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == 203


@pytest.mark.parametrize("name", ["theora.ogv", "film.webm"])
def test_decoders_survive_packets_behind_no_keyframe(name: str, tmp_path: Path) -> None:
    path = DATA / name
    if name == "film.webm":
        path = encode(tmp_path / name, 14, "libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"})
    done = run(REUSE, path)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])


CODECS = {
    "libx264": "mp4", "libx265": "mp4", "libvpx": "webm", "libvpx-vp9": "webm", "libsvtav1": "mp4",
    "mpeg4": "avi", "mpeg2video": "ts", "flv": "flv", "mjpeg": "mov", "ffv1": "mkv",
    "utvideo": "nut", "magicyuv": "nut", "huffyuv": "avi", "ffvhuff": "nut", "png": "mov",
    "prores_ks": "mov", "jpeg2000": "mov", "v210": "mov", "wmv2": "asf", "snow": "nut",
}  # fmt: skip
FORMATS = {
    "prores_ks": "yuv422p10le", "v210": "yuv422p10le", "huffyuv": "yuv422p", "png": "rgb24",
    "mjpeg": "yuvj420p",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("codec", CODECS)
def test_other_decoders_survive_it_with_all_their_threads(codec: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{CODECS[codec]}"
    with av.open(str(path), "w") as made:
        stream = made.add_stream(codec, rate=25)
        stream.width, stream.height = 160, 96
        stream.pix_fmt = FORMATS.get(codec, "yuv420p")
        for index in range(14):
            pixels = numbered_frame(index, 160, 96)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        made.mux(stream.encode())
    done = run(REUSE, path)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])


def test_the_list_names_decoders() -> None:
    for name in _ONE_THREAD:
        assert av.codec.Codec(name, "r").type == "video"
