"""`--shuffle-options`: what is asked, what is kept, and what reads it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support import make_video
from tests.tasks.test_long_video_parity import CASES, made
from tspo_bench import evaluate
from tspo_bench.errors import UserError
from tspo_bench.report.rescore import rescore
from tspo_bench.results import read_run
from tspo_bench.tasks import digest_of, load_task
from tspo_bench.tasks.shuffling import shuffled
from tspo_bench.types import Question


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("protocol", ["strict", "lmms-eval"])
def test_every_protocol_asks_in_the_new_order(name: str, protocol: str, tmp_path: Path) -> None:
    plain, _ = made(name, tmp_path, protocol=protocol)
    task, _ = made(name, tmp_path, protocol=protocol, shuffle_options=3)
    assert task.label == f"{name}[shuffle_options=3]"
    for before, after in zip(plain.questions(), task.questions(), strict=True):
        assert sorted(before.options) == sorted(after.options)
        assert sorted(after.option_order) == sorted(before.letters)
        said = dict(zip(after.letters, after.options, strict=True))
        was = dict(zip(before.letters, before.options, strict=True))
        assert said[after.answer or ""] == was[before.answer or ""]
        assert [was[letter] for letter in after.option_order] == list(after.options)
        lines = task.prompt(after).text.split("\n")
        for letter, option in said.items():
            assert f"{letter}. {option}" in lines


def test_inline_options_of_lvbench(tmp_path: Path) -> None:
    row = {"key": "v", "uid": "1", "question": "Who?\n(A) He\n(B) She\n(C) They", "answer": "C"}
    file = tmp_path / "lvbench.jsonl"
    file.write_text(json.dumps({**row, "question_type": ["a"], "type": "b"}))
    for seed in range(6):
        task = load_task("lvbench", annotations=file, protocol="lmms-eval", shuffle_options=seed)
        (question,) = task.questions()
        a, b, c = question.options
        asked = f"Who?\n(A) {a}\n(B) {b}\n(C) {c}\nAnswer the question with the option letter"
        assert task.prompt(question).text == asked
        assert question.options["ABC".index(question.answer or "")] == "They"


def test_the_order_is_even_and_depends_on_seed_and_question() -> None:
    places = Counter(
        shuffled(Question(f"q{n}", "v", "?", ("a", "b", "c", "d"), "A"), seed).answer
        for n in range(500)
        for seed in (0, 1)
    )
    assert set(places) == set("ABCD")
    assert min(places.values()) > 200
    one = Question("q", "v", "?", tuple("abcdefgh"), "A")
    assert shuffled(one, 1) == shuffled(one, 1)
    assert shuffled(one, 1) != shuffled(one, 2)
    assert digest_of([shuffled(one, 1)]) != digest_of([one])


def test_a_run_keeps_the_order_and_is_read_again(tmp_path: Path) -> None:
    make_video(tmp_path / "v.mp4", 20)
    rows = [
        {"id": f"q{n}", "video": "v.mp4", "question": "?", "options": list("wxyz"), "answer": "B"}
        for n in range(4)
    ]
    file = tmp_path / "own.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    evaluate(task=str(file), frames=2, shuffle_options=7, out=tmp_path / "run")
    (cell,) = read_run(tmp_path / "run")
    assert cell.settings.task == "own[shuffle_options=7]"
    questions = {one.id: one for one in load_task(str(file), shuffle_options=7).questions()}
    for record in cell.records:
        assert record.notes["option_order"] == questions[record.question_id].option_order
        assert record.gold == questions[record.question_id].answer
    (again,) = rescore(tmp_path / "run")
    assert again.from_task
    assert again.differences == ()


@pytest.mark.parametrize("seed", ["x", True, -1, 1.5])
def test_wrong_seeds(seed: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"shuffle_options=.*whole number, 0 or more"):
        made("cgbench", tmp_path, shuffle_options=seed)
    with pytest.raises(UserError, match="drop --shuffle-options"):
        load_task("haystack", shuffle_options=1)
