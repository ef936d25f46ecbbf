"""Evidence that entries state: what the annotations tell counts, and the recall follows from it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.entries.support import (
    SLUG,
    Change,
    changed,
    haystack_records,
    settings_of,
    with_record,
    with_settings,
    written,
)
from tests.report.support import record
from tspo_bench.errors import UserError
from tspo_bench.report.entries.entry import open_entry
from tspo_bench.report.entries.packing import pack
from tspo_bench.results import read_run
from tspo_bench.tasks import digest_of, load_task
from tspo_bench.types import Record

RATE = 30000 / 1001


@pytest.mark.parametrize(
    ("number", "lie", "text"),
    [
        (0, {"evidence_recall": 1.0}, "evidence recall 1.0, computed again 0.0"),
        (0, {"evidence_recall": None}, "evidence recall none, computed again 0.0"),
        (0, {"evidence": [[0, 1]], "evidence_recall": 1.0}, "evidence [[0.0, 1.0]], in the task"),
        (0, {"evidence": [], "evidence_recall": None}, "evidence [], in the task [["),
        (0, {"duration_seconds": 0.5, "evidence_recall": None}, "duration seconds 0.5, in the"),
        (0, {"duration_seconds": None}, "duration seconds none, in the task 60.0"),
        (7, {"evidence_recall": 1.0}, "evidence recall 1.0, computed again none"),  # it failed
        (7, {"evidence": [[0, 1]]}, "evidence [[0.0, 1.0]], in the task []"),
    ],
)
def test_liars(honest: Path, tmp_path: Path, number: int, lie: dict[str, Any], text: str) -> None:
    records = haystack_records()
    assert records[0].evidence_recall == 0.0
    with open_entry(changed(honest, tmp_path / "e.zip", with_record(number, **lie))) as entry:
        (one,) = entry.differences
        assert one.text.startswith(f"{records[number].question_id}: ")
        assert text in one.text
        (cell,) = read_run(entry.folder)
        assert list(cell.records) == records
        claimed, found = entry.checked[0].claimed, entry.checked[0].cell.records
        assert claimed.accuracy is not None
        assert list(found) == records


def test_what_only_rounding_or_a_cut_tells_apart_is_no_lie(honest: Path, tmp_path: Path) -> None:
    stored = haystack_records()[0]
    spans = [[start + 1e-6, end - 1e-6] for start, end in stored.evidence]
    for change in (with_record(0, evidence=spans), with_record(0, duration_seconds=59.2)):
        with open_entry(changed(honest, tmp_path / "e.zip", change)) as entry:
            assert entry.differences == ()


def test_more_times_than_frames(honest: Path, tmp_path: Path) -> None:
    """As many times as seconds would hit all evidence, at any K."""
    lied = changed(honest, tmp_path / "e.zip", with_record(0, timestamps=list(range(60))))
    with (
        pytest.raises(UserError, match="was asked with 2 frames, of 60 times"),
        open_entry(lied),
    ):
        pass


def test_evidence_that_is_a_bomb(honest: Path, tmp_path: Path) -> None:
    many = list(range(4000))
    spans = [[second, second] for second in many]
    bomb = with_record(0, frames=many, timestamps=many, evidence=spans)

    def change(files: dict[str, bytes]) -> None:
        bomb(files)
        with_settings(frames=4000)(files)

    with (
        pytest.raises(UserError, match="4000 frames, and has 4000 spans of evidence"),
        open_entry(changed(honest, tmp_path / "e.zip", change)),
    ):
        pass


@pytest.mark.parametrize(("said", "found"), [(0.0, 0.0), (1.0, 0.0)])
def test_a_sampler_that_saw_no_video(tmp_path: Path, said: float, found: float) -> None:
    """The record of a blind answer has neither evidence nor length, and hits nothing."""
    unseen: dict[str, Any] = {"frames": (), "timestamps": (), "evidence": ()}
    blind = [
        dataclasses.replace(one, **unseen, duration_seconds=None,
                            evidence_recall=None if one.failed else said)
        for one in haystack_records()
    ]  # fmt: skip
    pack(written(tmp_path / "run", blind, settings_of()), tmp_path / "e.zip")
    with open_entry(tmp_path / "e.zip") as entry:
        assert len(entry.differences) == (0 if said == found else len(blind) - 1)
        assert {one.evidence_recall for one in entry.checked[0].cell.records} == {found, None}


@pytest.fixture
def moments(tmp_path: Path) -> tuple[Path, Path]:
    """A benchmark that tells evidence in frame numbers; its annotations, and an honest entry."""
    data = tmp_path / "lvb"
    data.mkdir()
    asked = [
        {"id": f"q{number}", "video_path": "one.mp4", "question": "What?", "duration": 100.0,
         "candidates": ["x", "y"], "correct_choice": 0, "position": moments,
         "duration_group": 600, "question_category": "T2E", "level": "L1-Perception",
         "topic_category": "c", "starting_timestamp_for_subtitles": 0,
         "subtitle_path": "s.json"}
        for number, moments in enumerate([[600, 1500], [2400], [30]])
    ]  # fmt: skip
    (data / "lvb_val.json").write_text(json.dumps(asked))
    task = load_task("longvideobench", data_root=data)
    recalls = (0.5, 0.0, 0.0)
    records = [
        record(0, question_id=one.id, video=one.video, reply="A", groups=dict(one.groups),
               frames=(610, 2900), timestamps=(round(610 / RATE, 6), round(2900 / RATE, 6)),
               evidence=tuple((round(m.start / RATE, 6),) * 2 for m in one.evidence),
               duration_seconds=100.1, evidence_recall=recall)
        for one, recall in zip(task.questions(), recalls, strict=True)
    ]  # fmt: skip
    settings = settings_of() | {
        "task": task.label,
        "protocol": task.rules.title,
        "protocol_hash": task.rules.digest,
        "num_questions": 3,
        "questions": digest_of(task.questions()),
    }
    run = written(tmp_path / "run", records, settings, tasks=[task.label], data_root=str(data))
    pack(run, tmp_path / "moments.zip")
    return data, tmp_path / "moments.zip"


def test_evidence_in_frames(moments: tuple[Path, Path], tmp_path: Path) -> None:
    data, honest = moments
    with open_entry(honest, data_root=data) as entry:
        assert (entry.differences, entry.problems, entry.unread) == ((), (), ())
        records = entry.checked[0].cell.records
    moved = with_record(0, evidence=[[20.02, 20.02], [96.7, 96.7]], evidence_recall=1.0)
    with open_entry(changed(honest, tmp_path / "e.zip", moved), data_root=data) as entry:
        (one,) = entry.differences
        assert one.read == records[0]
    removed = with_record(2, evidence=[], evidence_recall=None)
    with open_entry(changed(honest, tmp_path / "e.zip", removed), data_root=data) as entry:
        (one,) = entry.differences
        assert one.read == records[2]


def test_another_length(moments: tuple[Path, Path], tmp_path: Path) -> None:
    """A shorter one leaves no evidence out; of a longer one all that is annotated is counted."""
    data, honest = moments
    for said, shown in ((30.0, 0.5), (300.0, 0.5), (1.0, 0.5)):
        lied = with_record(0, duration_seconds=said)
        with open_entry(changed(honest, tmp_path / "e.zip", lied), data_root=data) as entry:
            (one,) = entry.differences
            assert f"duration seconds {said}, in the task 100.0" in one.text
            assert one.read.evidence_recall == shown


def test_all_evidence_by_another_rate(moments: tuple[Path, Path], tmp_path: Path) -> None:
    """Of one question alone, too, evidence lies where the frames' own times have it."""
    data, honest = moments
    with open_entry(honest, data_root=data) as entry:
        records = list(entry.checked[0].cell.records)

    def faster(files: dict[str, bytes]) -> None:
        for number, one in enumerate(records):
            spans = [[start * 1.2, end * 1.2] for start, end in one.evidence]
            with_record(number, evidence=spans, evidence_recall=1.0)(files)

    with open_entry(changed(honest, tmp_path / "e.zip", faster), data_root=data) as entry:
        assert [one.read.evidence_recall for one in entry.differences] == [0.5, 0.0, 0.0]
        for one, true in zip(entry.differences, records, strict=True):
            for (start, _), (wanted, _) in zip(one.read.evidence, true.evidence, strict=True):
                assert start == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (with_record(0, evidence_recall=1.0), 0.5),
        (with_record(0, frames=[], timestamps=[], duration_seconds=None, evidence_recall=1.0), 0.0),
    ],
)
def test_recall_follows_from_the_entrys_own_evidence(
    moments: tuple[Path, Path], tmp_path: Path, change: Change, found: float
) -> None:
    """Where nobody has the annotations, what the record says of itself must hold together."""
    _, honest = moments
    with open_entry(honest) as entry:
        assert entry.differences == ()
    with open_entry(changed(honest, tmp_path / "e.zip", change)) as entry:
        (one,) = entry.differences
        assert f"evidence recall 1.0, computed again {found}" in one.text


def test_an_entry_without_evidence_says_none(own_run: Path, tmp_path: Path) -> None:
    """A task without evidence has no recall, whatever its entry says."""
    spec = tmp_path / "secretfolder" / "films.jsonl"
    lines = [json.loads(line) for line in spec.read_text().splitlines()]
    bare = [{key: value for key, value in one.items() if key != "evidence"} for one in lines]
    spec.write_text("\n".join(map(json.dumps, bare)))
    pack(own_run, tmp_path / "e.zip")
    with open_entry(tmp_path / "e.zip", task=str(spec)) as entry:
        reads: list[Record] = [one.read for one in entry.differences]
        assert [(one.question_id, one.evidence, one.evidence_recall) for one in reads] == [
            ("pan", (), None),
            ("hat", (), None),
        ]
        assert f"{SLUG}: its questions are not those" in entry.problems[0]
