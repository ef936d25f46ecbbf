"""FOCUS: clips as arms of a bandit, so that few candidates need a score."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from tspo_bench.errors import UserError
from tspo_bench.samplers.fill import fill_by_score, spread
from tspo_bench.samplers.options import Count, Positive, Share, sampler_options
from tspo_bench.samplers.random import draw, question_generator
from tspo_bench.samplers.scores import argsort_desc
from tspo_bench.types import Candidates, FloatArray, IntArray, Need, Query, Selection

Score = Callable[[IntArray], FloatArray]

# Fixed in the released code: the same for all benchmarks, and no parameters in the paper.
MIN_CLIPS = 8
MIN_ZOOMED = 4
MIN_SHARED, MAX_SHARED = 4, 32
MIN_VARIANCE = 1e-6
GAP_SHARE, NO_GAP_BELOW = 0.25, 0.2  # of the picks' average distance; seconds of that distance


@sampler_options
class Settings:
    """Settings of the search; the defaults are the published ones.

    Attributes:
        clip_seconds: about how long a clip is.
        fine_seconds: from one candidate to the next where it looks closely.
        extra: candidates scored in a clip at first, beside its middle.
        zoom: share of the clips to look at closely, and among which the picks are shared out.
        top: share of the picks that are simply the best of those scored.
        temperature: of the draws within a clip.
        gap_seconds: least distance of a drawn pick from the earlier ones, where there is room.
    """

    clip_seconds: Positive = 16.0
    fine_seconds: Positive = 1.0
    extra: Count = 2
    zoom: Share = 0.25
    top: Share = 0.2
    temperature: Positive = 0.06
    gap_seconds: Annotated[float, Field(ge=0)] = 1.0


@dataclass(frozen=True)
class Found:
    """Sorted `picks`, at most k, and the `positions` that were scored, with their `scores`."""

    picks: IntArray
    positions: IntArray
    scores: FloatArray


def focus(
    score: Score, length: int, rate: float, k: int, generator: random.Random, settings: Settings
) -> Found:
    """Search `length` candidates, `rate` of them a second, for k frames; asks for scores twice.

    1. The video is cut into clips. The middle of each and `extra` others, drawn at random, are
       scored. A clip's bound is the mean of its scores plus Bernstein's confidence radius.
    2. Around the middles of the clips with the highest bounds, more are scored: half of them evenly
       spaced, half drawn.
    3. A share `top` of the k picks are the best of all that were scored. The others are shared
       evenly among the clips with the highest bounds and drawn there, by softmax of the
       candidates' estimates: the score of the nearest one of stage 1, cut to 0 .. 1, then scaled.

    Gives exactly the frames of the released code for the same draws. So, where the paper leaves it
    open: what stage 2 finds serves the first picks of stage 3 and changes neither bounds nor
    estimates; candidates after the last whole clip are met in stage 2 only; ties go to the earlier
    clip, and to the candidate that was scored earlier.

    Source: arXiv 2510.27280, github.com/NUS-HPC-AI-Lab/FOCUS, `focus.py` and `select_keyframe.py`.
    """
    part = length / max(MIN_CLIPS, math.ceil(length / rate / settings.clip_seconds))
    clips = cut(length, part)
    probes = coarse(clips, settings.extra, generator)
    first = score(probes.ravel()).reshape(probes.shape)
    ranking = argsort_desc(bounds(first))
    num_zoomed = max(MIN_ZOOMED, math.ceil(len(clips) * settings.zoom))
    stride = min(max(1, round(settings.fine_seconds * rate)), max(1, int(part)))
    more = fine(probes, ranking[:num_zoomed], length, part, stride, generator)
    positions = np.append(probes, more)
    scores = np.append(first, score(more)) if len(more) else first.ravel()

    picks = positions[argsort_desc(scores)[: round(settings.top * min(k, len(positions)))]]
    shared = ranking[: min(max(MIN_SHARED, math.ceil(len(clips) * settings.zoom)), MAX_SHARED)]
    rest, gap = k - len(picks), least_gap(length, rate, k, settings.gap_seconds)
    for rank, clip in enumerate(shared):
        free = with_gap(clips[clip][~np.isin(clips[clip], picks)], picks, gap)
        logits = estimates(probes[clip], first[clip], free) / settings.temperature
        count = rest // len(shared) + (rank < rest % len(shared))
        picks = np.append(picks, free[draw(generator, logits, count)])
    return Found(np.sort(picks), positions, scores)


def cut(length: int, part: float) -> IntArray:
    """Positions [clips, size] of equal clips of at least int(part); a remainder is in none."""
    num_clips = max(1, length // max(1, int(part)))
    size = length // num_clips
    return np.arange(num_clips * size, dtype=np.int64).reshape(num_clips, size)


def coarse(clips: IntArray, extra: int, generator: random.Random) -> IntArray:
    """Positions [clips, 1 + extra] to score first: each clip's middle, then others of it, drawn."""
    middle = (clips.shape[1] - 1) // 2
    others = np.delete(clips, middle, axis=1)
    drawn = [row[draw(generator, np.zeros(len(row)), extra)] for row in others]
    return np.column_stack([clips[:, middle], np.array(drawn, np.int64)])


def bounds(scores: FloatArray) -> FloatArray:
    """Upper confidence bounds [clips] of the means of scores [clips, n], by Bernstein."""
    n, log_total = scores.shape[1], math.log(scores.size)
    variance = np.maximum(scores.var(axis=1), MIN_VARIANCE)
    radius = np.sqrt(2 * log_total * variance / n) + 3 * log_total / n
    return np.asarray(scores.mean(axis=1) + radius)


def fine(
    probes: IntArray,
    zoomed: IntArray,
    length: int,
    part: float,
    stride: int,
    generator: random.Random,
) -> IntArray:
    """Sorted positions to score next: every `stride`-th on average around the zoomed clips."""
    half = max(1, round(part / 2))
    known = np.zeros(length, bool)
    known[probes] = True
    chosen = known.copy()
    for middle in probes[zoomed, 0]:
        window = np.arange(max(0, middle - half), min(length - 1, middle + half) + 1)
        wanted = max(1, len(window) // stride)
        num_even = round(wanted / 2)
        chosen[window[spread(len(window), num_even)]] = True
        left = window[~chosen[window]]
        chosen[left[draw(generator, np.zeros(len(left)), wanted - num_even)]] = True
    return np.flatnonzero(chosen & ~known)


def least_gap(length: int, rate: float, k: int, gap_seconds: float) -> int:
    """Least distance of a drawn pick from the earlier ones, in candidates; 0 for none."""
    average = length / rate / k
    return round(min(GAP_SHARE * average, gap_seconds) * rate) if average > NO_GAP_BELOW else 0


def with_gap(free: IntArray, picks: IntArray, gap: int) -> IntArray:
    """Those of `free` at least `gap` from all picks, or all where there are none such."""
    far = (np.abs(free[:, None] - picks) >= gap).all(axis=1)
    return free[far] if far.any() else free


def estimates(probes: IntArray, scores: FloatArray, positions: IntArray) -> FloatArray:
    """Scores of the nearest probes, cut to 0 .. 1, then scaled so that the highest is 1."""
    if not len(positions):
        return np.empty(0)
    nearest = np.abs(probes[:, None] - positions).argmin(axis=0)
    values = scores[nearest].clip(0, 1)
    width = np.ptp(values)
    return (values - values.min()) / width if width > 0 else np.ones_like(values)


@sampler_options
class FOCUS(Settings):
    """FOCUS on the cosine to the question, which it has computed for some candidates only.

    Where the search gives fewer than k frames, the best-scored of the others are added, then those
    without a score, evenly. Draws depend on the seed and the question's id only. Where K >= T all
    candidates are given and none is scored. The record's notes say how many were.
    """

    seed: int = 0
    needs: ClassVar[frozenset[Need]] = frozenset({"lazy_scores"})

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        """Search, then fill up.

        Raises:
            UserError: a score is NaN or infinite.
            ValueError: the scores that the sampler declared as a need are not there.
        """
        total = len(candidates)
        notes = {"num_scored": 0, "num_candidates": total}
        if k >= total:
            return Selection(candidates.indices, notes=notes)
        seconds = float(candidates.seconds[-1] - candidates.seconds[0])
        found = focus(
            checked_scores(query, candidates),
            total,
            (total - 1) / seconds,
            k,
            question_generator(self.seed, query),
            self,
        )
        picks = fill(found, total, k)
        notes["num_scored"] = len(found.positions)
        num_filled = len(picks) - len(found.picks)
        return Selection(candidates.indices[picks], num_filled=num_filled, notes=notes)


def fill(found: Found, length: int, k: int) -> IntArray:
    """Sorted positions: the picks, the best of the others that were scored, then evenly spaced."""
    scores = np.full(length, -np.inf)
    scores[found.positions] = found.scores
    num_known = len(np.union1d(found.picks, found.positions))
    picks = fill_by_score(found.picks, scores, min(k, num_known))
    left = np.setdiff1d(np.arange(length), picks)
    return np.sort(np.append(picks, left[spread(len(left), k - len(picks))]))


def checked_scores(query: Query, candidates: Candidates) -> Score:
    """The candidates' scores on demand, in float64, checked to be finite."""
    score = candidates.score
    if score is None:
        raise ValueError(f"question {query.question_id!r}: the needed scores were not given")

    def checked(positions: IntArray) -> FloatArray:
        scores = np.asarray(score(positions), np.float64)
        finite = np.isfinite(scores)
        if not finite.all():
            frame = candidates.indices[positions[np.argmin(finite)]]
            raise UserError(
                f"video {query.video_id!r}, question {query.question_id!r}: the score of frame "
                f"{frame} is not finite; check the encoder's weights, or run it in float32"
            )
        return scores

    return checked
