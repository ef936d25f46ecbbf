"""`select --task`: a whole task's frames as a file that answers later, in any shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tspo_bench
from tests.features.checkpoints import clip as make_clip
from tests.support import make_video
from tspo_bench.errors import UserError
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.samplers import load_sampler
from tspo_bench.selections import SHAPES, read_selections
from tspo_bench.types import Candidates, Query

LENGTHS = {"one.mp4": 95, "two.mp4": 200}


@pytest.fixture
def task(tmp_path: Path, cache: Path) -> Path:
    for name, length in LENGTHS.items():
        make_video(tmp_path / name, length, rate=10)
    rows = [
        {
            "id": f"q{number}",
            "video": ["one.mp4", "two.mp4"][number % 2],
            "question": f"What {number}?",
            "options": ["x", "y"],
            "answer": "A",
        }
        for number in range(4)
    ]
    path = tmp_path / "quiz.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def frames_of(folder: Path, name: str) -> dict[str, list[int]]:
    """What a run with the file shows the model."""
    settings: dict[str, Any] = {"frames": 4, "out": folder / f"run-{name}"}
    result = tspo_bench.evaluate(
        str(folder / "quiz.jsonl"),
        f"file:{folder / name}",
        "tests.evaluation.own:FrameReader",
        **settings,
    )
    assert all(record.status in ("ok", "unparsed") for record in result.cells[0].records)
    return {record.question_id: list(record.frames) for record in result.cells[0].records}


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_what_is_selected_is_what_the_sampler_picks(
    suffix: str, task: Path, tmp_path: Path
) -> None:
    encoder = load_encoder(str(make_clip(tmp_path / "clip")))
    out = tmp_path / f"sel.{suffix}"
    made = tspo_bench.select_task(str(task), out, "clip-topk", 4, encoder=str(tmp_path / "clip"))
    assert made.errors == {}
    assert list(made.selections.picks) == ["q0", "q1", "q2", "q3"]
    assert read_selections(out) == made.selections
    assert made.selections.made_by["sampler"] == "clip-topk"
    assert made.selections.made_by["encoder_id"] == encoder.id
    sampler = load_sampler("clip-topk")
    for key, picked in made.selections.picks.items():
        video = tmp_path / str(picked.video)
        stored = FeatureStore().candidates(video, encoder)
        text = encoder.encode_text([f"What {key[1:]}?"])
        query = Query(key, video.name, "?", text_features=text)
        selection = sampler.select(query, stored, 4)
        assert list(picked.indices) == selection.indices.tolist()
        assert picked.num_frames == LENGTHS[video.name]
        assert selection.scores is not None
        places = [stored.indices.tolist().index(index) for index in picked.indices]
        assert picked.scores == pytest.approx(selection.scores[places].tolist())
        assert picked.seconds == pytest.approx([index / 10 for index in picked.indices])
    assert len({picked.features for picked in made.selections.picks.values()}) == 2
    assert frames_of(tmp_path, out.name) == {
        key: list(picked.indices) for key, picked in made.selections.picks.items()
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_goes_through_every_shape_and_back(shape: str, task: Path, tmp_path: Path) -> None:
    made = tspo_bench.select_task(str(task), tmp_path / "sel.json", "uniform", 4)
    for name in LENGTHS:
        (tmp_path / name).rename(tmp_path / f"gone-{name}")  # shapes are changed without videos
    there = tmp_path / ("there.jsonl" if shape == "videoitg" else "there.json")
    tspo_bench.select_task(str(task), there, f"file:{tmp_path / 'sel.json'}", shape=shape)
    back = tspo_bench.select_task(str(task), tmp_path / "back.parquet", f"file:{there}")
    assert {key: one.indices for key, one in back.selections.picks.items()} == {
        key: one.indices for key, one in made.selections.picks.items()
    }
    again = tspo_bench.select_task(str(task), tmp_path / "a.parquet", f"file:{tmp_path}/sel.json")
    assert read_selections(again.path) == made.selections
    for name in LENGTHS:
        (tmp_path / f"gone-{name}").rename(tmp_path / name)
    assert frames_of(tmp_path, there.name) == {
        key: list(one.indices) for key, one in made.selections.picks.items()
    }


def test_what_fails_costs_its_own_questions(task: Path, tmp_path: Path) -> None:
    (tmp_path / "two.mp4").write_bytes(b"no video")
    made = tspo_bench.select_task(str(task), tmp_path / "sel.json", "uniform", 4)
    assert list(made.selections.picks) == ["q0", "q2"]
    assert list(made.errors) == ["q1", "q3"]
    with pytest.raises(UserError, match="2 of 4 questions have none, the first is 'q1'"):
        tspo_bench.select_task(str(task), tmp_path / "t.json", "uniform", 4, shape="tspo")
    kept = read_selections(tmp_path / "t.json.ours.json")
    assert kept.picks == made.selections.picks


def test_a_broken_file_is_told_of_by_entry(task: Path, tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps({"q0": [0, 2.5], "q1": [3, 3], "q2": [-1], "x": [0]}))
    made = tspo_bench.select_task(str(task), tmp_path / "out.json", f"file:{path}")
    assert [reason.partition(": ")[2] for reason in made.errors.values()] == [
        "entry 1 is 2.5, not a whole frame number",
        "entry 1 is 3, as is entry 0",
        "entry 0 is -1, but the video has frames from 0 on",
        "not in the file",
    ]


def test_a_selection_of_another_video_is_refused(task: Path, tmp_path: Path) -> None:
    tspo_bench.select_task(str(task), tmp_path / "sel.json", "uniform", 4)
    sampler = load_sampler(f"file:{tmp_path / 'sel.json'}")
    import numpy as np

    shown = Candidates(np.arange(0, 95, 10), np.arange(10.0), 95, 10.0)
    with pytest.raises(UserError, match=r"'q0': made for video one.mp4, not other.mp4"):
        sampler.select(Query("q0", "other.mp4", "?"), shown, 4)
    longer = Candidates(shown.indices, shown.seconds, 96, 10.0)
    with pytest.raises(UserError, match="made for a video of 95 frames, but this one has 96"):
        sampler.select(Query("q0", "one.mp4", "?"), longer, 4)


def test_what_cannot_be_written_is_refused_first(task: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sel.txt: give a name that ends in .json or .parquet"):
        tspo_bench.select_task(str(task), tmp_path / "sel.txt", "uniform")
    with pytest.raises(UserError, match="no such folder"):
        tspo_bench.select_task(str(task), tmp_path / "no" / "sel.json", "uniform")


def test_nothing_is_not_written_over_something(task: Path, tmp_path: Path) -> None:
    made = tspo_bench.select_task(str(task), tmp_path / "sel.json", "uniform", 4)
    before = made.path.read_bytes()
    for name in LENGTHS:
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match=r"no question has a selection, so .*sel.json is not wri"):
        tspo_bench.select_task(str(task), tmp_path / "sel.json", "uniform", 4)
    assert made.path.read_bytes() == before
    with pytest.raises(UserError, match="sampler 'blind' selects no frames that a file could hold"):
        tspo_bench.select_task(str(task), tmp_path / "sel.json", "blind", 4)
