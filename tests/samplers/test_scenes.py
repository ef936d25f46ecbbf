"""Scene cuts: PySceneDetect's own answer on files, the way from scenes to frames, the memo."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samplers.cases import plain_candidates
from tspo_bench.errors import VideoError
from tspo_bench.samplers import load_sampler
from tspo_bench.samplers.scenes import Scenes, find_cuts, spread_over_scenes
from tspo_bench.types import Candidates, Frames, Query
from tspo_bench.video import open_video

QUERY = Query("q", "v.mp4", "?")
COLOURS = np.array([[200, 30, 30], [20, 160, 40], [40, 60, 220], [230, 220, 60], [90, 90, 90]])


class Scan:
    """A video of one colour a scene, [rate] frames a second; counts how often it is decoded."""

    def __init__(self, lengths: list[int], rate: int = 8) -> None:
        self.scenes = np.repeat(np.arange(len(lengths)), lengths)
        self.rate = rate
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, rate: float, short_side: int) -> Iterator[Frames]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        indices = np.arange(len(self.scenes))
        for batch in np.array_split(indices, max(1, len(indices) // 7)):
            colours = COLOURS[self.scenes[batch] % len(COLOURS)].astype(np.uint8)
            pixels = np.broadcast_to(colours[:, None, None], (len(batch), 36, 64, 3))
            yield Frames(batch, batch / self.rate, pixels.copy())

    def candidates(self) -> Candidates:
        """One frame a second."""
        indices = np.arange(0, len(self.scenes), self.rate)
        seconds = indices / self.rate
        return Candidates(indices, seconds, len(self.scenes), float(self.rate), scan=self)


def write_video(path: Path, scan: Scan) -> Path:
    """The same frames as a file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=scan.rate, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for frames in scan(8, 36):
            for pixels in frames.pixels:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    return path


def test_cuts_are_where_the_colour_changes() -> None:
    scan = Scan([16, 40, 8, 30, 26])
    assert find_cuts(scan, 8.0, 27.0, 8.0).tolist() == [16, 56, 64, 94]
    assert find_cuts(Scan([50]), 8.0, 27.0, 8.0).tolist() == []


def test_cuts_of_a_file_are_the_librarys_own(tmp_path: Path) -> None:
    from scenedetect import ContentDetector, detect

    path = write_video(tmp_path / "v.mp4", Scan([16, 40, 3, 30, 26]))
    scenes = detect(str(path), ContentDetector(min_scene_len=0.6))
    with open_video(path) as reader:
        ours = find_cuts(reader.scan, 8.0, 27.0, 8.0)
    assert ours.tolist() == [start.frame_num for start, _ in scenes][1:]
    assert len(ours) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dc_demo.mp4", "video1.mp4"])
def test_eight_frames_a_second_find_the_cuts_of_all_frames(real_data: Path, name: str) -> None:
    from scenedetect import ContentDetector, detect

    path = real_data / "videos" / name
    every = [start.seconds for start, _ in detect(str(path), ContentDetector())][1:]
    with open_video(path) as reader:
        rate = float(reader.info.frame_rate)
        ours = find_cuts(reader.scan, rate, 27.0, 8.0) / rate
    assert len(ours) == len(every)
    assert np.abs(ours - every).max() < 0.25


@pytest.mark.parametrize(
    ("sizes", "k", "expected"),
    [
        ([10, 10], 2, [5, 15]),  # the middles
        ([10, 10, 10, 10], 2, [15, 35]),  # scenes spread evenly
        ([30, 10], 4, [5, 15, 25, 35]),  # by length
        ([9, 1], 3, [2, 6, 9]),
        ([1, 1, 1], 8, [0, 1, 2]),
        ([12], 1, [6]),
    ],
)
def test_frames_of_scenes_by_hand(sizes: list[int], k: int, expected: list[int]) -> None:
    assert spread_over_scenes(np.array(sizes), k).tolist() == expected


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=12), k=st.integers(1, 80))
@settings(max_examples=100, deadline=None)
def test_scenes_give_the_budget_as_fairly_as_can_be(sizes: list[int], k: int) -> None:
    picks = spread_over_scenes(np.array(sizes), k)
    assert len(picks) == min(k, sum(sizes))
    assert (np.diff(picks) > 0).all()
    assert picks[-1] < sum(sizes)
    scene = np.repeat(np.arange(len(sizes)), sizes)[picks]
    counts = np.bincount(scene, minlength=len(sizes))
    if k <= len(sizes):
        assert counts.max() == 1
        return
    assert counts.min() >= 1
    for one, size in enumerate(sizes):  # no scene would have deserved a frame of another's more
        for other, length in enumerate(sizes):
            if counts[one] < size and counts[other] > 1:
                assert size / counts[one] <= length / (counts[other] - 1) + 1e-9


@given(lengths=st.lists(st.integers(5, 60), min_size=1, max_size=8), k=st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_keeps_the_contract(lengths: list[int], k: int) -> None:
    scan = Scan(lengths)
    candidates = scan.candidates()
    selection = load_sampler("scenes").select(QUERY, candidates, k)
    assert len(selection.indices) == min(k, len(candidates))
    assert np.isin(selection.indices, candidates.indices).all()
    again = load_sampler("scenes").select(QUERY, candidates, k)
    assert again.indices.tolist() == selection.indices.tolist()


def test_every_scene_is_seen() -> None:
    scan = Scan([80, 16, 160, 24, 40])
    selection = load_sampler("scenes").select(QUERY, scan.candidates(), 5)
    assert sorted(scan.scenes[selection.indices].tolist()) == [0, 1, 2, 3, 4]
    assert selection.notes == {"num_scenes": 5}


def test_a_video_is_decoded_once_by_many_threads() -> None:
    sampler = Scenes()
    scans = [Scan([20, 30, 40]), Scan([40, 20])]
    found: dict[tuple[int, int], list[int]] = {}

    def ask(video: int, k: int) -> None:
        picks = sampler.select(replace(QUERY, question_id=f"q{k}"), scans[video].candidates(), k)
        found[video, k] = picks.indices.tolist()

    threads = [threading.Thread(target=ask, args=(v, k)) for v in (0, 1) for k in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [scan.calls for scan in scans] == [1, 1]
    assert all(len(found[v, k]) == min(k, len(scans[v].candidates())) for v, k in found)
    assert len(sampler._videos) == 2
    del scans[0], ask
    gc.collect()
    assert len(sampler._videos) == 1  # what is kept goes with its video


def test_a_video_that_cannot_be_decoded_is_tried_once() -> None:
    sampler, scan = Scenes(), Scan([20, 30])
    scan.error = VideoError("broken")
    for k in (2, 4, 8):
        with pytest.raises(VideoError, match="broken"):
            sampler.select(QUERY, scan.candidates(), k)
    assert scan.calls == 1
    del scan
    gc.collect()
    assert len(sampler._videos) == 0  # the error goes with its video


def test_after_any_other_error_a_video_is_decoded_again() -> None:
    sampler, scan = Scenes(), Scan([20, 30])
    scan.error = MemoryError()
    with pytest.raises(MemoryError):
        sampler.select(QUERY, scan.candidates(), 2)
    scan.error = None
    assert len(sampler.select(QUERY, scan.candidates(), 2).indices) == 2


def test_missing_pixels_are_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="the needed pixels were not given"):
        load_sampler("scenes").select(QUERY, plain_candidates(5), 2)
