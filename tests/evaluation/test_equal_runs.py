"""Equal settings give equal records, with any batches and other cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.support import READER, by_label, run, scores_files, untimed_files, write_rows
from tspo_bench.evaluation import prepare

SAMPLERS = ("uniform", "random", "clip-topk", "aks", "oracle", "blind")


@pytest.fixture(scope="module")
def settings(clip: Path, llava: Path) -> dict[str, Any]:
    """Every sampler, a real model class and the frame reader."""
    models = (str(llava), READER)
    return {"samplers": SAMPLERS, "models": models, "encoder": str(clip), "frames": (3, 6)}


@pytest.mark.slow
def test_two_fresh_runs_and_two_batch_sizes(
    questions: Path, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**settings, "frames": (3,), "limit": 6}
    run(questions, tmp_path / "one", **settings, batch_size=1)
    first = untimed_files(tmp_path / "one")
    assert len(first) == 12
    run(questions, tmp_path / "eight", **settings, batch_size=8)
    assert untimed_files(tmp_path / "eight") == first
    monkeypatch.setenv("TSPO_BENCH_CACHE", str(tmp_path / "empty"))  # features made again
    run(questions, tmp_path / "again", **settings, batch_size=8)
    assert untimed_files(tmp_path / "again") == first
    scores = [scores_files(tmp_path / name) for name in ("one", "eight", "again")]
    assert scores[0]
    assert scores[0] == scores[1] == scores[2]
    replies = [
        json.loads(line)["reply"]
        for slug, lines in first.items()
        for line in lines
        if "llava" in slug
    ]
    assert len(set(replies)) > 10, "the random model's replies depend on what it is shown"


@pytest.mark.slow
def test_the_cells_beside_do_not_matter(
    questions: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    """Each cell alone, in a run of its own, has the records that it has in the grid."""
    settings = {**settings, "models": (READER,)}
    run(questions, tmp_path / "grid", **settings)
    expected = untimed_files(tmp_path / "grid")
    for sampler in SAMPLERS:
        for k in settings["frames"]:
            alone = {**settings, "samplers": (sampler,), "frames": (k,)}
            run(questions, tmp_path / "alone", **alone)
    assert untimed_files(tmp_path / "alone") == expected
    assert len(scores_files(tmp_path / "grid")) == 2 * 2  # clip-topk and aks, at both budgets
    assert scores_files(tmp_path / "alone") == scores_files(tmp_path / "grid")


@pytest.mark.slow
@pytest.mark.parametrize("num_frames", [0, 1, 9])
def test_the_bound_of_the_frames_in_memory_does_not_matter(
    num_frames: int,
    questions: Path,
    settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Parts of a video's questions, down to single ones; blind and failed ones among them."""
    settings = {**settings, "models": (READER,)}
    run(questions, tmp_path / "whole", **settings)
    monkeypatch.setattr(prepare, "CHUNK_BYTES", num_frames * 96 * 160 * 3)
    run(questions, tmp_path / "parts", **settings)
    assert untimed_files(tmp_path / "parts") == untimed_files(tmp_path / "whole")


def test_the_seed_decides_what_is_drawn(questions: Path, tmp_path: Path) -> None:
    """Random sampling and custom samplers that take a seed."""
    picks = {
        seed: [
            record.frames
            for record in by_label(
                run(questions, tmp_path / f"seed{seed}", samplers=("random",), seeds=(seed,))
            )["random"].values()
        ]
        for seed in (0, 1)
    }
    assert picks[0] != picks[1]


def test_evidence_behind_the_end_counts_the_same_in_every_grid(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    """A blind cell knows no length of the video, whether others have opened it or not."""
    row = {
        "id": "q-0",
        "video": str(films / "short.mp4"),
        "question": "which ?",
        "options": ["frame 3", "frame 80"],
        "answer": "A",
        "evidence": [[0.0, 1.0], [3000.0, 3001.0]],
    }
    task = write_rows(tmp_path / "late.jsonl", [row])
    together = by_label(run(task, tmp_path / "both", samplers=("uniform", "blind")))
    alone = by_label(run(task, tmp_path / "blind", samplers=("blind",)))
    assert together["blind"]["q-0"].evidence_recall == 0
    assert alone["blind"]["q-0"].evidence_recall == 0
    assert together["uniform"]["q-0"].evidence_recall == 1  # what no frame can hit is left out
