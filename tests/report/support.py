"""Cells made by hand, for the report's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tspo_bench.results import Cell, CellSettings
from tspo_bench.types import Record


def record(number: int, correct: bool = True, **changes: Any) -> Record:
    """An answered question; two questions to a video."""
    fields: dict[str, Any] = {
        "question_id": f"q{number}",
        "video": f"v{number // 2}.mp4",
        "status": "ok",
        "gold": "A",
        "letter": "A" if correct else "B",
        "correct": correct,
        "frames": (0, 1),
        "timestamps": (0.0, 1.0),
    }
    return Record(**fields | changes)


def settings_with(given: Mapping[str, Any]) -> CellSettings:
    """A cell's settings, of which some are given."""
    labels = {"task": "haystack", "model": "reference", "frames": 2, "protocol": "p"}
    return CellSettings(**{**labels, "sampler": "uniform", **given})


def cell(
    sampler: str, records: Sequence[Record], run: Path = Path("/runs/one"), **settings: Any
) -> Cell:
    """A cell of task "haystack", model "reference" and K = 2, unless `settings` say otherwise."""
    folder = run / f"{sampler.replace('/', '-')}-{settings.get('frames', 2)}-{settings.get('seed')}"
    own = settings_with({"sampler": sampler, **settings})
    return Cell(own, tuple(records), folder)


def cell_with(sampler: str, num_correct: int, n: int = 10, **settings: Any) -> Cell:
    """A cell of n questions of which the first `num_correct` are right."""
    return cell(sampler, [record(number, number < num_correct) for number in range(n)], **settings)


def compared_cells() -> list[Cell]:
    """Two samplers and two budgets; "good" is right on all, "bad" on every second question."""
    return [
        cell(
            sampler,
            [
                record(
                    number,
                    number % step == 0,
                    evidence_recall=1 / step,
                    groups={"depth": f"{20 * (number % 5)}%", "length": "5min"},
                )
                for number in range(10)
            ],
            frames=k,
        )
        for sampler, step in (("bad", 2), ("good", 1))
        for k in (4, 8)
    ]
