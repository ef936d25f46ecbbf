"""The store on real mp4 files: once per video, whole files, two processes, damage, changes."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.features.numbers import NumberReader
from tests.support import little_room, make_video
from tspo_bench.errors import UserError, VideoError
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.store import BATCH

Get = Callable[[str], Path]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """95 numbered frames at 10 fps: candidates 0, 10, ..., 90."""
    return make_video(tmp_path_factory.mktemp("video") / "a.mp4", 95)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "store")


def test_a_video_is_encoded_once(store: FeatureStore, video: Path) -> None:
    encoder = NumberReader()
    first = store.candidates(video, encoder)
    assert first.indices.tolist() == list(range(0, 95, 10))
    np.testing.assert_allclose(first.seconds, np.arange(10.0), atol=1e-6)
    assert first.features is not None
    assert first.features[:, 0].tolist() == first.indices.tolist()
    assert (first.num_frames, first.frame_rate, first.num_encoded) == (95, 10.0, 10)
    again = store.candidates(video, encoder)
    assert again.num_encoded == 0
    assert sum(encoder.batches) == 10
    for name in ("indices", "seconds", "features"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
        assert getattr(again, name).dtype == getattr(first, name).dtype
    assert (again.num_frames, again.frame_rate) == (95, 10.0)


def test_rate_and_encoder_are_part_of_the_key(store: FeatureStore, video: Path) -> None:
    first, second = NumberReader("a/b"), NumberReader("a_b")
    assert store.candidates(video, first, rate=1.0).num_encoded == 10
    assert store.candidates(video, first, rate=2.0).num_encoded == 19
    assert store.candidates(video, second, rate=1.0).num_encoded == 10
    assert len(store.candidates(video, first, rate=2.0)) == 19


def test_the_rule_of_candidates_is_part_of_the_key(store: FeatureStore, tmp_path: Path) -> None:
    """20 s at 1 frame a second, then 2 s at 10: a frame a second, or every second frame."""
    pts = [*range(0, 20_000, 1000), *range(20_000, 22_000, 100)]
    film, encoder = make_video(tmp_path / "v.mp4", 40, pts=pts), NumberReader()
    by_time = store.candidates(film, encoder)
    assert by_time.indices.tolist() == [*range(20), 20, 30]
    by_stride = store.candidates(film, encoder, rule="stride")
    assert by_stride.num_encoded == len(by_stride) == 20
    assert by_stride.indices.tolist() == list(range(0, 40, 2))
    assert store.candidates(film, encoder, rule="time").indices.tolist() == [*range(20), 20, 30]
    assert store.stored(film, encoder, rule="stride") is not None
    np.testing.assert_array_equal(store.candidates(film, encoder).indices, by_time.indices)


def test_features_of_another_reader_are_made_again(
    store: FeatureStore, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of an older version too, whose name had the rate alone: they stay as they are."""
    encoder = NumberReader()
    now = store.path(video, encoder)
    monkeypatch.setattr("tspo_bench.features.store._DECODING", "r1-lavc58")
    before = store.path(video, encoder)
    assert before != now
    store.candidates(video, encoder)
    old = before.with_name(f"{store.video_id(video)}-1.0fps.safetensors")
    shutil.copy(before, old)
    monkeypatch.undo()
    assert store.stored(video, encoder) is None
    assert store.candidates(video, encoder).num_encoded == 10
    assert {path.name for path in now.parent.iterdir()} == {now.name, before.name, old.name}


def test_the_code_of_an_encoder_is_part_of_the_key(
    store: FeatureStore, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its `id` says nothing of a helper that it imports."""
    monkeypatch.syspath_prepend(tmp_path)
    text = "from tests.features.numbers import NumberReader\nfrom light import FACTOR\n\n"
    text += "class Mine(NumberReader):\n    def encode_frames(self, pixels):\n"
    text += "        return super().encode_frames(pixels) * FACTOR\n"
    (tmp_path / "mine.py").write_text(text)
    found = []
    for factor in ("1", "20", "1"):
        (tmp_path / "light.py").write_text(f"FACTOR = {factor}\n")
        for module in ("mine", "light"):
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        encoder = importlib.import_module("mine").Mine()
        found.append(store.candidates(video, encoder))
    assert [one.num_encoded for one in found] == [10, 10, 0]
    np.testing.assert_array_equal(found[1].features, found[0].features * 20)


def test_memory_is_bounded_by_the_batch(store: FeatureStore, tmp_path: Path) -> None:
    long = make_video(tmp_path / "long.mp4", 3 * BATCH - 7, rate=1)
    encoder = NumberReader()
    assert store.candidates(long, encoder).num_encoded == 3 * BATCH - 7
    assert max(encoder.batches) <= BATCH
    assert len(encoder.batches) == 3


def test_a_copy_is_the_same_video_and_a_changed_file_is_not(
    store: FeatureStore, video: Path, tmp_path: Path
) -> None:
    encoder = NumberReader()
    copy = Path(shutil.copy(video, tmp_path / "copy.mp4"))
    store.candidates(video, encoder)
    assert store.candidates(copy, encoder).num_encoded == 0
    before = store.video_id(copy)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1  # same size, one bit in the middle
    copy.write_bytes(content)
    assert store.video_id(copy) != before
    make_video(copy, 40)
    assert len(store.candidates(copy, encoder)) == 4


def test_an_unchanged_file_is_not_read_again(
    store: FeatureStore, video: Path, tmp_path: Path
) -> None:
    """Only size, modification time and inode are looked at the second time."""
    copy = Path(shutil.copy(video, tmp_path / "copy.mp4"))
    known = store.video_id(copy)
    status = copy.stat()
    with copy.open("r+b") as file:
        file.write(b"\0" * 8)
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.video_id(copy) == known
    os.utime(copy)
    assert store.video_id(copy) != known


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "zeros", "text"])
def test_a_damaged_file_is_made_again(store: FeatureStore, video: Path, damage: str) -> None:
    encoder = NumberReader()
    expected = store.candidates(video, encoder)
    path = store.path(video, encoder)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-3] ^= 1
    path.write_bytes(
        {
            "truncated": content[: len(content) // 2],
            "empty": b"",
            "flipped": content,
            "zeros": bytes(len(content)),
            "text": b"not a safetensors file, but a long enough text",
        }[damage]
    )
    repaired = store.candidates(video, encoder)
    assert repaired.num_encoded == 10
    np.testing.assert_array_equal(repaired.features, expected.features)
    assert store.candidates(video, encoder).num_encoded == 0


def test_a_damaged_note_is_made_again(store: FeatureStore, video: Path) -> None:
    known = store.video_id(video)
    (note,) = (store.root / "videos").iterdir()
    for content in ("", "[1]", '{"stamp": [1, 2, 3]}'):
        note.write_text(content)
        assert store.video_id(video) == known


WRITER = """
import sys
from pathlib import Path
from tests.features.numbers import NumberReader
from tspo_bench.features import FeatureStore
store, encoder = FeatureStore(Path(sys.argv[1])), NumberReader()
print("ready", flush=True)
sys.stdin.readline()
for video in sys.argv[2:]:
    for _ in range(3):
        found = store.candidates(Path(video), encoder)
        assert found.features[:, 0].tolist() == found.indices.tolist()
        store.path(Path(video), encoder).unlink(missing_ok=True)
    store.candidates(Path(video), encoder)
"""


def test_two_processes_fill_one_store(store: FeatureStore, tmp_path: Path) -> None:
    """Both write, read and even delete the same files at the same time; none sees half a file."""
    videos = [make_video(tmp_path / f"{n}.mp4", 20 + n) for n in range(4)]
    command = [sys.executable, "-c", WRITER, str(store.root), *map(str, videos)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        assert "damaged" not in errors
    encoder = NumberReader()
    for n, path in enumerate(videos):
        found = store.candidates(path, encoder)
        assert found.num_encoded == 0
        assert found.indices.tolist() == list(range(0, 20 + n, 10))
    leftovers = [path for path in store.root.rglob("*") if path.name.startswith(".")]
    assert leftovers == []


def test_threads_fill_one_store(store: FeatureStore, tmp_path: Path, checkpoint: Get) -> None:
    encoder = load_encoder(str(checkpoint("clip")))
    videos = [make_video(tmp_path / f"{n}.mp4", 30 + n) for n in range(3)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda path: store.candidates(path, encoder), videos * 4))
    for path, candidates in zip(videos * 4, found, strict=True):
        np.testing.assert_allclose(
            candidates.features, store.candidates(path, encoder).features, rtol=1e-5
        )


def test_bad_videos(store: FeatureStore, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"nothing\.mp4"):
        store.candidates(tmp_path / "nothing.mp4", NumberReader())
    with pytest.raises(VideoError, match=str(tmp_path)):
        store.candidates(tmp_path, NumberReader())
    for name, content in {"empty.mp4": b"", "text.mp4": b"no video at all"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VideoError, match=name):
            store.candidates(tmp_path / name, NumberReader())
    assert not list(store.root.rglob("*.safetensors"))


def test_the_default_root_is_in_the_cache(cache: Path) -> None:
    assert FeatureStore().root == cache / "features"


def test_a_root_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make folder"):
        FeatureStore(tmp_path / "file" / "store")


def test_a_full_disk_names_the_file_and_the_way_out(store: FeatureStore, video: Path) -> None:
    path = store.path(video, NumberReader())  # the note of the video's content is there now
    with little_room(100), pytest.raises(UserError) as caught:
        store.candidates(video, NumberReader())
    assert str(caught.value).startswith(f"cannot write {path}: File too large; make room, or set")
    assert [entry.name for entry in path.parent.iterdir()] == []
    assert store.candidates(video, NumberReader()).num_encoded == 10


@pytest.mark.slow
def test_real_videos(store: FeatureStore, real_data: Path, checkpoint: Get) -> None:
    encoder = load_encoder(str(checkpoint("clip")))
    videos = sorted((real_data / "videos").iterdir())
    for video in videos:
        encoded = store.candidates(video, encoder)
        found = store.candidates(video, encoder)
        stride = round(found.frame_rate)
        assert found.num_encoded == 0
        assert found.indices.tolist() == list(range(0, found.num_frames, stride))
        assert encoded.num_encoded == len(found) > 0
        assert np.isfinite(found.features).all()
