"""The paper's training data: TSPO-10K's questions about real videos (arXiv 2508.04369)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.store import FeatureStore
from tspo_bench.training.clips import (
    MIN_CANDIDATES,
    NUM_DISTRACTORS,
    Clip,
    ClipEpisode,
    cut,
    haystack,
    usual_rows,
)
from tspo_bench.training.tspo10k_items import Item, read_items
from tspo_bench.types import CandidateRule, Candidates, Features, FloatArray, IntArray


class TSPO10K:
    """Episodes from TSPO-10K's JSON lines: see `TrainingData`.

    A `general` item is its video as it is, of which K/2 frames are drawn. A `specific` item is a
    haystack, of which K are: 1 to 4 needles of 50 frames of its video among 12 distractors of 50
    frames of the file's other videos (T = 650 to 800), another one in each epoch. Each video's
    candidates are scanned and encoded once, when first needed, and come from the store after that.

    Args:
        path: the JSON lines.
        video_root: the folder that the lines' videos are relative to.
        encoder: of frames and questions.
        store: where the frames' features are kept.
        k: frames drawn of a haystack.
        seed: of the haystacks.
        rate: candidates a second.
        rule: which frames they are: see `tspo_bench.video.candidates`.

    Attributes:
        skipped: why lines are left out ("line 7: video x.mp4 not found under /data").

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
        rule: CandidateRule = "auto",
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
        self._k, self._seed, self._rate, self._rule = k, seed, rate, rule
        self._texts: dict[str, Features] = {}

    def __len__(self) -> int:
        return len(self.items)

    def episode(self, index: int, epoch: int) -> ClipEpisode:
        """The episode of item `index`, drawn from (seed, epoch, index) alone.

        Raises:
            VideoError: its video, or one drawn as a distractor, cannot be read.
        """
        item = self.items[index]
        return self._general(item) if item.kind == "general" else self._specific(item, epoch, index)

    def _general(self, item: Item) -> ClipEpisode:
        candidates = self._candidates(item.video)
        clip = cut(item.video, candidates, usual_rows(len(candidates)))
        return self._built(
            item,
            (clip,),
            indices=clip.indices,
            seconds=clip.seconds,
            frame_rate=candidates.frame_rate,
            num_frames=candidates.num_frames,
        )

    def _specific(self, item: Item, epoch: int, index: int) -> ClipEpisode:
        rng = np.random.default_rng([self._seed, epoch, index])
        others = [other.video for other in self.items if other.video != item.video]
        drawn = [others[number] for number in rng.integers(len(others), size=NUM_DISTRACTORS)]
        distractors = [(video, self._candidates(video)) for video in drawn]
        clips = haystack(item.video, self._candidates(item.video), distractors, rng)
        indices = np.arange(sum(len(clip.indices) for clip in clips))
        return self._built(
            item,
            clips,
            indices=indices,
            seconds=indices / self._rate,
            frame_rate=self._rate,
            num_frames=len(indices),
        )

    def _built(
        self,
        item: Item,
        clips: tuple[Clip, ...],
        *,
        indices: IntArray,
        seconds: FloatArray,
        frame_rate: float,
        num_frames: int,
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
            prompt=item.prompt,
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
        )

    def _candidates(self, video: Path) -> Candidates:
        return self._store.candidates(video, self._encoder, self._rate, self._rule)

    def _text_features(self, text: str) -> Features:
        if text not in self._texts:
            self._texts[text] = self._encoder.encode_text([text])
        return self._texts[text]
