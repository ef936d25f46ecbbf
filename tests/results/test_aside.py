"""`--fresh`: the records that were there are kept until the new ones are complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.results.test_run import SETTINGS, record
from tspo_bench.errors import UserError
from tspo_bench.results import RunDirectory, read_run
from tspo_bench.tasks import TaskScores
from tspo_bench.types import Record


def _content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run with one finished cell."""
    run = RunDirectory(tmp_path / "run")
    with run.open_cell("cell", SETTINGS) as cell:
        for name in ("q1", "q2"):
            cell.append(record(name))
        cell.write_task_scores(TaskScores(0.5, {"acc": 50.0}))
        cell.write_summary({"n": 2})
    return run


@pytest.mark.parametrize("error", [UserError, KeyboardInterrupt, RuntimeError])
def test_a_cell_without_a_new_record_is_as_it_was(
    run: RunDirectory, error: type[BaseException]
) -> None:
    folder = run.path / "cell"
    before, settings = _content(folder), read_run(run.path)[0].settings

    def fails() -> None:
        with run.open_cell("cell", SETTINGS, fresh=True) as cell:
            assert cell.done == {}
            assert (folder / "records.jsonl").read_bytes() == b""
            raise error

    with pytest.raises(error):
        fails()
    assert _content(folder) == before
    (cell,) = read_run(run.path)
    assert (cell.settings, len(cell.records)) == (settings, 2)
    with run.open_cell("cell", SETTINGS) as again:
        assert list(again.done) == ["q1", "q2"]


def test_one_that_cannot_be_opened_is_as_it_was(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _content(run.path)

    def full(*_: object) -> None:
        raise UserError("the disk is full")

    monkeypatch.setattr("tspo_bench.results.run._cut_last_line", full)
    with pytest.raises(UserError, match="full"):
        run.open_cell("cell", SETTINGS, fresh=True)
    assert _content(run.path) == before


def test_records_are_kept_until_the_new_ones_are_complete(run: RunDirectory) -> None:
    folder = run.path / "cell"
    before = _content(folder)
    with run.open_cell("cell", SETTINGS, fresh=True) as cell:
        cell.append(record("q1"))
    kept = _content(folder / "previous")
    assert {**kept, "settings.json": b""} == {**before, "settings.json": b""}
    with run.open_cell("cell", SETTINGS, fresh=True) as cell:  # from the start once more
        cell.append(record("q2"))
    assert _content(folder / "previous") == kept
    with run.open_cell("cell", SETTINGS) as cell:  # gone on with
        cell.append(record("q1"))
        cell.write_summary({"n": 2})
    assert not (folder / "previous").exists()
    (read,) = read_run(run.path)
    assert [r.question_id for r in read.records] == ["q2", "q1"]


def test_records_are_kept_where_no_question_was_answered(
    run: RunDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    folder = run.path / "cell"
    records = (folder / "records.jsonl").read_bytes()
    failed = Record(question_id="q1", video="v.mp4", status="model_error", error="gone", gold="A")
    for _ in range(2):
        with run.open_cell("cell", SETTINGS, fresh=True) as cell:
            cell.append(failed)
            cell.write_summary({"n": 1})
        assert (folder / "previous" / "records.jsonl").read_bytes() == records
        assert f"no question of {folder} was answered; the records that were" in caplog.text


def test_a_kill_after_the_copy_loses_nothing(run: RunDirectory) -> None:
    folder = run.path / "cell"
    records = (folder / "records.jsonl").read_bytes()
    run.open_cell("cell", SETTINGS, fresh=True)._file.close()  # no `close`: as a kill does
    assert (folder / "records.jsonl").read_bytes() == b""
    assert (folder / "previous" / "records.jsonl").read_bytes() == records
    with pytest.raises(KeyboardInterrupt), run.open_cell("cell", SETTINGS, fresh=True):
        raise KeyboardInterrupt
    assert (folder / "records.jsonl").read_bytes() == records
    assert not (folder / "previous").exists()
