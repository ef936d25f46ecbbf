"""Chosen frames of a video in the store: what is encoded, and what it is kept under."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.features.numbers import NumberReader
from tests.support import make_video
from tspo_bench.errors import VideoError
from tspo_bench.features import FeatureStore
from tspo_bench.types import Features, Pixels
from tspo_bench.video import open_video


class Mean(NumberReader):
    """Features: the mean of the frame's left and right half, and its size."""

    width = 4

    def encode_frames(self, pixels: Pixels) -> Features:
        self.batches.append(len(pixels))
        _, height, width, _ = pixels.shape
        half = width // 2
        sides = [pixels[:, :, :half], pixels[:, :, half:]]
        means = [side.mean((1, 2, 3)) for side in sides]
        size = np.full((len(pixels), 2), (width, height))
        return np.column_stack([*means, size]).astype(np.float32)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make_video(tmp_path / "v.mp4", 90)


@pytest.mark.parametrize("size", [None, (60, 100), (400, 30)])
@pytest.mark.parametrize("indices", [[0, 7, 8, 89], [5, 5, 3, 80, 3], list(range(90)), [42]])
def test_they_are_those_frames_in_that_size(
    indices: list[int], size: tuple[int, int] | None, video: Path, tmp_path: Path
) -> None:
    encoder, store = Mean(), FeatureStore(tmp_path / "store")
    found = store.of_frames(video, encoder, np.array(indices), size)
    with open_video(video) as reader:
        frames, times = reader.fetch(indices, encoder.short_side).pixels, reader.times[indices]
    if size is not None:
        resized = (Image.fromarray(f).resize(size, Image.Resampling.BILINEAR) for f in frames)
        frames = np.stack([np.asarray(image) for image in resized])
    np.testing.assert_allclose(found.features, Mean().encode_frames(frames), rtol=1e-6)
    assert found.indices.tolist() == indices
    np.testing.assert_allclose(found.seconds, times)
    assert (found.num_frames, found.frame_rate) == (90, 10.0)
    assert found.num_encoded == sum(encoder.batches) == len(set(indices))

    again = store.of_frames(video, encoder, np.array(indices), size)
    assert (again.num_encoded, again.indices.tolist()) == (0, indices)
    np.testing.assert_array_equal(again.features, found.features)
    for path in store.root.rglob("*frames.safetensors"):
        path.write_bytes(path.read_bytes()[:-3])
    assert store.of_frames(video, encoder, np.array(indices), size).num_encoded > 0


def test_other_frames_sizes_and_encoders_are_kept_apart(video: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    asked = [
        (Mean(), [1, 2], None),
        (Mean(), [2, 1], None),
        (Mean(), [1, 2], (160, 96)),
        (Mean(), [1, 2], (96, 160)),
        (Mean("other/1"), [1, 2], None),
    ]
    for encoder, indices, size in asked:
        assert store.of_frames(video, encoder, np.array(indices), size).num_encoded == 2
    candidates = store.candidates(video, Mean())
    assert len(candidates) == 9
    assert len(list(store.root.rglob("*.safetensors"))) == 6


def test_a_frame_that_is_not_there_is_an_error(video: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    with pytest.raises(VideoError, match="frame 90 was asked for"):
        store.of_frames(video, Mean(), np.array([3, 90]))
    assert not list(store.root.rglob("*.safetensors"))
