"""Videos cut into clips, and clips composed into a haystack.

Only numbers and features are handled until frames are fetched. The rules are those of TSPO's
released code (arXiv 2508.04369), but for one: where it spaces frames evenly over the video, ours
are evenly spaced candidates, whose features the store has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tspo_bench.training.episode import Episode
from tspo_bench.types import Candidates, Features, FloatArray, Frames, IntArray, Pixels
from tspo_bench.video import open_video
from tspo_bench.video.base import scaled_size

CLIP_LENGTH = 50
MAX_NEEDLES = 4
NUM_DISTRACTORS = 12
MIN_CANDIDATES, MAX_CANDIDATES = 50, 128


@dataclass(frozen=True)
class Clip:
    """Candidates of one video: their frame numbers and times in it [n], their features [n, d]."""

    video: Path
    indices: IntArray
    seconds: FloatArray
    features: Features
    is_needle: bool = False


def cut(video: Path, candidates: Candidates, rows: IntArray, is_needle: bool = False) -> Clip:
    """The candidates of `video` in these rows [n]; the features are looked up, not computed."""
    assert candidates.features is not None
    indices, seconds = candidates.indices[rows], candidates.seconds[rows]
    return Clip(video, indices, seconds, candidates.features[rows], is_needle)


def evenly_spaced(total: int, count: int) -> IntArray:
    """`count` of `total` rows, both ends among them, rounded down; some repeat if there are fewer.

    Example:
        >>> evenly_spaced(10, 4).tolist()
        [0, 3, 6, 9]
    """
    return np.linspace(0, total - 1, count).astype(np.int64)


def usual_rows(total: int) -> IntArray:
    """The rows of a question's own video: all, or 128 if it has more than 128 or fewer than 50."""
    if MIN_CANDIDATES <= total <= MAX_CANDIDATES:
        return np.arange(total, dtype=np.int64)
    return evenly_spaced(total, MAX_CANDIDATES)


def needle_rows(total: int, rng: np.random.Generator) -> IntArray:
    """50 random rows of a question's own video, in time order."""
    return np.sort(rng.choice(usual_rows(total), CLIP_LENGTH, replace=False))


def haystack(
    video: Path,
    candidates: Candidates,
    distractors: Sequence[tuple[Path, Candidates]],
    rng: np.random.Generator,
) -> tuple[Clip, ...]:
    """1 to 4 needles of `video` and a clip of each distractor, 50 frames each, in random order."""
    needles = [
        cut(video, candidates, needle_rows(len(candidates), rng), is_needle=True)
        for _ in range(rng.integers(1, MAX_NEEDLES + 1))
    ]
    others = [
        cut(path, other, evenly_spaced(len(other), CLIP_LENGTH)) for path, other in distractors
    ]
    clips = needles + others
    return tuple(clips[number] for number in rng.permutation(len(clips)))


@dataclass(frozen=True)
class ClipEpisode(Episode):
    """An episode whose candidates are those of its clips, one clip after the other.

    `indices` and `seconds` [T] are the candidates' numbers and times in the video that is shown.
    All frames are given in the size of those of `sized_as`.
    """

    clips: tuple[Clip, ...]
    indices: IntArray
    seconds: FloatArray
    sized_as: Path

    def fetch(self, positions: IntArray, short_side: int | None) -> Frames:
        """The candidates at these positions [n], in this order.

        Each source is opened once, and each frame of it decoded once.

        Raises:
            VideoError: a source cannot be read, or a frame not be decoded.
        """
        sources = list(dict.fromkeys([self.sized_as, *(clip.video for clip in self.clips)]))
        lengths = [len(clip.indices) for clip in self.clips]
        source = np.repeat([sources.index(clip.video) for clip in self.clips], lengths)[positions]
        frames = np.concatenate([clip.indices for clip in self.clips])[positions]
        # The first source tells the size, also where none of its frames is wanted.
        with open_video(self.sized_as) as reader:
            width, height = scaled_size(reader.info.width, reader.info.height, short_side)
            pixels = np.empty((len(frames), height, width, 3), np.uint8)
            pixels[source == 0] = reader.fetch(frames[source == 0], short_side).pixels
        for number in np.unique(source[source > 0]):
            with open_video(sources[number]) as reader:
                fetched = reader.fetch(frames[source == number], short_side)
            pixels[source == number] = _resized(fetched.pixels, width, height)
        return Frames(self.indices[positions], self.seconds[positions], pixels)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """Frames [n, height, width, 3], the aspect not kept."""
    if pixels.shape[1:3] == (height, width):
        return pixels
    size = width, height
    resample = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(p).resize(size, resample)) for p in pixels])
