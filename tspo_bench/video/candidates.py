"""Which frames of a video are its candidates: every n-th, those at even times, or keyframes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import get_args

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.types import CandidateRule, FloatArray, IntArray, VideoInfo

# Of a film at one rate, the share of intervals that may be odd: frames that a recording dropped.
_MOST_ODD = 0.01
# What rounding to milliseconds (Matroska, FLV, WMV) shifts a time from the first frame, and an
# interval, in seconds: both ends by half a millisecond, or by a whole one where a muxer truncates.
_ROUNDING = 2e-3
_SAME_TIME = 1e-6  # seconds; times are floats
_SAID = 1.0  # seconds that the rules' candidates may drift apart
_WITHIN = 60.0  # within so many seconds before it is reported


def candidate_indices(
    info: VideoInfo,
    times: FloatArray,
    rate: float,
    rule: CandidateRule = "auto",
    keyframes: IntArray | None = None,
) -> IntArray:
    """The frame numbers [T] of the candidates at `rate` per second, rising.

    Args:
        info: the video's.
        times: when each of its frames is shown, [num_frames] seconds, not falling.
        rate: candidates a second.
        rule: "stride": every `info.candidate_stride(rate)`-th frame, as in the published selections
            of TSPO and AKS; "time": the frames that are on show at 0, 1 / rate, 2 / rate, ...
            seconds, each of them once; "keyframe": the keyframes nearest to these times, each once
            (a tenth of the decoding, with gaps as long as the encoder left them); "auto": see
            `rule_for`.
        keyframes: the numbers of the video's keyframes [n], for that rule.

    Raises:
        ValueError: the rate is not above 0.
    """
    if rate <= 0:
        raise ValueError(f"candidates per second must be above 0, got {rate}")
    if rule == "keyframe":
        assert keyframes is not None
        return _nearest(times, keyframes, info.duration_seconds, rate)
    if rule_for(times, rate, rule) == "stride":
        return np.arange(0, info.num_frames, info.candidate_stride(rate), dtype=np.int64)
    return shown_at(times, info.duration_seconds, rate)


def check_rule(rule: str) -> CandidateRule:
    """The rule of that name.

    Raises:
        UserError: an unknown rule.
    """
    for known in get_args(CandidateRule):
        if rule == known:
            return known
    raise UserError(f"--candidates {rule!r}: use {', '.join(get_args(CandidateRule))}")


def rule_for(times: FloatArray, rate: float, rule: CandidateRule = "auto") -> CandidateRule:
    """The rule in force: "auto" is "stride" where the times are even, else "time"."""
    if rule != "auto":
        return rule
    return "stride" if are_even(times, rate) else "time"


def are_even(times: FloatArray, rate: float) -> bool:
    """Whether frames at these times [n] follow at one rate, as far as candidates depend on it.

    Both must hold:

    - At most 1 in 100 intervals is odd: further than half of the median interval from it. Rounded
      times (Matroska counts milliseconds), pulldown and the jitter of cameras and streams stay
      within that; two rates in turn, bursts and random drops do not.
    - No frame is more than half a candidate interval, 0.5 / `rate`, off the straight line through
      the first and the last. So the few frames that a long recording drops, or a pause, do not add
      up: each candidate of the stride is nearer to its own even time than to the next one's.

    The rate itself does not matter, nor whether the header states it rightly: at 30000/1001 and
    22.29 frames a second the times are as even as at 30.
    """
    if len(times) < 2:
        return True
    intervals = np.diff(times)
    usual = float(np.median(intervals))
    odd = np.abs(intervals - usual) > usual / 2 + _ROUNDING
    if np.count_nonzero(odd) > _MOST_ODD * len(intervals):
        return False
    line = np.linspace(times[0], times[-1], len(times))
    return bool(np.abs(times - line).max() <= 0.5 / rate + _ROUNDING)


def shown_at(times: FloatArray, duration: float, rate: float) -> IntArray:
    """The frames [T] that are on show at 0, 1 / rate, 2 / rate, ... seconds, before `duration`.

    On show is the last frame whose time is not after it. A frame that is shown for several of these
    times is there once: a slide that stays for a minute is one candidate.
    """
    # The first of the even times at or after each frame: a frame is shown at one of them if the
    # next frame comes after that. So nothing grows with the times themselves, which may be absurd.
    first = np.ceil((times - _SAME_TIME) * rate)
    last = np.floor((times[-1] + _SAME_TIME) * rate)  # a frame is on show at its own time
    end = max(np.ceil((duration - _SAME_TIME) * rate), last + 1)
    return np.flatnonzero(np.diff(first, append=end) > 0).astype(np.int64)


def _nearest(times: FloatArray, keyframes: IntArray, duration: float, rate: float) -> IntArray:
    """The keyframes nearest to 0, 1 / rate, 2 / rate, ... seconds, before `duration`, each once."""
    between = (times[keyframes[1:]] + times[keyframes[:-1]]) / 2
    # A keyframe is nearest to a tick if one lies behind the middle between it and the keyframe
    # before, up to the next middle: nothing grows with the times, which may be absurd.
    ticks = max(1.0, np.ceil((duration - _SAME_TIME) * rate))
    last = np.floor(between * rate)  # tick up to each middle; the product may be rounded
    last += ((last + 1) / rate <= between).astype(float) - (last / rate > between)
    bounds = np.concatenate([[-1], np.clip(last, -1, ticks - 1), [ticks - 1]])
    return keyframes[np.diff(bounds) > 0]


def do_rules_differ(info: VideoInfo, times: FloatArray, rate: float) -> bool:
    """Whether the two rules' n-th candidates drift apart by over a second within a minute.

    They do where frames are uneven, and at some low even rates: at 1.5 frames a second each second
    frame is one every 1.33 seconds.
    """
    stride = times[candidate_indices(info, times, rate, "stride")]
    time = times[candidate_indices(info, times, rate, "time")]
    common = min(len(stride), len(time))
    stride, time = stride[:common], time[:common]
    apart = stride - time
    if not common or np.ptp(apart) <= _SAID:
        return False
    ends = np.searchsorted(time, time + _WITHIN, side="right")
    return any(np.ptp(apart[start:end]) > _SAID for start, end in enumerate(ends.tolist()))


def rules_said(ruled: Mapping[str, CandidateRule], rate: float) -> list[str]:
    """Messages about the videos where the rules differ, with the rule in force."""
    every = f"the frame shown every {1 / rate:.3g} s"
    of_rule = {"stride": "every n-th frame", "time": every}
    lines = []
    for rule, count in Counter(ruled.values()).items():
        other = "stride" if rule == "time" else "time"
        first = next(video for video, its in ruled.items() if its == rule)
        lines.append(
            f"candidates of {count} video{'s' * (count > 1)} ({first}{', ...' * (count > 1)}) are "
            f"taken by {rule}, {of_rule[rule]}; --candidates {other} takes {of_rule[other]}, more "
            "than a second away within a minute"
        )
    return lines
