"""Samplers that look as they go: scores on demand, and the video's own pixels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from tests.evaluation.conftest import LENGTHS
from tests.evaluation.support import RATE, by_label, question, run, write_rows
from tests.evaluation.test_work_done import NUM_CANDIDATES
from tests.support import make_video
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.samplers.scores import cosine
from tspo_bench.selecting import select_frames

PEEKING, BRIGHTEST = "tests.evaluation.own:Peeking", "tests.evaluation.own:Brightest"
NUM_PEEKED = {name: -(-number // 3) for name, number in NUM_CANDIDATES.items()}


def test_scores_on_demand_encode_what_is_asked_for_once(
    questions: Path, clip: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    settings = {"samplers": (PEEKING,), "frames": (1, 2), "encoder": str(clip)}
    result = run(questions, tmp_path / "run", **settings)
    assert not result.num_failed
    assert decoding["encoded"] == sum(NUM_PEEKED.values())
    assert not [key for key in decoding if key.startswith("scan")]
    for record in result.cells[0].records:
        number = NUM_PEEKED[Path(record.video).name]
        assert record.frames_processed == {"decoded": number, "encoded": number}


def test_scores_on_demand_are_those_of_a_whole_scan(
    questions: Path, clip: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    lazy = run(questions, tmp_path / "lazy", samplers=(PEEKING,), encoder=str(clip))
    encoder, store = load_encoder(str(clip)), FeatureStore()
    for record in lazy.cells[0].records:
        text = encoder.encode_text([_text(questions, record.question_id)])
        features = store.candidates(Path(record.video), encoder).features
        assert features is not None
        assert np.allclose(record.notes["scores"], cosine(features[::3], text), atol=1e-5)
    decoding.clear()
    stored = run(questions, tmp_path / "stored", samplers=(PEEKING,), encoder=str(clip))
    assert decoding["encoded"] == 0  # the store has them now
    pairs = zip(lazy.cells[0].records, stored.cells[0].records, strict=True)
    assert all(one.frames_processed == other.frames_processed for one, other in pairs)


def _text(questions: Path, question_id: str) -> str:
    from tspo_bench.tasks import load_task

    task = load_task(str(questions))
    (found,) = [one for one in task.questions() if one.id == question_id]
    return task.query_text(found)


def test_pixels_are_decoded_once_for_all_questions_and_budgets(
    questions: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    result = run(questions, tmp_path / "run", samplers=(BRIGHTEST, "uniform"), frames=(1, 3))
    assert not result.num_failed
    assert {key: n for key, n in decoding.items() if key.startswith("scan")} == {
        f"scan {name}": 1 for name in LENGTHS
    }
    for record in by_label(result)[BRIGHTEST].values():
        number = -(-LENGTHS[Path(record.video).name] // (RATE // 2))
        assert record.frames_processed == {"decoded": number, "encoded": 0}
    for record in by_label(result)["uniform"].values():
        assert record.frames_processed == {"decoded": 0, "encoded": 0}


def test_features_cost_all_candidates(questions: Path, clip: Path, tmp_path: Path) -> None:
    for _ in range(2):  # with and without a store
        result = run(questions, tmp_path / "run", samplers=("aks",), encoder=str(clip), fresh=True)
        for record in result.cells[0].records:
            number = NUM_CANDIDATES[Path(record.video).name]
            assert record.frames_processed == {"decoded": number, "encoded": number}


def test_a_frame_that_cannot_be_decoded_is_the_videos_fault(
    clip: Path, tmp_path: Path, cache: Path
) -> None:
    broken = make_video(tmp_path / "broken.mp4", 100, rate=RATE)
    content = bytearray(broken.read_bytes())
    start = content.find(b"mdat") + 4
    middle = start + (len(content) - start) // 2
    content[middle : middle + 400] = bytes(400)
    broken.write_bytes(bytes(content))
    rows = write_rows(tmp_path / "quiz.jsonl", [question(0, str(broken), 100)])
    result = run(rows, tmp_path / "run", samplers=(f"{PEEKING}[step=1]",), encoder=str(clip))
    (record,) = result.cells[0].records
    assert record.status == "decode_error"
    assert "cannot be decoded" in str(record.error)


def test_one_video_from_python(films: Path, clip: Path, cache: Path) -> None:
    video = next(films.glob("long*"))
    picked = select_frames(video, "What?", PEEKING, 2, encoder=str(clip))
    assert len(picked) == 2
    assert len(select_frames(video, "", BRIGHTEST, 3)) == 3
