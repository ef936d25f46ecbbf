"""The bar's figures say what the records say, and its tables who is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from benchmarks import bar
from benchmarks.bar import LENGTHS, SAMPLERS, content, markdown, row, with_budget
from benchmarks.tables import figures
from tests.benchmarks.support import Right, finish, record
from tspo_bench.types import Question

Finish = Callable[[str, Right], None]


@pytest.fixture
def answered(questions: Sequence[Question], monkeypatch: pytest.MonkeyPatch) -> Finish:
    """Leaves a sampler's answers about videos of both lengths; other budgets get 20 questions."""
    budgets = replace(bar.BUDGETS, limit=20)
    monkeypatch.setattr(bar, "BUDGETS", budgets)
    monkeypatch.setattr(bar, "TRIALS", {sampler: bar.trial(sampler) for sampler in SAMPLERS})
    long = [replace(q, id=f"long-{q.id}", video=f"long-{q.video}") for q in questions]

    def finish_one(sampler: str, right: Right) -> None:
        trial = bar.trial(sampler)
        finish(replace(trial, tests=(LENGTHS[0], budgets)), questions, right)
        finish(replace(trial, tests=LENGTHS[1:]), long, right)

    return finish_one


def one_in(share: int) -> Right:
    return lambda sampler, seed, place: place % share == 0


def test_an_answer_without_a_letter_is_a_wrong_one(questions: Sequence[Question]):
    theirs = [record(question, True) for question in questions]
    unparsed = [replace(r, status="unparsed", letter=None, correct=False) for r in theirs]
    ours = [unparsed[i] if i % 4 else theirs[i] for i in range(56)]
    found = figures([ours], [theirs])
    difference, answered = found["difference"], found["difference_both_answered"]
    assert (difference["num_questions"], difference["difference"]) == (56, -0.75)
    assert (answered["num_questions"], answered["difference"]) == (14, 0)


def test_budgets_are_compared_on_the_same_questions(
    answered: Finish, questions: Sequence[Question]
):
    answered("tspo", lambda _, seed, place: place % 2 == seed % 2)
    for frames in (4, 8, 16, 32):
        seeds = with_budget("tspo", frames)
        assert len(seeds) == 3
        for records in seeds:
            assert [r.question_id for r in records] == [q.id for q in questions[:20]]
            assert {len(r.frames) for r in records} == {frames}
        assert [records[0].correct for records in seeds] == [True, False, True]


def test_a_row_says_where_between_uniform_and_oracle_it_lies(answered: Finish):
    answered("uniform", one_in(4))
    answered("oracle", one_in(1))
    answered("tspo", lambda _, seed, place: place % 4 < 2 + (seed == 2))
    found = row("tspo", "uniform")
    assert found["n"] == 112
    assert found["accuracy_by_seed"] == [0.5, 0.5, 0.75]
    assert found["headroom_recovered"] == pytest.approx((7 / 12 - 1 / 4) / (3 / 4))
    assert found["difference"]["difference"] == pytest.approx(7 / 12 - 1 / 4)
    assert row("oracle", "uniform")["headroom_recovered"] == 1
    rival = row("uniform", "uniform")
    assert (rival["headroom_recovered"], rival["difference"]) == (0, None)


def test_the_tables_name_who_is_missing(answered: Finish):
    for sampler, share in {"uniform": 4, "clip-topk": 2, "oracle": 1, "tspo-q": 1}.items():
        answered(sampler, one_in(share))
    results = content()
    assert results["best_untrained"] == "clip-topk"
    assert results["missing"] == ["bin-max", "aks", "tspo"]
    text = markdown(results)
    assert "Not finished: bin-max, aks, tspo.\n" in text
    lines = text.splitlines()
    (heading,) = [line for line in lines if "headroom" in line]
    assert "difference to clip-topk | p" in heading
    main, *_, budgets = [line for line in lines if line.startswith("| tspo-q |")]
    cells = [cell.strip() for cell in main.split("|")]
    assert (cells[2], cells[5]) == ("112", "100.0%")
    assert (cells[6].split()[0], cells[9]) == ("+50.0", "0.0%")
    assert budgets == "| tspo-q | 100.0% | 100.0% | 100.0% | 100.0% |"


def test_before_the_bounds_are_there_all_is_missing():
    results = content()
    assert (results["best_untrained"], results["rows"]) == (None, [])
    assert f"Not finished: {', '.join(SAMPLERS)}." in markdown(results)
