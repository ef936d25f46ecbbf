"""WFS-SB: clips between the wavelet boundaries of the scores, each with its own budget."""

from __future__ import annotations

import math

import numpy as np
import pywt
from scipy.signal import find_peaks
from scipy.special import softmax

from tspo_bench.errors import UserError
from tspo_bench.samplers.base import FeatureSampler
from tspo_bench.samplers.fill import fill_by_score
from tspo_bench.samplers.mmr import extend
from tspo_bench.samplers.options import Count, CountFromOne, Positive, Share, sampler_options
from tspo_bench.samplers.scores import argsort_desc
from tspo_bench.types import Features, FloatArray, IntArray

MODE = "symmetric"  # how the signal continues beyond its ends
MIN_IMPORTANCE = 0.05


@sampler_options
class Settings:
    """Settings of the selection; the defaults are the published ones.

    Attributes:
        wavelet: its name in PyWavelets.
        drift: halvings less than log2(T) at which changes are looked for.
        height: standard deviations above its mean that a boundary's change must have.
        prominence: its least prominence, as a share of the changes' range.
        gap_share: least distance of two boundaries, as a share of T.
        gap_least: the same in candidates; the greater of both holds.
        duration, mean, maximum, variance: weights of what makes a clip important.
        strictness: standard deviations below their mean at which clips get no frames.
        temperature: of the softmax that turns importance into budgets.
        trade_off: of maximal marginal relevance: 1 for relevance alone.
    """

    wavelet: str = "db4"
    drift: Count = 3
    height: float = 0.5
    prominence: Share = 0.05
    gap_share: Share = 0.02
    gap_least: CountFromOne = 5
    duration: float = 0.4
    mean: float = 0.2
    maximum: float = 0.3
    variance: float = 0.1
    strictness: float = 1.2
    temperature: Positive = 1.0
    trade_off: Share = 0.5

    def __post_init__(self) -> None:
        if self.wavelet not in pywt.wavelist(kind="discrete"):
            raise UserError(
                f"sampler 'wfs-sb': wavelet={self.wavelet!r}; use a discrete wavelet of PyWavelets,"
                " such as db4, haar or sym8"
            )


def wfs_sb(scores: FloatArray, frames: Features, k: int, settings: Settings) -> IntArray:
    """Sorted positions [min(k, T)] that WFS-SB picks.

    1. Boundaries are where the scores change most at a coarse scale of their wavelet transform.
    2. Each clip between them gets a share of k, by softmax of its importance; those that are much
       less important than the others get none.
    3. Maximal marginal relevance picks within each clip, the best-scored first, and in the whole
       video where clips have fewer frames than their shares.

    Without boundaries, half of the frames are evenly spaced and half are the best-scored of the
    others. Gives the frames of the released code but for exact ties, which go to the earliest here,
    and constant scores, which have no boundaries here (there, those of rounding errors). Relevance
    in step 3 is 2 x score - 1, as there, which maps 0 .. 1 to the range of a cosine.

    Args:
        scores: [T].
        frames: [T, d], of length 1.
        k: the frame budget.
        settings: the parameters.

    Source: arXiv 2603.00512, github.com/MAC-AutoML/WFS-SB, `wfs/core.py`.
    """
    length = len(scores)
    if length <= k:
        return np.arange(length, dtype=np.int64)
    found = boundaries(scores, settings)
    if not len(found):
        evenly = np.linspace(0, length - 1, k // 2).astype(np.int64)
        return fill_by_score(evenly, scores, k)
    clips = np.split(np.arange(length), found)
    importance = np.array([importance_of(scores[clip], scores, settings) for clip in clips])
    kept = important(importance, settings.strictness)
    shares = share_out(importance[kept], k, settings.temperature)
    relevance = 2 * scores - 1
    picks = np.empty(0, np.int64)
    for clip, share in zip(kept, shares, strict=True):
        if share:
            best = clips[clip][[np.argmax(scores[clips[clip]])]]
            within = extend(best, clips[clip], frames, relevance, share - 1, settings.trade_off)
            picks = np.append(picks, within)
    everywhere = np.arange(length)
    left = k - len(picks)
    return np.sort(extend(picks, everywhere, frames, relevance, left, settings.trade_off))


def boundaries(scores: FloatArray, settings: Settings) -> IntArray:
    """Positions where a clip ends and the next begins: peaks of the scores' coarse changes."""
    if not np.ptp(scores):
        return np.empty(0, np.int64)
    length = len(scores)
    size = np.abs(coarse_changes(scores, settings.wavelet, settings.drift))
    peaks, _ = find_peaks(
        size,
        height=size.mean() + settings.height * size.std(),
        distance=max(settings.gap_least, int(length * settings.gap_share)),
        prominence=settings.prominence * np.ptp(size),
    )
    return np.asarray(peaks, np.int64)


def coarse_changes(scores: FloatArray, wavelet: str, drift: int) -> FloatArray:
    """The coarsest detail band [T] of the scores' wavelet transform, back in the time domain.

    The transform has log2(T) - `drift` levels, as far as the wavelet's length allows, one at least.
    """
    longest = pywt.dwt_max_level(len(scores), pywt.Wavelet(wavelet).dec_len)
    levels = max(1, min(math.floor(math.log2(len(scores)) - drift), longest))
    smooth = scores
    for _ in range(levels):
        smooth, detail = pywt.dwt(smooth, wavelet, MODE)
    changes = pywt.idwt(None, detail, wavelet, MODE)
    for _ in range(levels - 1):
        changes = pywt.idwt(changes, None, wavelet, MODE)
    return np.asarray(changes[: len(scores)])


def importance_of(clip: FloatArray, scores: FloatArray, settings: Settings) -> float:
    """How important a clip with these scores is among all scores [T]."""
    spread = clip.var() / (scores.var() + 1e-8)
    return float(
        settings.duration * len(clip) / len(scores)
        + settings.mean * clip.mean()
        + settings.maximum * clip.max()
        + settings.variance * spread
    )


def important(importance: FloatArray, strictness: float) -> IntArray:
    """The clips that get frames at all: of more than three, those not far below the mean."""
    threshold = max(MIN_IMPORTANCE, importance.mean() - strictness * importance.std())
    kept = np.flatnonzero(importance >= threshold)
    return kept if len(importance) > 3 and len(kept) else np.arange(len(importance))


def share_out(importance: FloatArray, k: int, temperature: float) -> IntArray:
    """Whole shares of k by softmax: rounded down, then the largest remainders one more."""
    exact = softmax(importance / temperature) * k
    shares = np.floor(exact).astype(np.int64)
    shares[argsort_desc(exact - shares)[: k - shares.sum()]] += 1
    return shares


@sampler_options
class WFS(Settings, FeatureSampler):
    """WFS-SB on the cosine to the question; never falls short of min(k, T) frames.

    The authors score with BLIP-2's matching probability, whose range is 0 .. 1; with their CLIP
    variant they take the cosine, as is done here.
    """

    def pick(self, frames: Features, text: Features, scores: Features, k: int) -> IntArray:
        """See `wfs_sb`."""
        return wfs_sb(scores.astype(np.float64), frames, k, self)
