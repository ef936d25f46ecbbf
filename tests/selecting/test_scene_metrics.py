"""Scene metrics: against a plain version of their definition, and KFS-Bench's published figures."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import REAL
from tspo_bench import recall
from tspo_bench.results.scenes import scene_metrics, scenes_of
from tspo_bench.selecting.scene_figures import QuestionScenes, scene_figures
from tspo_bench.types import Span

ANNOTATIONS = REAL / "annotations" / "longvideobench_val.json"
KFS = REAL / "evidence" / "kfs_lvb_anno.csv"
KFS_PICKS = REAL / "evidence" / "kfs_qwen_7b_64_lvb.json"
SELECTIONS = REAL / "selections"
needs_real = pytest.mark.skipif(not KFS.is_file(), reason=f"{KFS} is not there")

_starts = st.integers(0, 60)
_scenes = st.lists(
    st.lists(st.tuples(_starts, st.integers(1, 20)), min_size=1, max_size=3), min_size=1, max_size=4
)


def by_loops(scenes: list[list[tuple[float, float]]], times: list[float]) -> dict[str, float]:
    """The definitions of arXiv 2512.14017, written out."""

    def is_in(time: float, scene: list[tuple[float, float]]) -> bool:
        return any(start <= time <= end for start, end in scene)

    inside = [time for time in times if any(is_in(time, scene) for scene in scenes)]
    counts = [sum(is_in(time, scene) for time in times) for scene in scenes]
    lengths = [sum(end - start for start, end in scene) for scene in scenes]
    rate = len(inside) / len(times)
    reached = 0
    for count, length in zip(counts, lengths, strict=True):
        due = min(length / sum(lengths), 1 / len(scenes)) * len(inside)
        reached += count >= max(1, math.floor(due + 1e-12))
    best = 0.0
    for tenth in range(11):
        powers = [length ** (tenth / 10) for length in lengths]
        norm = math.hypot(*counts) * math.hypot(*powers)
        if norm:
            best = max(best, sum(c * p for c, p in zip(counts, powers, strict=True)) / norm)
    balanced = reached / len(scenes)
    return {
        "scene_hit_rate": sum(count > 0 for count in counts) / len(scenes),
        "key_frame_rate": rate,
        "balanced_scene_recall": balanced,
        "ukss": max(0.01, (rate * balanced * best) ** (1 / 3)),
    }


@given(drawn=_scenes, times=st.lists(st.integers(0, 90), min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_the_definitions(drawn: list[list[tuple[int, int]]], times: list[int]):
    scenes = [[(float(a), float(a + n)) for a, n in scene] for scene in drawn]
    found = scene_metrics(scenes, times, tolerance=1.0)
    assert found is not None
    assert found.to_dict() == pytest.approx(by_loops(scenes, [float(t) for t in times]))


def test_edges():
    one = scene_metrics([[(5.0, 6.0)]], [6.0], tolerance=0.0)
    assert one is not None
    assert one.scene_hit_rate == one.ukss == 1.0  # intervals are closed
    none = scene_metrics([[(5.0, 6.0)]], [7.0], tolerance=0.0)
    assert none is not None
    assert (none.scene_hit_rate, none.ukss) == (0.0, 0.01)
    moment = scene_metrics([[(5.0, 5.0)]], [6.0], tolerance=1.0)
    assert moment is not None
    assert moment.scene_hit_rate == 1.0
    assert scene_metrics([], [1.0], tolerance=1.0) is None
    assert scene_metrics([[(0.0, 1.0)]], [], tolerance=1.0) is None


def test_segments_of_a_scene_are_one():
    spans = [Span(0, 1, scene="a"), Span(5, 6, scene="a"), Span(8, 9), Span(99, 100)]
    assert scenes_of(spans, 30.0, 50.0) == [[(0, 1), (5, 6)], [(8, 9)]]


def test_intervals_and_differences_are_those_of_a_bootstrap_over_videos():
    rng = np.random.default_rng(0)
    own, others = [], []
    for number in range(300):
        scenes = [[(float(a), float(a + 2))] for a in rng.integers(0, 90, 3)]
        for some, k in ((own, 24), (others, 8)):
            metrics = scene_metrics(scenes, rng.integers(0, 90, k), tolerance=0.0)
            assert metrics is not None
            some.append(QuestionScenes(f"{number}", f"v{number // 2}", metrics))
    figure = scene_figures(own, others)["ukss"]
    logs = [np.log([one.metrics.ukss for one in some]).reshape(150, 2) for some in (own, others)]
    drawn = rng.integers(0, 150, (4000, 150))
    ours, theirs = (np.exp(log[drawn].mean((1, 2))) for log in logs)
    assert figure.ci95 == pytest.approx(np.percentile(ours, (2.5, 97.5)), abs=0.006)
    assert figure.difference == pytest.approx(np.exp(logs[0].mean()) - np.exp(logs[1].mean()))
    both = np.percentile(ours - theirs, (2.5, 97.5))
    assert figure.difference_ci95 == pytest.approx(both, abs=0.006)


def rows_of(*samplers: Path | str, **settings: Any) -> dict[str, dict[str, Any]]:
    given = [name if isinstance(name, str) else f"file:{name}" for name in samplers]
    found = recall("longvideobench", given, 64, annotations=ANNOTATIONS, evidence=KFS, **settings)
    assert not found.errors
    return {row.sampler: row.to_dict() for row in found.rows if row.subset == "all"}


@needs_real
def test_the_published_figures_of_kfs_bench():
    (row,) = rows_of(KFS_PICKS).values()
    assert (row["n"], row["num_without_evidence"]) == (1291, 46)
    names = ("ukss", "key_frame_rate", "scene_hit_rate")
    assert [round(row[name], 4) for name in names] == [0.2691, 0.1796, 0.8207]


@needs_real
def test_published_selections_by_human_evidence():
    """At the films' own rates; a stride of 30 taken for 30 fps gives 0.796, 0.775 and +0.022."""
    tspo, aks = (
        SELECTIONS / name
        for name in ("TSPO_LongVideoBench_frameIdx.json", "AKS_LongVideoBench_64.json")
    )
    rows = rows_of(tspo, aks, "uniform")
    rates = [round(row["scene_hit_rate"], 3) for row in rows.values()]
    assert rates == [0.786, 0.771, 0.670]
    first, second, _ = rows.values()
    assert first["scene_hit_rate_difference"] == pytest.approx(0.1160, abs=1e-4)
    assert second["scene_hit_rate_difference"] == pytest.approx(0.1012, abs=1e-4)
    against_aks = rows_of(tspo, aks, baseline=f"file:{aks}")[f"file:{tspo.name}"]
    assert against_aks["scene_hit_rate_difference"] == pytest.approx(0.0148, abs=1e-4)
    assert against_aks["scene_hit_rate_difference_ci95"][0] < 0
    assert hits_by_strides(tspo, aks) == pytest.approx([0.7961, 0.7746], abs=5e-5)


def hits_by_strides(tspo: Path, aks: Path) -> list[float]:
    """Scene hit rates with the stride of TSPO's frame numbers, a rounded rate, as the rate."""
    annotations = json.loads(ANNOTATIONS.read_text())
    scenes: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in csv.DictReader(KFS.open()):
        start, end = (
            sum(int(part) * 60**power for power, part in enumerate(reversed(row[key].split(":"))))
            for key in ("start", "end")
        )
        scenes.setdefault(row["id"], {}).setdefault(row["scene_id"], []).append((start, end + 1))
    picks = [
        {row["id"]: row["frame_idx"] for row in json.loads(tspo.read_text())},
        dict(zip([a["id"] for a in annotations], json.loads(aks.read_text()), strict=True)),
    ]
    numbers: dict[str, list[int]] = {}
    for one in annotations:
        numbers.setdefault(one["video_id"], []).extend(map(int, picks[0][one["id"]]))
    rates = {video: math.gcd(*some) for video, some in numbers.items()}
    found = []
    for some in picks:
        shares = []
        for one in annotations:
            times = [number / rates[one["video_id"]] for number in some[one["id"]]]
            if one["id"] in scenes:
                metrics = by_loops(list(scenes[one["id"]].values()), times)
                shares.append(metrics["scene_hit_rate"])
        found.append(sum(shares) / len(shares))
    return found
