"""`recall`: evidence recall without an MLLM, and without videos where that can be."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import tspo_bench
from tests.features.checkpoints import clip as make_clip
from tests.selecting.support import only
from tests.support import make_video
from tspo_bench.errors import UserError
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.selecting.recall_table import recall_table
from tspo_bench.tasks import load_task

FPS = 10


def row(
    number: int, video: str, moments: list[float], seconds: float, kind: str = "a"
) -> dict[str, Any]:
    return {
        "id": f"q{number}",
        "video": video,
        "question": f"What {number}?",
        "options": ["x", "y"],
        "answer": "A",
        "duration": seconds,
        "evidence": [[moment, moment] for moment in moments],
        "groups": {"kind": kind},
    }


ROWS = [
    row(0, "one.mp4", [2.0, 9.0], 12.0),
    row(1, "one.mp4", [5.5], 12.0, "b"),
    row(2, "two.mp4", [4.0, 30.0], 20.0),  # its second moment lies behind the end
    row(3, "two.mp4", [99.0], 20.0, "b"),
    row(4, "small.mp4", [1.0], 3.0),
]
LENGTHS = {"one.mp4": 120, "two.mp4": 200, "small.mp4": 30}


@pytest.fixture
def questions(tmp_path: Path, cache: Path) -> Path:
    path = tmp_path / "quiz.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in ROWS))
    return path


@pytest.fixture
def films(questions: Path) -> Path:
    """The questions' videos beside them."""
    for name, length in LENGTHS.items():
        make_video(questions.parent / name, length, rate=FPS)
    return questions


def selection(folder: Path, **frames: list[float]) -> str:
    path = folder / "sel.json"
    path.write_text(json.dumps(frames))
    return f"file:{path}"


PICKS = {
    "q0": [20.0, 60.0],  # at 10 fps: 2 s finds the first moment
    "q1": [70.0],  # 1.5 s behind the moment
    "q2": [40.0, 150.0],
    "q3": [0.0],
    "q4": [0.0, 10.0, 20.0],
}


def test_recall_by_hand(questions: Path, tmp_path: Path) -> None:
    """No video is there: its length is the annotation's, its rate the numbers' divisor."""
    sampler = selection(tmp_path, **PICKS)
    found = tspo_bench.recall(str(questions), [sampler, "uniform"], 4, tolerance=(1, 2))
    assert found.errors == ()
    own = only(found.rows, sampler="file:sel.json", tolerance=1)
    assert own.evidence_recall == pytest.approx((1 / 2 + 0 + 1 + 1) / 4)  # q3 has nothing to find
    assert own.evidence_recall_pooled == pytest.approx(3 / 5)
    assert (own.n, own.num_videos, own.num_moments, own.num_beyond_end) == (4, 3, 5, 2)
    assert only(found.rows, sampler="file:sel.json", tolerance=2).evidence_recall == 0.875
    assert own.groups["kind"]["b"].n == 1
    assert own.groups["kind"]["b"].evidence_recall == 0.0
    assert own.groups["kind"]["a"].evidence_recall == pytest.approx(2.5 / 3)
    assert own.mean_frames == pytest.approx(9 / 5)
    assert own.frames_processed == {"decoded": 0, "encoded": 0}
    assert own.share_inside == pytest.approx(np.mean([0.5, 0, 0.5, 0, 1]))
    # q0: 0, 2, 6, 12; q1: 0, 7, 12; q2: 0, 4, 15, 20; q3: 0, 20; q4: 0, 1, 2, 3
    assert own.largest_gap_seconds == pytest.approx(np.mean([6, 7, 11, 20, 1]))


def test_subsets_are_of_videos_by_their_candidates(questions: Path, tmp_path: Path) -> None:
    found = tspo_bench.recall(str(questions), [selection(tmp_path, **PICKS), "uniform"], [3, 4])
    rows = [one for one in found.rows if one.sampler == "uniform"]
    assert only(tuple(rows), "more_than_k", frames=4).n == 3
    assert only(tuple(rows), "k_or_fewer", frames=4).n == 1  # three candidates, 30 frames
    assert only(tuple(rows), "k_or_fewer", frames=3).n == 1
    assert not [one for one in rows if one.frames == 20]


def test_the_difference_to_the_baseline(questions: Path, tmp_path: Path) -> None:
    sampler = selection(tmp_path, **PICKS)
    found = tspo_bench.recall(str(questions), ["uniform", sampler], 4)
    own, uniform = (only(found.rows, sampler=name) for name in ("file:sel.json", "uniform"))
    assert uniform.paired is None
    assert own.paired is not None
    assert own.evidence_recall is not None
    assert uniform.evidence_recall is not None
    assert own.paired.difference == pytest.approx(own.evidence_recall - uniform.evidence_recall)
    assert own.paired.n == 4
    low, high = own.paired.ci95 or (0, 0)
    assert low < own.paired.difference < high
    turned = tspo_bench.recall(str(questions), ["uniform", sampler], 4, baseline="file:sel.json")
    assert only(turned.rows, sampler="uniform").paired is not None


def test_with_the_videos_there_they_are_asked(films: Path, tmp_path: Path) -> None:
    """two.mp4 turns out to have 200 frames; a pick behind its end is an error, not clamped."""
    sampler = selection(tmp_path, **{**PICKS, "q2": [40.0, 200.0]})
    found = tspo_bench.recall(str(films), [sampler, "uniform"], 4)
    assert found.errors == (
        f"frame selections {tmp_path / 'sel.json'}, question 'q2': entry 1 is 200.0, but the video "
        "has frames 0 to 199",
    )
    own = only(found.rows, sampler="file:sel.json")
    assert (own.num_failed, own.n) == (1, 3)
    assert only(found.rows, sampler="uniform").num_failed == 0


def test_without_videos_a_pick_far_behind_the_end_is_an_error(
    questions: Path, tmp_path: Path
) -> None:
    sampler = selection(tmp_path, **{**PICKS, "q2": [40.0, 990.0]})
    found = tspo_bench.recall(str(questions), sampler, 4)
    (error,) = found.errors
    assert "question 'q2': entry 1 is 990.0, but the video has frames 0 to" in error


def test_the_rate_may_be_given(questions: Path) -> None:
    """Uniform alone has nothing to tell the rate by."""
    with pytest.raises(UserError) as caught:
        tspo_bench.recall(str(questions), "uniform", 4)
    assert str(caught.value) == (
        "task 'quiz': none of 3 videos found, and their frame rate is unknown; give --fps, a "
        "selection file (--sampler file:PATH), or the videos (--data-root)"
    )
    found = tspo_bench.recall(str(questions), "uniform,random,oracle", 4, fps=FPS)
    # one.mp4: int(linspace(0, 119, 4)) = 0, 39, 79, 119, that is 0, 3.9, 7.9 and 11.9 s
    assert only(found.rows, sampler="uniform").groups["kind"]["b"].evidence_recall == 0.0
    assert only(found.rows, sampler="oracle").evidence_recall == 1.0


def test_a_search_needs_the_videos(questions: Path, tmp_path: Path) -> None:
    found = tspo_bench.recall(str(questions), ["uniform", "clip-topk"], 4, fps=FPS)
    assert only(found.rows, sampler="clip-topk").num_failed == 5
    assert only(found.rows, sampler="clip-topk").evidence_recall is None
    assert "one.mp4 not found" in found.errors[0]


def test_redundancy_and_cost(films: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip")
    found = tspo_bench.recall(str(films), ["uniform", "clip-topk"], 3, encoder=str(clip), limit=1)
    (one,) = {one.question.id for one in found.selections}
    video = next(entry["video"] for entry in ROWS if entry["id"] == one)
    encoder, store = load_encoder(str(clip)), FeatureStore()
    stored = store.candidates(films.parent / video, encoder)
    assert stored.features is not None
    task = load_task(str(films))
    question = next(q for q in task.questions() if q.id == one)
    text = encoder.encode_text([task.query_text(question)])[0]
    unit = stored.features / np.linalg.norm(stored.features, axis=1, keepdims=True)
    best = np.sort(np.argsort(-(unit @ text), kind="stable")[:3])
    expected = np.mean([unit[a] @ unit[b] for a, b in itertools.pairwise(best)])
    own = only(found.rows, sampler="clip-topk")
    assert own.redundancy == pytest.approx(expected, abs=1e-5)
    assert own.frames_processed == {"decoded": len(stored), "encoded": len(stored)}
    assert only(found.rows, sampler="uniform").frames_processed == {"decoded": 0, "encoded": 0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fps": 0.0}, "--fps must be > 0"),
        ({"fps": 10.0, "tolerance": -1.0}, "--tolerance must be >= 0 seconds"),
        ({"fps": 10.0, "frames": 0}, "--frames must be >= 1"),
        ({"fps": 10.0, "sampler": "nobody"}, "nobody"),
    ],
)
def test_settings_that_cannot_be_used(
    settings: dict[str, Any], message: str, questions: Path
) -> None:
    with pytest.raises(UserError, match=message):
        tspo_bench.recall(str(questions), **settings)


def test_a_task_without_evidence(tmp_path: Path) -> None:
    path = tmp_path / "quiz.jsonl"
    path.write_text(json.dumps({**ROWS[0], "evidence": []}) + "\n")
    with pytest.raises(UserError, match="none of its 1 questions has annotated evidence"):
        tspo_bench.recall(str(path), "uniform", fps=FPS)


def test_the_published_selections(real_data: Path) -> None:
    """The figures at the videos' true rates, beside a naive computation.

    The data's own description takes each question's stride for its rate, which is 30 for 29.97.
    """
    annotations = real_data / "annotations" / "longvideobench_val.json"
    names = {
        "TSPO": "TSPO_LongVideoBench_frameIdx.json",
        "AKS": "AKS_LongVideoBench_64.json",
    }
    files = {name: f"file:{real_data / 'selections' / file}" for name, file in names.items()}
    found = tspo_bench.recall(
        "longvideobench", [*files.values(), "uniform"], 64, annotations=annotations
    )
    assert found.errors == ()
    naive = _naive(real_data, names)
    for name, label in [*((n, f"file:{f}") for n, f in names.items()), ("uniform", "uniform")]:
        own = only(found.rows, "more_than_k", sampler=label)
        assert (own.n, own.num_moments, own.num_beyond_end) == (976, 1804, 5)
        assert own.evidence_recall == pytest.approx(naive[name][0])
        assert own.evidence_recall_pooled == pytest.approx(naive[name][1])
        counted = {"TSPO": (0.3505, 0.3237), "AKS": (0.3529, 0.3176), "uniform": (0.2116, 0.2212)}
        assert own.evidence_recall == pytest.approx(counted[name][0], abs=0.0001)
        assert own.evidence_recall_pooled == pytest.approx(counted[name][1], abs=0.0001)


def _naive(real_data: Path, names: dict[str, str]) -> dict[str, tuple[float, float]]:
    rows = json.loads((real_data / "annotations" / "longvideobench_val.json").read_text())
    picks = {}
    for name, file in names.items():
        listed = json.loads((real_data / "selections" / file).read_text())
        picks[name] = [one["frame_idx"] if isinstance(one, dict) else one for one in listed]
    means: dict[str, list[float]] = {name: [] for name in [*names, "uniform"]}
    hits: dict[str, list[bool]] = {name: [] for name in [*names, "uniform"]}
    for place, annotation in enumerate(rows):
        tspo = [int(frame) for frame in picks["TSPO"][place]]
        if len(tspo) < 64:
            continue
        strides = int(np.gcd.reduce(picks["AKS"][place])), int(np.gcd.reduce(tspo))
        # AKS cuts the rate, TSPO rounds it: this is how 29.97 and 23.976 look.
        fps = {(29, 30): 30000 / 1001, (23, 24): 24000 / 1001}.get(strides, strides[1])
        frames = int(annotation["duration"] * fps)
        inside = [m for m in annotation["position"] if m / fps <= annotation["duration"]]
        shown = {name: picks[name][place] for name in names}
        shown["uniform"] = np.linspace(0, frames - 1, 64).astype(int).tolist()
        for name, some in shown.items():
            found = [any(abs(frame - moment) <= fps for frame in some) for moment in inside]
            means[name].append(float(np.mean(found)))
            hits[name] += found
    return {name: (float(np.mean(means[name])), float(np.mean(hits[name]))) for name in means}


def test_our_own_file_needs_no_video(films: Path, tmp_path: Path) -> None:
    """Its frames count the video's own, whatever the annotated length makes of it."""
    made = tspo_bench.select_task(str(films), tmp_path / "own.json", "random", 4)
    with_videos = tspo_bench.recall(str(films), f"file:{made.path}", 4)
    for name in LENGTHS:
        (films.parent / name).unlink()
    without = tspo_bench.recall(str(films), f"file:{made.path}", 4)
    assert without.errors == ()
    first, second = only(with_videos.rows), only(without.rows)
    assert second.evidence_recall == first.evidence_recall
    assert (first.num_not_opened, second.num_not_opened) == (0, 5)
    assert second.num_guessed_rates == 0  # the file says the rates


def test_a_rate_that_nobody_tells_is_an_error_of_its_own(questions: Path, tmp_path: Path) -> None:
    sampler = selection(tmp_path, **{**PICKS, "q4": [1.0, 2.0]})  # no divisor that is a rate
    found = tspo_bench.recall(str(questions), [sampler, "uniform"], 4)
    assert set(found.errors) == {
        "question 'q4': video small.mp4 is not opened, and its frame rate is unknown; give "
        "--fps, or give the videos (--data-root)"
    }


def test_a_length_that_nobody_tells_is_an_error_of_its_own(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "quiz.jsonl"
    without = {key: value for key, value in ROWS[1].items() if key != "duration"}
    path.write_text("".join(json.dumps(one) + "\n" for one in (ROWS[0], without)))
    found = tspo_bench.recall(str(path), "uniform", 4, fps=FPS)
    (error,) = found.errors
    assert "question 'q1': video one.mp4 is not opened, and its length is unknown" in error
    assert only(found.rows).n == 1


def test_short_lists_and_tuned_samplers_are_told(films: Path, tmp_path: Path) -> None:
    samplers = [selection(tmp_path, **PICKS), "uniform", "aks-videomme"]
    clip = make_clip(tmp_path / "clip")
    found = tspo_bench.recall(str(films), samplers, 3, encoder=str(clip))
    assert only(found.rows, sampler="file:sel.json").num_short == 4
    assert only(found.rows, sampler="uniform").num_short == 0
    assert only(found.rows, sampler="aks-videomme").tuned_for == "videomme"
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(recall_table(found.rows))
    said = console.export_text()
    assert "aks-videomme*" in said
    assert "* tuned for videomme (aks-videomme)" in said
    assert "fewer frames than K, though there were more: file:sel.json K=3: 4" in said


def test_blind_and_an_unknown_baseline_are_refused(questions: Path) -> None:
    with pytest.raises(UserError, match="sampler 'blind' selects no frames"):
        tspo_bench.recall(str(questions), "uniform,blind", fps=FPS)
    with pytest.raises(UserError, match="--baseline 'unifrom' is not one of the samplers: random"):
        tspo_bench.recall(str(questions), "random", fps=FPS, baseline="unifrom")


def test_a_setting_of_the_mllm_has_no_meaning(questions: Path) -> None:
    with pytest.raises(UserError, match=r"unknown setting 'subtitles'; .*known: encoder, agent"):
        tspo_bench.recall(str(questions), "uniform", subtitles="full")
