"""`file:PATH`: the shapes that papers publish, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tspo_bench.errors import UserError
from tspo_bench.samplers import load_sampler
from tspo_bench.types import Candidates, Query


def candidates(num_frames: int = 1000) -> Candidates:
    return Candidates(np.array([0]), np.array([0.0]), num_frames, 25.0)


def write(folder: Path, content: Any, name: str = "frames.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def pick(path: Path, question: str, k: int | None = 64, num_frames: int = 1000) -> list[int]:
    sampler = load_sampler(f"file:{path}", question_ids=["q1", "q2"])
    return sampler.select(Query(question, "v", "?"), candidates(num_frames), k).indices.tolist()


@pytest.mark.parametrize("short", ["candidates", "uniform"])
def test_a_short_list_or_even_frames(tmp_path: Path, short: str) -> None:
    """The paper's fork shows 64 even frames where a published list has fewer."""
    path = write(tmp_path, {"q1": [0, 30, 60, 90], "q2": [0, 30, 60]})
    sampler = load_sampler(f"file:{path}[short={short}]", question_ids=["q1", "q2"])

    def picks(question: str, k: int, num_frames: int) -> list[int]:
        query = Query(question, "v", "?")
        return sampler.select(query, candidates(num_frames), k).indices.tolist()

    assert picks("q1", 4, 120) == [0, 30, 60, 90]
    even = short == "uniform"
    assert picks("q2", 4, 100) == ([0, 33, 66, 99] if even else [0, 30, 60])
    assert picks("q2", 200, 100) == (list(range(100)) if even else [0, 30, 60])
    with pytest.raises(UserError, match="'file': short must be candidates or uniform"):
        load_sampler(f"file:{path}[short=none]")


@pytest.mark.parametrize(
    "content",
    [
        {"q1": [30, 0, 60], "q2": []},
        [{"id": "q1", "frame_idx": [0.0, 30.0, 60.0]}, {"id": "q2", "frame_idx": []}],
        [
            {"question_id": "q1", "video_id": "001", "frame_idx": [60, 0, 30.0]},
            {"question_id": "q2", "frame_idx": []},
        ],
        [[0, 30, 60], []],
    ],
)
def test_every_published_shape(tmp_path: Path, content: Any) -> None:
    path = write(tmp_path, content)
    assert pick(path, "q1") == [0, 30, 60]
    assert pick(path, "q1", k=None) == [0, 30, 60]
    assert pick(path, "q2") == []


def test_ids_that_are_numbers_match_as_text(tmp_path: Path) -> None:
    path = write(tmp_path, [{"question_id": 7, "frame_idx": [3]}, {"id": "q1", "frame_idx": []}])
    assert pick(path, "7") == [3]


def test_a_file_for_other_questions_is_rejected_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, {"z1": [3]})
    with pytest.raises(UserError) as caught:
        load_sampler(f"file:{path}", question_ids=["q1", None])
    assert str(caught.value) == (
        f"frame selections {path} are for other questions: none of the task's 1 is there; the "
        "file's first is 'z1', the task's 'q1'"
    )


def test_an_annotation_that_is_not_a_question_has_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, [[1], [2], [3]])
    sampler = load_sampler(f"file:{path}", question_ids=["q1", None, "q2"])
    assert sampler.select(Query("q2", "v", "?"), candidates(), 1).indices.tolist() == [3]


def test_a_list_that_is_too_short_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, {"q1": [0, 5], "q2": [7]})
    sampler = load_sampler(f"file:{path}", question_ids=["q1", "q2"])
    many = Candidates(np.arange(9), np.arange(9.0), 1000, 25.0)
    for question in ("q1", "q2", "q1"):
        sampler.select(Query(question, "v", "?"), many, 4)
    assert [record.getMessage() for record in caplog.records] == [
        f"frame selections {path}, question 'q1': 2 frames, fewer than the budget of 4; such lists "
        "are given as they are"
    ]


@pytest.mark.parametrize("name", ["a,b.json", "frames[64].json", "x:y.json", "a b[k=1].json"])
def test_paths_with_brackets_commas_and_colons(tmp_path: Path, name: str) -> None:
    assert pick(write(tmp_path, {"q1": [1]}, name), "q1") == [1]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([0, 1.5, -2], "entry 1 is 1.5, not a whole frame number"),
        ([0, "3"], "entry 1 is '3', not a whole frame number"),
        ([True], "entry 0 is True, not a whole frame number"),
        ([0, None], "entry 1 is None, not a whole"),
        ([float("nan")], "entry 0 is nan, not a whole"),
        ([float("inf")], "entry 0 is inf, not a whole"),
        ([4, -25.0], "entry 1 is -25.0, but the video has frames 0 to 99"),
        ([4, 100], "entry 1 is 100, but the video has frames 0 to 99"),
        ([4, 9, 4.0], "entry 2 is 4.0, as is entry 0"),
        ([1, 2, 3, 4, 5], "5 frames, more than the budget of 4"),
    ],
)
def test_bad_entries_name_file_question_and_entry(
    tmp_path: Path, frames: list[Any], message: str
) -> None:
    path = write(tmp_path, {"q1": frames, "q2": [0]})
    with pytest.raises(UserError) as caught:
        pick(path, "q1", k=4, num_frames=100)
    assert str(caught.value).startswith(f"frame selections {path}, question 'q1': {message}")
    assert pick(path, "q2", num_frames=100) == [0]  # the others are not affected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "are not valid JSON"),
        ("[]", "must hold"),
        ("3", "must hold"),
        ([[1], [2], [3]], "hold 3 lists without question ids, but the task has 2 questions"),
        (
            [{"frame_idx": [1]}],
            "must be an object with one of 'frame_idx', 'keyframe_indices'",
        ),
        ([{"id": "q1", "frames": [1]}], "and 'question_id' or 'id' or 'uid', got"),
        ([{"id": "q1", "frame_idx": [1]}, [2]], "entry 1 must be an object"),
        (
            [{"id": 1, "frame_idx": []}, {"id": "1", "frame_idx": []}],
            "question '1' is listed twice",
        ),
        ({"q1": 3}, "question 'q1': expected a list of frame indices, got 3"),
    ],
)
def test_files_of_no_known_shape(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(UserError) as caught:
        load_sampler(f"file:{path}", question_ids=["q1", "q2"])
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_lists_without_ids_need_the_annotation_order(tmp_path: Path) -> None:
    path = write(tmp_path, [[1], [2]])
    with pytest.raises(UserError, match="lists without question ids: they can only be read beside"):
        load_sampler(f"file:{path}")


def test_missing_file_and_missing_question(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read frame selections .*none.json: No such file"):
        load_sampler(f"file:{tmp_path / 'none.json'}")
    with pytest.raises(UserError, match="'q2': not in the file, which has 1 questions"):
        pick(write(tmp_path, {"q1": [1]}), "q2")
    with pytest.raises(UserError, match="sampler 'file' needs 'path': file:PATH"):
        load_sampler("file")


def longvideobench(real_data: Path) -> list[dict[str, Any]]:
    return json.loads((real_data / "annotations" / "longvideobench_val.json").read_text())


@pytest.mark.parametrize(
    ("name", "key", "annotations"),
    [
        ("TSPO_LongVideoBench_frameIdx.json", "id", "longvideobench_val.json"),
        ("TSPO_VideoMME_frameIdx.json", "question_id", "videomme.json"),
        ("AKS_LongVideoBench_64.json", "id", "longvideobench_val.json"),
        ("AKS_LongVideoBench_32.json", "id", "longvideobench_val.json"),
    ],
)
def test_the_published_files(real_data: Path, name: str, key: str, annotations: str) -> None:
    rows = json.loads((real_data / "annotations" / annotations).read_text())
    ids = [str(row[key]) for row in rows]
    path = real_data / "selections" / name
    published = json.loads(path.read_text())
    sampler = load_sampler(f"file:{path}", question_ids=ids)
    for number, question in enumerate(ids):
        raw = published[number]
        raw = raw["frame_idx"] if isinstance(raw, dict) else raw
        selection = sampler.select(Query(question, "v", "?"), candidates(10**6), 64)
        assert selection.indices.tolist() == [int(x) for x in raw]
        assert selection.num_filled == 0


def test_evidence_recall_of_the_published_picks(real_data: Path) -> None:
    """The figures of real/README.md: the files are read right, and uniform is the right uniform."""
    rows = longvideobench(real_data)
    ids = [row["id"] for row in rows]
    folder = real_data / "selections"
    samplers = {
        "TSPO": load_sampler(f"file:{folder / 'TSPO_LongVideoBench_frameIdx.json'}"),
        "AKS": load_sampler(f"file:{folder / 'AKS_LongVideoBench_64.json'}", question_ids=ids),
        "uniform": load_sampler("uniform"),
    }
    recalls: dict[str, list[float]] = {name: [] for name in samplers}
    for row in rows:
        query = Query(row["id"], row["video_id"], "?")
        multiples = samplers["TSPO"].select(query, candidates(10**7), 64).indices
        if len(multiples) < 64:
            continue
        rate = int(np.gcd.reduce(multiples))  # round(frame rate); a second's tolerance in frames
        for name, sampler in samplers.items():
            num_frames = int(row["duration"] * rate) if name == "uniform" else 10**7
            picks = sampler.select(query, candidates(num_frames), 64).indices
            near = np.abs(picks[:, None] - np.array(row["position"])) <= rate
            recalls[name].append(float(near.any(axis=0).mean()))
    assert len(recalls["TSPO"]) == 976
    means = {name: round(float(np.mean(values)), 3) for name, values in recalls.items()}
    assert means == {"TSPO": 0.351, "AKS": 0.353, "uniform": 0.229}
