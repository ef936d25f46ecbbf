"""Accuracy by evidence: the classes, and the slope within questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import REAL
from tspo_bench.cli import app
from tspo_bench.errors import UserError
from tspo_bench.report.by_evidence import by_evidence, within_slope
from tspo_bench.results import Cell, CellSettings
from tspo_bench.tasks.evidence_files import read_evidence
from tspo_bench.types import Record

ANSWERS = REAL / "answers"
needs_real = pytest.mark.skipif(not ANSWERS.is_dir(), reason=f"{ANSWERS} is not there")


def cell(frames: int, rows: Sequence[tuple[str, list[float], bool]]) -> Cell:
    """A cell whose questions need the scenes 10 to 12 s and 50 to 52 s."""
    records = [
        Record(
            question_id=key,
            video=f"v{key}",
            status="ok",
            gold="A",
            letter="A" if correct else "B",
            correct=correct,
            frames=tuple(range(len(times))),
            timestamps=tuple(times),
            evidence=((10.0, 12.0), (50.0, 52.0)),
            groups={"kind": "odd" if int(key) % 2 else "even"},
        )
        for key, times, correct in rows
    ]
    settings = CellSettings(
        task="films", sampler="x", model="m", protocol="strict@2", frames=frames
    )
    return Cell(settings, records, Path(f"run/k{frames}"))


def test_classes_and_groups():
    rows = [
        ("0", [11.0, 50.0], True),
        ("1", [12.0], False),
        ("2", [1.0], False),
        ("3", [11.0, 51.0], False),
        ("4", [], True),  # no times: left out
    ]
    found = by_evidence([cell(2, rows)])
    whole, *groups = found.rows
    assert {one.hit: (one.n, one.accuracy) for one in whole.by_hit} == {
        "all": (2, 0.5),
        "some": (1, 0.0),
        "none": (1, 0.0),
    }
    assert (whole.scene_hit_rate, whole.num_left_out) == (0.625, 1)
    assert {(row.group, row.value, row.by_hit[0].n) for row in groups} == {
        ("kind", "even", 1),
        ("kind", "odd", 1),
    }
    assert not found.worth


def test_lines_of_an_evidence_file_that_do_not_count_are_noted(tmp_path: Path):
    path = tmp_path / "evidence.jsonl"
    lines = [("0", [10, 12]), ("1", [9, 3]), ("2", ["0:75:00", "0:76:00"]), ("9", [1, 2])]
    path.write_text("\n".join(json.dumps({"id": key, "evidence": [s]}) for key, s in lines))
    rows = [(str(n), [11.0], True) for n in range(3)]
    found = by_evidence([cell(1, rows)], read_evidence(path))
    assert (found.rows[0].num_left_out, found.rows[0].by_hit[0].n) == (2, 1)
    notes = [note.removeprefix(f"evidence file {path}") for note in found.notes]
    assert notes == [
        ", evidence.jsonl line 2: the end, 3 s, is before the start, 9 s",
        ", evidence.jsonl line 3: '0:75:00' is not a time in seconds or H:MM:SS",
        ": 1 of its 2 questions are not in the results",
    ]
    with pytest.raises(UserError, match="is for other questions"):
        by_evidence([cell(1, [("5", [1.0], True)])], read_evidence(path))


def test_what_evidence_is_worth_within_questions():
    """Two cells: least squares of the change in answers on the change in evidence."""
    rng = np.random.default_rng(1)
    times = {0: [1.0], 1: [11.0], 2: [11.0, 51.0]}
    hits = rng.integers(0, 3, (400, 2))
    correct = rng.random((400, 2)) < 0.3 + 0.2 * hits
    cells = []
    for column, frames in enumerate((8, 32)):
        pairs = zip(hits[:, column], correct[:, column], strict=True)
        rows = [(str(n), times[hit], bool(right)) for n, (hit, right) in enumerate(pairs)]
        cells.append(cell(frames, rows))
    (worth,) = by_evidence(cells).worth
    x, y = np.diff(hits / 2.0)[:, 0], np.diff(correct.astype(float))[:, 0]
    slope, intercept = np.polyfit(x, y, 1)
    assert worth.slope == pytest.approx(slope)
    assert (worth.n, worth.num_changed) == (400, int((x != 0).sum()))
    left = y - intercept - slope * x
    centred = x - x.mean()
    error = np.sqrt(400 / 399 * ((centred * left) ** 2).sum()) / (centred**2).sum()
    assert worth.ci95 is not None
    assert np.diff(worth.ci95)[0] / 2 / error == pytest.approx(1.966, abs=2e-3)
    assert worth.ci95[0] < 0.4 < worth.ci95[1]


def test_no_slope_without_a_change():
    same = np.ones((5, 2))
    assert within_slope(same, np.eye(5)[:, :2], list("abcde")) == (None, None)


@needs_real
def test_published_answers_by_human_evidence(tmp_path: Path):
    run, real = tmp_path / "run", ["--annotations", REAL / "annotations/longvideobench_val.json"]
    for name, model in (("qwen3", "Qwen3-VL-8B"), ("gpt4o", "GPT-4o")):
        file = ANSWERS / f"toolmerge_lvb_{name}_8.json"
        words = ["import", file, "--task", "longvideobench", *real, "--model", model]
        made = CliRunner().invoke(app, list(map(str, [*words, "-o", run, "--json"])))
        assert made.exit_code == 0, made.output
        accuracy = json.loads(made.stdout)["accuracy"]
        assert round(100 * accuracy, 2) == {"qwen3": 61.78, "gpt4o": 61.33}[name]
    words = ["report", run, "--by-evidence", "--evidence", REAL / "evidence/kfs_lvb_anno.csv"]
    figure = tmp_path / "figure.svg"
    words += ["--format", "json", "--figure", figure]
    shown = CliRunner().invoke(app, list(map(str, words)))
    assert shown.exit_code == 0, shown.output
    rows = json.loads(shown.stdout)["rows"]
    (row,) = [r for r in rows if r["model"] == "Qwen3-VL-8B" and r["group"] is None]
    by_hit = {hit: (one["n"], round(one["accuracy"], 3)) for hit, one in row["by_hit"].items()}
    assert by_hit["all"] == (641, 0.749)
    assert by_hit["none"] == (507, 0.473)
    assert row["num_left_out"] == 46
    assert "none" in figure.read_text()
    rescored = CliRunner().invoke(app, list(map(str, ["rescore", run, *real])))
    assert rescored.exit_code == 0, rescored.output
