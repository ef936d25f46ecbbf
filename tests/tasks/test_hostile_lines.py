"""Lines that break a reader cost their own question; whole files give one error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tspo_bench.errors import UserError
from tspo_bench.tasks import AnnotatedTask, digest_of, load_task

GOOD: dict[str, Any] = {"video": "v.mp4", "question": "?", "options": ["x", "y"], "answer": "A"}
DIGITS = "9" * 5000


def good(name: str, **fields: Any) -> bytes:
    return json.dumps({"id": name, **GOOD, **fields}).encode()


def lists(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


BAD = {
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


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_good_lines_are_kept(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    emoji = good("second", question="\U0001f600?", x=json.loads(lists(90)))  # a whole pair
    path.write_bytes(b"\xef\xbb\xbf" + end.join([good("first"), *BAD, emoji]) + end)
    task = load_task(str(path))
    assert [question.id for question in task.questions()] == ["first", "second"]
    assert isinstance(task, AnnotatedTask)
    for number, (skipped, said) in enumerate(zip(task.skipped, BAD.values(), strict=True), start=2):
        assert skipped.where == f"rows.jsonl line {number}"
        assert said in skipped.reason
    assert digest_of(task.questions())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lists(100_000), "it is nested too deep"),
        (b'[{"n": %s}]' % DIGITS.encode(), "a whole number has more than 4300 digits"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_a_whole_file_is_one_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_task(str(path)).questions()


def test_an_item_of_a_file_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b"[" + good("a") + b"," + good("b")[:-1] + b', "x": ' + lists(300) + b"}]")
    task = load_task(str(path))
    assert [question.id for question in task.questions()] == ["a"]


def test_cards_and_options_nested_too_deep(tmp_path: Path) -> None:
    card = tmp_path / "card.yaml"
    for text in ("a: " + "[" * 1000 + "]" * 1000, f"a: {DIGITS}"):
        card.write_text(text)
        with pytest.raises(UserError, match="is not valid YAML"):
            load_task(str(card))
        with pytest.raises(UserError, match="cannot read value"):
            load_task(f"mlvu[split={text.removeprefix('a: ')}]")
