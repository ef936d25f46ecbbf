"""What could not be read again is not written: absurd numbers, and custom classes' values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tspo_bench
from tests.evaluation.own import FrameReader
from tests.evaluation.support import run
from tspo_bench.errors import UserError
from tspo_bench.evaluation import RunSettings
from tspo_bench.results import read_records, read_run
from tspo_bench.types import Answer, Request

HUGE = 10**20


@pytest.mark.parametrize(
    "given",
    [
        {"frames": (8, HUGE)},
        {"visual_tokens": (10**12,)},
        {"limit": 10**5000},
        {"seeds": (0, HUGE)},
        {"batch_size": HUGE},
        {"candidate_fps": 1e300},
    ],
)
def test_absurd_sizes_are_named_before_anything_is_written(given: dict[str, Any]) -> None:
    (name,) = given
    option = "--" + name.replace("_", "-")
    with pytest.raises(UserError, match=rf"{option} must be < 10\^12 \(got "):
        RunSettings(**given)
    with pytest.raises(UserError, match="--candidate-fps must be > 1e-12"):
        RunSettings(candidate_fps=1e-300)


@pytest.mark.parametrize("sampler", ["uniform", "random", "oracle"])
def test_a_budget_far_beyond_the_video_is_the_whole_video(
    sampler: str, questions: Path, tmp_path: Path
) -> None:
    result = run(questions, tmp_path / "run", samplers=(sampler,), frames=(10**12 - 1,), limit=2)
    assert read_run(tmp_path / "run")[0].records == list(result.cells[0].records)


@pytest.mark.usefixtures("films")
def test_frames_of_one_video_too(films: Path) -> None:
    film = next(films.glob("*.mp4"))
    with pytest.raises(UserError, match="--frames must be <"):
        tspo_bench.select_frames(film, "Where?", "uniform", HUGE)


class Billing(FrameReader):
    """Counts tokens as no server can."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        answers = super().answer(requests)
        return [
            replace(answer, usage={"prompt_tokens": 10**400 if "thing 3 " in r.prompt.text else 7})
            for answer, r in zip(answers, requests, strict=True)
        ]


class Numbered(FrameReader):
    """Has a number for an id."""

    def __init__(self) -> None:
        super().__init__()
        self.id = 5  # type: ignore[assignment]


def test_an_answer_that_could_not_be_read_again_costs_one_question(
    questions: Path, tmp_path: Path
) -> None:
    model = "tests.evaluation.test_bounds:Billing"
    (cell,) = run(questions, tmp_path / "run", models=(model,)).cells
    failed = [record for record in cell.records if record.failed]
    assert [record.question_id for record in failed] == ["q-3"]
    assert "cannot be kept: key 'usage' has value" in (failed[0].error or "")
    assert len(read_records(cell.folder / "records.jsonl")) == 12


def test_a_setting_that_could_not_be_read_again_is_named(questions: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model_id 5 cannot be kept in run\.json"):
        run(questions, tmp_path / "run", models=("tests.evaluation.test_bounds:Numbered",))
