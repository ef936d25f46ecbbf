"""Frames of every scene, cut where the picture changes at once. Looks at no question."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from tspo_bench.errors import VideoError
from tspo_bench.samplers.fill import spread
from tspo_bench.samplers.options import Positive, sampler_options
from tspo_bench.types import Candidates, IntArray, Need, PixelScan, Query, Selection

SHORT_SIDE = 144  # pixels: about the size to which PySceneDetect itself scales a video down
SHORTEST_SCENE = 0.6  # seconds: PySceneDetect's 15 frames, at 25 fps


def find_cuts(scan: PixelScan, frame_rate: float, threshold: float, rate: float) -> IntArray:
    """Sorted numbers of the frames that begin a scene, those of the first scene left out.

    `scan` gives `rate` frames a second with a short side of `SHORT_SIDE` pixels to PySceneDetect's
    `ContentDetector`: a cut is where hue, saturation and brightness change by more than `threshold`
    (of 255) on average from one of these frames to the next. Scenes shorter than 0.6 s are merged.

    Source: www.scenedetect.com, version 0.7.
    """
    from scenedetect import ContentDetector, FrameTimecode  # takes a second

    detector = ContentDetector(threshold=threshold, min_scene_len=SHORTEST_SCENE)
    cuts: list[int] = []
    for frames in scan(rate, SHORT_SIDE):
        for index, image in zip(frames.indices, frames.pixels, strict=True):
            now = FrameTimecode(int(index), frame_rate)
            found = detector.process_frame(now, np.ascontiguousarray(image[:, :, ::-1]))
            cuts += [cut.frame_num for cut in found]
    return np.array(sorted(set(cuts)), np.int64)


def spread_over_scenes(sizes: IntArray, k: int) -> IntArray:
    """Sorted positions [min(k, T)] of T frames in scenes of `sizes` [S] frames.

    With fewer frames than scenes, the middle frames of k scenes that are spread evenly. Otherwise
    every scene gives one; each further frame goes to the scene whose frames stand farthest apart
    (the highest size / number, the earliest on ties); within a scene they are spread evenly.
    """
    counts = np.zeros(len(sizes), np.int64)
    if k < len(sizes):
        counts[spread(len(sizes), k)] = 1
    else:
        counts += 1
        for _ in range(min(k, int(sizes.sum())) - len(sizes)):
            room = np.where(counts < sizes, sizes / counts, 0)
            counts[np.argmax(room)] += 1
    starts = np.cumsum(sizes) - sizes
    parts = [
        start + spread(int(size), int(count))
        for start, size, count in zip(starts, sizes, counts, strict=True)
        if count
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


@dataclass
class _Video:
    """One video's cuts, once found; the lock makes one thread look for them.

    Of an error only the message is kept: its traceback would keep the video's scan alive.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    cuts: IntArray | None = None
    error: str | None = None


@sampler_options
class Scenes:
    """The middles of the scenes that PySceneDetect finds, as many of each as its length deserves.

    The candidates are what is picked from; a scene without any gives none. A video is decoded once
    for all questions and budgets: its cuts, or why there are none, are kept as long as its scan is.
    """

    threshold: Positive = 27.0
    rate: Positive = 8.0
    needs: ClassVar[frozenset[Need]] = frozenset({"pixels"})
    _videos: weakref.WeakKeyDictionary[PixelScan, _Video] = field(
        default_factory=weakref.WeakKeyDictionary, init=False, repr=False, compare=False
    )
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick from the scenes; the query does not matter.

        Raises:
            VideoError: the video cannot be decoded.
            ValueError: the pixels that the sampler declared as a need are not there.
        """
        cuts = self._cuts(query, candidates)
        scene = np.searchsorted(cuts, candidates.indices, side="right")
        sizes = np.unique(scene, return_counts=True)[1]
        picks = spread_over_scenes(sizes, k)
        return Selection(candidates.indices[picks], notes={"num_scenes": len(cuts) + 1})

    def _cuts(self, query: Query, candidates: Candidates) -> IntArray:
        if candidates.scan is None:
            raise ValueError(f"question {query.question_id!r}: the needed pixels were not given")
        with self._lock:
            video = self._videos.setdefault(candidates.scan, _Video())
        with video.lock:
            if video.error is not None:
                raise VideoError(video.error)
            if video.cuts is None:
                try:
                    video.cuts = find_cuts(
                        candidates.scan, candidates.frame_rate, self.threshold, self.rate
                    )
                except VideoError as error:
                    video.error = str(error)
                    raise
            return video.cuts
