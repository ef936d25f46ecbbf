"""A temporal agent as a sampler: it scores the candidates, a rule makes frames of the scores."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from tspo_bench.errors import UserError
from tspo_bench.samplers.aks import aks
from tspo_bench.samplers.bin_max import bin_max
from tspo_bench.samplers.fill import filled
from tspo_bench.samplers.options import Short, check_choice
from tspo_bench.samplers.scores import checked_features, inverse_transform, top_k
from tspo_bench.samplers.uniform import both_ends
from tspo_bench.types import JSON, Candidates, Features, IntArray, Need, Query, Selection

Rule = Literal["topk", "bin-max", "aks", "inverse-transform"]


def softmax_steps(logits: ArrayLike, k: int) -> IntArray:
    """Sorted distinct positions, at most k, where softmax's cumulative sum passes k equal steps.

    The steps are (i + 1/2) / k, i = 0 .. k - 1. A frame that holds several of them is given once.

    Args:
        logits: [T].
        k: the frame budget.
    """
    values = np.asarray(logits, np.float64)
    return inverse_transform(np.exp(values - values.max()), (np.arange(k) + 0.5) / k)


class TSPO:
    """The min(k, T) frames that a temporal agent's scores point at.

    Args:
        agent: "tspo" or "tspo-q" (those in the package), or an agent's folder or hub id.
        select: how scores become frames: "topk", the best (the paper's rule); "bin-max", the best
            of each of k cells (the authors' for Video-MME); "aks", adaptive keyframe sampling;
            "inverse-transform", k equal steps of the cumulative softmax of scores / tau. The latter
            two are filled up by score.
        short: what is shown of a video of fewer than k candidates: "candidates", all of them;
            "uniform", min(k, N) evenly spaced frames of its N (the authors' evaluation).
        device: a torch device.

    Attributes:
        kind: the agent's kind, "tspo" or "tspo-q".
        id: identifies the agent's weights and settings.
        encoder: the name of the encoder that the agent reads features of, if known.
        encoder_id: what identifies that encoder's weights, if known.
        encoder_width: the width of its features.

    Raises:
        UserError: an unknown rule or `short`, or an agent that cannot be loaded.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"features"})

    def __init__(
        self,
        agent: str,
        select: Rule = "topk",
        short: Short = "candidates",
        device: str = "cpu",
    ) -> None:
        check_choice("tspo", "select", select, Rule)
        check_choice("tspo", "short", short, Short)
        # Here, not above: torch takes seconds to import.
        from tspo_bench.agent.checkpoint import find_agent, load_agent
        from tspo_bench.features.checkpoint import content_digest

        self._agent = load_agent(str(agent), device)
        self._rule = select
        self._short = short
        self.kind = self._agent.kind
        self.id = content_digest(find_agent(str(agent)))[:24]
        self.encoder, self.encoder_id = self._agent.encoder, self._agent.encoder_id
        self.encoder_width = self._agent.width

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Score the candidates and pick by the rule.

        Raises:
            UserError: a feature is NaN or infinite, or has another width than the agent's encoder.
        """
        scores = self._agent.score(*checked_features(query, candidates))
        if not np.isfinite(scores).all():
            raise UserError(
                f"question {query.question_id!r}: the agent's scores are not finite; check its "
                "weights"
            )
        notes: dict[str, JSON] = {"agent": self.kind, "select": self._rule}
        if self._short == "uniform" and len(scores) < k:
            num_frames = candidates.num_frames
            shown = both_ends(num_frames, min(k, num_frames))
            return Selection(shown, scores, notes={**notes, "short": self._short})
        return filled(candidates, self._pick(scores, k), scores, k, notes=notes)

    def _pick(self, scores: Features, k: int) -> IntArray:
        """Sorted positions by the rule, possibly fewer than k."""
        if len(scores) <= k:
            return np.arange(len(scores), dtype=np.int64)
        match self._rule:
            case "topk":
                return top_k(scores, k)
            case "bin-max":
                return bin_max(scores, k)
            case "aks":
                return aks(scores, k)
            case "inverse-transform":
                return softmax_steps(scores / self._agent.tau, k)
