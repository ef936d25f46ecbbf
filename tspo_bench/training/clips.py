"""Videos cut into clips, and clips composed into a haystack.

Only numbers and features are handled until frames are fetched. The rules are those of TSPO's
released code (arXiv 2508.04369).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tspo_bench.features.store import stretched
from tspo_bench.training.episode import Episode
from tspo_bench.types import Candidates, Features, FloatArray, Frames, IntArray, VideoInfo
from tspo_bench.video import open_video
from tspo_bench.video.base import scaled_size

CLIP_LENGTH = 50
MAX_NEEDLES = 4
NUM_DISTRACTORS = 12
MIN_CANDIDATES, MAX_CANDIDATES = 50, 128  # of a question's own video


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


def usual_frames(info: VideoInfo, rate: float, most: int) -> IntArray:
    """The frames that are read of a video: its candidates, at `rate` a second.

    If there are more than `most` of them, or fewer than 50, `most` frames spaced evenly over the
    whole video, both ends among them, rounded down; some of them twice if it has fewer frames.
    """
    frames = np.arange(0, info.num_frames, info.candidate_stride(rate), dtype=np.int64)
    if MIN_CANDIDATES <= len(frames) <= most:
        return frames
    return np.linspace(0, info.num_frames - 1, most).astype(np.int64)


def needle_rows(total: int, rng: np.random.Generator) -> IntArray:
    """50 random rows of those of a question's own video, in time order; all if there are fewer."""
    return np.sort(rng.choice(total, min(CLIP_LENGTH, total), replace=False))


def haystack(
    video: Path,
    candidates: Candidates,
    distractors: Sequence[tuple[Path, Candidates]],
    rng: np.random.Generator,
) -> tuple[Clip, ...]:
    """1 to 4 needles of `video`, 50 frames each, and the distractors, in random order."""
    needles = [
        cut(video, candidates, needle_rows(len(candidates), rng), is_needle=True)
        for _ in range(rng.integers(1, MAX_NEEDLES + 1))
    ]
    others = [cut(path, other, np.arange(len(other))) for path, other in distractors]
    clips = needles + others
    return tuple(clips[number] for number in rng.permutation(len(clips)))


@dataclass(frozen=True)
class ClipEpisode(Episode):
    """An episode whose candidates are those of its clips, one clip after the other.

    `indices` and `seconds` [T] are the candidates' numbers and times in the video that is shown.
    All frames are given in the size of those of `sized_as`. `redrawn` counts the distractors that
    could not be read, in whose place others were drawn.
    """

    clips: tuple[Clip, ...]
    indices: IntArray
    seconds: FloatArray
    sized_as: Path
    redrawn: int = field(default=0, kw_only=True)

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
        # The first source gives the size, also where none of its frames is wanted.
        with open_video(self.sized_as) as reader:
            width, height = scaled_size(reader.info.width, reader.info.height, short_side)
            pixels = np.empty((len(frames), height, width, 3), np.uint8)
            pixels[source == 0] = reader.fetch(frames[source == 0], short_side).pixels
        for number in np.unique(source[source > 0]):
            with open_video(sources[number]) as reader:
                fetched = reader.fetch(frames[source == number], short_side)
            pixels[source == number] = stretched(fetched.pixels, width, height)
        return Frames(self.indices[positions], self.seconds[positions], pixels)
