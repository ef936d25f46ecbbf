"""The training data on real clips, of several sizes, shapes and rates, with hand-written items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.training.support import line, write_lines
from tspo_bench.features import FeatureStore
from tspo_bench.training.rewards import load_rewards, total_rewards
from tspo_bench.training.tspo10k import TSPO10K
from tspo_bench.types import Features, Pixels
from tspo_bench.video import open_video

ITEMS = [
    ("flipping_a_pancake.mkv", "What is flipped?", ["An egg", "A pancake", "A coin"], "b"),
    ("water.mp4", "What is filmed?", ["Water", "Fire", "Sand", "Snow"], "a"),
    ("jobs.mp4", "Who is in the picture?", ["A dog", "Nobody", "A cat", "A person"], "d"),
    ("video1.mp4", "Is it a film?", ["Yes", "No"], "a"),
    ("dc_demo.mp4", "What is shown?", ["A lake", "A demo"], "b"),
]


class Thumbnails:
    """Features are the frame's 4 x 4 thumbnail, so that a feature identifies its frame."""

    id = "thumbnails/1"
    short_side = 64
    width = 48

    def encode_frames(self, pixels: Pixels) -> Features:
        return np.stack([thumbnail(frame) for frame in pixels])

    def encode_text(self, texts: Sequence[str]) -> Features:
        return np.array([[len(text)] * self.width for text in texts], np.float32)


def thumbnail(frame: Pixels) -> Features:
    small = Image.fromarray(frame).resize((4, 4), Image.Resampling.BOX)
    return np.asarray(small, np.float32).reshape(-1)


def real_lines() -> list[dict[str, Any]]:
    """Each item as a `general` and as a `specific` line of the data."""
    return [
        line(
            video,
            original_question=f"<image>\n{question}\n"
            + "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", options, strict=False)),
            original_answer=f"{letter.upper()}. {options['abcd'.index(letter)]}",
            solution=f"<answer>{letter}</answer>",
            type=kind,
        )
        for kind in ("general", "specific")
        for video, question, options, letter in ITEMS
    ]


@pytest.fixture(scope="module")
def data(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TSPO10K:
    folder = tmp_path_factory.mktemp("real")
    path = write_lines(folder / "real.jsonl", *real_lines(), line("none.mp4"))
    return TSPO10K(path, real_data / "videos", Thumbnails(), FeatureStore(folder / "store"))


@pytest.mark.slow
def test_lines(data: TSPO10K, real_data: Path) -> None:
    assert len(data) == 10
    (skipped,) = data.skipped
    assert str(skipped) == f"line 11: video none.mp4 not found under {real_data / 'videos'}"
    assert [data.episode(index, 0).answer for index in range(5)] == list("BADAB")


@pytest.mark.parametrize("index", range(5))
def test_general_items(data: TSPO10K, index: int) -> None:
    episode = data.episode(index, 0)
    assert episode.features.shape == (128, 48)  # none of these clips has 50 seconds
    assert (episode.k, episode.needles) == (8, None)
    with open_video(data.items[index].video) as reader:
        assert episode.num_frames == reader.info.num_frames
        np.testing.assert_array_equal(episode.seconds, reader.times[episode.indices])
    last = episode.num_frames - 1
    assert episode.indices.tolist() == [place * last // 127 for place in range(128)]
    assert len(np.unique(episode.indices)) == min(128, episode.num_frames)


@pytest.mark.slow
@pytest.mark.parametrize("index", [5, 6, 9])  # 426 x 240, portrait, 1280 x 720
def test_haystacks(data: TSPO10K, index: int) -> None:
    episode = data.episode(index, 0)
    assert episode.needles is not None
    total = len(episode.features)
    assert total in (650, 700, 750, 800)
    assert episode.needles.sum() == total - 600
    positions = np.arange(5, total, 50)  # a frame of each clip
    frames = episode.fetch(positions, 64)
    with open_video(data.items[index].video) as reader:
        height, width = reader.info.height, reader.info.width
    shorter = min(height, width)
    assert frames.pixels.shape[1:3] == (round(height * 64 / shorter), round(width * 64 / shorter))
    for position, pixels in zip(positions, frames.pixels, strict=True):
        assert np.abs(thumbnail(pixels) - episode.features[position]).max() < 4


def test_rewards_of_a_haystack(data: TSPO10K) -> None:
    episode = data.episode(6, 0)
    assert episode.needles is not None
    inside, outside = np.flatnonzero(episode.needles), np.flatnonzero(~episode.needles)
    draws = np.sort(np.stack([inside[:16], outside[:16], np.r_[inside[:8], outside[:8]]]))
    rewards = list(load_rewards("answer,temporal").values())
    total, parts = total_rewards(rewards, episode, draws, ["A. Water", "A", "Fire"])
    assert total.tolist() == [2.0, 1.0, 0.5]
    assert [part.tolist() for part in parts if part is not None] == [[1, 1, 0], [1, 0, 0.5]]
