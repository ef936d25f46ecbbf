"""Runs scored again: letters and scores follow from the replies."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.films import make_films
from tests.report.bundles import (
    HAYSTACK,
    changed,
    haystack_records,
    load,
    settings_of,
    with_record,
    with_settings,
    written,
)
from tests.report.support import record
from tspo_bench.errors import UserError
from tspo_bench.report.bundle import write_bundle
from tspo_bench.report.rescore import rescore
from tspo_bench.types import Record


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the built-in task, one question of which failed."""
    return written(tmp_path_factory.mktemp("r") / "run", haystack_records(), settings_of())


@pytest.fixture(scope="module")
def honest(run: Path) -> Path:
    return write_bundle(run, run.parent / "run.zip").path


def test_an_honest_run_matches(run: Path, honest: Path) -> None:
    for path in (run, honest):
        (one,) = rescore(path)
        assert one.from_task
        assert one.differences == ()
        assert (one.num_read, one.protocol) == (len(one.records) - 1, load(HAYSTACK).rules.label)
        assert one.summary == one.stored_summary
        assert list(one.records) == haystack_records()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"letter": "D"}, "letter D, now A"),
        ({"correct": True, "gold": "A"}, "gold A, now "),
        ({"status": "unparsed", "letter": None}, "letter none, now A; status unparsed, now ok"),
        ({"status": "model_error", "correct": True}, "letter A, now none; correct, now wrong"),
    ],
)
def test_records_that_say_otherwise(
    honest: Path, tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    records = haystack_records()
    number = next(n for n, one in enumerate(records) if one.letter == "A" and not one.correct)
    lied = changed(honest, tmp_path / "e.zip", with_record(number, **change))
    (one,) = rescore(lied)
    (difference,) = one.differences
    assert text in difference.text
    assert difference.text.startswith(records[number].question_id)
    assert not one.records[number].correct


def test_another_version_of_the_protocol_must_be_named(honest: Path, tmp_path: Path) -> None:
    old = with_settings(protocol="strict@1", protocol_hash="0123456789ab")
    path = changed(honest, tmp_path / "old.zip", old)
    with pytest.raises(UserError, match=r"strict@1#0123456789ab.* add --protocol strict@2"):
        rescore(path)
    (one,) = rescore(path, "strict@2")
    assert one.differences == ()
    with pytest.raises(UserError, match="no protocol 'nope'"):
        rescore(path, "nope")


def films_run(folder: Path, records: list[Record], **changes: Any) -> tuple[Path, Path]:
    task = make_films(folder)
    settings = settings_of(str(task), num_questions=len(records), **changes)
    return task, written(folder / "run", records, settings, tasks=[str(task)])


def test_without_its_annotations_a_bundle_is_read_by_its_own_options(tmp_path: Path) -> None:
    records = [
        record(0, question_id="pan", reply="one"),
        record(1, False, question_id="dog", reply="B"),
        record(2, question_id="hat", reply="two", gold="B", letter="B"),
    ]
    task, folder = films_run(tmp_path, records)
    assert rescore(folder)[0].from_task
    path = write_bundle(folder, tmp_path / "run.zip").path
    shutil.move(task, tmp_path / "else.jsonl")
    (one,) = rescore(path)
    assert (one.from_task, one.num_read, one.differences) == (False, 3, ())
    with pytest.raises(UserError, match=r"annotation file .* not found"):
        rescore(folder)
    shutil.move(tmp_path / "else.jsonl", task)
    lied = changed(path, tmp_path / "lie.zip", with_record(2, gold="A", letter="A"))
    assert len(rescore(lied)[0].differences) == 1  # the reply reads as B
    (one,) = rescore(lied, task=str(task))
    assert one.from_task
    assert one.differences[0].text == "hat: letter A, now B; gold A, now B"


def test_option_log_probabilities_are_weighed_again(tmp_path: Path) -> None:
    chances = {"A": -2.0, "B": -1.0}
    right = record(0, False, question_id="pan", mode="options", option_logprobs=chances)
    wrong = dataclasses.replace(right, question_id="dog", letter="A", correct=True)
    _, folder = films_run(tmp_path, [right, wrong], answer="options")
    (one,) = rescore(folder)
    assert [difference.text for difference in one.differences] == [
        "dog: letter A, now B; correct, now wrong"
    ]


def test_code_that_a_run_names_is_not_run(
    honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    path = changed(honest, tmp_path / "e.zip", with_settings(task="evil:Task"))
    with pytest.raises(UserError, match="may run code; name it with --task"):
        rescore(path)
    assert not Path("ran").exists()


def test_another_question_set(honest: Path, tmp_path: Path) -> None:
    """The replies may be to other texts: only the bundle's own options go with them."""
    path = changed(honest, tmp_path / "e.zip", with_settings(questions="0" * 16))
    assert not rescore(path)[0].from_task
    with pytest.raises(UserError, match="have changed"):
        rescore(path, task=HAYSTACK)
