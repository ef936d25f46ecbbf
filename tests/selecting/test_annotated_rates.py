"""`recall` by the lengths and frame rates that annotations and selections state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tspo_bench
from tests.selecting.support import only
from tspo_bench.errors import UserError

LVBENCH: dict[str, Any] = {
    "key": "abc",
    "type": "cartoon",
    "qa": [
        {
            "uid": uid,
            "question": "What?\n(A) a\n(B) b\n(C) c\n(D) d",
            "answer": "B",
            "question_type": ["x"],
            "time_reference": reference,
        }
        for uid, reference in (("1", "00:00-00:02"), ("2", "59:58-01:00:00"), ("3", "17:00-17:10"))
    ],
    "video_info": {"duration_minutes": 60.0, "fps": 29.97, "resolution": {"width": 1280}},
}


@pytest.mark.parametrize("fps", [29.97, "29.97", "30000/1001", 29.97002997])
def test_lvbench_tells_length_and_rate(tmp_path: Path, cache: Path, fps: Any) -> None:
    """Its own file is enough, without the videos; at stride 29 the end would be two minutes off."""
    path = tmp_path / "lvbench.jsonl"
    info = {**LVBENCH["video_info"], "fps": fps}
    path.write_text(json.dumps({**LVBENCH, "video_info": info}))
    found = tspo_bench.recall("lvbench", ["uniform", "oracle"], 4, annotations=path)
    assert found.errors == ()
    row = only(found.rows, sampler="uniform")
    assert (row.n, row.num_not_opened, row.num_guessed_rates) == (3, 3, 0)
    # both ends: 0, 1199.99, 2399.98 and 3599.97 s
    assert row.evidence_recall == pytest.approx(2 / 3)
    assert only(found.rows, sampler="oracle").evidence_recall == 1.0
    frames = [int(second * 30000 / 1001) for second in (1, 3599, 1025)]
    picks = {uid: [frame] for uid, frame in zip("123", frames, strict=True)}
    (tmp_path / "sel.json").write_text(json.dumps(picks))
    found = tspo_bench.recall("lvbench", f"file:{tmp_path}/sel.json", 1, annotations=path)
    assert only(found.rows).evidence_recall == 1.0
    assert only(found.rows).num_guessed_rates == 0


def test_an_info_in_a_tables_cell_is_json(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "lvbench.jsonl"
    path.write_text(json.dumps({**LVBENCH, "video_info": json.dumps(LVBENCH["video_info"])}))
    found = tspo_bench.recall("lvbench", "uniform", 4, annotations=path)
    assert found.errors == ()


@pytest.mark.parametrize("absurd", [{"duration_minutes": 1e300}, {"fps": 1e9}])
def test_an_absurd_length_or_rate_costs_its_own_questions(
    tmp_path: Path, cache: Path, absurd: dict[str, float]
) -> None:
    path = tmp_path / "lvbench.jsonl"
    other = {**LVBENCH, "key": "other", "qa": [{**LVBENCH["qa"][0], "uid": "9"}]}
    other["video_info"] = {**LVBENCH["video_info"], **absurd}
    path.write_text(f"{json.dumps(LVBENCH)}\n{json.dumps(other)}\n")
    found = tspo_bench.recall("lvbench", "uniform", 4, annotations=path)
    assert only(found.rows).n == 3
    (error,) = found.errors
    assert "question '9': no video has" in error


def test_lvbench_that_tells_nothing(tmp_path: Path, cache: Path) -> None:
    for info in (None, {}, "60 min", {"duration_minutes": None, "fps": "fast"}, {"fps": 0}):
        path = tmp_path / "lvbench.jsonl"
        path.write_text(json.dumps({**LVBENCH, "video_info": info}))
        with pytest.raises(UserError, match="their frame rate is unknown"):
            tspo_bench.recall("lvbench", "uniform", 4, annotations=path)


def test_a_stride_of_29_is_29_97(tmp_path: Path, cache: Path) -> None:
    """An hour of frames at stride 29, as AKS cuts the rate: the evidence in seconds is found."""
    rate, seconds = 30000 / 1001, 3600
    row = {"id": "q", "video": "gone.mp4", "question": "?", "options": ["x", "y"], "answer": "A"}
    late = {**row, "duration": seconds, "evidence": [[3500, 3500]]}
    (tmp_path / "q.jsonl").write_text(json.dumps(late))
    near = round(3500 * rate / 29) * 29  # the nearest multiple of 29, at 3500 s within half a one
    (tmp_path / "cut.json").write_text(json.dumps({"q": [29, 58, 290, near]}))
    (tmp_path / "near.json").write_text(json.dumps({"q": [30, 60, 300, 30 * 3496]}))
    cut, rounded = (f"file:{tmp_path}/{name}.json" for name in ("cut", "near"))
    for samplers in ([cut], [cut, rounded]):
        found = tspo_bench.recall(str(tmp_path / "q.jsonl"), samplers, 4)
        of_cut = only(found.rows, sampler="file:cut.json")
        assert of_cut.evidence_recall == 1.0
        assert of_cut.num_guessed_rates == 1
        assert all(one.assumed_rate == pytest.approx(rate) for one in found.selections)
    # what the annotation says counts for more
    (tmp_path / "q.jsonl").write_text(json.dumps({**late, "fps": 30}))
    found = tspo_bench.recall(str(tmp_path / "q.jsonl"), cut, 4)
    assert only(found.rows).evidence_recall == 0.0
    (tmp_path / "q.jsonl").write_text(json.dumps({**late, "fps": 29}))  # cut in the same way
    found = tspo_bench.recall(str(tmp_path / "q.jsonl"), cut, 4)
    assert only(found.rows).evidence_recall == 1.0
    assert only(found.rows).num_guessed_rates == 0
