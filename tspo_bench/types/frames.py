"""A video, its frames, and the frames from which a sampler picks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tspo_bench.types.aliases import Features, FloatArray, IntArray, Pixels


@dataclass(frozen=True)
class VideoInfo:
    """A video file as a probe finds it, which decodes the first frame alone.

    Width and height are those shown, after the stored picture is `mirrored` (left to right), then
    turned by `rotation` (degrees clockwise). `num_frames` is counted in the packets, not taken from
    the header.
    """

    path: Path
    num_frames: int
    frame_rate: Fraction
    duration_seconds: float
    width: int
    height: int
    rotation: int
    codec: str
    mirrored: bool = False

    def candidate_stride(self, rate: float = 1.0) -> int:
        """Frames from one candidate to the next at `rate` candidates per second.

        At 1 fps this is round(frame rate), the rule of the published frame selections.
        """
        return max(1, round(float(self.frame_rate) / rate))


@dataclass(frozen=True)
class Frames:
    """Decoded frames: pixels [n, h, w, 3] never travel without their numbers and times [n]."""

    indices: IntArray
    seconds: FloatArray
    pixels: Pixels

    def __post_init__(self) -> None:
        n = len(self.indices)
        if self.pixels.ndim != 4 or self.pixels.shape[3] != 3:
            raise ValueError(f"pixels must be [n, h, w, 3], got {list(self.pixels.shape)}")
        if not n == len(self.seconds) == len(self.pixels):
            raise ValueError(
                f"{n} indices, {len(self.seconds)} times and {len(self.pixels)} images differ"
            )

    def __len__(self) -> int:
        return len(self.indices)


# Positions [n] among the candidates -> their relevance to the question [n].
LazyScores = Callable[[IntArray], Features]
# Frames a second, short side in pixels -> the whole video's frames at that rate, in batches.
PixelScan = Callable[[float, int], Iterator[Frames]]


@dataclass(frozen=True)
class Candidates:
    """The T frames from which a sampler picks.

    What a sampler did not declare as a need is None.

    Attributes:
        indices: frame numbers [T].
        seconds: their times [T].
        num_frames: the whole video's.
        frame_rate: the whole video's.
        features: [T, d], the encoder's projected image features, not normalised.
        score: the need "lazy_scores": gives the relevance (cosine to the question) of the
            candidates at some positions. A frame is decoded and encoded when it is first asked for.
        scan: the need "pixels": decodes the video at a rate and size of the sampler's choice. Equal
            videos of a run share this object, so that a sampler can keep by it what it found.
    """

    indices: IntArray
    seconds: FloatArray
    num_frames: int
    frame_rate: float
    features: Features | None = None
    score: LazyScores | None = None
    scan: PixelScan | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.indices), len(self.seconds)}
        if self.features is not None:
            lengths.add(len(self.features))
        if len(lengths) != 1:
            raise ValueError(f"indices, seconds and features differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.indices)
