"""A run's profile: main stages add up to its wall time, and work is counted where it is done."""

from __future__ import annotations

import math
import time
from pathlib import Path

from tests.evaluation.conftest import LENGTHS
from tests.evaluation.support import RATE, run


def test_the_profile_of_a_run(questions: Path, clip: Path, tmp_path: Path) -> None:
    begun = time.perf_counter()
    result = run(questions, tmp_path / "run", samplers=("aks",), frames=(4,), encoder=str(clip))
    seconds = time.perf_counter() - begun
    profile = result.profile
    assert profile is not None
    total = math.fsum(stage.seconds for stage in profile.main.values())
    assert math.isclose(total, seconds, rel_tol=0.05)
    assert math.isclose(total, profile.wall_seconds, rel_tol=1e-6)
    assert {"plan", "load model", "wait for frames", "answer", "records"} <= set(profile.main)
    candidates = sum(-(-length // RATE) for length in LENGTHS.values())
    assert profile.beside["encode"].frames == candidates
    (cell,) = result.cells
    assert profile.main["answer"].frames == sum(len(record.frames) for record in cell.records)
    shown = {(record.video, frame) for record in cell.records for frame in record.frames}
    assert profile.beside["decode"].frames == candidates + len(shown)
    assert profile.waiting_share is not None
    for stage in ("probe", "text", "scan", "select", "fetch"):
        recorded = math.fsum(record.timing[stage] for record in cell.records)
        assert math.isclose(profile.beside[stage].seconds, recorded, rel_tol=1e-6)


def test_a_second_run_reads_the_features(questions: Path, clip: Path, tmp_path: Path) -> None:
    settings = {"samplers": ("aks",), "encoder": str(clip)}
    run(questions, tmp_path / "first", **settings)
    profile = run(questions, tmp_path / "second", **settings).profile
    assert profile is not None
    assert "stored" in profile.beside
    assert not {"encode", "scan"} & set(profile.beside)


def test_a_finished_run_waits_for_nothing(questions: Path, tmp_path: Path) -> None:
    run(questions, tmp_path / "run")
    profile = run(questions, tmp_path / "run").profile
    assert profile is not None
    assert profile.waiting_share is None or profile.main["answer"].frames == 0
