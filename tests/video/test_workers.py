"""A decoder that crashes, hangs or takes all memory costs its file, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.support import make_video, read_number
from tests.video.clips import COUNTS
from tspo_bench.errors import VideoError
from tspo_bench.types import Frames
from tspo_bench.video import lanes, open_video, parts, settings, worker_reader
from tspo_bench.video.pyav_reader import PyAVReader
from tspo_bench.video.shared_memory import MemoryClosedError, shared_bytes
from tspo_bench.video.worker import decode_piece
from tspo_bench.video.worker_reader import WorkerReader

Clip = Callable[[str], Path]

UNGUARDED = """
import sys
from pathlib import Path
from tspo_bench.video import open_video
print("begin")
with open_video(Path(sys.argv[1])) as video:
    print(len(video.fetch([0, 3])))
"""


def crash(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(*_: object) -> None:
    time.sleep(600)


def take_all_memory(*_: object) -> None:
    np.ones(1 << 44, np.uint8)


def process_number(*_: object) -> int:
    return os.getpid()


@pytest.fixture
def forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_reader, "_given_up", {})


@pytest.fixture
def one_lane(monkeypatch: pytest.MonkeyPatch) -> Iterator[lanes.Lane]:
    lane = lanes.Lane()
    monkeypatch.setattr(worker_reader, "lanes", lambda: (lane,))
    yield lane
    lane.close()


def scanned(reader: WorkerReader | PyAVReader) -> Frames:
    batches = list(reader.scan(5.0, short_side=48, batch_size=7))
    assert all(len(batch) == 7 for batch in batches[:-1])
    return Frames(
        np.concatenate([batch.indices for batch in batches]),
        np.concatenate([batch.seconds for batch in batches]),
        np.concatenate([batch.pixels for batch in batches]),
    )


def assert_same(ours: Frames, expected: Frames) -> None:
    assert np.array_equal(ours.indices, expected.indices)
    assert np.array_equal(ours.seconds, expected.seconds)
    assert np.array_equal(ours.pixels, expected.pixels)


@pytest.mark.parametrize("name", COUNTS)
def test_frames_are_those_of_this_process(name: str, clip: Clip) -> None:
    with WorkerReader(clip(name)) as worker, PyAVReader(clip(name)) as plain:
        assert worker.info == plain.info
        assert_same(scanned(worker), scanned(plain))
        last = plain.info.num_frames - 1
        indices = [last, 0, last // 2, 0]
        assert_same(worker.fetch(indices), plain.fetch(indices))


def test_small_pieces_of_a_part_are_carried_on(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of a part's pieces continues where the one before it stopped, or begins anew."""
    monkeypatch.setattr(worker_reader, "_PIECE_BYTES", 1)  # a frame a piece
    monkeypatch.setattr(parts, "split", lambda opened, indices, size: [indices])
    with WorkerReader(clip("plain.mp4")) as worker, PyAVReader(clip("plain.mp4")) as plain:
        first = next(worker.scan(5.0, short_side=48, batch_size=2))  # and the rest is never read
        assert_same(first, next(plain.scan(5.0, short_side=48, batch_size=2)))
        assert_same(scanned(worker), scanned(plain))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (crash, r"film.mp4: the decoder crashed \(SIGSEGV\)"),
        (hang, r"film.mp4: the decoder made no progress for 1 s.*--video-timeout"),
        (take_all_memory, r"film.mp4: decoding takes more than"),
    ],
)
@pytest.mark.usefixtures("forgetting")
def test_a_fault_costs_its_video(
    fault: Callable[..., None],
    message: str,
    tmp_path: Path,
    clip: Clip,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "timeout_seconds", 1.0)
    film = make_video(tmp_path / "film.mp4", 10)
    with open_video(film) as video, open_video(clip("plain.mp4")) as other:
        monkeypatch.setattr(worker_reader, "decode_piece", fault)
        with pytest.raises(VideoError, match=message):
            video.fetch([3])
        monkeypatch.setattr(worker_reader, "decode_piece", decode_piece)
        monkeypatch.setattr(settings, "timeout_seconds", 60.0)
        assert read_number(other.fetch([7]).pixels[0]) == 7
        for again in (lambda: video.fetch([3]), lambda: open_video(film)):  # no second try
            with pytest.raises(VideoError, match=message):
                again()
        make_video(film, 12)  # another file
        assert len(open_video(film).fetch([3])) == 1


def wait(seconds: float) -> None:
    time.sleep(seconds)


def test_a_part_goes_to_the_least_busy_lane(
    clip: Clip, one_lane: lanes.Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = lanes.Lane()
    monkeypatch.setattr(worker_reader, "lanes", lambda: (one_lane, idle))
    work = one_lane.submit(wait, 60.0)
    with open_video(clip("plain.mp4")) as video:
        assert read_number(video.fetch([7]).pixels[0]) == 7  # not behind the other work
    assert not work.future.done()
    assert one_lane.num_waiting == 1
    idle.close()


def test_an_abandoned_piece_is_not_decoded(clip: Clip, one_lane: lanes.Lane) -> None:
    """Its memory is closed, and by then the path by which it was known names another block."""
    with WorkerReader(clip("plain.mp4")) as video:
        piece, _ = next(video._pieces(np.arange(5), None, 3 * video.info.width * video.info.height))
        before = one_lane.submit(wait, 0.5)
        sent = video._send(one_lane, piece, 3 * video.info.width * video.info.height)
        assert sent.memory is not None
        sent.memory.close()
        other = shared_bytes(sent.memory.array().nbytes)
        assert other is not None
        assert other.address.path == sent.memory.address.path
        with pytest.raises(MemoryClosedError):
            sent.work.future.result()
        assert before.future.done()
        assert not other.array().any()
        other.close()
        assert read_number(video.fetch([7]).pixels[0]) == 7


def test_a_scan_that_is_not_finished_costs_nothing(clip: Clip, one_lane: lanes.Lane) -> None:
    process = one_lane.submit(process_number).future.result()
    with open_video(clip("plain.mp4")) as video:
        for _ in range(5):
            assert len(next(iter(video.scan(5.0, batch_size=2)))) == 2
        assert read_number(video.fetch([7]).pixels[0]) == 7
    assert one_lane.submit(process_number).future.result() == process


def test_lanes_are_started_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_lanes", [])
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: lanes.lanes(), range(8)))
    assert len(found) == 1
    for lane in found.pop():
        lane.close()


def test_without_shared_memory(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_reader, "shared_bytes", lambda size: None)
    with WorkerReader(clip("plain.mp4")) as worker, PyAVReader(clip("plain.mp4")) as plain:
        assert_same(scanned(worker), scanned(plain))


def test_a_process_killed_while_idle_is_replaced(clip: Clip, one_lane: lanes.Lane) -> None:
    with open_video(clip("plain.mp4")) as video:
        for _ in range(2):
            os.kill(one_lane.submit(process_number).future.result(), signal.SIGKILL)
            time.sleep(0.5)
            assert read_number(video.fetch([7]).pixels[0]) == 7


def test_processes_are_recycled(
    clip: Clip, one_lane: lanes.Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_PIECES_PER_PROCESS", 3)
    lane = lanes.Lane()
    monkeypatch.setattr(worker_reader, "lanes", lambda: (lane,))
    monkeypatch.setattr(worker_reader, "_PIECE_BYTES", 1)
    numbers = {lane.submit(process_number).future.result() for _ in range(7)}
    assert len(numbers) == 3
    with open_video(clip("plain.mp4")) as worker, PyAVReader(clip("plain.mp4")) as plain:
        assert_same(scanned(worker), scanned(plain))
    lane.close()


def test_a_script_without_a_guard_runs_once(clip: Clip, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, script, clip("plain.mp4")], capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["begin", "2"], "")


def test_a_lower_memory_limit_holds(clip: Clip, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    command = f"ulimit -v 6000000; exec {sys.executable} {script} {clip('plain.mp4')}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["begin", "2"], "")


def test_a_process_that_cannot_start_is_not_the_videos_fault(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "start_worker", crash)
    broken = lanes.Lane()
    monkeypatch.setattr(worker_reader, "lanes", lambda: (broken,))
    with pytest.raises(VideoError, match=r"plain.mp4: the process that decodes was killed"):
        open_video(clip("plain.mp4"))
    monkeypatch.undo()
    assert len(open_video(clip("plain.mp4")).fetch([3])) == 1


def length_of(path: Path) -> int:
    with open_video(path) as video:
        return len(video.fetch([0, 3]))


def test_in_a_process_that_may_start_no_other(clip: Clip) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(length_of, [clip("plain.mp4")]) == [2]


def test_workers_end_with_a_killed_process(clip: Clip, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED + "sys.stdout.flush(); import time; time.sleep(600)")
    running = subprocess.Popen(
        [sys.executable, script, clip("plain.mp4")], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert [running.stdout.readline() for _ in range(2)] == ["begin\n", "2\n"]
    workers = psutil.Process(running.pid).children(recursive=True)
    assert workers
    running.kill()
    running.wait()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
