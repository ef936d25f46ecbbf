"""`tspo-bench run` with a model behind a server that is killed in mid-run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import Cli
from tests.evaluation.support import READER, write_questions
from tests.mllms.servers import KEY, hurry, served
from tests.support import make_video
from tspo_bench.results import read_run
from tspo_bench.types import Record

LENGTHS = {"long.mp4": 300, "short.mp4": 200}
GRID = ("--sampler", "uniform", "--frames", "4,6", "--batch-size", "4")


def by_question(run: Path) -> dict[tuple[int, str], Record]:
    cells = read_run(run)
    return {
        (cell.settings.frames, record.question_id): record
        for cell in cells
        for record in cell.records
    }


@pytest.mark.slow
def test_a_run_outlives_its_server_and_asks_only_what_is_missing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name, length in LENGTHS.items():
        make_video(tmp_path / name, length)
    write_questions(tmp_path / "quiz.jsonl", tmp_path, LENGTHS, n=8)
    quiz = ("run", "--task", "quiz.jsonl", *GRID)
    assert cli(*quiz, "--model", READER, "--out", "here").code == 0
    reference = by_question(tmp_path / "here")

    with served(tmp_path / "first", killed_at=10) as url:
        served_model = ("--model", "openai:reader[retries=1]", "--base-url", url)
        command = (*quiz, *served_model, "--out", "there")
        killed = cli(*command)
    assert killed.code == 3
    found = by_question(tmp_path / "there")
    failed = {key: record for key, record in found.items() if record.failed}
    assert set(found) == set(reference)
    assert {record.status for record in failed.values()} == {"model_error"}
    errors = Counter(str(record.error).partition("reader")[0][:12] for record in failed.values())
    assert errors["cannot reach"] >= 16 - 10 + 1
    [refused] = [record.error for record in failed.values() if "luck" in str(record.error)]
    assert f"{refused}".endswith("answers 400: your key *** has no luck")
    assert 16 - 10 + 2 <= len(failed) < 16

    with served(tmp_path / "second", port=urlsplit(url).port or 0):
        again = cli(*command)
    assert again.code == 0
    without = cli(*command)  # nothing is left to ask, so nobody need be there
    assert (without.code, without.out) == (0, again.out)
    added = cli(*command, "--sampler", "random")  # a repeated option adds to the first
    assert added.code == 2
    assert added.error.startswith("error: model 'reader': cannot reach ")
    asked = Counter((tmp_path / "second").read_text().splitlines())
    rows = map(json.loads, Path("quiz.jsonl").read_text().splitlines())
    texts = {row["id"]: row["question"] for row in rows}
    assert asked == Counter(texts[question] for _, question in failed)

    found = by_question(tmp_path / "there")
    for key, record in reference.items():
        ours = found[key]
        assert (ours.letter, ours.correct, ours.frames) == (
            record.letter,
            record.correct,
            record.frames,
        )
        assert dict(ours.usage) == {"prompt_tokens": 12, "completion_tokens": 3}
        assert dict(ours.visual_input) == {"frames": key[0], "height": 96, "width": 160}
    assert {record.correct for record in found.values()} == {True, False}

    written = [path.read_bytes() for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert len(written) >= 5
    for text in (*written, killed.out.encode(), killed.err.encode(), again.out.encode()):
        assert KEY.encode() not in text


def test_a_server_that_is_not_there(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    url = "http://127.0.0.1:9/v1"
    done = cli("run", "--model", "openai:x", "--base-url", url, "--out", "there")
    assert done.code == 2
    assert done.error.startswith(f"error: model 'x': cannot reach {url}: ")
    assert not Path("there").exists()


@pytest.mark.parametrize("command", ["run", pytest.param("train", marks=pytest.mark.slow)])
def test_a_url_with_a_password_is_written_nowhere(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    hurry(monkeypatch)
    url = f"http://me:{KEY}@127.0.0.1:9/v1"
    done = cli(command, "--model", "openai:x", "--base-url", url)
    assert done.code == 2
    assert "put the whole URL into OPENAI_BASE_URL" in done.error
    assert KEY not in done.err
    assert not [path for path in tmp_path.rglob("*") if path.name in ("run.json", "config.json")]


def test_a_url_for_no_model(cli: Cli) -> None:
    done = cli("run", "--base-url", "http://127.0.0.1:9/v1")
    assert done.code == 2
    assert "give --model openai:NAME" in done.error
