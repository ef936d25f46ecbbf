"""A video as samplers are given it: its probe, features, scores on demand, pixels."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tspo_bench.features import FeatureStore
from tspo_bench.features.base import FrameEncoder
from tspo_bench.profiling import side_stage
from tspo_bench.samplers.scores import cosine
from tspo_bench.types import CandidateRule, Candidates, Features, Frames, IntArray, Need
from tspo_bench.video.base import VideoReader
from tspo_bench.video.candidates import candidate_indices, do_rules_differ, rule_for

_BATCH = 64  # frames decoded at once: bounds memory


class LazyFeatures:
    """Features of a video's candidates, decoded and encoded when they are first asked for.

    Those that the store has are read from there.
    """

    def __init__(
        self, reader: VideoReader, candidates: Candidates, encoder: FrameEncoder, known: Features
    ) -> None:
        self._reader = reader
        self._indices = candidates.indices
        self._encoder = encoder
        self._rows = dict(enumerate(known))

    def __call__(self, positions: IntArray) -> Features:
        """Features [n, d] of the candidates at `positions` [n].

        Raises:
            VideoError: a frame cannot be decoded.
        """
        missing = sorted(set(positions.tolist()) - set(self._rows))
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            short_side = self._encoder.short_side
            frames = self._reader.fetch(self._indices[batch], short_side=short_side)
            for position, picture in zip(batch, frames.pixels, strict=True):
                # One at a time: a feature must not depend on what else is asked for, to the bit.
                with side_stage("encode") as done:
                    self._rows[position] = self._encoder.encode_frames(picture[None])[0]
                    done.frames, done.num_bytes = 1, self._rows[position].nbytes
        return np.array([self._rows[position] for position in positions.tolist()], np.float32)


class CountedScores:
    """A question's scores on demand; `asked` are the positions whose score was asked for."""

    def __init__(self, features: LazyFeatures, text_features: Features) -> None:
        self._features = features
        self._text = text_features
        self.asked: set[int] = set()

    def __call__(self, positions: IntArray) -> Features:
        """Relevance [n] of the candidates at `positions` [n]."""
        positions = np.asarray(positions, np.int64)
        self.asked.update(positions.tolist())
        if not len(positions):
            return np.empty(0, np.float32)
        return cosine(self._features(positions), self._text)


class CountedScan:
    """The video's pixels for one sampler.

    `num_frames` are the most that one question had decoded: a sampler that keeps what it found
    looks at the first one alone, and all are charged with it.
    """

    def __init__(self, reader: VideoReader, rule: CandidateRule) -> None:
        self._reader, self._rule = reader, rule
        self._decoded = 0  # for the question at hand
        self.num_frames = 0

    def begin(self) -> CountedScan:
        """Start counting for the next question."""
        self._decoded = 0
        return self

    def __call__(self, rate: float, short_side: int) -> Iterator[Frames]:
        """See `tspo_bench.types.PixelScan`."""
        for frames in self._reader.scan(rate, short_side=short_side, rule=self._rule):
            self._decoded += len(frames)
            self.num_frames = max(self.num_frames, self._decoded)
            yield frames


class SamplerInputs:
    """An open video as samplers see it, each no more than it declares as a need.

    Args:
        path: the video's file, for the store.
        reader: the video.
        candidate_fps: candidates per second.
        store: keeps features.
        encoder: makes them; None where no sampler searches.
        rule: which frames are candidates.

    Attributes:
        ruled: the rule in force; None where it makes little difference.
    """

    def __init__(
        self,
        path: Path,
        reader: VideoReader,
        candidate_fps: float,
        store: FeatureStore,
        encoder: FrameEncoder | None,
        rule: CandidateRule = "auto",
    ) -> None:
        self._path, self._reader, self._rate, self._rule = path, reader, candidate_fps, rule
        self._store, self._encoder = store, encoder
        info, times = reader.info, reader.times
        indices = candidate_indices(info, times, candidate_fps, rule, reader.keyframes)
        self.probed = Candidates(indices, times[indices], info.num_frames, float(info.frame_rate))
        differ = rule != "keyframe" and do_rules_differ(info, times, candidate_fps)
        self.ruled = rule_for(times, candidate_fps, rule) if differ else None
        self._scanned: Candidates | None = None
        self._is_stored = False
        self._lazy: LazyFeatures | None = None
        self._scans: dict[int, CountedScan] = {}

    @property
    def candidates(self) -> Candidates:
        """All that is known of the candidates so far: their features once the video is scanned."""
        return self._scanned or self.probed

    def scan(self) -> bool:
        """Have every candidate's features, by decoding and encoding them or from the store.

        Returns:
            Whether the store had them.

        Raises:
            VideoError: a candidate cannot be decoded.
        """
        assert self._encoder is not None
        stored = self._store.candidates(self._path, self._encoder, self._rate, self._rule)
        self._scanned, self._is_stored = stored, stored.num_encoded == 0
        return self._is_stored

    def read_stored(self) -> bool:
        """Have those features that the store has, to encode the others on demand.

        Returns:
            Whether the store had them.
        """
        self._lazy_features()
        return self._is_stored

    def for_sampler(
        self, needs: Collection[Need], sampler: object, text_features: Features | None
    ) -> Candidates:
        """The candidates for a sampler of these needs and a question's text features.

        A sampler is given one and the same `scan` for all its questions.
        """
        shown = self.probed
        if "features" in needs:
            assert self._scanned is not None
            shown = self._scanned
        if "lazy_scores" in needs:
            assert text_features is not None
            shown = replace(shown, score=CountedScores(self._lazy_features(), text_features))
        if "pixels" in needs:
            scan = self._scans.setdefault(id(sampler), CountedScan(self._reader, self._rule))
            shown = replace(shown, scan=scan.begin())
        return shown

    def _lazy_features(self) -> LazyFeatures:
        if self._lazy is None:
            assert self._encoder is not None
            stored: Candidates | None = self._scanned
            if stored is None:
                stored = self._store.stored(self._path, self._encoder, self._rate, self._rule)
                self._is_stored = stored is not None
            features = None if stored is None else stored.features
            known = np.empty((0, 0), np.float32) if features is None else features
            self._lazy = LazyFeatures(self._reader, self.probed, self._encoder, known)
        return self._lazy


def frames_processed(candidates: Candidates) -> dict[str, int]:
    """The numbers of frames that a sampler had decoded and encoded to choose from these candidates.

    Counted as if nothing had been cached, so that it measures the sampler. The frames shown to the
    MLLM come on top.
    """
    decoded = encoded = len(candidates) if candidates.features is not None else 0
    if isinstance(candidates.score, CountedScores) and candidates.features is None:
        decoded = encoded = len(candidates.score.asked)
    if isinstance(candidates.scan, CountedScan):
        decoded += candidates.scan.num_frames
    return {"decoded": decoded, "encoded": encoded}
