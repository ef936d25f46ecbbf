"""The paper's training data: TSPO-10K's questions about real videos (arXiv 2508.04369)."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from tspo_bench.errors import UserError, VideoError
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.store import FeatureStore
from tspo_bench.training.clips import (
    CLIP_LENGTH,
    MAX_CANDIDATES,
    MIN_CANDIDATES,
    NUM_DISTRACTORS,
    Clip,
    ClipEpisode,
    cut,
    haystack,
    usual_frames,
)
from tspo_bench.training.tspo10k_items import Item, read_items
from tspo_bench.types import Candidates, Features, FloatArray, IntArray, Prompt, VideoInfo
from tspo_bench.video import open_video
from tspo_bench.video.base import scaled_size

_log = logging.getLogger(__name__)
LONGEST_REPLY = 256  # in tokens: the authors'


class TSPO10K:
    """Episodes from TSPO-10K's JSON lines: see `TrainingData`.

    A `general` item is its video as it is, of which K/2 frames are drawn. A `specific` item is a
    haystack, of which K are: 1 to 4 needles of 50 frames of its video among 12 distractors of 50
    frames of the file's other videos (T = 650 to 800), another one in each epoch. Distractors are
    stretched to the size of the needles' video before they are encoded, as they are when shown.
    Frames are encoded once, when first needed, and come from the store after that.

    A video that cannot be read costs its own questions: where one is drawn as a distractor, another
    is drawn in its place.

    Args:
        path: the JSON lines.
        video_root: the folder that the lines' videos are relative to.
        encoder: of frames and questions.
        store: where the frames' features are kept.
        k: frames drawn of a haystack.
        seed: of the haystacks.
        rate: candidates a second.

    Attributes:
        skipped: which lines are left out, and why.
        unreadable: videos that turned out to be unreadable, and why.
        num_encoded: frames that were encoded for this object: the others were in the store.

    Raises:
        UserError: no line can be used, or K or the rate is out of range.
    """

    def __init__(
        self,
        path: Path,
        video_root: Path,
        encoder: FrameEncoder,
        store: FeatureStore,
        *,
        k: int = 16,
        seed: int = 0,
        rate: float = 1.0,
    ) -> None:
        if not 2 <= k <= 2 * MIN_CANDIDATES:
            raise UserError(
                f"k must be 2 to {2 * MIN_CANDIDATES}, got {k}: general items have "
                f"{MIN_CANDIDATES} candidates or more, of which k/2 are drawn"
            )
        if rate <= 0:
            raise UserError(f"candidates per second must be above 0, got {rate}")
        self.items, self.skipped = read_items(Path(path), Path(video_root))
        self._name, self._encoder, self._store = Path(path).stem, encoder, store
        self._k, self._seed, self._rate = k, seed, rate
        self._texts: dict[str, Features] = {}
        self._infos: dict[Path, VideoInfo] = {}
        self.unreadable: dict[Path, str] = {}
        self.num_encoded = 0

    def __len__(self) -> int:
        return len(self.items)

    def episode(self, index: int, epoch: int) -> ClipEpisode:
        """The episode of item `index`, drawn from (seed, epoch, index) alone.

        Raises:
            VideoError: its video cannot be read, or none that could be a distractor.
        """
        item = self.items[index]
        try:
            if item.kind == "general":
                return self._general(item)
            return self._specific(item, epoch, index)
        except VideoError as error:
            raise VideoError(f"line {item.line}: {error}") from error

    def _general(self, item: Item) -> ClipEpisode:
        candidates = self._own(item.video)
        return self._built(
            item,
            (cut(item.video, candidates, np.arange(len(candidates))),),
            indices=candidates.indices,
            seconds=candidates.seconds,
            frame_rate=candidates.frame_rate,
            num_frames=candidates.num_frames,
        )

    def _specific(self, item: Item, epoch: int, index: int) -> ClipEpisode:
        rng = np.random.default_rng([self._seed, epoch, index])
        own = self._own(item.video)
        distractors, redrawn = self._distractors(item.video, rng)
        clips = haystack(item.video, own, distractors, rng)
        indices = np.arange(sum(len(clip.indices) for clip in clips))
        return self._built(
            item,
            clips,
            indices=indices,
            seconds=indices / self._rate,
            frame_rate=self._rate,
            num_frames=len(indices),
            redrawn=redrawn,
        )

    def _distractors(
        self, video: Path, rng: np.random.Generator
    ) -> tuple[list[tuple[Path, Candidates]], int]:
        """12 other videos with their frames, and how many were drawn that cannot be read.

        Raises:
            VideoError: none of the others can be read.
        """
        others = [other.video for other in self.items if other.video != video]
        draws = rng.integers(len(others), size=NUM_DISTRACTORS).tolist()
        found: list[tuple[Path, Candidates]] = []
        redrawn = 0
        while draws:
            other = others[draws.pop(0)]
            if (frames := self._distractor(other, video)) is not None:
                found.append((other, frames))
                continue
            if self.unreadable.keys() >= set(others):
                raise VideoError(f"none of the videos to hide {video} among can be read")
            redrawn += 1
            draws.append(int(rng.integers(len(others))))
        return found, redrawn

    def _distractor(self, video: Path, needle: Path) -> Candidates | None:
        """50 frames of `video`, encoded in the size of the needle's; None if it cannot be read."""
        if video in self.unreadable:
            return None
        info = self._info(needle)
        size = scaled_size(info.width, info.height, self._encoder.short_side)
        try:
            return self._frames(video, CLIP_LENGTH, size)
        except VideoError as error:
            self.unreadable[video] = str(error)
            _log.warning("a video cannot be a distractor: %s", error)
            return None

    def _built(
        self,
        item: Item,
        clips: tuple[Clip, ...],
        *,
        indices: IntArray,
        seconds: FloatArray,
        frame_rate: float,
        num_frames: int,
        redrawn: int = 0,
    ) -> ClipEpisode:
        is_haystack = item.kind == "specific"
        numbers = np.cumsum([clip.is_needle for clip in clips]) - 1
        needle_of = np.concatenate(
            [
                np.full(len(clip.indices), number if clip.is_needle else -1)
                for clip, number in zip(clips, numbers, strict=True)
            ]
        )
        return ClipEpisode(
            id=f"{self._name}-{item.line}",
            features=np.concatenate([clip.features for clip in clips]),
            text_features=self._text_features(item.query),
            prompt=Prompt(item.prompt, max_new_tokens=LONGEST_REPLY),
            letters=item.letters,
            options=item.options,
            answer=item.answer,
            k=self._k if is_haystack else self._k // 2,
            needle_of=needle_of if is_haystack else None,
            frame_rate=frame_rate,
            num_frames=num_frames,
            clips=clips,
            indices=indices,
            seconds=seconds,
            sized_as=item.video,
            redrawn=redrawn,
        )

    def _own(self, video: Path) -> Candidates:
        """The frames of a question's own video."""
        return self._frames(video, MAX_CANDIDATES, None)

    def _frames(self, video: Path, most: int, size: tuple[int, int] | None) -> Candidates:
        frames = usual_frames(self._info(video), self._rate, most)
        found = self._store.of_frames(video, self._encoder, frames, size)
        self.num_encoded += found.num_encoded
        return found

    def _info(self, video: Path) -> VideoInfo:
        if video not in self._infos:
            with open_video(video) as reader:
                self._infos[video] = reader.info
        return self._infos[video]

    def _text_features(self, text: str) -> Features:
        if text not in self._texts:
            self._texts[text] = self._encoder.encode_text([text])
        return self._texts[text]
