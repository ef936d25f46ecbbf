"""Annotation files about numbered videos, runs of them, and what to read from their records."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tspo_bench.evaluation import EvaluationResult, RunSettings, run_grid
from tspo_bench.results import record_to_line
from tspo_bench.types import Question, Record

READER = "tests.evaluation.own:FrameReader"
RATE = 10  # frames a second of the videos


def question(number: int, video: str, num_frames: int) -> dict[str, Any]:
    """A question whose right option names the frame in the middle of its evidence."""
    frame = (37 * number + 25) % (num_frames - 20) + 10
    frames = [(frame + shift * num_frames // 4) % num_frames for shift in range(4)]
    right = number % 4
    options = [f"frame {frames[(i - right) % 4]}" for i in range(4)]
    evidence = [[(frame - 8) / RATE, (frame + 8) / RATE]]
    if number % 3 == 0:
        evidence.append([2.0, 2.0])  # a moment
    if number % 5 == 4:
        evidence = []
    return {
        "id": f"q-{number}",
        "video": video,
        "question": f"which thing {number} shows ?",
        "options": options,
        "answer": "ABCD"[right],
        "evidence": evidence,
        "groups": {"kind": "even" if number % 2 == 0 else "odd"},
    }


def write_questions(path: Path, films: Path, lengths: Mapping[str, int], n: int = 12) -> Path:
    """Write n questions, the videos taking turns, so that one video's do not stand together."""
    names = list(lengths)
    rows = [
        question(i, str(films / names[i % len(names)]), lengths[names[i % len(names)]])
        for i in range(n)
    ]
    return write_rows(path, rows)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(task: Path | str, out: Path, **settings: Any) -> EvaluationResult:
    """Run one task with the frame reader and uniform sampling, unless `settings` differ."""
    plain = {"samplers": ("uniform",), "models": (READER,), "frames": (4,), "batch_size": 3}
    return run_grid(RunSettings(out=out, **{"tasks": (str(task),), **plain, **settings}))


def seen(record: Record) -> tuple[list[int], list[float], list[int], int, float]:
    """What the frame reader says it was shown: numbers, times, size [h, w], and the video's."""
    assert record.reply is not None
    shown, size, num_frames, frame_rate = json.loads(re.sub(r"^[^\[]*", "", record.reply))
    numbers = [int(entry.partition("@")[0]) for entry in shown]
    times = [float(entry.partition("@")[2]) for entry in shown]
    return numbers, times, size, num_frames, frame_rate


def by_label(result: EvaluationResult) -> dict[str, dict[str, Record]]:
    """The records of each sampler's cell, by question id."""
    return {
        cell.settings.sampler: {record.question_id: record for record in cell.records}
        for cell in result.cells
    }


def untimed(records: Any) -> list[str]:
    """Records as lines, in their order, without `timing`."""
    lines = [json.loads(record_to_line(record)) for record in records]
    return [json.dumps({k: v for k, v in line.items() if k != "timing"}) for line in lines]


def untimed_files(run_folder: Path) -> dict[str, list[str]]:
    """The lines of every records.jsonl of a run, by cell, without `timing`."""
    found = {}
    for path in sorted(run_folder.glob("*/records.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            assert row.pop("timing"), "every record is timed"
        found[path.parent.name] = [json.dumps(row) for row in rows]
    return found


def scores_files(run_folder: Path) -> dict[str, str]:
    """Every scores.jsonl of a run, by cell."""
    return {path.parent.name: path.read_text() for path in run_folder.glob("*/scores.jsonl")}


def naive_recall(question: Question, record: Record) -> float | None:
    """The share of spans with a frame inside; a moment is a span of a second to either side."""
    hits = []
    for span in question.evidence:
        margin = 1.0 if span.start == span.end else 0.0
        hit = any(span.start - margin <= t <= span.end + margin for t in record.timestamps)
        hits.append(hit)
    return sum(hits) / len(hits) if hits else None
