"""Interrupted, repeated, extended and changed runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.evaluation.own import Moody
from tests.evaluation.support import READER, run, untimed, untimed_files, write_rows
from tspo_bench.results import read_records, read_run
from tspo_bench.tasks import load_task

ROOT = Path(__file__).parents[2]
SAMPLERS = ("uniform", "clip-topk", "oracle")
PROCESS = """
import sys
from pathlib import Path
from tests.evaluation.support import run
task, out, clip, model = sys.argv[1:]
run(task, Path(out), samplers=("uniform", "clip-topk", "oracle"), encoder=clip, models=(model,))
"""


def annotated(questions: Path, folder: Path) -> Path:
    """The questions with evidence, so that the oracle fails on none and all are asked once."""
    rows = [json.loads(line) for line in questions.read_text().splitlines()]
    return write_rows(folder / "annotated.jsonl", [row for row in rows if row["evidence"]])


def kill_in_mid_run(task: Path, out: Path, clip: Path, log: Path, *, after: int) -> None:
    """Run in a process of its own and kill -9 it when so many questions were asked."""
    model = f"{READER}[log={log},seconds=0.15]"
    command = [sys.executable, "-c", PROCESS, str(task), str(out), str(clip), model]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        while not (log.exists() and len(log.read_text().splitlines()) >= after):
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_killed_run_ends_as_an_uninterrupted_one(
    questions: Path, clip: Path, tmp_path: Path
) -> None:
    """Killed by the system, then with a line cut in two: the same lines, in order."""
    task, settings = annotated(questions, tmp_path), {"samplers": SAMPLERS, "encoder": str(clip)}
    whole = run(task, tmp_path / "whole", **settings)
    expected = untimed_files(tmp_path / "whole")
    total = sum(map(len, expected.values()))
    assert total == 3 * len(load_task(str(task)).questions()) == 30
    killed, log = tmp_path / "killed", tmp_path / "log"
    kill_in_mid_run(task, killed, clip, log, after=14)
    files = sorted(killed.glob("*/records.jsonl"))
    half = max(files, key=lambda path: path.stat().st_size)
    content = half.read_bytes()
    half.write_bytes(content[: -len(content.splitlines()[-1]) // 2])
    lines = [line for path in files for line in path.read_bytes().splitlines(keepends=True)]
    num_whole = sum(line.endswith(b"\n") for line in lines)
    assert 3 <= num_whole < len(lines) <= 15  # something is done, something cut, much is left
    log.unlink()
    again = run(task, killed, **settings, models=(f"{READER}[log={log}]",))
    assert untimed_files(killed) == expected
    assert len(log.read_text().splitlines()) == total - num_whole, "what is done is not asked again"
    for cell, other in zip(again.cells, whole.cells, strict=True):
        assert untimed(cell.records) == untimed(other.records)
        summaries = [json.loads((c.folder / "summary.json").read_text()) for c in (cell, other)]
        for summary in summaries:
            del summary["seconds_per_question"], summary["feature_sources"]
        assert summaries[0] == summaries[1]


@pytest.mark.slow
def test_killed_again_and_again(questions: Path, clip: Path, tmp_path: Path) -> None:
    task, settings = annotated(questions, tmp_path), {"samplers": SAMPLERS, "encoder": str(clip)}
    run(task, tmp_path / "whole", **settings)
    for after in (1, 3, 5, 6):
        log = tmp_path / f"log{after}"
        kill_in_mid_run(task, tmp_path / "killed", clip, log, after=after)
    run(task, tmp_path / "killed", **settings)
    assert untimed_files(tmp_path / "killed") == untimed_files(tmp_path / "whole")


def test_ctrl_c_in_a_model_keeps_what_is_there(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(questions, out, models=(f"{READER}[stop_after=7]",))
    (path,) = out.glob("*/records.jsonl")
    kept = path.read_bytes()
    assert kept.count(b"\n") == 6  # two batches of 3; the third was under way
    log = tmp_path / "log"
    run(questions, out, models=(f"{READER}[log={log}]",))
    assert path.read_bytes().startswith(kept)
    assert len(log.read_text().splitlines()) == 6
    run(questions, tmp_path / "whole")
    assert untimed_files(out) == untimed_files(tmp_path / "whole")


def test_a_finished_run_asks_and_decodes_nothing(
    questions: Path, clip: Path, tmp_path: Path, decoding: Counter[str]
) -> None:
    log, out = tmp_path / "log", tmp_path / "run"
    settings = {"samplers": ("uniform", "aks"), "encoder": str(clip)}
    first = run(questions, out, **settings)
    before = {path: path.read_bytes() for path in out.glob("*/*")}
    decoding.clear()
    again = run(questions, out, **settings, models=(f"{READER}[log={log}]",))
    assert not log.exists()
    assert decoding == Counter()
    assert {path: path.read_bytes() for path in out.glob("*/*")} == before
    assert [cell.records for cell in again.cells] == [cell.records for cell in first.cells]


def test_fresh_starts_over(questions: Path, tmp_path: Path) -> None:
    """Records of its own cells only, of any settings."""
    out = tmp_path / "run"
    run(questions, out, samplers=("uniform", "random"), limit=5)
    (other,) = out.glob("*random*/records.jsonl")
    kept, log = other.read_bytes(), tmp_path / "log"
    result = run(questions, out, limit=8, fresh=True, models=(f"{READER}[log={log}]",))
    assert [len(cell.records) for cell in result.cells] == [8]
    assert len(log.read_text().splitlines()) == 8
    assert other.read_bytes() == kept


@pytest.mark.slow
def test_failed_questions_are_asked_again(
    questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [json.loads(line) for line in questions.read_text().splitlines()]
    for row in rows[2::5]:
        row["question"] += " poison"
    task, model, out = (
        write_rows(tmp_path / "p.jsonl", rows),
        "tests.evaluation.own:Moody",
        tmp_path,
    )
    first = run(task, out / "run", models=(model,))
    assert first.num_failed == 2
    second = run(task, out / "run", models=(model,))  # still ill
    assert untimed(second.cells[0].records) == untimed(first.cells[0].records)
    monkeypatch.setattr(Moody, "cured", True)
    log = tmp_path / "log"
    third = run(task, out / "run", models=(f"{model}[log={log}]",))
    assert third.num_failed == 0
    assert len(log.read_text().splitlines()) == 2
    whole = run(task, out / "whole", models=(model,))
    assert untimed(third.cells[0].records) == untimed(whole.cells[0].records)
    path = third.cells[0].folder / "records.jsonl"
    assert len(path.read_text().splitlines()) == 12 + 2 + 2  # append-only
    assert read_records(path) == list(third.cells[0].records)
    summary = json.loads((third.cells[0].folder / "summary.json").read_text())
    assert (summary["n"], summary["num_failed"]) == (12, 0)


def test_a_video_that_turns_up_later(questions: Path, films: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in questions.read_text().splitlines()]
    for row in rows:
        row["video"] = Path(row["video"]).name
    for name in ("long.mp4", "middle.mp4"):
        (tmp_path / name).symlink_to(films / name)
    task = write_rows(tmp_path / "own.jsonl", rows)
    first = run(task, tmp_path / "run")
    failed = {r.question_id for r in first.cells[0].records if r.status == "decode_error"}
    assert failed == {row["id"] for row in rows if row["video"] == "short.mp4"}
    (tmp_path / "short.mp4").symlink_to(films / "short.mp4")
    second = run(task, tmp_path / "run")
    assert second.num_failed == 0
    assert untimed(second.cells[0].records) == untimed(run(task, tmp_path / "w").cells[0].records)


@pytest.mark.slow
def test_cells_are_added_to_a_run(questions: Path, clip: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "run", tmp_path / "log"
    run(questions, out)
    before = {path: path.read_bytes() for path in out.glob("*/*")}
    grid = {"samplers": ("uniform", "clip-topk"), "frames": (4, 8), "encoder": str(clip)}
    added = run(questions, out, **grid, models=(f"{READER}[log={log}]",))
    assert [len(cell.records) for cell in added.cells] == [12] * 4
    assert len(log.read_text().splitlines()) == 36
    assert before.items() <= {path: path.read_bytes() for path in out.glob("*/*")}.items()
    run(questions, tmp_path / "at-once", **grid)
    assert untimed_files(out) == untimed_files(tmp_path / "at-once")
    assert len(json.loads((out / "run.json").read_text())["commands"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        ({"encoder": "other"}, {"encoder_id"}),
        ({"candidate_fps": 2.0}, {"candidate_fps"}),
        ({"models": (f"{READER}[weights=2]",)}, {"model_id"}),
        ({"samplers": ("CARD[depth=5]",)}, {"sampler_settings.options.depth"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_changed_setting_begins_a_cell_beside_and_is_named(
    changed: dict,
    keys: set[str],
    questions: Path,
    clip: Path,
    other_clip: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A card keeps its name with other options: only its settings differ."""
    card, log = tmp_path / "mine.yaml", tmp_path / "log"

    def begin(depth: int, **settings: object) -> None:
        card.write_text(
            f"class: tspo_bench.samplers.aks:AKS\nname: mine\noptions: {{depth: {depth}}}\n"
        )
        run(
            questions,
            tmp_path / "run",
            **{"samplers": (str(card),), "encoder": str(clip), **settings},
        )

    begin(3)
    if "encoder" in changed:
        changed = {"encoder": str(other_clip)}
    depth = 5 if "samplers" in changed else 3
    changed = {key: value for key, value in changed.items() if key != "samplers"}
    (path,) = (tmp_path / "run").glob("*/records.jsonl")
    before = path.read_bytes()
    if "models" not in changed:
        changed["models"] = (f"{READER}[log={log}]",)
    begin(depth, **changed)
    named = set(re.findall(r"([\w.]+): [^;]*? then, ", caplog.text))
    assert named == keys
    assert path.read_bytes() == before
    slugs = [cell.folder.name for cell in read_run(tmp_path / "run")]
    assert slugs == [path.parent.name, f"{path.parent.name}--{slugs[1][-8:]}"]
    if "models" not in changed:
        assert len(log.read_text().splitlines()) == 12


@pytest.mark.slow
def test_changed_questions_and_selections_begin_another_cell(
    questions: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The files' contents count, not their names."""
    picks = tmp_path / "picks.json"
    picks.write_text(json.dumps({f"q-{i}": [1, 2] for i in range(12)}))
    run(questions, tmp_path / "run", samplers=(f"file:{picks}",))
    picks.write_text(json.dumps({f"q-{i}": [1, 3] for i in range(12)}))
    (cell,) = run(questions, tmp_path / "run", samplers=(f"file:{picks}",)).cells
    assert {record.frames for record in cell.records} == {(1, 3)}
    assert re.search(r"\(sampler_settings\.file: [^;]*\)", caplog.text)
    run(questions, tmp_path / "other")
    questions.write_text(questions.read_text().replace("thing 7", "thing seven"))
    log = tmp_path / "log"
    caplog.clear()
    (cell,) = run(questions, tmp_path / "other", models=(f"{READER}[log={log}]",)).cells
    assert re.search(r"\(questions: [^;]*\)", caplog.text)
    assert len(log.read_text().splitlines()) == 1  # the others are as they were
    assert len(cell.records) == 12


def test_a_run_with_lines_of_version_1_is_resumed(questions: Path, tmp_path: Path) -> None:
    whole = run(questions, tmp_path / "run", limit=6)
    (path,) = (tmp_path / "run").glob("*/records.jsonl")
    old = path.read_text().replace('"format_version": 2, ', "")
    for new, name in (("timestamps", "seconds"), ("frames_processed", "looked_at")):
        old = old.replace(f'"{new}": ', f'"{name}": ')
    path.write_text("".join(old.splitlines(keepends=True)[:4]))
    log = tmp_path / "log"
    model = f"{READER}[log={log}]"
    again = run(questions, tmp_path / "run", limit=6, models=(model,))
    assert len(log.read_text().splitlines()) == 2
    assert untimed(again.cells[0].records) == untimed(whole.cells[0].records)
    extended = run(questions, tmp_path / "run", models=(model,))  # takes the six over
    assert len(log.read_text().splitlines()) == 2 + 6
    new = extended.cells[0].folder / "records.jsonl"
    assert all('"format_version": 2' in line for line in new.read_text().splitlines())
    assert len(extended.cells[0].records) == 12
