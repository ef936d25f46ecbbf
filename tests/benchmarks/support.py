"""Trials as if they had been run: their records, logs and ledger on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import product

from benchmarks.trials import Trial
from tspo_bench.results import RunDirectory
from tspo_bench.types import JSON, Question, Record

Right = Callable[[str, int, int], bool]  # by sampler, seed and the question's number


def finish(trial: Trial, asked: Sequence[Question], right: Right) -> None:
    """Leave what the trial's commands would: one answer a question, sampler and seed."""
    for seed in trial.seeds if trial.training else ():
        folder = trial.folder / f"seed-{seed}"
        folder.mkdir(parents=True)
        lines = [
            {"step": 5, "entropy": 4.0, "without_signal": 0.1, "seconds_per_step": 4.0},
            {
                "step": 10,
                "entropy": 2.0 + seed,
                "without_signal": 0.3,
                "seconds_per_step": 2.0,
            },
            {"step": 10, "train_runtime": 99.0},
        ]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for test in trial.tests:
        run = RunDirectory(trial.folder / test.name)
        for sampler, frames in product(trial.samplers, test.frames):
            for drawn in trial.seeds if "agent=" in sampler else (None,):
                settings: dict[str, JSON] = {
                    "task": test.task, "sampler": sampler, "model": "reference", "frames": frames,
                    "protocol": "strict", "seed": drawn,
                }  # fmt: skip
                slug = f"{trial.samplers.index(sampler)}-{frames}-{drawn}"
                with run.open_cell(slug, settings) as writer:
                    for place, question in enumerate(asked[: test.limit]):
                        writer.append(record(question, right(sampler, drawn or 0, place), frames))
    for command in trial.commands:
        trial.note(command, 60.0)


def record(question: Question, correct: bool, frames: int = 8) -> Record:
    """An answer with a letter."""
    wrong = next(letter for letter in question.letters if letter != question.answer)
    return Record(
        question_id=question.id,
        video=question.video,
        status="ok",
        gold=question.answer,
        letter=question.answer if correct else wrong,
        correct=correct,
        frames=tuple(range(frames)),
        timestamps=tuple(map(float, range(frames))),
        evidence_recall=float(correct),
        groups=question.groups,
    )
