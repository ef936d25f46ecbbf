"""Questions from annotation files: the real benchmarks, the layouts of their downloads, the hub."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tasks.own_data import write_rows
from tspo_bench.errors import UserError, VideoError
from tspo_bench.tasks import AnnotatedTask, load_task, read_answer
from tspo_bench.types import Question, Span

DATA = Path(__file__).parents[1] / "data" / "tasks"
REAL_FILES = {
    "longvideobench": "longvideobench_val.json",
    "mlvu": "mlvu_dev.json",
    "videomme": "videomme.json",
}


@pytest.fixture(scope="module")
def real(real_data: Path) -> dict[str, Sequence[Question]]:
    """All 6,211 real questions, by task."""
    root = real_data / "annotations"
    return {name: load_task(name, data_root=root).questions() for name in REAL_FILES}


def counts(questions: Sequence[Question], group: str) -> Counter[str]:
    return Counter(question.groups[group] for question in questions)


def test_real_sizes(real: dict[str, Sequence[Question]]) -> None:
    """As counted in the published files."""
    sizes = {name: (len(qs), len({q.video for q in qs})) for name, qs in real.items()}
    assert sizes == {
        "longvideobench": (1337, 753),
        "mlvu": (2174, 1122),
        "videomme": (2700, 900),
    }
    assert Counter(len(q.options) for q in real["longvideobench"]) == {5: 983, 4: 353, 3: 1}
    assert (
        {len(q.options) for q in real["mlvu"]} == {4} == {len(q.options) for q in real["videomme"]}
    )


def test_real_groups(real: dict[str, Sequence[Question]]) -> None:
    lvb = real["longvideobench"]
    assert counts(lvb, "duration_group") == {"15": 189, "60": 172, "600": 412, "3600": 564}
    assert counts(lvb, "level") == {"L1-Perception": 625, "L2-Relation": 712}
    assert len(counts(lvb, "question_category")) == 17
    assert len(counts(lvb, "topic_category")) == 10
    assert counts(real["mlvu"], "task_type") == {
        "plotQA": 539,
        "needle": 355,
        "ego": 352,
        "topic_reasoning": 263,
        "order": 259,
        "count": 206,
        "anomaly_reco": 200,
    }
    assert counts(real["videomme"], "duration") == {"short": 900, "medium": 900, "long": 900}
    sizes = {g: len(counts(real["videomme"], g)) for g in ("domain", "sub_category", "task_type")}
    assert sizes == {"domain": 6, "sub_category": 30, "task_type": 12}


def test_real_fields_equal_the_raw_records(
    real: dict[str, Sequence[Question]], real_data: Path
) -> None:
    """Each question against a naive reading of its own record."""
    raw = {
        name: json.loads((real_data / "annotations" / file).read_text())
        for name, file in REAL_FILES.items()
    }
    for record, question in zip(raw["longvideobench"], real["longvideobench"], strict=True):
        assert question.options == tuple(record["candidates"])
        assert (
            question.options["ABCDE".index(question.answer or "")]
            == (record["candidates"][record["correct_choice"]])
        )
        assert [span.start for span in question.evidence] == record["position"]
        assert all(span.unit == "frames" and span.start == span.end for span in question.evidence)
        assert question.duration_seconds == record["duration"]
        assert question.subtitles == record["subtitle_path"]
    for record, question in zip(raw["mlvu"], real["mlvu"], strict=True):
        assert question.options == tuple(record["candidates"])
        assert question.answer == record["answer"]
        assert record["question"].startswith(question.text)
        assert "(A)" not in question.text
        assert record["video_name"] == question.video
    for record, question in zip(raw["videomme"], real["videomme"], strict=True):
        labelled = [f"{a}. {t}" for a, t in zip("ABCD", question.options, strict=True)]
        assert labelled == record["options"]
        assert (question.answer, question.text) == (record["answer"], record["question"].strip())
        assert question.video == f"{record['videoID']}.mp4"


def test_real_options_are_read_back(real: dict[str, Sequence[Question]]) -> None:
    """The right option's letter, and its text with and without its letter, of every fifth one."""
    for questions in real.values():
        for question in questions[::5]:
            answer = question.answer or ""
            text = question.options[question.letters.index(answer)]
            stated = [answer, f"({answer})", f"The answer is {answer}.", f"{answer}. {text}"]
            same = [  # MLVU has right options that stand twice, and empty ones
                o for o in question.options if o.strip(" .").lower() == text.strip(" .").lower()
            ]
            if text and len(same) == 1 and text.strip(" .") not in list(question.letters):
                stated.append(text)
            assert {read_answer(reply, question.options) for reply in stated} == {answer}, question


@pytest.mark.slow
def test_real_free_text_states_nothing(real: dict[str, Sequence[Question]]) -> None:
    """Thousands of sentences with letters, but no answer: the questions as replies."""
    for questions in real.values():
        for question in questions:
            shown = question.options[0] or "nothing"
            for reply in (question.text, f"The video shows {shown}", f"A {question.text}"):
                assert read_answer(reply, question.options) is None, (reply, question.options)


def test_real_query_text_is_the_question(real: dict[str, Sequence[Question]]) -> None:
    """As in the authors' code: nothing is cut off but one label, in MLVU's video game_16."""
    labelled = {}
    for name, questions in real.items():
        task = AnnotatedTask(name=name)
        for question in questions:
            whole = question.text.replace("<image>", "").strip()
            if (seen := task.query_text(question)) != whole:
                labelled[question.video] = (whole, seen)
    asked = "What is the object being built in this video?"
    assert labelled == {"game_16.mp4": (f"Question: {asked}", asked)}


def test_prompt_and_query_text() -> None:
    task = AnnotatedTask(name="x")
    question = Question("1", "v.mp4", "<image>\nWhat is it?", ("Oil", "Salt"), "A")
    assert task.rules.name == "strict"
    assert task.prompt(question).text == (
        "What is it?\nA. Oil\nB. Salt\n"
        "Please answer with the option's letter from the given choices directly."
    )
    for tail in ("\nA. Oil\nB. Salt", "\n(A) Oil\n(B) Salt", "\nOptions:\nA. Oil"):
        asked = Question("1", "v.mp4", "<image>\nWhat is it?\nAt the end?" + tail, ("x", "y"), "A")
        assert task.query_text(asked) == "What is it?\nAt the end?"
    for text, seen in (
        ("Question: What is it?", "What is it?"),
        ("<image>\nQuestion: What is it?\nOptions:\nA. Oil", "What is it?"),
        ("QUESTION :\nWhat is it?", "What is it?"),
        ("What is the question: this or that?", "What is the question: this or that?"),
        ("Question 3 is on the board. Who wrote it?", "Question 3 is on the board. Who wrote it?"),
        ("Question:", "Question:"),  # nothing else to search with
    ):
        labelled = Question("1", "v.mp4", text, ("Oil", "Salt"), "A")
        assert task.query_text(labelled) == seen
    reworded = AnnotatedTask(
        name="x", protocols={"strict": {"prompt": "{text}\n{options}\nOnly the letter."}}
    )
    assert reworded.prompt(question).text.endswith("\nOnly the letter.")


def test_lvbench_sample() -> None:
    task = load_task("lvbench", data_root=DATA / "lvbench")
    stone, door, end, match = task.questions()
    assert stone.text == "What year is on the stone?"
    assert stone.options == ("1636", "1366", "1363", "1633")
    assert stone.evidence == (Span(15, 19),)
    assert door.text == "Who (the tall one) opens the door?"
    assert door.options[0] == "A man (old)"
    assert door.groups == {
        "question_type": "entity recognition|event understanding",
        "type": "cartoon",
    }
    assert door.evidence == (Span(3723, 3729),)
    assert end.evidence == (Span(4520, 4520),)
    assert match.evidence == ()  # "whole video" is no time
    assert match.video == "b-_bbbbbbbb.mp4"
    assert isinstance(task, AnnotatedTask)
    assert [(s.where, s.reason) for s in task.skipped] == [
        ("video_info.meta.jsonl line 2, qa 3", "options are lettered B, A, not A, B, ...")
    ]


def test_mlvu_own_files() -> None:
    """The authors' files: answers as text, ids from the place, free-text tasks left out."""
    task = load_task("mlvu", data_root=DATA / "mlvu")
    hat, hand = task.questions()
    assert (hat.id, hat.answer, hat.groups) == ("1_plotQA-1", "B", {"task_type": "plotQA"})
    assert (hand.id, hand.answer, hand.groups) == ("2_needle-1", "D", {"task_type": "needle"})
    assert isinstance(task, AnnotatedTask)
    assert [s.where for s in task.skipped] == ["1_plotQA.json item 2", "2_needle.json item 2"]
    assert task.annotation_ids == ["1_plotQA-1", None, "2_needle-1", None]


@pytest.mark.parametrize(
    ("name", "annotation", "video"),
    [
        ("lvbench", "video_info.meta.jsonl", "all_videos/a.mp4"),
        ("lvbench", "data/video_info.meta.jsonl", "a.mp4"),
        ("mlvu", "json/2_needle.json", "video/2_needle/n.mp4"),
        ("mlvu", "MLVU/json/2_needle.json", "MLVU/video/needle/n.mp4"),
        ("mlvu", "mlvu_dev.json", "n.mp4"),
    ],
)
def test_download_layouts(tmp_path: Path, name: str, annotation: str, video: str) -> None:
    sample = {"lvbench": "lvbench/video_info.meta.jsonl", "mlvu": "mlvu/json/2_needle.json"}[name]
    for path in (tmp_path / annotation, tmp_path / video):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA / sample, tmp_path / annotation)
    (tmp_path / video).touch()
    task = load_task(name, data_root=tmp_path)
    assert len(task.questions()) > 0
    assert task.video_path(Path(video).name) == tmp_path / video


def test_video_under_another_suffix(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "abc.mkv").touch()
    assert load_task("videomme", data_root=tmp_path).video_path("abc.mp4").name == "abc.mkv"


def test_missing_video_says_where_it_looked(tmp_path: Path) -> None:
    task = load_task("videomme", data_root=tmp_path)
    with pytest.raises(VideoError) as error:
        task.video_path("abc.mp4")
    assert str(error.value) == (
        f"task 'videomme': video abc.mp4 not found under {tmp_path} "
        "(looked in data, videos, .); correct the name or --data-root, or leave such questions "
        "out: --only-present"
    )


def test_annotations_override_the_data_root(real_data: Path, tmp_path: Path) -> None:
    file = real_data / "annotations" / "videomme.json"
    task = load_task("videomme", data_root=tmp_path, annotations=file)
    assert len(task.questions()) == 2700


VIDEOMME = {
    "question_id": "001-1",
    "videoID": "abc",
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Law",
    "task_type": "Counting",
    "question": "How many?",
    "options": ["A. 1.", "B. 2.", "C. 3.", "D. 4."],
    "answer": "C",
}


def test_parquet_under_the_data_root(tmp_path: Path) -> None:
    write_rows(tmp_path / "videomme" / "test-00000-of-00001.parquet", [VIDEOMME])
    (question,) = load_task("videomme", data_root=tmp_path).questions()
    assert question.options == ("1.", "2.", "3.", "4.")
    assert question.groups["sub_category"] == "Law"


def test_longvideobench_parquet_of_the_hub(tmp_path: Path) -> None:
    """The hub's copy spells the options out in columns, the file in a list."""
    row = {"id": "x_0", "video_path": "x.mp4", "question": "What?", "position": "[12, 40]"}
    row |= {"option0": "a", "option1": "b", "option2": "c", "option3": "N/A", "option4": "N/A"}
    row |= {"duration": 12.0, "duration_group": 15, "question_category": "S2E", "level": "L1"}
    row |= {"topic_category": "News", "subtitle_path": "x.json", "correct_choice": 2}
    write_rows(tmp_path / "validation-00000-of-00001.parquet", [row])
    write_rows(tmp_path / "test-00000-of-00001.parquet", [{**row, "correct_choice": -1}])
    (question,) = load_task("longvideobench", data_root=tmp_path).questions()
    assert question.options == ("a", "b", "c")
    assert question.answer == "C"
    assert question.evidence == (Span(12, 12, "frames"), Span(40, 40, "frames"))
    test = load_task("longvideobench", data_root=tmp_path, split="test")
    assert [q.answer for q in test.questions()] == [None]
    assert test.label == "longvideobench[split=test]"


def test_hub_dataset(tmp_path: Path) -> None:
    """`datasets.load_dataset` itself, on a folder in the hub's layout."""
    write_rows(tmp_path / "hub" / "videomme" / "test-00000-of-00001.parquet", [VIDEOMME])
    empty = tmp_path / "root"
    empty.mkdir()
    task = AnnotatedTask(
        name="videomme",
        parser="tspo_bench.tasks.parsers:videomme",
        splits={"test": {"hub": {"path": str(tmp_path / "hub" / "videomme"), "split": "test"}}},
        groups=["duration"],
        data_root=empty,
    )
    (question,) = task.questions()
    assert (question.id, question.answer, question.groups) == ("001-1", "C", {"duration": "short"})


def test_hub_dataset_of_nested_records(tmp_path: Path) -> None:
    shutil.copy(DATA / "lvbench" / "video_info.meta.jsonl", tmp_path)
    hub = {"path": str(tmp_path), "data_files": "video_info.meta.jsonl", "split": "train"}
    task = AnnotatedTask(
        name="lvbench",
        parser="tspo_bench.tasks.parsers:lvbench",
        splits={"test": {"hub": hub}},
        nested="qa",
        groups=["question_type", "type"],
    )
    assert task.questions() == load_task("lvbench", data_root=DATA / "lvbench").questions()
    with pytest.raises(VideoError, match=r"video a\.mp4 has no folder; set --data-root"):
        task.video_path("a.mp4")


def test_no_annotations_anywhere(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        load_task("mlvu", data_root=tmp_path).questions()
    message = str(error.value)
    assert f"no annotation file under {tmp_path} (tried json/[1-7]_*.json," in message
    assert "dataset 'sy1998/MLVU_dev' cannot be loaded" in message
    assert message.endswith("set --data-root to the downloaded dataset, or give --annotations FILE")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"splits": {}},
            "task 'x': splits must map a split's name to its files and hub dataset, got {}",
        ),
        ({"split": "train"}, "task 'x' has no split 'train'; it has: test"),
        (
            {"data_root": "/no/such"},
            "task 'x': data root /no/such is not a folder; set --data-root",
        ),
    ],
)
def test_wrong_settings(settings: dict, message: str) -> None:
    with pytest.raises(UserError) as error:
        AnnotatedTask(name="x", **settings)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("parser", "said"),
    [
        ("no.such:parser", ""),
        ("tspo_bench.tasks.parsers:nope", ""),
        ("mistaken_parser:parse", ": NameError: name"),
    ],
)
def test_wrong_parser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parser: str, said: str
) -> None:
    (tmp_path / "mistaken_parser.py").write_text("parse = undefined_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    task = AnnotatedTask(name="x", parser=parser, annotations=DATA / "own" / "kitchen.csv")
    with pytest.raises(UserError, match=f"'{parser}' cannot be imported{said}"):
        task.questions()


@pytest.mark.parametrize("value", ["abc", -1, float("nan"), float("inf"), True, None])
def test_wrong_tolerance(value: object) -> None:
    annotations = DATA / "own" / "kitchen.csv"
    with pytest.raises(UserError, match=f"tolerance_seconds={value!r}; use a number, 0 or more"):
        AnnotatedTask(name="x", annotations=annotations, tolerance_seconds=value)  # type: ignore[arg-type]
