from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.video_utils import VideoMetadata

from tests.mllms.conftest import make_request
from tspo_bench.mllms.inputs import in_groups, video_inputs, video_metadata

GAPS = st.lists(st.floats(0.01, 900), min_size=1, max_size=20)


@settings(deadline=None)
@given(GAPS, st.sampled_from([0.5, 10.0, 24000 / 1001, 29.97, 30.0, 60.0]))
def test_times_are_true_for_any_spacing(gaps: list[float], fps: float) -> None:
    """Frames at any times: what a processor reads is within half a frame, or half a millisecond."""
    seconds = np.cumsum(gaps)
    request = make_request(
        list(range(len(gaps))), frame_rate=fps, seconds=seconds.tolist(), size=(1, 1)
    )
    read = VideoMetadata(**video_metadata(request)).timestamps
    regular = np.abs(np.arange(len(gaps)) / fps - seconds).max() <= 0.5 / fps
    np.testing.assert_allclose(read, seconds, atol=0.5 / fps if regular else 0.0005001)


@pytest.mark.parametrize("fps", [10.0, 24000 / 1001, 30000 / 1001, 60.0])
def test_a_constant_rate_keeps_the_videos_own_numbers(fps: float) -> None:
    indices = [0, 7, 1234, 107_999]
    metadata = video_metadata(make_request(indices, frame_rate=fps, num_frames=108_000))
    assert metadata.frames_indices == indices
    assert (metadata.fps, metadata.total_num_frames) == (fps, 108_000)
    assert metadata.duration == pytest.approx(108_000 / fps)


def test_an_unknown_length_ends_with_the_last_frame() -> None:
    assert video_metadata(make_request([3, 40], num_frames=None)).total_num_frames == 41


def test_the_length_is_the_same_on_either_clock() -> None:
    regular = make_request([0, 20], frame_rate=2.0, num_frames=240)
    varying = make_request([0, 20], frame_rate=2.0, num_frames=240, seconds=[0.0, 33.0])
    for request in (regular, varying):
        metadata = video_metadata(request)
        assert metadata.total_num_frames / metadata.fps == pytest.approx(120)
        assert metadata.duration == pytest.approx(120)


@pytest.mark.parametrize(
    ("given_frames", "size", "repeat", "expected"),
    [
        (1, 2, False, [5, 5]),
        (2, 2, False, [5, 6]),
        (1, 1, False, [5]),
        (3, 2, False, [5, 6, 7]),
        (1, 2, True, [5, 5]),
        (3, 2, True, [5, 5, 6, 6, 7, 7]),
    ],
)
def test_frames_fill_groups(
    given_frames: int, size: int, repeat: bool, expected: list[int]
) -> None:
    request = make_request([5, 6, 7][:given_frames])
    frames = in_groups(request, size, repeat).frames
    assert frames.indices.tolist() == expected
    for number, second, pixels in zip(frames.indices, frames.seconds, frames.pixels, strict=True):
        own = request.frames.indices.tolist().index(number)
        assert second == request.frames.seconds[own]
        np.testing.assert_array_equal(pixels, request.frames.pixels[own])


def test_nothing_samples_again() -> None:
    arguments = video_inputs([make_request([5, 6, 7])])
    assert arguments["videos_kwargs"]["do_sample_frames"] is False
    assert arguments["videos_kwargs"]["video_metadata"][0].frames_indices == [5, 6, 7]
    assert len(arguments["videos"][0][0]) == 3
