"""Evidence files: every shape, and what is odd is said with file, line and value."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from tests.support import make_video
from tspo_bench import evaluate
from tspo_bench.errors import UserError
from tspo_bench.report.rescore import rescore
from tspo_bench.report.run_tasks import RunTasks
from tspo_bench.results import read_run
from tspo_bench.tasks import load_task
from tspo_bench.tasks.evidence_files import read_evidence
from tspo_bench.tasks.loading import digest_of
from tspo_bench.types import Span

QUESTION = {"video": "a.mp4", "question": "Who?", "options": ["he", "she"], "answer": "A"}
KFS = "id,segment_id,scene_id,start,end\n"
SHAPES = {
    "kfs.csv": (
        f"{KFS}q1,0,2,0:00:12,0:00:13\nq1,1,2,1:05,1:05\nq2,0,1,1:00:00,1:00:01\n",
        {
            "q1": (Span(12, 14, scene="2"), Span(65, 66, scene="2")),
            "q2": (Span(3600, 3602, scene="1"),),
        },
    ),
    "cgbench.json": (
        json.dumps([{"qid": 1, "clue_intervals": [[1, 2.5], [7, 9]]}]),
        {"1": (Span(1, 2.5), Span(7, 9))},
    ),
    "when.jsonl": (
        json.dumps({"qid": "q1", "correct_interval": [1805, 1822], "video_duration_s": 4271}),
        {"q1": (Span(1805, 1822),)},
    ),
    "lvbench.jsonl": (
        json.dumps(
            {
                "key": "v",
                "qa": [
                    {"uid": "55", "time_reference": "00:15-00:19"},
                    {"uid": "56", "time_reference": None},
                ],
            }
        ),
        {"55": (Span(15, 19),)},
    ),
    "own.jsonl": (
        json.dumps({"id": "q1", "evidence": [[1, 2, "kitchen"], ["0:07", "0:09.5", "kitchen"]]}),
        {"q1": (Span(1, 2, scene="kitchen"), Span(7, 9.5, scene="kitchen"))},
    ),
}


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(tmp_path: Path, name: str):
    text, expected = SHAPES[name]
    found = read_evidence(written(tmp_path, name, text))
    assert found.spans == expected
    assert not found.problems


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("q1,0,1,0:00:09,0:00:07", "line 2: the end, 7 s, is before the start, 9 s"),
        ("q1,0,1,soon,0:00:07", "line 2: 'soon' is not a time in seconds or H:MM:SS"),
        ("q1,0,1,-3,0:00:07", "line 2: '-3' is not a time"),
        (",0,1,0:00:01,0:00:07", "line 2: id is missing"),
        ("q1,0,1,0:00:01,0:00:07,9", "line 2: more cells than the header has columns"),
    ],
)
def test_a_wrong_row_costs_its_question_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, row: str, problem: str
):
    path = written(tmp_path, "kfs.csv", f"{KFS}{row}\nq1,1,1,0:00:01,0:00:02\nq2,0,1,0:03,0:04\n")
    found = read_evidence(path)
    assert "q2" in found.spans
    assert ("q1" in found.spans) == (row[0] == "," or row.endswith(",9"))
    assert len(found.problems) == 1
    assert problem in found.problems[0]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "question,from,to\nq1,1,2\n", "its fields are question, from, to; one of these"),
        ("a.json", '{"q1": [[1, 2]]}', "must hold a list"),
        ("a.jsonl", "", "is empty"),
        ("a.jsonl", '{"id": "q1", "evidence": [1, 2]}', "expected [start, end] in seconds, got 1"),
        ("a.jsonl", '{"id": "q1", "evidence": [[1]]}', "expected [start, end] in seconds"),
        ("a.jsonl", '{"qid": 1, "clue_intervals": "x"}', "a list of [start, end], got 'x'"),
        ("a.txt", "q1 1 2", "unknown kind"),
    ],
)
def test_files_of_no_known_shape(tmp_path: Path, name: str, text: str, problem: str):
    with pytest.raises(UserError) as raised:
        read_evidence(written(tmp_path, name, text))
    assert problem in str(raised.value)
    assert name in str(raised.value)


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(UserError, match=r"evidence file .*none\.csv not found"):
        read_evidence(tmp_path / "none.csv")


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    rows = [
        {**QUESTION, "id": "q1", "duration": 60, "evidence": [[1, 2]]},
        {**QUESTION, "id": "q2", "duration": 60, "evidence": [[3, 4]]},
    ]
    return written(tmp_path, "films.jsonl", "\n".join(map(json.dumps, rows)))


def test_evidence_in_place_of_the_annotations(
    tmp_path: Path, annotations: Path, caplog: pytest.LogCaptureFixture
):
    lines = [
        {"id": "q1", "evidence": [[5, 6], [70, 71]]},
        {"id": "q9", "evidence": [[5, 6]]},
    ]
    path = written(tmp_path, "human.jsonl", "\n".join(map(json.dumps, lines)))
    with caplog.at_level(logging.WARNING):
        task = load_task(str(annotations), evidence=path)
        first, second = task.questions()
    assert first.evidence == (Span(5, 6), Span(70, 71))
    assert second.evidence == ()
    said = "\n".join(caplog.messages)
    assert "human.jsonl line 1: 70 s is behind the end of the video of question 'q1' (60 s)" in said
    assert "human.jsonl line 2: task 'films' has no question 'q9'" in said
    without = load_task(str(annotations)).questions()
    assert digest_of(task.questions()) != digest_of(without)


def test_milliseconds_are_suspected(
    tmp_path: Path, annotations: Path, caplog: pytest.LogCaptureFixture
):
    path = written(tmp_path, "human.jsonl", '{"id": "q1", "evidence": [[5000, 6000]]}')
    load_task(str(annotations), evidence=path).questions()
    assert "these look like milliseconds" in caplog.text


def test_evidence_for_other_questions(tmp_path: Path, annotations: Path):
    path = written(tmp_path, "human.jsonl", '{"id": "x", "evidence": [[5, 6]]}')
    with pytest.raises(UserError, match=r"is for other questions.*the file's first is 'x' \(human"):
        load_task(str(annotations), evidence=path).questions()


def test_a_card_names_its_evidence(tmp_path: Path, annotations: Path):
    written(tmp_path, "human.jsonl", '{"id": "q2", "evidence": [[5, 6]]}')
    card = written(
        tmp_path,
        "mine.yaml",
        "name: mine\nclass: tspo_bench.tasks:AnnotatedTask\ndescription: mine\n"
        "options: {splits: {test: {files: [films.jsonl]}}, evidence: human.jsonl}\n",
    )
    first, second = load_task(str(card)).questions()
    assert (first.evidence, second.evidence) == ((), (Span(5, 6),))


def test_tasks_that_make_their_questions(tmp_path: Path):
    path = written(tmp_path, "human.jsonl", '{"id": "q2", "evidence": [[5, 6]]}')
    with pytest.raises(UserError, match="has no annotated evidence that a file can replace"):
        load_task("haystack", evidence=path)


def test_a_run_with_other_evidence_is_read_again(tmp_path: Path) -> None:
    """The questions' hash covers their evidence; without the file they count as changed."""
    make_video(tmp_path / "v.mp4", 20)
    row = {"id": "q", "video": "v.mp4", "question": "?", "options": ["x", "y"], "answer": "B"}
    file, evidence = tmp_path / "own.jsonl", tmp_path / "evidence.jsonl"
    file.write_text(json.dumps(row))
    evidence.write_text(json.dumps({"id": "q", "evidence": [[0, 1]]}))
    evaluate(task=str(file), frames=2, evidence=evidence, out=tmp_path / "run")
    (again,) = rescore(tmp_path / "run")
    assert again.from_task
    (cell,) = read_run(tmp_path / "run")
    _, (question,) = RunTasks().load(cell)
    assert question.evidence == (Span(0.0, 1.0),)
