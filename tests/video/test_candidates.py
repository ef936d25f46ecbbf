"""Candidates: the published stride at one rate, the frames on show where times are uneven."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import make_video, read_number
from tspo_bench.errors import UserError
from tspo_bench.types import FloatArray, VideoInfo
from tspo_bench.video import open_video
from tspo_bench.video.candidates import (
    candidate_indices,
    check_rule,
    do_rules_differ,
    rule_for,
    rules_said,
)

RATES = [
    *(Fraction(number) for number in (1, 5, 8, 12, 15, 20, 24, 25, 30, 48, 50, 60, 120, 240)),
    *(Fraction(number * 1000, 1001) for number in (12, 15, 24, 30, 48, 60, 120)),
    *(Fraction(2229, 100), Fraction(1, 2), Fraction(3, 2), Fraction(25, 2), Fraction(1, 3)),
]
# Seconds a unit: Matroska and FLV, MPEG-TS, mp4 of several kinds, AVI's and QuickTime's exact ones.
UNITS = [Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 12800), Fraction(1, 600)]


def info_of(times: FloatArray, rate: Fraction | float | None = None) -> VideoInfo:
    """A video of frames at these times, the last of which stays as long as the one before it."""
    last = times[-1] - times[-2] if len(times) > 1 else 1.0
    duration = float(times[-1] + last)
    stated = Fraction(rate or len(times) / duration).limit_denominator(1001)
    return VideoInfo(Path("v.mp4"), len(times), stated, duration, 64, 64, 0, "h264")


def on_show(times: FloatArray, duration: float, rate: float) -> list[int]:
    """The definition, second by second."""
    found, number = [], 0
    while number / rate < duration - 1e-9:
        frame = max(i for i, time in enumerate(times) if time <= number / rate + 1e-9)
        found += [frame] if not found or found[-1] != frame else []
        number += 1
    return found


@given(data=st.data(), rate=st.sampled_from([0.3, 1.0, 1.7, 3.0, 49.0]))
def test_keyframes_nearest_to_each_tick(data: st.DataObject, rate: float) -> None:
    units = data.draw(st.lists(st.integers(0, 400), min_size=1, max_size=12, unique=True))
    times = np.sort(units) / data.draw(st.sampled_from([2.0, 10.0, 49.0]))
    keyframes = np.flatnonzero([True, *data.draw(st.lists(st.booleans(), max_size=11))])
    keyframes = keyframes[keyframes < len(times)]
    info = info_of(times)
    found = candidate_indices(info, times, rate, "keyframe", keyframes)
    ticks = np.arange(max(1, np.ceil((info.duration_seconds - 1e-9) * rate))) / rate
    middles = (times[keyframes[1:]] + times[keyframes[:-1]]) / 2
    assert found.tolist() == np.unique(keyframes[np.searchsorted(middles, ticks)]).tolist()


def test_an_absurd_time_takes_no_memory() -> None:
    times = np.array([0.0, 1.0, 2.0, 1e13])
    found = candidate_indices(info_of(times), times, 1.0, "keyframe", np.array([0, 2, 3]))
    assert found.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("frame_rate", "rate", "stride"),
    [
        (Fraction(30000, 1001), 1.0, 30),
        (Fraction(25), 1.0, 25),
        (Fraction(24000, 1001), 2.0, 12),
        (Fraction(2229, 100), 1.0, 22),
        (Fraction(10), 100.0, 1),
        (Fraction(1, 2), 1.0, 1),
    ],
)
def test_at_one_rate_every_rounded_frame_rate_th(
    frame_rate: Fraction, rate: float, stride: int
) -> None:
    times = np.arange(301) / float(frame_rate)
    found = candidate_indices(info_of(times, frame_rate), times, rate)
    assert found.tolist() == list(range(0, 301, stride))


@given(
    st.sampled_from(RATES),
    st.sampled_from(UNITS),
    st.integers(1, 20_000),
    st.sampled_from([0.1, 0.5, 1.0, 2.0, 5.0]),
    st.booleans(),
    st.integers(0, 10_000),
    st.sampled_from([0, 0, Fraction(1, 1000), Fraction(-1, 1000)]),
)
def test_at_one_rate_the_stride_in_any_container(
    frame_rate: Fraction,
    unit: Fraction,
    num_frames: int,
    rate: float,
    is_rounded: bool,
    start: int,
    misstated: Fraction,
) -> None:
    """Times rounded or cut to units that the frames do not fit, from any start on; a header's rate
    that is a thousandth off, as 30 for 29.97 is."""
    step = 1 / frame_rate / unit  # in units, as a fraction
    numerators = start * step.denominator + np.arange(num_frames) * step.numerator
    units = (2 * numerators + step.denominator * is_rounded) // (2 * step.denominator)
    times = (units - units[0]) * float(unit)
    info = info_of(times, frame_rate * (1 + misstated))
    stride = range(0, num_frames, max(1, round(float(info.frame_rate) / rate)))
    assert candidate_indices(info, times, rate).tolist() == list(stride)


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    st.integers(1, 5000),
    st.sampled_from([0.25, 1.0, 3.0]),
)
def test_by_time_the_frames_on_show(gaps: list[int], last: int, rate: float) -> None:
    times = np.concatenate([[0], np.cumsum(gaps)]) / 1000
    info = VideoInfo(Path("v"), len(times), Fraction(25), times[-1] + last / 1000, 8, 8, 0, "h264")
    found = candidate_indices(info, times, rate, "time")
    assert found.tolist() == on_show(times, info.duration_seconds, rate)
    assert len(np.unique(found)) == len(found)


def joined(*parts: tuple[float, int]) -> FloatArray:
    """Times in milliseconds of stretches of (frames a second, how many)."""
    intervals = np.concatenate([np.full(count, 1000 / rate) for rate, count in parts])
    return np.round(np.concatenate([[0], np.cumsum(intervals)[:-1]])) / 1000


UNEVEN = {
    "screen": joined((1, 60), (60, 240)),
    "burst": joined((2, 40), (30, 150), (2, 40)),
    "slow start": joined((1, 20), (30, 600)),
    "two rates": joined((30, 300), (15, 150)),
    "pause": joined((25, 250), (0.1, 1), (25, 250)),
    "dropped": np.delete(np.arange(900) / 30, np.random.default_rng(0).choice(899, 90) + 1),
    "slides": joined((0.2, 10), (25, 50), (0.05, 3)),
    "jitter": np.cumsum(np.random.default_rng(1).exponential(0.04, 1000)),
}


@pytest.mark.parametrize("name", UNEVEN)
def test_uneven_times_are_sampled_by_time(name: str) -> None:
    times = UNEVEN[name] - UNEVEN[name][0]
    info = info_of(times)
    found = candidate_indices(info, times, 1.0)
    assert rule_for(times, 1.0) == "time"
    assert found.tolist() == on_show(times, info.duration_seconds, 1.0)
    assert candidate_indices(info, times, 1.0, "stride").tolist() == list(
        range(0, len(times), info.candidate_stride())
    )


@pytest.mark.parametrize(
    "times",
    [
        np.delete(np.arange(3000) / 30, [500, 1200, 1201, 2500]),  # a recording drops a few
        np.arange(500) / 25 + np.random.default_rng(2).uniform(-0.008, 0.008, 500),  # a camera
        np.cumsum(np.tile([1 / 30, 1 / 20], 400)),  # film at 24 a second as 3:2 pulldown
        np.array([0.0]),
        np.array([0.0, 7.0]),
    ],
    ids=["a few dropped", "jitter", "pulldown", "one", "two"],
)
def test_what_is_as_good_as_even_keeps_the_stride(times: FloatArray) -> None:
    assert rule_for(times - times[0], 1.0) == "stride"


def test_a_screen_recording_has_a_candidate_a_second() -> None:
    """60 s at 1 fps, then 4 s at 60 fps: by stride 48 of 60 candidates are in the last 4 s."""
    times = UNEVEN["screen"]
    info = info_of(times)
    found = times[candidate_indices(info, times, 1.0)]
    np.testing.assert_allclose(found, np.arange(64), atol=0.01)
    stride = times[candidate_indices(info, times, 1.0, "stride")]
    assert (stride >= 60).sum() == 48


def test_slides_that_stay_are_candidates_once() -> None:
    times = np.arange(0, 60, 3.0)
    info = info_of(times)
    for rule in ("auto", "stride", "time"):
        assert candidate_indices(info, times, 1.0, rule).tolist() == list(range(20))


def test_absurd_times_cost_no_memory() -> None:
    times = np.concatenate([np.arange(100) / 25, [1e12]])
    assert candidate_indices(info_of(times), times, 1.0).tolist() == [0, 25, 50, 75, 99, 100]


@pytest.mark.parametrize(
    ("times", "differ"),
    [
        (UNEVEN["screen"], True),
        (UNEVEN["two rates"], True),
        (np.arange(2000) / 30, False),
        (np.arange(200_000) * 1001 / 30000, False),  # 6.7 s in two hours, but never in a minute
        (np.arange(200) / 1.5, True),  # each second frame is one every 1.33 s
        (np.arange(2000) / 12.5, True),  # 12 frames are 0.96 s
        (np.arange(0, 60, 3.0), False),  # both are all frames
        (np.array([0.0]), False),
    ],
)
def test_where_the_rules_differ(times: FloatArray, differ: bool) -> None:
    assert do_rules_differ(info_of(times), times, 1.0) is differ


def test_what_is_said_of_the_rules() -> None:
    lines = rules_said({"a.mp4": "time", "b.mp4": "time", "c.mp4": "stride"}, 2.0)
    assert len(lines) == 2
    assert lines[0].startswith("candidates of 2 videos (a.mp4, ...) are taken by time, the frame")
    assert "--candidates stride takes every n-th frame" in lines[0]
    assert "1 video (c.mp4) are taken by stride" in lines[1]
    assert rules_said({}, 1.0) == []


def test_unknown_rules() -> None:
    with pytest.raises(UserError, match="--candidates 'even': use auto, stride, time"):
        check_rule("even")


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("name", ["burst", "slides", "pause"])
def test_films_in_both_readers(name: str, suffix: str, tmp_path: Path) -> None:
    pts = np.round(UNEVEN[name] * 1000).astype(int).tolist()
    film = make_video(tmp_path / f"film.{suffix}", len(pts), pts=pts, width=64, height=48)
    for reader in ("pyav", "decord"):
        with open_video(film, reader) as video:
            by_time = on_show(video.times, video.info.duration_seconds, 1.0)
            for rule in ("auto", "time", "stride"):
                batches = list(video.scan(1.0, rule=rule))
                found = np.concatenate([batch.indices for batch in batches])
                stride = range(0, len(pts), video.info.candidate_stride())
                assert found.tolist() == (list(stride) if rule == "stride" else by_time)
                numbers = [read_number(p) for batch in batches for p in batch.pixels]
                assert numbers == found.tolist()


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(12)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv", "avi", "mov"])
def test_films_at_one_rate(rate: Fraction, suffix: str, tmp_path: Path) -> None:
    film = make_video(tmp_path / f"film.{suffix}", 100, rate=rate, width=64, height=48)
    with open_video(film) as video:
        found = candidate_indices(video.info, video.times, 1.0)
    assert found.tolist() == list(range(0, 100, round(rate)))


def test_the_field_film(real_data: Path) -> None:
    film = real_data / "field" / "video" / "vfr_screen.mp4"
    if not film.exists():
        pytest.skip(f"no {film}")
    with open_video(film) as video:
        seconds = np.concatenate([batch.seconds for batch in video.scan()])
    np.testing.assert_allclose(seconds, np.arange(64), atol=1 / 60)
