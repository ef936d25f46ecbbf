"""The task: splits, balance, groups and evidence of its questions; what it says to mistakes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.haystack.invariants import mains
from tspo_bench.errors import UserError, VideoError
from tspo_bench.haystack.render import content_hash
from tspo_bench.haystack.script import QUESTION_TYPES, Script, write_script
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.tasks import load_task
from tspo_bench.training.task_data import usable_questions
from tspo_bench.types import Question

TaskOf = Callable[[str, str], HaystackTask]
LENGTHS_AND_SPLITS = [
    (length, split)
    for length in ("1min", "5min", "15min", "60min")
    for split in ("test", "val")
    if (length, split) != ("60min", "test")  # some 7 s; in test_balance_of_the_longest
]


def check_balance(task: HaystackTask, videos: int, questions_per_video: int) -> None:
    """Every type once a video (or even over the one-question videos), letters exactly even."""
    questions = task.questions()
    by_video = Counter(question.video for question in questions)
    assert len(by_video) == videos
    assert set(by_video.values()) == {questions_per_video}
    assert len({question.id for question in questions}) == len(questions)
    types = Counter(question.groups["type"] for question in questions)
    each = videos * questions_per_video // 7
    assert types == dict.fromkeys(QUESTION_TYPES, each)
    if questions_per_video == 7:
        pairs = Counter((question.video, question.groups["type"]) for question in questions)
        assert set(pairs.values()) == {1}
    letters = Counter((question.groups["type"], question.answer) for question in questions)
    assert letters == {(kind, letter): each / 4 for kind in QUESTION_TYPES for letter in "ABCD"}


@pytest.mark.slow
@pytest.mark.parametrize(("length", "split"), LENGTHS_AND_SPLITS)
def test_types_and_letters_are_even(task_of: TaskOf, length: str, split: str):
    videos = {
        "test": {"1min": 420, "5min": 100, "15min": 100},
        "val": {"1min": 140, "5min": 40, "15min": 20, "60min": 8},
    }[split][length]
    check_balance(task_of(length, split), videos, 1 if length == "1min" else 7)


def test_the_letters_of_a_video_do_not_follow_its_number(task: HaystackTask):
    right = [
        "ABCD"[(int(question.video[-8:-4]) + shift) % 4] == question.answer
        for shift in range(4)
        for question in task.questions()
    ]
    shares = np.reshape(right, (4, -1)).mean(1)
    assert max(shares) <= 0.31


@pytest.mark.slow
@pytest.mark.parametrize(
    ("length", "split", "videos"),
    [("60min", "test", 40), ("1min", "train", 2800), ("5min", "train", 1000)],
)
def test_balance_of_the_longest(length: str, split: str, videos: int):
    check_balance(HaystackTask(length, split), videos, 1 if length == "1min" else 7)


def test_the_default_has_600_questions_and_five_a_video(task: HaystackTask):
    assert len(task.questions()) >= 600
    assert min(Counter(question.video for question in task.questions()).values()) >= 5


def test_right_counts_are_even(task: HaystackTask):
    counts = [q for q in task.questions() if q.groups["type"] == "count"]
    right = [q.options["ABCD".index(q.answer or "")] for q in counts]
    assert Counter(right) == {"1": 25, "2": 25, "3": 25, "4": 25}
    assert {q.options for q in counts} == {("1", "2", "3", "4")}  # so the rank is even too


def test_evidence_is_the_clear_part_of_its_scenes(task: HaystackTask):
    scripts = {video: task.script(video) for video in {q.video for q in task.questions()}}
    for question in task.questions():
        script = scripts[question.video]
        (item,) = [item for item in script.items if item.kind == question.groups["type"]]
        assert (question.text, question.options) == (item.text, item.options)
        scenes = [script.scenes[number] for number in item.evidence]
        assert len(question.evidence) == len(scenes)
        for span, scene in zip(question.evidence, scenes, strict=True):
            assert (span.start, span.end) == scene.clear
            assert span.unit == "seconds"
            # A frame a second, from frame 0: one of them lies inside, before the next scene.
            assert math.ceil(span.start) <= span.end


@pytest.mark.parametrize("length", ["1min", "5min", "15min"])
def test_groups_say_type_length_and_depth(task_of: TaskOf, length: str):
    seconds = 60 * int(length.removesuffix("min"))
    depths: Counter[str] = Counter()
    for question in task_of(length, "test").questions():
        assert set(question.groups) == {"type", "length", "depth"}
        assert question.groups["length"] == length
        assert question.duration_seconds == seconds
        lowest, highest = question.groups["depth"].removesuffix("%").split("-")
        depth = 100 * question.evidence[0].start / seconds
        assert int(lowest) <= depth < int(highest) == int(lowest) + 20
        depths[question.groups["depth"]] += 1
        if length != "1min" and question.groups["type"] in ("opening", "ending"):
            wanted = "0-20%" if question.groups["type"] == "opening" else "80-100%"
            assert question.groups["depth"] == wanted
    assert len(depths) == 5
    assert min(depths.values()) >= 20


def test_files_of_the_world_stay_as_they_are(task: HaystackTask):
    """Pinned before there were `objects`: other hashes would render and encode everything again."""
    assert content_hash(task.script("test-5min-0000.mp4").scenes) == "ab1298c4c2982d7f042b8467"
    longest = HaystackTask("60min").script("test-60min-0001.mp4")
    assert content_hash(longest.scenes) == "d57a7d4d7336aaeeac20ae4b"


def test_the_world_of_known_objects_has_videos_of_its_own(task: HaystackTask):
    known = HaystackTask(objects="known", videos=8)
    letters = Counter(question.answer for question in known.questions())
    assert letters == dict.fromkeys("ABCD", 14)
    assert not {q.id for q in known.questions()} & {q.id for q in task.questions()}
    with pytest.raises(VideoError):
        known.script("test-5min-0000.mp4")
    with pytest.raises(VideoError):
        known.script("test-5min-known-0008.mp4")


def test_fewer_videos_are_the_first(task: HaystackTask):
    assert HaystackTask(videos=3).questions() == task.questions()[:21]


@pytest.mark.slow
def test_no_two_videos_share_a_script(task_of: TaskOf):
    """Not even the first ten scenes, in any split or length."""
    seen: dict[tuple[str, ...], str] = {}
    numbers = {"1min": 120, "5min": 40, "15min": 8, "60min": 2}
    for split in ("train", "val", "test"):
        for length, count in numbers.items():
            for number in range(count):
                video = f"{split}-{length}-{number:04d}.mp4"
                start = tuple(mains(task_of(length, split).script(video))[:10])
                assert start not in seen, f"{video} begins as {seen[start]}"
                seen[start] = video
    # Nor do the questions of the splits meet, which a reader might learn by heart.
    val, test = (task_of("5min", split).questions() for split in ("val", "test"))
    asked = {(q.text, frozenset(q.options), q.evidence) for q in val}
    assert not asked & {(q.text, frozenset(q.options), q.evidence) for q in test}


def test_questions_are_the_same_in_another_process(task_of: TaskOf):
    """Sets and dictionaries are ordered otherwise there; no question may depend on it."""
    code = "from tspo_bench.tasks import load_task; print(load_task('haystack', split='val')"
    again = subprocess.run(
        [sys.executable, "-c", f"{code}.questions())"],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == repr(task_of("5min", "val").questions())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "split", "label", "count"),
    [
        ("haystack", None, "haystack", 700),
        ("haystack[length=5min]", "test", "haystack", 700),
        ("haystack[length=15min]", "val", "haystack[length=15min,split=val]", 140),
        ("haystack[length=1min]", None, "haystack[length=1min]", 420),
        ("haystack[split=val]", None, "haystack[split=val]", 280),
        ("haystack[objects=all]", None, "haystack", 700),
        ("haystack[objects=known]", "val", "haystack[split=val,objects=known]", 280),
        ("haystack[length=60min,videos=2]", None, "haystack[length=60min,videos=2]", 14),
    ],
)
def test_load_task(spec: str, split: str | None, label: str, count: int):
    task = load_task(spec, split=split)
    assert task.label == label
    assert (task.name, task.rules.name) == ("haystack", "strict")
    questions = task.questions()
    assert len(questions) == count
    assert all(isinstance(question, Question) for question in questions)


@pytest.mark.parametrize(
    ("spec", "split", "said"),
    [
        ("haystack[length=10min]", None, "no length '10min'; it has: 1min, 5min, 15min, 60min"),
        ("haystack[length=5h]", None, "no length '5h'; it has: 1min, 5min, 15min, 60min"),
        ("haystack[objects=new]", None, "no objects 'new'; it has: all, known"),
        ("haystack[videos=101]", None, "no videos=101; give 1 to 100"),
        ("haystack[videos=0]", None, "no videos=0; give 1 to 100"),
        ("haystack[videos=few]", None, "no videos='few'; give 1 to 100"),
        ("haystack", "dev", "no split 'dev'; it has: train, val, test"),
        ("haystack[size=5]", None, "no option 'size'"),
    ],
)
def test_what_it_does_not_have_is_named_with_what_it_has(spec: str, split: str | None, said: str):
    with pytest.raises(UserError) as caught:
        load_task(spec, split=split)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "video",
    [
        "test-5min-0100.mp4",
        "val-5min-0000.mp4",
        "test-1min-0000.mp4",
        "test-5min-0.mp4",
        "x/test-5min-0000.mp4",
        "needle.mp4",
    ],
)
def test_an_unknown_video_is_named(task: HaystackTask, video: str):
    with pytest.raises(VideoError) as caught:
        task.video_path(video)
    assert repr(video) in str(caught.value)
    assert "'haystack'" in str(caught.value)
    assert "100 videos" in str(caught.value)


def test_prompt_and_query(task: HaystackTask):
    question = task.questions()[0]
    assert task.prompt(question).text.splitlines() == [
        question.text,
        *(f"{letter}. {text}" for letter, text in zip("ABCD", question.options, strict=True)),
        "Please answer with the option's letter from the given choices directly.",
    ]
    assert task.query_text(question) == question.text
    assert task.read_answer("B", question).letter == "B"
    assert task.read_answer("perhaps", question).letter is None


def test_the_first_videos_have_the_questions_that_they_have_among_all() -> None:
    task = HaystackTask("15min", "val")
    for videos in (1, 3, 20, 21, None):
        chosen = {q.video for q in task.questions()[: 7 * (videos or 20)]}
        expected = [question for question in task.questions() if question.video in chosen]
        assert list(HaystackTask("15min", "val").first_questions(videos)) == expected


def test_only_the_scripts_of_the_first_videos_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def writer(seed: str, *args: Any) -> Script:
        written.append(seed)
        return write_script(seed, *args)

    monkeypatch.setattr("tspo_bench.haystack.task.write_script", writer)
    task = HaystackTask("5min", "train", objects="known")
    assert len(usable_questions(task, num_videos=2)) == 14
    assert written == ["haystack/train/5min/0", "haystack/train/5min/1"]


def test_a_subclass_keeps_its_own_questions() -> None:
    class Fewer(HaystackTask):
        def questions(self) -> list[Question]:
            return list(super().questions()[3:5])

    assert Fewer("15min", "val").first_questions(1) == Fewer("15min", "val").questions()
