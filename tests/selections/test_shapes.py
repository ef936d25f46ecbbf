"""Selection files in the shapes that papers publish: by hand, and the files themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.samplers.peers import peer_source
from tspo_bench.errors import UserError
from tspo_bench.selections import FileSelection, read_selections
from tspo_bench.selections.file_selection import common_rate

IDS = ["q1", "q2"]


def write(folder: Path, content: Any, name: str = "frames.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def frames(path: Path, question: str, rate: float = 30.0, k: int | None = None) -> list[int]:
    return read_selections(path, IDS).picks[question].frames(10**6, rate, k).tolist()


def test_wfs_sb(tmp_path: Path) -> None:
    rows = [
        {"video_name": "a.mp4", "question_id": "q1", "answer": "A", "keyframe_indices": [3, 60]},
        {"question_id": "q2", "keyframe_indices": []},
    ]
    assert frames(write(tmp_path, rows), "q1") == [3, 60]


def test_videoitg_counts_questions_and_may_rank_frames(tmp_path: Path) -> None:
    chosen = '{"doc_id": 1, "index": [60, 120]}\n\n{"doc_id": 0, "index": [7]}\n'
    assert frames(write(tmp_path, chosen, "a.jsonl"), "q2") == [60, 120]
    ranked = '{"doc_id": 0, "index": [120, 60, 180], "logits": [0.9, 0.8, 0.1]}\n'
    path = write(tmp_path, ranked, "b.jsonl")
    assert frames(path, "q1", k=2) == [60, 120]
    assert frames(path, "q1") == [60, 120, 180]
    assert read_selections(path, IDS).picks["q1"].scores == (0.9, 0.8, 0.1)


@pytest.mark.parametrize("name", ["v.json", "v.jsonl", "v.txt"])
@pytest.mark.parametrize("number", [1, 2])
def test_json_lines_of_any_suffix(name: str, number: int, tmp_path: Path) -> None:
    lines = ['{"doc_id": 1, "index": [60], "said": "\u2028"}', '{"doc_id": 0, "index": [7]}']
    path = write(tmp_path, "\n".join(lines[:number]) + "\n", name)
    picks = read_selections(path, IDS).picks
    assert {key: one.indices for key, one in picks.items()} == dict(
        [("q2", (60,)), ("q1", (7,))][:number]
    )


@pytest.mark.parametrize(
    ("numbers", "seconds", "rate", "expected"),
    [
        ([60, 90], [2.0, 3.0], 30.0, [60, 90]),  # the video's own frames
        ([60, 90], [2.002, 3.003], 30.0, [60, 90]),  # 29.97 of them
        ([4, 6], [2.0, 3.0], 30.0, [60, 90]),  # a grid of 2 a second
        ([4, 7], [2.0, 3.5], 23.976, [47, 83]),
        ([0], [0.0], 30.0, [0]),
        ([], [], 30.0, []),
    ],
)
def test_toolmerge_by_its_seconds(
    numbers: list[int], seconds: list[float], rate: float, expected: list[int], tmp_path: Path
) -> None:
    rows = [{"uid": "q1", "video_id": "a", "frames_used": numbers, "timestamps_used": seconds}]
    assert frames(write(tmp_path, rows), "q1", rate) == expected


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ('{"doc_id": 2, "index": [1]}', "a.jsonl", "entry 0 has doc_id 2, but the task has"),
        ('{"doc_id": 0, "index": 1}', "a.jsonl", "expected a list of frame indices, got 1"),
        ('{"doc_id": 0, "index": [1, 2], "logits": [1]}', "a.jsonl", "2 frames beside 1 logits"),
        ('{"doc_id": 0, "index": [1]}\n{', "a.jsonl", "are not valid JSON"),
        (
            [{"uid": "q1", "frames_used": [1, 2], "timestamps_used": [1.0]}],
            "a.json",
            "question 'q1': 2 frames beside 1 timestamps_used",
        ),
        (
            [{"uid": "q1", "frames_used": 5, "timestamps_used": [1.0]}],
            "a.json",
            "question 'q1': expected a list of frame indices, got 5",
        ),
        (
            [{"uid": "q1", "frames_used": [1, 2], "timestamps_used": [1.0, "x"]}],
            "a.json",
            "question 'q1': entry 1 of timestamps_used is 'x', not a finite number",
        ),
        (
            '{"doc_id": 1, "index": [1, 2, 3], "logits": ["x", 1, 2]}',
            "a.jsonl",
            "question 'q2': entry 0 of logits is 'x', not a finite number",
        ),
        (
            '{"doc_id": 1, "index": [1, 2], "logits": [1, NaN]}',
            "a.jsonl",
            "question 'q2': entry 1 of logits is nan, not a finite number",
        ),
        ('{"doc_id": 1, "index": [1], "logits": 1}', "a.jsonl", "1 frames beside 1 logits"),
        ('{"doc_id": true, "index": [1]}', "a.jsonl", "entry 0 has doc_id True, but the task"),
        ([{"uid": ["q1"], "frame_idx": [1]}], "a.json", "entry 0 has uid ['q1'], which is no"),
        ([{"question_id": "q1", "keyframe_indices": 3}], "a.json", "expected a list of frame"),
        ('{"doc_id": 0, "index": [1]}\n{', "a.json", "are not valid JSON"),
        ("[" * 100_000, "a.json", "are not valid JSON"),
        ("{}", "a.json", "must hold"),
        ("nothing", "a.parquet", "are not a parquet file of `tspo-bench select`"),
    ],
)
def test_what_is_wrong(content: Any, name: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, content, name)
    with pytest.raises(UserError) as caught:
        read_selections(path, IDS)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_file_that_knows_the_video_counts_its_frames() -> None:
    """Of a variable rate, where seconds do not follow from numbers."""
    picked = FileSelection("q", (15, 30, 200), (0.5, 1.0, 10.0), frame_rate=15.0, num_frames=300)
    assert picked.frames(300, 15.0).tolist() == [15, 30, 200]


def test_rounded_seconds_near_the_start_change_nothing() -> None:
    assert FileSelection("q", (1,), (0.03,)).frames(100, 29.97).tolist() == [1]


def test_numbers_that_are_none_tell_no_rate() -> None:
    odd = (float("nan"), 30, 60.5, float("inf"), 10**400, "x", 90)
    assert common_rate([FileSelection("q", odd)]) == 30


def test_common_rate() -> None:
    assert common_rate([FileSelection("q", (0, 60.0, 90)), FileSelection("r", (30, 300))]) == 30
    assert common_rate([FileSelection("q", (0,)), FileSelection("r", ())]) is None
    assert common_rate([]) is None


def published(repository: str, path: str) -> str:
    """A file of a fetched repository; skips where that is not there."""
    text = peer_source(repository, path)
    if text is None:
        pytest.skip(f"{repository} is not fetched; see tests/samplers/peers.py")
    return text


@pytest.mark.parametrize(
    ("benchmark", "name", "annotations", "key", "number"),
    [
        ("longvideobench", "lvb", "longvideobench_val.json", "id", 1337),
        ("mlvu", "mlvu", "mlvu_dev.json", "question_id", 2174),
        ("videomme", "videomme", "videomme.json", "question_id", 2700),
    ],
)
def test_all_that_wfs_sb_published(
    real_data: Path,
    benchmark: str,
    name: str,
    annotations: str,
    key: str,
    number: int,
    tmp_path: Path,
) -> None:
    path = f"datasets/{benchmark}/keyframe_dir/reproduce_{name}_f8.json"
    text = published("MAC-AutoML/WFS-SB", path)
    picks = read_selections(write(tmp_path, text)).picks
    asked = json.loads((real_data / "annotations" / annotations).read_text())
    assert len(picks) == number
    assert set(picks) == {str(row[key]) for row in asked}
    rows = json.loads(text)
    for row, picked in zip(rows, picks.values(), strict=True):
        assert picked.frames(10**7, 30.0).tolist() == sorted(row["keyframe_indices"])


def test_all_that_toolmerge_published(real_data: Path, tmp_path: Path) -> None:
    text = published("michalsr/ToolMerge", "paper_keyframes/lvb_qwen3_32/keyframes.json")
    picks = read_selections(write(tmp_path, text)).picks
    annotations = json.loads((real_data / "annotations" / "longvideobench_val.json").read_text())
    assert set(picks) == {row["id"] for row in annotations}
    for row in json.loads(text):
        found = picks[row["uid"]].frames(10**7, 25.0)
        assert found.tolist() == [int(25 * second + 1e-6) for second in row["timestamps_used"]]
