"""How well candidate frames match a query, and the best of them: pure functions on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tspo_bench.errors import UserError
from tspo_bench.types import Candidates, Features, IntArray, Query

NORM_FLOOR = 1e-8
ROWS = 256


def cosine(frames: NDArray[np.floating], text: NDArray[np.floating]) -> Features:
    """Cosine similarity [T] of frame features [T, d] and a text feature [1, d] or [d].

    Computed in float64, row by row, so that equal frames get equal scores wherever they stand; a
    norm below 1e-8 counts as 1e-8 (a zero vector scores 0), as in `torch.cosine_similarity`.
    """
    left, right = np.asarray(frames), np.asarray(text, np.float64).reshape(1, -1)
    if left.ndim != 2 or left.shape[1] != right.shape[1]:
        raise ValueError(f"frames {list(left.shape)} and text {list(text.shape)} do not match")
    text_norm = np.sqrt((right * right).sum()).clip(min=NORM_FLOOR)
    found = np.empty(len(left), np.float32)
    for start in range(0, len(left), ROWS):  # what a part takes in float64 stays in the cache
        rows = np.asarray(left[start : start + ROWS], np.float64)
        norms = np.sqrt((rows * rows).sum(axis=1)).clip(min=NORM_FLOOR)
        found[start : start + ROWS] = (rows * right).sum(axis=1) / norms / text_norm
    return found


def relevance(query: Query, candidates: Candidates) -> Features:
    """Scores [T] of the candidates: the cosine of each frame's feature and the question's.

    Raises:
        UserError: a feature is NaN or infinite.
        ValueError: the features that the sampler declared as a need are not there.
    """
    return cosine(*checked_features(query, candidates))


def checked_features(query: Query, candidates: Candidates) -> tuple[Features, Features]:
    """The candidates' features [T, d] and the question's [1, d].

    Raises:
        UserError: a feature is NaN or infinite.
        ValueError: the features that the sampler declared as a need are not there.
    """
    if candidates.features is None or query.text_features is None:
        raise ValueError(f"question {query.question_id!r}: a needed feature was not given")
    finite = np.isfinite(candidates.features).all(axis=1)
    if not finite.all():
        frame = candidates.indices[np.argmin(finite)]
        raise UserError(
            f"video {query.video_id!r}: the feature of frame {frame} is not finite; encode the "
            "video again, in float32 if the encoder overflows"
        )
    if not np.isfinite(query.text_features).all():
        raise UserError(
            f"question {query.question_id!r}: the feature of its text is not finite; "
            "check the encoder's weights"
        )
    return candidates.features, query.text_features


def unit_features(query: Query, candidates: Candidates) -> tuple[Features, Features]:
    """Features of length 1: the candidates' [T, d] and the question's [d].

    float32 throughout, for samplers that compare frames with frames; a norm below 1e-8 counts as
    1e-8. Equal frames get equal directions.

    Raises:
        UserError: a feature is NaN or infinite.
        ValueError: the features that the sampler declared as a need are not there, or differ in
            width.
    """
    frames, text = checked_features(query, candidates)
    if frames.shape[1] != text.size:
        raise ValueError(f"frames {list(frames.shape)} and text {list(text.shape)} do not match")
    return _unit(frames), _unit(text.reshape(1, -1))[0]


def _unit(rows: Features) -> Features:
    norms = np.sqrt(np.einsum("td,td->t", rows, rows)).clip(min=NORM_FLOOR)
    return np.asarray(rows / norms[:, None], np.float32)


def cosines(frames: Features, text: Features) -> Features:
    """Cosines [T] of directions [T, d] and a direction [d], equal for equal frames."""
    return np.asarray(np.einsum("td,d->t", frames, text), np.float32)  # row by row, unlike BLAS


def min_max(scores: ArrayLike) -> Features:
    """Scores [T] scaled so that the lowest is 0 and the highest 1; all 0 where they are equal."""
    values = np.asarray(scores, np.float32)
    width = np.ptp(values)
    return (values - values.min()) / width if width > 0 else np.zeros_like(values)


def argsort_desc(scores: ArrayLike) -> IntArray:
    """Positions [T] from the highest score to the lowest, the earliest first on ties."""
    return np.argsort(-np.asarray(scores), kind="stable")


def top_k(scores: ArrayLike, k: int) -> IntArray:
    """Sorted positions [min(k, T)] of the k highest scores, the earliest on ties."""
    return np.sort(argsort_desc(scores)[:k])


def inverse_transform(weights: ArrayLike, shares: ArrayLike) -> IntArray:
    """Sorted distinct positions where the cumulative sum of weights first reaches each share.

    A frame that holds several shares is given once, so there may be fewer frames than shares.

    Args:
        weights: [T], none negative, not all 0.
        shares: of the weights' sum, each above 0 and below 1.
    """
    values = np.asarray(weights, np.float64)
    cumulative = (values / values.sum()).cumsum()
    return np.unique(np.searchsorted(cumulative, shares)).astype(np.int64)
