"""Candidates' scores on the way to disk and back, and beside records without them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.results.test_run import SETTINGS, record
from tspo_bench.errors import UserError
from tspo_bench.results import (
    CandidateScores,
    RunDirectory,
    read_run,
    read_scores,
    scores_to_line,
)


def scores(question_id: str, *values: float) -> CandidateScores:
    made = CandidateScores.of(question_id, np.array(values or (0.1, 0.9, 0.5)), 1.001)
    assert made is not None
    return made


def append(run: Path, *question_ids: str) -> None:
    with RunDirectory(run).open_cell("cell", SETTINGS) as cell:
        for question_id in question_ids:
            cell.append(record(question_id), scores(question_id))


def both(run: Path) -> tuple[list[str], list[str]]:
    """The ids of the records, and of the scores."""
    (cell,) = read_run(run)
    return [r.question_id for r in cell.records], list(read_scores(cell.folder / "scores.jsonl"))


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=50).filter(
        lambda values: not all(map(math.isnan, values))
    )
)
def test_scores_come_back_to_half_a_level(values: list[float]) -> None:
    line = scores_to_line(scores("q", *values))
    assert "\n" not in line
    content = json.loads(line)
    assert content["low"] == min(v for v in values if not math.isnan(v))
    assert content["high"] == max(v for v in values if not math.isnan(v))
    step = (content["high"] - content["low"]) / 254
    back = scores("q", *values).values
    for before, after in zip(values, back, strict=True):
        assert math.isnan(after) == math.isnan(before)
        assert math.isnan(before) or abs(after - before) <= 0.51 * step + 1e-9


def test_the_narrowest_range_has_all_levels() -> None:
    assert scores("q", 0.0, 5e-324).levels.tolist() == [0, 254]
    assert scores("q", 0.3, 0.3).levels.tolist() == [0, 0]


def test_without_any_score_there_is_nothing_to_write() -> None:
    assert CandidateScores.of("q", np.full(3, np.nan), 1.0) is None
    assert CandidateScores.of("q", np.empty(0), 1.0) is None


def test_they_are_written_with_their_records(tmp_path: Path) -> None:
    append(tmp_path, "q1", "q2")
    found = read_scores(tmp_path / "cell" / "scores.jsonl")
    np.testing.assert_array_equal(found["q2"].levels, [0, 254, 127])
    assert (found["q2"].low, found["q2"].high, found["q2"].seconds_per_candidate) == (
        *(0.1, 0.9),
        1.001,
    )


def test_a_cell_without_scores_has_no_file(tmp_path: Path) -> None:
    with RunDirectory(tmp_path).open_cell("cell", SETTINGS) as cell:
        cell.append(record("q1"))
    assert not (tmp_path / "cell" / "scores.jsonl").exists()
    assert read_scores(tmp_path / "cell" / "scores.jsonl") == {}


@pytest.mark.parametrize("cut", ["records.jsonl", "scores.jsonl"])
def test_a_kill_in_the_middle_of_either_file(cut: str, tmp_path: Path) -> None:
    """Whichever line was cut, going on leaves every question with a record and whole lines."""
    append(tmp_path, "q1", "q2")
    path = tmp_path / "cell" / cut
    path.write_bytes(path.read_bytes()[:-9])
    records, scored = both(tmp_path)
    assert (records, scored) == (
        (["q1"], ["q1", "q2"]) if cut == "records.jsonl" else (["q1", "q2"], ["q1"])
    )
    with RunDirectory(tmp_path).open_cell("cell", SETTINGS) as cell:
        missing = {"q1", "q2", "q3"} - set(cell.done)
        for question_id in sorted(missing):
            cell.append(record(question_id), scores(question_id))
    records, scored = both(tmp_path)
    assert records == ["q1", "q2", "q3"]
    assert scored == (["q1", "q2", "q3"] if cut == "records.jsonl" else ["q1", "q3"])


def test_fresh_removes_them(tmp_path: Path) -> None:
    append(tmp_path, "q1")
    with RunDirectory(tmp_path).open_cell("cell", SETTINGS, fresh=True) as cell:
        assert both(tmp_path) == ([], [])
        cell.append(record("q2"))
    assert both(tmp_path) == (["q2"], [])


@pytest.mark.parametrize(
    "line",
    ["{}", "[1]", "no JSON", '{"question_id": "q", "levels": "?"}', "\udcff", "[" * 10**5],
)
def test_a_broken_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    good = scores_to_line(scores("q1")).encode()
    path.write_bytes(good + b"\n" + line.encode("utf-8", "surrogateescape") + b"\n" + good + b"\n")
    with pytest.raises(UserError, match=r"line 2: .*remove the line"):
        read_scores(path)
