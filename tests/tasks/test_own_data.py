"""One's own data: JSON lines, CSV and a card give the same questions; bad lines are reported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tspo_bench.errors import UserError, VideoError
from tspo_bench.tasks import AnnotatedTask, load_task
from tspo_bench.types import Span

OWN = Path(__file__).parents[1] / "data" / "tasks" / "own"


@pytest.mark.parametrize("file", ["kitchen.jsonl", "kitchen.csv", "card.yaml"])
def test_the_same_questions_in_every_form(file: str) -> None:
    task = load_task(str(OWN / file))
    pan, clothes, trees = task.questions()
    assert (pan.id, pan.video, pan.answer) == ("pan", "kitchen.mp4", "B")
    assert pan.options == ("Oil", "An egg", "Salt")
    assert pan.evidence == (Span(12, 15.5), Span(40, 40))
    assert pan.groups == {"level": "easy"}
    assert pan.subtitles == "kitchen.srt"
    assert (clothes.options, clothes.answer) == (("A hat", "An apron"), "B")
    assert (trees.options, trees.answer) == (("2", "3", "4"), "B")
    assert task.label == "kitchen"


def test_ids_are_the_lines() -> None:
    ids = [q.id for q in load_task(str(OWN / "kitchen.jsonl")).questions()]
    assert ids == ["pan", "kitchen-2", "kitchen-4"]  # line 3 is blank


def test_broken_lines_are_left_out_and_named() -> None:
    task = load_task(f"{OWN / 'card.yaml'}[split=broken]")
    assert [q.id for q in task.questions()] == ["good"]
    assert isinstance(task, AnnotatedTask)
    reasons = {s.where.rpartition(" ")[2]: s.reason for s in task.skipped}
    assert all(s.where.startswith("broken.jsonl line ") for s in task.skipped)
    for line, said in {
        "2": "not valid JSON",
        "3": "no options: give a list",
        "4": "has 1 options; 2 to 10 are needed",
        "5": "no field 'answer'",
        "6": "answer 1 is neither a letter out of AB nor the exact text of one option",
        "7": "answer 'C' is neither a letter",
        "8": "span needs 0 <= start <= end",
        "9": "no field 'video'",
        "10": "not an object of named fields, but list",
        "11": "question is empty",
        "12": "has 1 options; 2 to 10 are needed",
    }.items():
        assert said in reasons.pop(line)
    assert not reasons


def test_nothing_usable_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"video": "a.mp4"}\n{\n')
    with pytest.raises(UserError) as error:
        load_task(str(file)).questions()
    assert str(error.value) == (
        "task 'mine': none of 2 annotations can be used; mine.jsonl line 1: no field 'question'"
    )


def test_an_id_twice_names_both_lines(tmp_path: Path) -> None:
    line = {"id": "a", "video": "v.mp4", "question": "?", "options": ["x", "y"], "answer": "A"}
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(json.dumps(line) for _ in range(2)))
    with pytest.raises(UserError) as error:
        load_task(str(file)).questions()
    assert str(error.value) == (
        "task 'mine': id 'a' stands twice, at mine.jsonl line 1 and mine.jsonl line 2; "
        "give every question its own id"
    )


def csv_file(folder: Path, text: str) -> str:
    file = folder / "mine.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_csv_of_a_spreadsheet(tmp_path: Path) -> None:
    """A byte-order mark, "|" between the options, a line break within a cell."""
    path = csv_file(
        tmp_path,
        '\ufeffvideo,question,options,answer\na.mp4,"Who\nis it?",He | She |They,they\n'
        "b.mp4,Who?,He|She|They,They\n",
    )
    task = load_task(path)
    (second,) = task.questions()
    assert (second.options, second.answer) == (("He", "She", "They"), "C")
    assert isinstance(task, AnnotatedTask)
    assert "answer 'they' is neither" in task.skipped[0].reason


def test_csv_rows_that_cannot_be_read(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path,
        "video,question,options,answer\na.mp4,What?,x|y,A\nb.mp4,Oil, or salt?,x|y,A\n"
        'c.mp4,What?,x|y,B\nd.mp4,"What?,x|y,A\n',
    )
    task = load_task(path)
    assert [q.video for q in task.questions()] == ["a.mp4", "c.mp4"]
    assert isinstance(task, AnnotatedTask)
    assert [(s.where, s.reason.partition(":")[0]) for s in task.skipped] == [
        ("mine.csv line 3", "more cells than the header has columns"),
        ("mine.csv line 5", "not valid CSV from here on"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"[{]", "is not valid JSON"),
        ("a.json", b"{}", "must hold a list, got dict"),
        ("a.csv", b"video,question\n\xff\xfe,x\n", "is not UTF-8"),
        ("a.parquet", b"no parquet", "is not valid parquet"),
    ],
)
def test_unreadable_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_task(str(tmp_path / name)).questions()


def test_videos_lie_beside_the_annotations_or_under_the_data_root(tmp_path: Path) -> None:
    notes, films = tmp_path / "notes", tmp_path / "films"
    notes.mkdir()
    films.mkdir()
    shutil.copy(OWN / "kitchen.csv", notes)
    (films / "kitchen.mp4").touch()
    beside = load_task(str(notes / "kitchen.csv"))
    with pytest.raises(VideoError, match=f"kitchen.mp4 not found under {notes}"):
        beside.video_path("kitchen.mp4")
    assert beside.video_path(str(films / "kitchen.mp4")) == films / "kitchen.mp4"
    (notes / "kitchen.mp4").touch()
    assert beside.video_path("kitchen.mp4") == notes / "kitchen.mp4"
    rooted = load_task(str(notes / "kitchen.csv"), data_root=films)
    assert rooted.video_path("kitchen.mp4") == films / "kitchen.mp4"


def test_a_card_and_a_function_make_a_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a newcomer writes for annotations of another form."""
    (tmp_path / "quiz_format.py").write_text(
        "from tspo_bench.types import Question\n\n"
        "def parse(record, fallback_id):\n"
        "    right, *wrong = record['choices']\n"
        "    return Question(fallback_id, record['clip'], record['q'], (right, *wrong), 'A')\n"
    )
    (tmp_path / "quiz.json").write_text(
        '[{"clip": "c.mp4", "q": "Who?", "choices": ["He", "She"], "kinds": ["x", "y"]}]'
    )
    (tmp_path / "quiz.yaml").write_text(
        "class: tspo_bench.tasks:AnnotatedTask\n"
        "options:\n  parser: quiz_format:parse\n  splits: {test: {files: quiz.json}}\n"
        "  groups: [kinds]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    task = load_task(str(tmp_path / "quiz.yaml"))
    (question,) = task.questions()
    assert (question.id, question.options) == ("quiz-1", ("He", "She"))
    assert question.groups == {"kinds": "x|y"}
    assert task.name == "quiz"


def test_the_examples_of_the_docs(tmp_path: Path) -> None:
    """docs/tasks.md: its JSON lines and CSV are the same questions; protocols.md has a prompt."""
    pages = Path(__file__).parents[2] / "docs"
    docs = (pages / "tasks.md").read_text(encoding="utf-8")
    examples = {}
    for kind in ("jsonl", "csv"):
        file = tmp_path / f"kitchen.{kind}"
        file.write_text(docs.split(f"```{kind}\n")[1].split("```")[0], encoding="utf-8")
        task = load_task(str(file))
        assert isinstance(task, AnnotatedTask)
        assert not task.skipped
        examples[kind] = [
            (q.video, q.text, q.options, q.answer, q.evidence) for q in task.questions()
        ]
    assert examples["jsonl"] == examples["csv"]
    assert len(examples["csv"]) == 2
    prompt = AnnotatedTask(name="x").prompt(load_task(str(file)).questions()[0])
    assert prompt.text in (pages / "protocols.md").read_text(encoding="utf-8")
