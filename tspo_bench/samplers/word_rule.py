"""A rule on the question's words: which relation they state, and where that points to.

It was written from the built-in haystack's train wordings alone, to see how far a rule without any
training comes. What an agent adds there is what it has above this.
"""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np

from tspo_bench.samplers.bin_max import bin_max
from tspo_bench.samplers.fill import filled
from tspo_bench.samplers.options import Positive, sampler_options
from tspo_bench.samplers.scores import argsort_desc, relevance, top_k
from tspo_bench.samplers.smoothed_cosine import smoothed
from tspo_bench.types import Candidates, Features, IntArray, Need, Query, Selection

# The first that is found counts. Offsets are in scenes, from the scene most like the question;
# "start" and "end" are the video's, "spread" takes the best frame of each part of the video.
RULES: tuple[tuple[str, tuple[float, ...] | str], ...] = (
    (r"how (many|often)|number of", (0,)),
    (r"last scene before", (0, -1)),
    (r"two scenes (after|later|on)|second scene after|one scene after", (0, 2)),
    (r"and one more scene|it and the earlier", (0, 2)),
    (r"two scenes (before|earlier|back)|second scene before|one scene before", (0, -2)),
    (r"before one more scene|it and the later", (0, -2)),
    (r"between the|and (until|before) the|from the \w+ to|on the way from the", (0, 1, -1)),
    (r"and after the|before it and the \w+ after it", (0, 1, -1)),
    (r"second time|second scene that has|comes back|shown again", (0,)),
    (r"(last|latest|nearest|closest)\b.*(before|until|on the way to)", (0, -2, -3)),
    (r"(first|earliest|nearest|closest)\b.*(after|once|on the way on)", (0, 2, 3)),
    (r"beginning of|begins|start of|first scenes|early in|just begun", "start"),
    (r"end of the video|video ends|finish of|last scenes|late in|about to end", "end"),
    (r"first|earli|before (all|any)|last|late|after (all|any)", "spread"),
    (r"after the|next scene|follows|gone|has left", (0, 1)),
    (r"before the|precedes|until|about to arrive", (0, -1)),
)
_OPENING = re.compile(r"\A[^:?]*:\s*")  # "Look closely: ..."


@sampler_options
class WordRule:
    """The frames where the first rule points to that fits the question's words.

    Where it points away from the scene most like the question, the budget is shared equally between
    that scene and those places. Without a fitting rule: the most similar frames.

    Args:
        scene_seconds: length of a scene, by which scenes are counted off.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"features"})
    scene_seconds: Positive = 5.0

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Find the rule, and pick.

        Raises:
            UserError: a feature is NaN or infinite.
        """
        scores = relevance(query, candidates)
        words = _OPENING.sub("", query.text).rstrip("?").lower()
        where = next((place for rule, place in RULES if re.search(rule, words)), (0.0,))
        picks = self._pick(where, scores, candidates, k)
        return filled(candidates, picks, scores, k, notes={"rule": str(where)})

    def _pick(
        self, where: tuple[float, ...] | str, scores: Features, candidates: Candidates, k: int
    ) -> IntArray:
        if where == "spread":
            return bin_max(scores, k)
        if isinstance(where, str):
            reach = 4 * self.scene_seconds  # the scene is the second or third
            from_end = candidates.seconds[-1] - candidates.seconds
            near = (candidates.seconds if where == "start" else from_end) <= reach
            return top_k(np.where(near, scores, -np.inf), k)
        if where == (0,):
            return top_k(scores, k)
        anchor = candidates.seconds[int(np.argmax(smoothed(scores, 5)))]
        picks: list[int] = []
        for number, scenes in enumerate(where):
            distance = np.abs(candidates.seconds - (anchor + scenes * self.scene_seconds))
            share = k // len(where) + (number < k % len(where))
            free = [place for place in argsort_desc(-distance) if place not in picks]
            picks += free[:share]
        return np.array(sorted(picks), np.int64)
