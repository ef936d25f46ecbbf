"""Episodes of the training data on real mp4 files: composition, features, fetched frames."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support import make_video
from tests.training.support import (
    FIRST,
    LENGTHS,
    QUESTION,
    RATE,
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

NAMES = {first: name for name, first in FIRST.items()}


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
    """The video and frame number of each candidate, from its feature."""
    numbers = episode.features[:, 0].astype(int).tolist()
    return [(NAMES[number // 2000 * 2000], number % 2000) for number in numbers]


def true_frames(name: str, most: int = 128) -> list[int]:
    """The frames of a video, counted by hand: one a second, or `most` of the whole film."""
    seconds, frames = LENGTHS[name], LENGTHS[name] * RATE
    if 50 <= seconds <= most:
        return list(range(0, frames, RATE))
    return [i * (frames - 1) // (most - 1) for i in range(most)]


@pytest.mark.parametrize("index", range(4))
def test_general_items_are_the_video_as_it_is(data: TSPO10K, index: int) -> None:
    name = "abcd"[index]
    episode = data.episode(index, epoch=0)
    assert sources(episode) == [(name, number) for number in true_frames(name)]
    assert (episode.k, episode.needles) == (8, None)
    assert (episode.frame_rate, episode.num_frames) == (RATE, LENGTHS[name] * RATE)
    assert episode.indices.tolist() == true_frames(name)
    np.testing.assert_allclose(episode.seconds * RATE, true_frames(name), atol=1e-6)
    assert len(set(true_frames(name))) == len(episode.indices)  # none twice
    assert episode.prompt.max_new_tokens == 256
    assert (episode.id, episode.answer, episode.letters) == (f"train-{index + 1}", "B", "ABC")
    assert episode.options == ("A cat", "A dog", "A man")
    assert episode.prompt.text.endswith(
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
        evenly = {other: true_frames(other, most=50) for other in "abcd"}
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
        # All frames are encoded in the size that they are shown in.
        assert set(episode.features[:, 1]) == {WIDTHS[name]}
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


def test_frames_of_a_short_video_are_fetched(data: TSPO10K) -> None:
    episode = data.episode(2, 0)  # 128 of 160
    positions = np.arange(0, 128, 5)
    frames = episode.fetch(positions, None)
    assert frames.indices.tolist() == [true_frames("c")[position] for position in positions]
    with open_video(episode.sized_as) as reader:
        np.testing.assert_array_equal(frames.pixels, reader.fetch(frames.indices).pixels)


def test_a_video_of_fewer_frames_gives_some_twice(root: Path, tmp_path: Path) -> None:
    for name, length in (("tiny", 40), ("one", 1), ("other", 60)):
        make_video(tmp_path / f"{name}.mp4", length, rate=10)
    lines = [line(f"{n}.mp4", type=k) for n in ("tiny", "one") for k in ("general", "specific")]
    path = write_lines(tmp_path / "t.jsonl", *lines, line("other.mp4"))
    encoder = FrameReader()
    data = TSPO10K(path, tmp_path, encoder, FeatureStore(tmp_path / "store"))
    tiny = data.episode(0, 0)
    assert tiny.indices.tolist() == [i * 39 // 127 for i in range(128)]
    assert tiny.features[:, 0].tolist() == tiny.indices.tolist()
    assert sum(encoder.batches) == 40  # each frame is encoded once
    assert len(data.episode(1, 0).features) in (650, 700, 750, 800)
    assert set(data.episode(2, 0).indices.tolist()) == {0}
    assert data.episode(3, 0).fetch(np.arange(0, 650, 50), None).pixels.shape[0] == 13


def test_nothing_is_encoded_twice(path: Path, root: Path, tmp_path: Path) -> None:
    encoder = FrameReader()
    data = TSPO10K(path, root, encoder, FeatureStore(tmp_path))
    for epoch in range(3):
        for index in range(len(data)):
            data.episode(index, epoch)
    own = 60 + 128 + 128 + 50
    # Each of the four videos as a distractor of the three others, of another size each.
    assert sum(encoder.batches) <= own + 4 * 3 * 50
    before = len(encoder.batches)
    again = TSPO10K(path, root, encoder, FeatureStore(tmp_path))
    for index in range(len(again)):
        again.episode(index, 0)
    assert len(encoder.batches) == before


def test_rate_sets_candidates_and_the_haystacks_clock(
    path: Path, root: Path, tmp_path: Path
) -> None:
    data = TSPO10K(path, root, FrameReader(), FeatureStore(tmp_path), rate=2.0)
    frames = data.episode(3, 0).indices  # 100 candidates of 50 seconds
    assert frames.tolist() == list(range(0, 400, 4))
    haystack = data.episode(4, 0)
    assert haystack.frame_rate == 2.0
    assert haystack.seconds[:3].tolist() == [0, 0.5, 1]
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
    assert [str(one) for one in data.skipped] == [f"line 4: video x.mp4 not found under {tmp_path}"]
    with pytest.raises(VideoError, match=r"^line 2: .*broken\.mp4"):
        data.episode(1, 0)
    assert len(data.episode(2, 0).features) == 128
    episode = data.episode(0, 0)
    (tmp_path / "a.mp4").write_bytes(b"gone since")
    with pytest.raises(VideoError, match=r"a\.mp4"):
        episode.fetch(np.array([0]), None)


def test_another_distractor_is_drawn_for_one_that_cannot_be_read(
    root: Path, tmp_path: Path
) -> None:
    """One bad video in four would lose nearly every haystack of twelve."""
    for name in "abd":
        (tmp_path / f"{name}.mp4").write_bytes((root / f"{name}.mp4").read_bytes())
    (tmp_path / "c.mp4").write_bytes(b"no video")
    lines = [line(f"{name}.mp4", type="specific") for name in "abcd"]
    path = write_lines(tmp_path / "t.jsonl", *lines)
    data = TSPO10K(path, tmp_path, FrameReader(), FeatureStore(tmp_path / "store"))
    redrawn = 0
    for epoch in range(8):
        episode = data.episode(0, epoch)
        videos = [clip.video.stem for clip in episode.clips if not clip.is_needle]
        assert len(videos) == 12
        assert set(videos) <= {"b", "d"}
        redrawn += episode.redrawn
    # Of three others one is bad: 6 of 18 draws for 12 good ones, in each of 8 haystacks.
    assert 20 < redrawn < 80
    assert list(data.unreadable) == [tmp_path / "c.mp4"]
    with pytest.raises(VideoError, match=r"line 3: .*c\.mp4"):
        data.episode(2, 0)
    # Whether it was known to be bad or not: the same haystack.
    again = TSPO10K(path, tmp_path, FrameReader(), FeatureStore(tmp_path / "store"))
    for epoch in (7, 3):
        first, second = data.episode(0, epoch), again.episode(0, epoch)
        np.testing.assert_array_equal(first.features, second.features)
        assert first.redrawn == second.redrawn


def test_a_haystack_without_a_readable_distractor_is_left_out(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes((root / "a.mp4").read_bytes())
    for name in "bc":
        (tmp_path / f"{name}.mp4").write_bytes(b"no video")
    lines = [line(f"{name}.mp4", type="specific") for name in "abc"]
    data = TSPO10K(
        write_lines(tmp_path / "t.jsonl", *lines),
        tmp_path,
        FrameReader(),
        FeatureStore(tmp_path / "store"),
    )
    with pytest.raises(VideoError, match=r"line 1: none of the videos to hide .* among can"):
        data.episode(0, 0)
