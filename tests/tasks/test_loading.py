"""Names of tasks, the fixed shuffle, the survey of videos."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import make_video
from tspo_bench.errors import UserError
from tspo_bench.tasks import limit_questions, load_task, load_tasks, registry, survey
from tspo_bench.tasks.parsers import read_time_reference, split_options, without_letters
from tspo_bench.types import Question, Span


def make_questions(ids: list[str]) -> list[Question]:
    return [Question(name, f"{name[:1]}.mp4", "?", ("x", "y"), "A") for name in ids]


def test_the_four_benchmarks_have_cards() -> None:
    cards = registry.cards()
    assert {"longvideobench", "mlvu", "videomme", "lvbench"} <= set(cards)
    assert all(card.description for card in cards.values())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mlvuu", "unknown task 'mlvuu': did you mean 'mlvu'"),
        ("mlvu[fps=2]", "task 'mlvu' has no option 'fps'"),
        ("nope.jsonl", "there is no annotation file nope.jsonl; check its path"),
        ("mlvu[split=train]", "task 'mlvu' has no split 'train'; it has: dev, test"),
    ],
)
def test_wrong_names(spec: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load_task(spec)
    assert message in str(error.value)


def test_wrong_annotations(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no annotation file"):
        load_task("mlvu", annotations=tmp_path / "nope.json")
    with pytest.raises(UserError, match="give it without --annotations"):
        load_task("my.jsonl", annotations=tmp_path / "other.jsonl")


def test_what_no_task_takes_is_refused(tmp_path: Path) -> None:
    """The built-in task makes its own videos: a folder given with it would be passed over."""
    with pytest.raises(UserError, match=f"--data-root {tmp_path} is of no use to haystack; leave"):
        load_task("haystack", data_root=tmp_path)
    own = tmp_path / "own.json"
    own.write_text("[]")
    with pytest.raises(UserError, match=r"--annotations .* is of no use to haystack"):
        load_task("haystack", annotations=own)
    tasks = load_tasks(["haystack", "mlvu"], data_root=tmp_path)  # the other one takes it
    assert [task.label for task in tasks] == ["haystack", "mlvu"]
    assert load_task("haystack", split="val").label == "haystack[split=val]"


def test_labels_tell_question_sets_apart(tmp_path: Path) -> None:
    assert load_task("mlvu").label == "mlvu"
    assert load_task("mlvu", split="dev").label == "mlvu"
    assert load_task("mlvu[split=test]").label == "mlvu[split=test]"
    assert load_task("mlvu", split="test").label == "mlvu[split=test]"
    assert load_task("mlvu[tolerance_seconds=3]").label == "mlvu[tolerance_seconds=3]"


def test_options_of_an_own_file(tmp_path: Path) -> None:
    (tmp_path / "my.jsonl").write_text("")
    task = load_task(f"{tmp_path / 'my.jsonl'}[tolerance_seconds=4]")
    assert task.tolerance_seconds == 4


def test_limit_is_fixed_for_ever() -> None:
    """The five ids with the lowest `sha256sum`, the same in every version."""
    questions = make_questions([f"{i:03d}-{j}" for i in range(100) for j in range(3)])
    assert [q.id for q in limit_questions(questions, 5)] == [
        "008-1",
        "017-0",
        "037-1",
        "057-0",
        "065-2",
    ]


@given(
    ids=st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=30), n=st.integers(1, 40)
)
def test_limit_properties(ids: list[str], n: int) -> None:
    questions = make_questions(ids)
    chosen = limit_questions(questions, n)
    assert len(chosen) == min(n, len(ids))
    assert chosen == [q for q in questions if q in chosen]  # annotation order
    assert {q.id for q in chosen} <= {q.id for q in limit_questions(questions, n + 1)}
    shuffled = limit_questions(questions[::-1], n)
    assert {q.id for q in shuffled} == {q.id for q in chosen}


def test_limit_below_one() -> None:
    with pytest.raises(UserError, match=r"--limit must be >= 1 \(got 0\)"):
        limit_questions(make_questions(["a"]), 0)


def test_survey(tmp_path: Path) -> None:
    make_video(tmp_path / "good.mp4", 5)
    (tmp_path / "broken.mp4").write_bytes(b"this is no video" * 100)
    (tmp_path / "empty.mp4").touch()
    lines = [
        {
            "id": f"{v}{i}",
            "video": f"{v}.mp4",
            "question": "?",
            "options": ["x", "y"],
            "answer": "A",
        }
        for v in ("good", "broken", "absent", "empty")
        for i in range(2)
    ]
    (tmp_path / "my.jsonl").write_text("\n".join(map(json.dumps, [*lines, {}])))
    found = survey(load_task(str(tmp_path / "my.jsonl")))
    assert (found.task, found.questions, found.videos) == ("my", 8, 4)
    assert found.found == {"good.mp4": tmp_path / "good.mp4"}
    assert list(found.missing) == ["absent.mp4"]
    assert "absent.mp4 not found under" in found.missing["absent.mp4"]
    assert set(found.unreadable) == {"broken.mp4", "empty.mp4"}
    assert set(found.affected) == {f"{v}{i}" for v in ("broken", "absent", "empty") for i in (0, 1)}
    assert [s.where for s in found.skipped] == ["my.jsonl line 9"]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("00:15-00:19", (Span(15, 19),)),
        ("01:02:03-01:02:09", (Span(3723, 3729),)),
        ("59:50 - 1:00:10", (Span(3590, 3610),)),
        ("75:20", (Span(4520, 4520),)),
        ("00：15–00：19", (Span(15, 19),)),
        ("00:19-00:15", ()),
        ("00:15-00:19-00:30", ()),
        ("at the end", ()),
        ("", ()),
    ],
)
def test_time_references(text: str, spans: tuple[Span, ...]) -> None:
    assert read_time_reference(text) == spans


def test_options_in_the_question() -> None:
    assert split_options("Order: (1)a; (2)b?\n(A) 1->2\n(B)2->1\n") == (
        "Order: (1)a; (2)b?",
        ("1->2", "2->1"),
    )
    assert split_options("No options (A) here") == ("No options (A) here", ())
    with pytest.raises(ValueError, match="lettered A, C"):
        split_options("Who?\n(A) He\n(C) She")


def test_letters_come_off_only_together() -> None:
    assert without_letters(["A. x", "B. y"]) == ("x", "y")
    assert without_letters(["(A) x", "(B) y"]) == ("x", "y")
    assert without_letters(["A. Lincoln", "J. Davis"]) == ("A. Lincoln", "J. Davis")
