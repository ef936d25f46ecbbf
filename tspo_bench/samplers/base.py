"""The contract of a frame sampler, and two bases for samplers that pick by scores or features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol, runtime_checkable

from tspo_bench.samplers.fill import filled
from tspo_bench.samplers.options import Fill
from tspo_bench.samplers.scores import cosines, relevance, unit_features
from tspo_bench.types import Candidates, Features, IntArray, Need, Query, Selection


class FrameSampler(Protocol):
    """Picks K frames of a video for one question.

    A custom sampler is a class with these two members; `--sampler my_pkg.mod:MySampler` finds it.
    Its constructor's arguments are its options (`my_pkg.mod:MySampler[depth=3]`); an argument
    called `seed` receives the run's seed. One object serves all videos of a task, which two threads
    prepare: `select` is called from both at once and must not change the object unguarded.

    Example:
        >>> class FirstFrames:
        ...     needs = frozenset({"probe"})
        ...
        ...     def select(self, query, candidates, k):
        ...         return Selection(np.arange(min(k, candidates.num_frames)))
    """

    needs: ClassVar[frozenset[Need]]

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Pick min(k, T) distinct frames of the T candidates, in time order.

        Equal arguments (and equal seed) give equal selections. With `needs` = {"probe"} the
        candidates come without features and the picks may be any frames of the video; with
        "features" both `candidates.features` and `query.text_features` are there; with "evidence",
        `query.evidence`.
        """
        ...


@runtime_checkable
class ForEncoder(Protocol):
    """A `FrameSampler` that reads the features of one encoder alone; None is unknown.

    Attributes:
        encoder: the encoder's name, by which another copy of its weights is recognised.
        encoder_id: its id; the precision does not count.
        encoder_width: the width of its features.
    """

    encoder: str | None
    encoder_id: str | None
    encoder_width: int | None


@runtime_checkable
class Weighted(Protocol):
    """A `FrameSampler` with weights: `id`, a text, identifies them in a cell's settings."""

    id: str


class ScoreSampler(ABC):
    """Picks positions from the candidates' cosines to the question.

    Where a rule gives fewer than min(k, T) positions, `fill` = "score" adds the best-scored of the
    others, "none" leaves the selection as published.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"features"})
    fill: Fill = "score"

    @abstractmethod
    def pick(self, scores: Features, k: int) -> IntArray:
        """Sorted positions, at most k, by the scores [T]."""

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Score, pick, then fill up.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        scores = relevance(query, candidates)
        return filled(candidates, self.pick(scores, k), scores, k, self.fill)


class FeatureSampler(ABC):
    """As `ScoreSampler`, for rules that also compare frames with each other."""

    needs: ClassVar[frozenset[Need]] = frozenset({"features"})
    fill: Fill = "score"

    @abstractmethod
    def pick(self, frames: Features, text: Features, scores: Features, k: int) -> IntArray:
        """Sorted positions, at most k.

        Args:
            frames: unit features [T, d].
            text: the question's unit feature [d].
            scores: their cosines [T].
            k: the frame budget.
        """

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Score, pick, then fill up.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        frames, text = unit_features(query, candidates)
        scores = cosines(frames, text)
        return filled(candidates, self.pick(frames, text, scores, k), scores, k, self.fill)
