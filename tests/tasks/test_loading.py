"""Names of tasks, the fixed shuffle, the survey of videos."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import make_video
from tests.tasks.own_data import ROW, loaded, write_rows
from tspo_bench.errors import UserError
from tspo_bench.tasks import limit_questions, load_task, load_tasks, registry, survey
from tspo_bench.types import Question


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
        ("nope.jsonl", "annotation file nope.jsonl not found; check its path"),
        ("mlvu[split=train]", "task 'mlvu' has no split 'train'; it has: dev, test"),
    ],
)
def test_wrong_names(spec: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load_task(spec)
    assert message in str(error.value)


def test_wrong_annotations(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"annotation file .* not found"):
        load_task("mlvu", annotations=tmp_path / "nope.json")
    with pytest.raises(UserError, match="give it without --annotations"):
        load_task("my.jsonl", annotations=tmp_path / "other.jsonl")


def test_options_that_no_task_takes(tmp_path: Path) -> None:
    """The built-in task makes its own videos, so a folder would be ignored."""
    with pytest.raises(
        UserError, match=f"--data-root {tmp_path}: task 'haystack' has no data root; drop"
    ):
        load_task("haystack", data_root=tmp_path)
    own = tmp_path / "own.json"
    own.write_text("[]")
    with pytest.raises(UserError, match=r"--annotations .* task 'haystack' has no annotation file"):
        load_task("haystack", annotations=own)
    tasks = load_tasks(["haystack", "mlvu"], data_root=tmp_path)  # the other one takes it
    assert [task.label for task in tasks] == ["haystack", "mlvu"]
    assert load_task("haystack", split="val").label == "haystack[split=val]"


def test_labels_differ_by_question_set(tmp_path: Path) -> None:
    assert load_task("mlvu").label == "mlvu"
    assert load_task("mlvu", split="dev").label == "mlvu"
    assert load_task("mlvu[split=test]").label == "mlvu[split=test]"
    assert load_task("mlvu", split="test").label == "mlvu[split=test]"
    assert load_task("mlvu[tolerance_seconds=3]").label == "mlvu[tolerance_seconds=3]"


def test_options_of_an_own_file(tmp_path: Path) -> None:
    (tmp_path / "my.jsonl").write_text("")
    task = load_task(f"{tmp_path / 'my.jsonl'}[tolerance_seconds=4]")
    assert task.tolerance_seconds == 4


def test_limit_never_changes() -> None:
    """The five ids with the lowest `sha256sum`, the same in every version."""
    questions = make_questions([f"{i:03d}-{j}" for i in range(100) for j in range(3)])
    assert [q.id for q in limit_questions(questions, 5)] == [
        "008-1",
        "017-0",
        "037-1",
        "057-0",
        "065-2",
    ]


@settings(max_examples=50)
@given(
    ids=st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=12), n=st.integers(1, 15)
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
    rows = [
        {**ROW, "id": f"{name}{i}", "video": f"{name}.mp4"}
        for name in ("good", "broken", "absent", "empty")
        for i in range(2)
    ]
    found = survey(loaded(write_rows(tmp_path / "my.jsonl", [*rows, {}])))
    assert (found.task, found.questions, found.videos) == ("my", 8, 4)
    assert found.found == {"good.mp4": tmp_path / "good.mp4"}
    assert list(found.missing) == ["absent.mp4"]
    assert "absent.mp4 not found under" in found.missing["absent.mp4"]
    assert set(found.unreadable) == {"broken.mp4", "empty.mp4"}
    assert set(found.affected) == {f"{v}{i}" for v in ("broken", "absent", "empty") for i in (0, 1)}
    assert [s.where for s in found.skipped] == ["my.jsonl line 9"]
