"""Runs from anywhere: what a run.json and a cell's records may hold, and what is rejected."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tspo_bench.errors import UserError
from tspo_bench.results import Cell, read_cells, read_run, record_to_line
from tspo_bench.results.reading import FORMAT
from tspo_bench.types import Record

SETTINGS = {"task": "t", "sampler": "uniform", "model": "m", "frames": 2, "protocol": "strict@1"}


def record(number: int, **changes: Any) -> Record:
    fields = {"question_id": f"q{number}", "video": "v.mp4", "status": "ok", "gold": "A"}
    return Record(**{**fields, **changes})


def write(run: Path, cells: Any, records: list[Record] | None = None, commands: Any = ()) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "commands": list(commands), "cells": cells}
    (run / "run.json").write_text(json.dumps(content))
    if records is not None:
        (run / "cell").mkdir(exist_ok=True)
        lines = "".join(record_to_line(one) + "\n" for one in records)
        (run / "cell" / "records.jsonl").write_text(lines)
    return run


def test_a_cut_last_line_is_left_out_and_reported(tmp_path: Path) -> None:
    run = write(tmp_path / "run", {"cell": SETTINGS}, [record(0), record(1)])
    assert not read_run(run)[0].is_cut
    path = run / "cell" / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    (cell,) = read_run(run)
    assert (len(cell.records), cell.is_cut) == (1, True)


@pytest.mark.parametrize("slug", ["../outside", "/etc", "a/b", "..", "", "a\x1b[31m", "-x"])
def test_a_cell_lies_within_its_run(tmp_path: Path, slug: str) -> None:
    write(tmp_path / "outside", {"cell": SETTINGS}, [record(0)])
    run = write(tmp_path / "run", {slug: SETTINGS})
    with pytest.raises(UserError, match="is not a cell's folder"):
        read_run(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": [2]}, r"frames \[2\]"),
        ({"frames": True}, "frames True"),
        ({"frames": 10**30}, "frames 1000"),
        ({"frames": None}, "frames None"),  # nor a number of visual tokens
        ({"code": ["x"]}, "code .'x'."),
        ({"sampler": None}, "sampler None"),
        ({"seed": "0"}, "seed '0'"),
        ({"scoring": {"average": "best"}}, "scoring"),
        ({"scoring": {"average": "macro", "unparsed": "wrong"}}, "scoring"),
        ({"num_questions": None}, "num_questions None"),
        ({"sampler_settings": []}, r"sampler_settings \[\]"),
        ({"task": {"a": "x" * 10**6}}, "task"),
    ],
)
def test_settings_that_no_run_writes_are_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    run = write(tmp_path / "run", {"cell": {**SETTINGS, **change}}, [record(0)])
    with pytest.raises(UserError, match=f"cell cell has {message}") as caught:
        read_run(run)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("settings", "records", "message"),
    [
        ({"answer": "options"}, [record(0, mode="options"), record(1)], "'generate' in place of"),
        ({"protocol_hash": "0a"}, [record(0, protocol="strict@1#0b")], "strict@1#0b' in place of"),
        ({"num_questions": 1}, [record(0), record(1)], "2 questions, of which the cell asked 1"),
    ],
)
def test_records_of_two_settings_are_rejected(
    tmp_path: Path, settings: dict[str, Any], records: list[Record], message: str
) -> None:
    run = write(tmp_path / "run", {"cell": {**SETTINGS, **settings}}, records)
    with pytest.raises(UserError, match=f"records of two settings: .*{message}"):
        read_run(run)


def test_a_broken_cell_does_not_hide_the_others(tmp_path: Path) -> None:
    run = write(tmp_path / "run", {"cell": SETTINGS, "bad": {}}, [record(0)])
    good, bad = read_cells(run)
    assert isinstance(good, Cell)
    assert isinstance(bad, UserError)
    with pytest.raises(UserError, match="cell bad has task None"):
        read_run(run)


GPU = {"settings": {"device": None}, "environment": {"gpus": ["H100"]}}
NO_GPU = {"settings": {"device": None}, "environment": {"gpus": []}}
ON_CPU = {"settings": {"device": "cpu"}, "environment": {"gpus": ["H100"]}}


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ([GPU], True),
        ([GPU, {**GPU, "settings": {"device": "cuda:1"}}], True),
        ([GPU, NO_GPU], False),
        ([ON_CPU], False),
        ([], False),
        ([{}], False),
        ([{"environment": {"gpus": ["H100"]}}, GPU], True),
    ],
)
def test_a_run_on_cuda_is_one_of_which_every_command_was(
    tmp_path: Path, commands: list[Any], expected: bool
) -> None:
    run = write(tmp_path / "run", {"cell": SETTINGS}, [record(0)], commands)
    assert read_run(run)[0].on_cuda is expected


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("x", "commands.1"),
        ({"settings": None}, "commands.1.settings"),
        ({"settings": {"tasks": [1]}}, "commands.1.settings.tasks.0"),
        ({"settings": {"seeds": 0}}, "commands.1.settings.seeds"),
        ({"settings": {"device": 0}}, "commands.1.settings.device"),
        ({"environment": []}, "commands.1.environment"),
        ({"command": "tspo-bench run"}, "commands.1.command"),
    ],
)
def test_a_command_that_no_run_writes_is_named(tmp_path: Path, command: Any, key: str) -> None:
    run = write(tmp_path / "run", {"cell": SETTINGS}, [record(0)], [GPU, command])
    with pytest.raises(UserError, match=rf"run\.json: {key} must be a"):
        read_run(run)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from([*SETTINGS, "seed", "scoring", "limit", "macro", "x"]), json_values)
def test_any_settings_are_read_or_rejected_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: Any
) -> None:
    run = write(tmp_path_factory.getbasetemp() / "any", {"cell": {**SETTINGS, key: value}}, [])
    (read,) = read_cells(run)
    if isinstance(read, UserError):
        assert "\n" not in str(read)
    else:
        assert SETTINGS.keys() <= read.settings.to_json().keys()
