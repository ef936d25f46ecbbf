"""Progress on stderr: few lines in a log file, a bar on a terminal."""

from __future__ import annotations

import re

import pytest

from tspo_bench.cli.progress import Bar, RunProgress, tracked
from tspo_bench.types import Record


def record(number: int, **changes: object) -> Record:
    fields: dict[str, object] = {"status": "ok", "gold": "A", **changes}
    return Record(question_id=str(number), video="v", **fields)  # type: ignore[arg-type]


def test_a_log_file_gets_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked(range(10_000), "encode")) == list(range(10_000))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == "encode: 0/10000"
    assert len(lines) == 21
    assert re.fullmatch(r"encode: 500/10000, about \d:\d\d:\d\d to go", lines[1])
    assert re.fullmatch(r"encode: 10000/10000 in \d:\d\d:\d\d", lines[-1])


def test_what_a_run_says(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        progress = RunProgress(bar)
        progress.started("haystack[length=1min]", "reference", pending=4, done=2)
        progress.on_record(record(1, correct=True), "uniform", 8)
        progress.on_record(record(2), "uniform", 8)
        progress.on_record(record(3, gold=None), "uniform", 8)  # withheld: in no accuracy
        progress.on_record(record(4, status="decode_error"), "uniform", 8)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "haystack[length=1min] x reference: 2 of 6 already done"
    assert lines[1].endswith("(accuracy 100.0%)")
    assert lines[3].endswith("(accuracy 50.0%)")
    assert re.fullmatch(r".*: 6/6 in 0:00:00 \(accuracy 33.3%, 1 failed\)", lines[4])


def test_stored_records_count_in_the_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        progress = RunProgress(bar)
        progress.started("haystack", "reference", pending=1, done=3)
        for number in range(3):
            progress.stored(record(number, correct=True), "uniform", "k8")
        progress.on_record(record(3), "uniform", "k8")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "haystack x reference: 3 of 4 already done"
    assert re.fullmatch(r".*: 4/4 in 0:00:00 \(accuracy 75.0%\)", lines[1])


def notes(capsys: pytest.CaptureFixture[str], *given: tuple[str, str, bool]) -> list[str]:
    """What stands in brackets behind each line."""
    with Bar() as bar:
        progress = RunProgress(bar)
        progress.started("haystack", "reference", pending=len(given), done=0)
        for number, (sampler, budget, correct) in enumerate(given):
            progress.on_record(record(number, correct=correct), sampler, budget)
    lines = capsys.readouterr().err.splitlines()[1:]
    return [line.partition("(")[2].rstrip(")") for line in lines]


def test_each_sampler_has_an_accuracy_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    both = [
        ("uniform", "k8", False),
        ("tspo-q", "k8", True),
        ("uniform", "k8", True),
        ("tspo-q", "k8", True),
    ]
    assert notes(capsys, *both) == [
        "accuracy 0.0%",
        "uniform 0% · tspo-q 100%",
        "uniform 50% · tspo-q 100%",
        "uniform 50% · tspo-q 100%",
    ]
    budgets = notes(capsys, ("aks", "k8", False), ("aks", "k16", True))
    assert budgets[-1] == "aks k8 0% · aks k16 100%"
    many = notes(capsys, *((f"sampler-{number}", "k8", True) for number in range(7)))
    assert many[-1] == ""


def test_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked([], "encode")) == []
    assert capsys.readouterr().err == "encode: 0/0\n"


def test_a_terminal_gets_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes any stream for a terminal
    assert list(tracked(range(3), "[probe]")) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert out == ""
    assert "[probe]" in err
    assert "3/3" in err


def test_a_long_note_leaves_the_counts_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with Bar() as bar:
        bar.start("haystack x reference", 123)
        bar.advance("uniform 21% · " * 10)
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "haystack x reference" in last
    assert re.search(r"1/123 .*uniform 21%", last.splitlines()[-1])
