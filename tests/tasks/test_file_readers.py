"""Annotation files of every form: equal questions, and errors that cost one line or the file."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pandas
import pytest

from tests.tasks.own_data import ROW, loaded, options_of, write_rows
from tspo_bench.errors import UserError, VideoError
from tspo_bench.tasks import AnnotatedTask, digest_of, load_task
from tspo_bench.types import Span

OWN = Path(__file__).parents[1] / "data" / "tasks" / "own"
DIGITS = "9" * 5000
LETTERS = {key: value for key, value in ROW.items() if key != "options"}  # columns A, B, ...


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
    if file == "kitchen.jsonl":  # line 3 is blank
        assert [q.id for q in task.questions()] == ["pan", "kitchen-2", "kitchen-4"]


@pytest.mark.parametrize("suffix", ["parquet", "json", "jsonl", "csv", "tsv"])
def test_missing_values_in_every_form(suffix: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "three", **LETTERS, "A": "1", "B": "2", "C": "3", "D": None},
        {"id": None, **LETTERS, "A": "None", "B": "2", "C": None, "D": None},
        {"id": "gap", **LETTERS, "A": "1", "B": None, "C": "3", "D": None},
        {"id": "gone", **LETTERS, "answer": "D", "A": "1", "B": "2", "C": "3", "D": None},
    ]
    task = loaded(write_rows(tmp_path / f"rows.{suffix}", rows))
    number = 3 if suffix in ("csv", "tsv") else 2  # lines, the header among them
    assert options_of(task) == {"three": ("1", "2", "3"), f"rows-{number}": ("None", "2")}
    assert "option B is missing" in task.skipped[0].reason
    assert "answer 'D' is neither" in task.skipped[1].reason


def test_missing_fields(tmp_path: Path) -> None:
    empty = dict.fromkeys(("evidence", "groups", "subtitles", "duration", "fps"), math.nan)
    rows = [{**ROW, **empty}, {**ROW, "id": ""}]
    rows.append({**ROW, "groups.level": None, "groups": {"kind": None}})
    task = loaded(write_rows(tmp_path / "rows.jsonl", rows))
    assert not task.skipped
    assert [q.id for q in task.questions()] == ["rows-1", "rows-2", "rows-3"]
    for question in task.questions():
        assert question.groups == {}
        assert (question.duration_seconds, question.subtitles) == (None, None)
        assert question.evidence == ()


def test_integers_that_a_column_with_gaps_has_made_floats(tmp_path: Path) -> None:
    """pandas turns 3 into 3.0 beside a NaN."""
    rows = [{**LETTERS, "id": 3, "A": 1, "B": 2, "C": 3}, {**LETTERS, "id": None, "A": 1, "B": 2}]
    pandas.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
    found = options_of(loaded(tmp_path / "rows.parquet"))
    assert found == {"3": ("1", "2", "3.0"), "rows-2": ("1", "2")}


@pytest.mark.parametrize("missing", ["", "nan"])
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_ids_of_a_column_with_gaps_are_whole_numbers(
    tmp_path: Path, missing: str, suffix: str
) -> None:
    rows = [{**LETTERS, "A": "x", "B": "y", "id": one} for one in (1, None, 30)]
    path = write_rows(tmp_path / f"rows.{suffix}", rows, missing)
    assert "30.0" in path.read_text()
    assert list(options_of(loaded(path))) == ["1", "rows-3", "30"]


def test_other_ids_with_dots_stay(tmp_path: Path) -> None:
    rows = [{**LETTERS, "A": "x", "B": "y", "id": one} for one in ("1.0", "1.1", "2.0")]
    path = write_rows(tmp_path / "rows.csv", rows)
    assert list(options_of(loaded(path))) == ["1.0", "1.1", "2.0"]


@pytest.mark.parametrize("text", ["nan", "NaN", "<NA>", "NA", "NULL", "null"])
def test_the_text_of_missing_values_is_neither_option_nor_id(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = {**LETTERS, "A": "x", "B": "None"}
    rows = [{**row, "id": None, "C": "z", "D": None}, {**row, "id": None, "C": None, "D": None}]
    rows.append({**row, "id": "gone", "C": None, "answer": "C"})
    task = loaded(write_rows(tmp_path / "rows.tsv", rows, text))
    assert options_of(task) == {"rows-2": ("x", "None", "z"), "rows-3": ("x", "None")}
    assert "answer 'C' is neither" in task.skipped[0].reason
    assert f"options that read {text!r}" in caplog.text
    assert "questions: 2, the first: rows.tsv line 2" in caplog.text


def test_other_fields_may_have_such_a_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = {**ROW, "duration": "NaN", "groups": {"continent": "NA"}}
    (question,) = loaded(write_rows(tmp_path / "rows.jsonl", [row])).questions()
    assert question.groups == {"continent": "NA"}
    assert "options that read" not in caplog.text


def test_broken_lines_are_skipped_and_named() -> None:
    task = loaded(f"{OWN / 'card.yaml'}[split=broken]")
    assert [q.id for q in task.questions()] == ["good"]
    reasons = {s.where.rpartition(" ")[2]: s.reason for s in task.skipped}
    assert all(s.where.startswith("broken.jsonl line ") for s in task.skipped)
    for line, said in {
        "2": "not valid JSON",
        "3": "no options: give a list",
        "4": "has 1 options; 2 to 26 are needed",
        "5": "no field 'answer'",
        "6": "answer 1 is neither a letter out of AB nor the exact text of one option",
        "7": "answer 'C' is neither a letter",
        "8": "span needs 0 <= start <= end",
        "9": "no field 'video'",
        "10": "not an object of named fields, but list",
        "11": "question is empty",
        "12": "has 1 options; 2 to 26 are needed",
    }.items():
        assert said in reasons.pop(line)
    assert not reasons


def good(name: str, **fields: Any) -> bytes:
    return json.dumps({"id": name, **ROW, **fields}).encode()


def lists(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


HOSTILE = {
    lists(100_000): "cannot be read: it is nested too deep",
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000: "it is nested too deep",
    b'{"n": %s}' % DIGITS.encode(): "a whole number has more than 4300 digits",
    good("deep")[:-1] + b', "x": ' + lists(500) + b"}": "it is nested deeper than 100 levels",
    good("text", evidence="[" * 100_000): "it is nested too deep",
    b'{"video": "caf\xe9.mp4"}': "not UTF-8",
    b"\xff\xfe": "not UTF-8",
    good("s", question="What\ud83d?"): r"its text has half a character, '\ud83d'",
    good("s", options=["x\udc00", "y"]): "its option A has half a character",
    good("s\ud800"): "its id has half a character",
    good("s", video="v\ud800.mp4"): "its video has half a character",
    good("s", groups={"kind": "\ud800"}): "its group 'kind' has half a character",
    good("s", subtitles="\ud800.srt"): "its subtitles has half a character",
}


def test_a_cut_line_is_broken_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(good("first") + b'\n{"id": \n')
    (skipped,) = loaded(path).skipped
    assert skipped.reason.endswith("at column 8")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_hostile_lines_are_skipped(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    emoji = good("second", question="\U0001f600?", x=json.loads(lists(90)))  # a whole pair
    path.write_bytes(b"\xef\xbb\xbf" + end.join([good("first"), *HOSTILE, emoji]) + end)
    task = loaded(path)
    assert [question.id for question in task.questions()] == ["first", "second"]
    for number, (skipped, said) in enumerate(
        zip(task.skipped, HOSTILE.values(), strict=True), start=2
    ):
        assert skipped.where == f"rows.jsonl line {number}"
        assert said in skipped.reason
    assert digest_of(task.questions())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"[{]", "is not valid JSON"),
        ("a.json", b"{}", "must hold a list, got dict"),
        ("a.json", lists(100_000), "it is nested too deep"),
        ("a.json", b'[{"n": %s}]' % DIGITS.encode(), "a whole number has more than 4300 digits"),
        ("a.json", b"\xff", "is not UTF-8"),
        ("a.csv", b"video,question\n\xff\xfe,x\n", "is not UTF-8"),
        ("a.csv", b"video,question,A,B,B,answer\nv.mp4,?,x,y,z,B\n", "2 columns 'B'; rename one"),
        ("a.parquet", b"no parquet", "is not valid parquet"),
        (
            "mine.jsonl",
            b'{"video": "a.mp4"}\n{\n',
            "'mine': none of 2 annotations can be used; mine.jsonl line 1: no field 'question'",
        ),
        (
            "mine.jsonl",
            good("a") + b"\n" + good("a"),
            "'mine': id 'a' is used twice, at mine.jsonl line 1 and mine.jsonl line 2; give every",
        ),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_task(str(tmp_path / name)).questions()


def test_a_deep_item_of_a_json_file_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b"[" + good("a") + b"," + good("b")[:-1] + b', "x": ' + lists(300) + b"}]")
    assert list(options_of(loaded(path))) == ["a"]


@pytest.mark.parametrize("value", ["[" * 1000 + "]" * 1000, DIGITS], ids=["deep", "long"])
def test_hostile_cards_and_options(tmp_path: Path, value: str) -> None:
    card = tmp_path / "card.yaml"
    card.write_text(f"a: {value}")
    with pytest.raises(UserError, match="is not valid YAML"):
        load_task(str(card))
    with pytest.raises(UserError, match="cannot read value"):
        load_task(f"mlvu[split={value}]")


def test_csv_of_a_spreadsheet(tmp_path: Path) -> None:
    """A byte-order mark, "|" between the options, a line break within a cell."""
    path = tmp_path / "mine.csv"
    path.write_text(
        '\ufeffvideo,question,options,answer\na.mp4,"Who\nis it?",He | She |They,they\n'
        "b.mp4,Who?,He|She|They,They\n",
        encoding="utf-8",
    )
    task = loaded(path)
    (second,) = task.questions()
    assert (second.options, second.answer) == (("He", "She", "They"), "C")
    assert "answer 'they' is neither" in task.skipped[0].reason


def test_csv_rows_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "video,question,options,answer\na.mp4,What?,x|y,A\nb.mp4,Oil, or salt?,x|y,A\n"
        'c.mp4,What?,x|y,B\nd.mp4,"What?,x|y,A\n'
    )
    task = loaded(path)
    assert [q.video for q in task.questions()] == ["a.mp4", "c.mp4"]
    assert [(s.where, s.reason.partition(":")[0]) for s in task.skipped] == [
        ("mine.csv line 3", "more cells than the header has columns"),
        ("mine.csv line 5", "not valid CSV from here on"),
    ]


def test_videos_are_beside_the_annotations_or_under_the_data_root(tmp_path: Path) -> None:
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


def test_a_card_and_a_custom_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that annotations of another form need."""
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
        task = loaded(file)
        assert not task.skipped
        examples[kind] = [
            (q.video, q.text, q.options, q.answer, q.evidence) for q in task.questions()
        ]
    assert examples["jsonl"] == examples["csv"]
    assert len(examples["csv"]) == 2
    prompt = AnnotatedTask(name="x").prompt(load_task(str(file)).questions()[0])
    assert prompt.text in (pages / "protocols.md").read_text(encoding="utf-8")
