"""Episodes of the training data on real mp4 files: composition, features, fetched frames."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.training.support import (
    LENGTHS,
    QUESTION,
    WIDTHS,
    FrameReader,
    line,
    make_videos,
    write_lines,
)
from tspo_bench.errors import UserError, VideoError
from tspo_bench.features import FeatureStore
from tspo_bench.training import clips
from tspo_bench.training.clips import ClipEpisode
from tspo_bench.training.rewards import temporal
from tspo_bench.training.tspo10k import TSPO10K
from tspo_bench.types import Pixels
from tspo_bench.video import open_video

NAMES = {width: name for name, width in WIDTHS.items()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    return FeatureStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def path(root: Path) -> Path:
    """Lines 1 to 4 are `general`, 5 to 8 `specific`, for the videos a to d."""
    lines = [
        line(f"{name}.mp4", type=kind, original_question=QUESTION.replace("next", f"in {name}"))
        for kind in ("general", "specific")
        for name in LENGTHS
    ]
    return write_lines(root / "train.jsonl", *lines)


@pytest.fixture(scope="module")
def data(path: Path, root: Path, store: FeatureStore) -> TSPO10K:
    return TSPO10K(path, root, FrameReader(), store)


def sources(episode: ClipEpisode) -> list[tuple[str, int]]:
    """The video and frame number of each candidate, as its feature tells."""
    return [(NAMES[int(width)], int(number)) for number, width in episode.features]


def true_frames(name: str) -> list[int]:
    """What a question's own video offers, counted by hand: rounded down, ends included."""
    total = LENGTHS[name]
    if 50 <= total <= 128:
        return list(range(total))
    return [i * (total - 1) // 127 for i in range(128)]


@pytest.mark.parametrize("index", range(4))
def test_general_items_are_the_video_as_it_is(data: TSPO10K, index: int) -> None:
    name = "abcd"[index]
    episode = data.episode(index, epoch=0)
    assert sources(episode) == [(name, number) for number in true_frames(name)]
    assert (episode.k, episode.needles) == (8, None)
    assert (episode.frame_rate, episode.num_frames) == (1.0, LENGTHS[name])
    assert episode.indices.tolist() == true_frames(name)
    np.testing.assert_allclose(episode.seconds, true_frames(name), atol=1e-6)
    assert (episode.id, episode.answer, episode.letters) == (f"train-{index + 1}", "B", "ABC")
    assert episode.options == ("A cat", "A dog", "A man")
    assert episode.prompt.endswith(
        "C. A man\nPlease answer with the option's letter from the given choices directly."
    )
    assert episode.features.dtype == episode.text_features.dtype == np.float32
    assert episode.text_features.shape == (1, 2)


@pytest.mark.parametrize("index", range(4, 8))
def test_haystacks_are_1_to_4_needles_among_12_distractors(data: TSPO10K, index: int) -> None:
    name, counts, firsts = "abcd"[index - 4], set(), set()
    for epoch in range(12):
        episode = data.episode(index, epoch)
        length = len(episode.features)
        assert episode.needles is not None
        assert len(episode.needles) == length == episode.num_frames
        assert (episode.k, episode.frame_rate) == (16, 1.0)
        found, blocks = sources(episode), length // 50
        assert length == 50 * blocks
        assert 650 <= length <= 800
        offered = Counter(true_frames(name))
        evenly = {o: [i * (LENGTHS[o] - 1) // 49 for i in range(50)] for o in "abcd"}
        for start in range(0, length, 50):
            videos, numbers = zip(*found[start : start + 50], strict=True)
            assert len(set(videos)) == 1
            inside = episode.needles[start : start + 50]
            assert inside.all() if videos[0] == name else not inside.any()
            if videos[0] == name:
                assert list(numbers) == sorted(numbers)
                assert Counter(numbers) <= offered
            else:
                assert list(numbers) == evenly[videos[0]]
        counts.add(int(episode.needles.sum()) // 50)
        assert int((~episode.needles).sum()) == 600
        firsts.add(bool(episode.needles[0]))
    assert len(counts) > 1
    assert counts <= {1, 2, 3, 4}


def test_where_needles_lie_and_how_many_there_are_is_even(data: TSPO10K) -> None:
    counts, places = Counter(), Counter()
    for epoch in range(200):
        blocks = data.episode(4, epoch).needles[::50]
        counts[int(blocks.sum())] += 1
        places.update((np.flatnonzero(blocks) * 3 // len(blocks)).tolist())
    assert all(30 <= counts[n] <= 72 for n in (1, 2, 3, 4)), counts  # 50 expected, 3.5 sigma
    total = sum(places.values())
    assert all(abs(places[third] / total - 1 / 3) < 0.1 for third in range(3)), places


def test_needles_of_one_haystack_differ(data: TSPO10K) -> None:
    for epoch in range(20):
        episode = data.episode(5, epoch)  # video b: 50 of 128
        needles = episode.features[episode.needles][:, 0].reshape(-1, 50)
        assert len({tuple(needle) for needle in needles}) == len(needles)


def test_draws_follow_seed_epoch_and_index(
    data: TSPO10K, path: Path, root: Path, store: FeatureStore
) -> None:
    again = TSPO10K(path, root, FrameReader(), store)
    other_seed = TSPO10K(path, root, FrameReader(), store, seed=1)
    first = sources(data.episode(4, 3))
    data.episode(5, 3)
    assert sources(again.episode(4, 3)) == sources(data.episode(4, 3)) == first
    assert sources(data.episode(4, 4)) != first
    assert sources(other_seed.episode(4, 3)) != first


def test_a_draw_from_inside_a_needle_is_worth_1(data: TSPO10K) -> None:
    episode = data.episode(6, 0)
    inside, outside = np.flatnonzero(episode.needles), np.flatnonzero(~episode.needles)
    assert temporal(episode, inside[:16], "") == 1
    assert temporal(episode, outside[:16], "") == 0
    assert temporal(episode, np.sort(np.r_[inside[:4], outside[:12]]), "") == 0.25
    assert temporal(data.episode(2, 0), np.arange(8), "") is None


def naive_fetch(
    episode: ClipEpisode, root: Path, position: int, short_side: int | None, needle: str
) -> Pixels:
    """One frame: opened alone, resized by Pillow to what the needle's video gives."""
    name, number = sources(episode)[position]
    with open_video(root / f"{name}.mp4") as reader:
        frame = reader.fetch([number], short_side).pixels[0]
    with open_video(root / f"{needle}.mp4") as reader:
        height, width = reader.fetch([0], short_side).pixels.shape[1:3]
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("short_side", [None, 48])
def test_fetched_frames_are_the_candidates(
    data: TSPO10K, root: Path, short_side: int | None
) -> None:
    episode = data.episode(4, 1)
    rng = np.random.default_rng(0)
    positions = np.sort(rng.choice(len(episode.features), 24, replace=False))
    assert 0 < episode.needles[positions].sum() < 24
    frames = episode.fetch(positions, short_side)
    assert frames.indices.tolist() == frames.seconds.tolist() == positions.tolist()
    for position, pixels in zip(positions, frames.pixels, strict=True):
        naive = naive_fetch(episode, root, position, short_side, "a")
        np.testing.assert_array_equal(pixels, naive)


def test_each_source_is_opened_once_and_each_frame_decoded_once(
    data: TSPO10K, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    asked: dict[str, list[int]] = {}

    def spy(video: Path) -> Any:
        reader = open_video(video)
        opened.append(video.stem)
        fetch = reader.fetch

        def fetch_spy(indices: Any, short_side: int | None = None) -> Any:
            asked.setdefault(video.stem, []).extend(indices.tolist())
            return fetch(indices, short_side)

        reader.fetch = fetch_spy  # type: ignore[method-assign]
        return reader

    monkeypatch.setattr(clips, "open_video", spy)
    episode = data.episode(4, 0)
    positions = np.arange(0, len(episode.features), 7)
    episode.fetch(positions, None)
    wanted = [sources(episode)[position] for position in positions]
    assert sorted(opened) == sorted({"a", *(name for name, _ in wanted)})
    for name, numbers in asked.items():
        assert sorted(numbers) == sorted(number for video, number in wanted if video == name)


def test_frames_have_the_needles_size_where_no_needle_is_wanted(data: TSPO10K) -> None:
    episode = data.episode(4, 0)
    outside = np.flatnonzero(~episode.needles)[:3]
    assert episode.fetch(outside, None).pixels.shape == (3, 96, WIDTHS["a"], 3)
    assert episode.fetch(outside, 48).pixels.shape == (3, 48, WIDTHS["a"] // 2, 3)
    assert episode.fetch(outside[:0], 48).pixels.shape == (0, 48, WIDTHS["a"] // 2, 3)


def test_repeated_candidates_of_a_short_video_are_fetched(data: TSPO10K) -> None:
    episode = data.episode(2, 0)  # 128 of 20
    positions = np.arange(0, 128, 5)
    frames = episode.fetch(positions, None)
    assert frames.indices.tolist() == [true_frames("c")[position] for position in positions]
    with open_video(episode.sized_as) as reader:
        np.testing.assert_array_equal(frames.pixels, reader.fetch(frames.indices).pixels)


def test_nothing_is_encoded_twice(path: Path, root: Path, tmp_path: Path) -> None:
    encoder = FrameReader()
    data = TSPO10K(path, root, encoder, FeatureStore(tmp_path))
    for epoch in range(2):
        for index in range(len(data)):
            data.episode(index, epoch)
    assert sum(encoder.batches) == sum(LENGTHS.values())


def test_rate_sets_candidates_and_the_haystacks_clock(
    path: Path, root: Path, tmp_path: Path
) -> None:
    data = TSPO10K(path, root, FrameReader(), FeatureStore(tmp_path), rate=0.5)
    assert data.episode(3, 0).indices.max() == 48  # 25 candidates of 50 frames, 128 of those
    haystack = data.episode(4, 0)
    assert haystack.frame_rate == 0.5
    assert haystack.seconds[:3].tolist() == [0, 2, 4]
    assert haystack.indices[:3].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("k", "general"), [(12, 6), (2, 1), (100, 50)])
def test_k(path: Path, root: Path, store: FeatureStore, k: int, general: int) -> None:
    data = TSPO10K(path, root, FrameReader(), store, k=k)
    assert (data.episode(0, 0).k, data.episode(4, 0).k) == (general, k)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 1}, "k must be 2 to 100, got 1"),
        ({"k": 101}, "k must be 2 to 100, got 101"),
        ({"rate": 0.0}, "above 0, got 0"),
    ],
)
def test_bad_settings(
    path: Path, root: Path, store: FeatureStore, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        TSPO10K(path, root, FrameReader(), store, **options)


def test_a_broken_video_costs_its_own_episodes(root: Path, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.mp4").write_bytes((root / f"{name}.mp4").read_bytes())
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    lines = [line(), line("broken.mp4"), line("b.mp4")]
    path = write_lines(tmp_path / "t.jsonl", *lines, line("x.mp4"))
    data = TSPO10K(path, tmp_path, FrameReader(), FeatureStore(tmp_path / "store"))
    assert len(data) == 3
    assert data.skipped == (f"line 4: video x.mp4 not found under {tmp_path}",)
    with pytest.raises(VideoError, match=r"broken\.mp4"):
        data.episode(1, 0)
    assert len(data.episode(2, 0).features) == 128
    episode = data.episode(0, 0)
    (tmp_path / "a.mp4").write_bytes(b"gone since")
    with pytest.raises(VideoError, match=r"a\.mp4"):
        episode.fetch(np.array([0]), None)
