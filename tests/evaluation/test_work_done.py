"""Frames decoded, encoded and held in memory: each video once, and no more than asked for."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.conftest import LENGTHS
from tests.evaluation.support import RATE, READER, question, run, write_rows
from tests.support import make_video
from tspo_bench.evaluation import EvaluationResult, prepare
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.report.loading import LoadedResults
from tspo_bench.report.summary import summarise_cells
from tspo_bench.report.tables.report_text import ReportOptions, report_text
from tspo_bench.results import read_run

NUM_CANDIDATES = {name: -(-length // RATE) for name, length in LENGTHS.items()}


def picks(result: EvaluationResult) -> dict[str, set[int]]:
    """The union of all records' frames, by video."""
    union: dict[str, set[int]] = {}
    for cell in result.cells:
        for record in cell.records:
            union.setdefault(Path(record.video).name, set()).update(record.frames)
    return union


def test_a_video_is_scanned_once_and_its_picks_fetched_in_one_pass(
    questions: Path, clip: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    samplers = ("uniform", "clip-topk", "aks", "tests.evaluation.own:Farthest")
    settings = {"samplers": samplers, "frames": (2, 5), "encoder": str(clip)}
    result = run(questions, tmp_path / "run", **settings)
    union = picks(result)
    assert decoding == Counter(
        {f"scan {name}": 1 for name in LENGTHS}
        | {f"fetch {name}": 1 for name in LENGTHS}
        | {f"frames {name}": len(union[name]) for name in LENGTHS}
        | {"encoded": sum(NUM_CANDIDATES.values()), "texts": 12}
    )
    encoder, store = load_encoder(str(clip)), FeatureStore()
    for line in result.cells[0].records:
        assert store.candidates(Path(line.video), encoder).num_encoded == 0


def test_two_models_share_one_scan(
    questions: Path, clip: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    models = (READER, f"{READER}[short_side=48,name=small]")
    run(questions, tmp_path / "run", samplers=("aks",), models=models, encoder=str(clip))
    assert {key: n for key, n in decoding.items() if key.startswith("scan")} == {
        f"scan {name}": 1 for name in LENGTHS
    }
    assert decoding["encoded"] == sum(NUM_CANDIDATES.values())
    assert decoding["fetch long.mp4"] == 2  # at the size that each model wants


def test_sampling_without_features_scans_nothing(
    questions: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    """Neither a scan nor an encoder: the one named does not even exist."""
    settings = {"samplers": ("uniform", "random", "oracle"), "encoder": "/no/such/encoder"}
    result = run(questions, tmp_path / "run", **settings)
    assert not [key for key in decoding if key.startswith("scan")]
    assert decoding["encoded"] == decoding["texts"] == 0
    for name, frames in picks(result).items():
        assert (decoding[f"fetch {name}"], decoding[f"frames {name}"]) == (1, len(frames))


def test_a_second_sampler_decodes_only_its_picks(
    questions: Path, clip: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    run(questions, tmp_path / "first", samplers=("clip-topk",), encoder=str(clip))
    decoding.clear()
    result = run(questions, tmp_path / "second", samplers=("aks",), encoder=str(clip))
    union = picks(result)
    assert decoding == Counter(
        {f"fetch {name}": 1 for name in LENGTHS}
        | {f"frames {name}": len(union[name]) for name in LENGTHS}
        | {"texts": 12}
    )


def test_a_limit_touches_only_the_videos_it_needs(
    questions: Path, clip: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    result = run(questions, tmp_path / "run", samplers=("aks",), encoder=str(clip), limit=1)
    (record,) = result.cells[0].records
    name = Path(record.video).name
    assert set(decoding) == {f"scan {name}", f"fetch {name}", f"frames {name}", "encoded", "texts"}


def test_batches_are_as_large_as_asked_for(
    questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.evaluation.own import FrameReader

    sizes: list[int] = []
    answer = FrameReader.answer

    def watched(self, requests):
        sizes.append(len(requests))
        return answer(self, requests)

    monkeypatch.setattr(FrameReader, "answer", watched)
    run(questions, tmp_path / "five", samplers=("uniform", "random"), batch_size=5)
    assert sizes == [5, 5, 5, 5, 4]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(cache: Path, clip: Path, tmp_path: Path) -> None:
    """All frames of this video are 88 MB, its candidates at full size 9 MB."""
    video = make_video(tmp_path / "film.mp4", 1900)
    rows = [question(i, str(video), 1900) for i in range(4)]
    task = write_rows(tmp_path / "quiz.jsonl", rows)
    run(task, tmp_path / "warm", samplers=("clip-topk",), encoder=str(clip), limit=1)
    for path in cache.rglob("*.safetensors"):
        path.unlink()  # it is scanned again, with everything imported and loaded already
    tracemalloc.start()
    try:
        run(task, tmp_path / "run", samplers=("uniform", "clip-topk"), encoder=str(clip))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6e6


@pytest.mark.slow
def test_memory_does_not_grow_with_the_grid(questions: Path, clip: Path, tmp_path: Path) -> None:
    """The requests of this grid are 75 MB of pixels and more, but share most of their frames."""
    samplers = ("uniform", "random", "clip-topk", "aks")
    settings = {"samplers": samplers, "frames": (33, 40, 37, 38), "encoder": str(clip)}
    run(questions, tmp_path / "warm", **settings, limit=1)
    tracemalloc.start()
    try:
        result = run(questions, tmp_path / "run", **settings)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    shown = sum(len(record.frames) for cell in result.cells for record in cell.records)
    assert shown * 96 * 160 * 3 > 75e6
    assert peak < 30e6


@pytest.mark.slow
def test_the_frames_in_memory_are_bounded_for_any_picks(
    films: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The union of these questions' pictures is 9 MB and more, those of one question 0.5 MB."""
    rows = [question(i, str(films / "long.mp4"), 400) for i in range(30)]
    task = write_rows(tmp_path / "quiz.jsonl", rows)
    settings = {"samplers": ("random",), "frames": (12,), "candidate_fps": 10.0}
    whole = run(task, tmp_path / "whole", **settings)
    assert len(picks(whole)["long.mp4"]) * 96 * 160 * 3 > 9e6
    monkeypatch.setattr(prepare, "CHUNK_BYTES", 12 * 96 * 160 * 3)
    tracemalloc.start()
    try:
        run(task, tmp_path / "parts", **settings)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6.5e6  # two batches and what is waiting for the next


@pytest.mark.slow
def test_records_say_where_the_features_came_from(
    questions: Path, clip: Path, tmp_path: Path
) -> None:
    """Cold, warm, on demand, and a cell that was interrupted in between."""

    def sources(out: str, *samplers: str, **settings: Any) -> list[dict[str, int]]:
        result = run(questions, tmp_path / out, samplers=samplers, encoder=str(clip), **settings)
        cells = [cell for cell in result.cells if cell.settings.sampler != "uniform"]
        return [dict(summarise_cells([cell]).feature_sources) for cell in cells]

    peeking = "tests.evaluation.own:Peeking"
    assert sources("a", "uniform", peeking) == [{"computed": 12}]
    assert sources("a", "uniform", "aks") == [{"computed": 12}]
    assert sources("a", "uniform", "clip-topk", peeking) == [{"cached": 12}, {"computed": 12}]
    assert sources("b", peeking, "aks") == [{"cached": 12}, {"cached": 12}]
    cells = read_run(tmp_path / "a")
    text = report_text(LoadedResults(cells), ReportOptions())
    assert "seconds, c: features were cached" in text
    marked = [
        line.split("|")[1].strip() for line in text.splitlines() if re.search(r"\d c +\|", line)
    ]
    assert marked == ["clip-topk"]
    # The first half is computed, the second read.
    first, *_ = FeatureStore().root.rglob("*.safetensors")
    first.unlink()
    (mixed,) = sources("c", "aks")
    assert set(mixed) == {"computed", "cached"}
    assert sum(mixed.values()) == 12
    text = report_text(LoadedResults(read_run(tmp_path / "c")), ReportOptions())
    assert re.search(rf" c{100 * mixed['cached'] / 12:.0f}% +\|", text)
