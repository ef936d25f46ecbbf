"""Episodes of a task's questions: what is asked, and which span each candidate lies in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support import make_video
from tests.training.support import FrameReader, make_videos
from tests.video.test_bad_files import damage, places
from tspo_bench import MLLM
from tspo_bench.errors import UserError, VideoError
from tspo_bench.features import FeatureStore
from tspo_bench.samplers.oracle import evidence_frames
from tspo_bench.tasks import AnnotatedTask, MultipleChoice, load_task
from tspo_bench.training import frames
from tspo_bench.training.rollout import answer_groups
from tspo_bench.training.task_data import TaskData, _needle_of
from tspo_bench.types import Answer, Candidates, Question, Record, Request, Span
from tspo_bench.video import open_video

CANDIDATES = Candidates(np.arange(20) * 10, np.arange(20.0), num_frames=200, frame_rate=10.0)


def needles(*spans: tuple[float, float]) -> list[int] | None:
    evidence = tuple(Span(*span) for span in spans)
    question = Question("q", "v.mp4", "What?", ("a", "b"), "A", evidence=evidence)
    numbers = _needle_of(question, CANDIDATES)
    return None if numbers is None else numbers.tolist()


def test_a_frame_in_two_spans_belongs_to_the_shorter_in_any_order() -> None:
    rest = [-1] * 10
    assert needles((3, 4), (0, 9)) == [1, 1, 1, 0, 0, 1, 1, 1, 1, 1, *rest]
    assert needles((0, 9), (3, 4)) == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, *rest]
    assert needles((0, 4), (4, 8)) == [0, 0, 0, 0, 0, 1, 1, 1, 1, -1, *rest]  # equal: the first
    assert needles((3.2, 3.4)) is needles() is None


def test_a_video_is_decoded_once_for_all_its_rollouts_unless_a_frame_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video(source := tmp_path / "whole.mp4", 60)
    with open_video(source) as reader:
        candidates = np.arange(reader.info.num_frames)
        plain = reader.fetch(candidates, 32)
    opened: list[Path] = []
    monkeypatch.setattr(frames, "open_video", lambda path: opened.append(path) or open_video(path))

    def fetched(cache: frames.FrameCache, path: Path, *wanted: int) -> bool:
        found = cache.fetch(path, np.array(wanted), 32, candidates)
        rows = list(wanted)
        assert np.array_equal(found.seconds, plain.seconds[rows])
        return np.array_equal(found.pixels, plain.pixels[rows])

    cache = frames.FrameCache()
    assert all(fetched(cache, source, *wanted) for wanted in ([3, 9], [1, 20], [59, 0, 59]))
    assert len(opened) == 1
    small = frames.FrameCache(max_bytes=8 * plain.pixels[:59].nbytes)
    assert fetched(small, source, 9)
    assert fetched(small, source, 8)
    assert len(opened) == 3

    broken = next(place for place in places(source) if place.order == 50)
    path = damage(source, tmp_path / "damaged.mp4", broken, kept=0.05)
    assert fetched(cache, path, 3, 9)
    with pytest.raises(VideoError):
        fetched(cache, path, 50)


# A tenth of a second past a candidate, so that all agree on what is inside.
spans = st.lists(
    st.tuples(st.integers(0, 19), st.integers(0, 6)).map(lambda s: (s[0] + 0.0, sum(s) + 0.1)),
    min_size=1,
    max_size=5,
    unique=True,
)


@given(spans)
def test_needles_are_the_oracles_frames(given: list[tuple[float, float]]) -> None:
    given.sort()  # as the oracle breaks ties
    numbers = needles(*given)
    assert numbers is not None
    ours = {
        tuple(np.flatnonzero(np.array(numbers) == number) * 10) for number in set(numbers) - {-1}
    }
    assert ours == {tuple(pool) for pool in evidence_frames(given, CANDIDATES)}


def test_a_rollout_asks_as_the_tasks_protocol_does(cache: Path, tmp_path: Path) -> None:
    """The agent is evaluated and rewarded by the same protocol."""
    make_videos(tmp_path)
    row = {"video": "a.mp4", "question": "What?", "options": ["x", "y"], "answer": "A"}
    (tmp_path / "quiz.jsonl").write_text(json.dumps(row))
    strict = {"system": "Look.", "prompt": "{text}", "reply_start": "(", "max_new_tokens": 3}
    task = AnnotatedTask(
        name="quiz",
        data_root=tmp_path,
        annotations=tmp_path / "quiz.jsonl",
        protocols={"strict": strict},
    )
    asked: list[Request] = []

    class Listener(MLLM):
        name = id = "listener"
        short_side = None

        def answer(self, requests: Sequence[Request]) -> list[Answer]:
            asked.extend(requests)
            return [Answer("A")] * len(requests)

    episode = TaskData(task, FrameReader(), FeatureStore(), k=2).episode(0, 0)
    answer_groups([episode], [torch.tensor([[0, 1]])], Listener())
    prompts = [request.prompt for request in asked]
    fields = [(p.system, p.text, p.reply_start, p.max_new_tokens) for p in prompts]
    assert fields == [("Look.", "What?", "(", 3)]


def test_a_task_that_scores_by_itself_is_no_reward() -> None:
    class Own(MultipleChoice):
        label = "lmms:own"

        def questions(self) -> list[Question]:
            return []

        def video_path(self, video: str) -> Path:
            return Path(video)

        def task_scores(self, records: Sequence[Record]) -> None: ...

    with pytest.raises(UserError, match="'lmms:own' scores replies by its own code"):
        TaskData(Own(), FrameReader(), FeatureStore())


def test_only_videos_that_are_there(tmp_path: Path) -> None:
    make_videos(tmp_path)
    row = {"question": "What?", "options": ["x", "y"], "answer": "A"}
    rows = [{**row, "id": name, "video": f"{name}.mp4"} for name in ("gone", "a", "b")]
    (tmp_path / "quiz.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = load_task(str(tmp_path / "quiz.jsonl"))
    for number, names in ((1, ["a"]), (None, ["a", "b"])):
        data = TaskData(
            task, FrameReader(), FeatureStore(), k=2, num_videos=number, only_present=True
        )
        assert [question.id for question in data._questions] == names
