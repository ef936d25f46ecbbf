"""Entries of lmms-eval's tasks: read, scored and averaged again by the task's own code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.lmms.local_task import doc_of, write_task
from tests.report.entries.support import settings_of, written
from tests.report.support import record
from tspo_bench.report.entries.entry import open_entry
from tspo_bench.report.entries.packing import pack
from tspo_bench.results import read_run
from tspo_bench.tasks import load_task

pytest.importorskip("lmms_eval", reason="lmms-eval is an extra")
pytestmark = pytest.mark.slow


def test_own_figures_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path / "cache"))
    asked = load_task("haystack[length=1min,videos=4]").questions()
    kinds = ("first", "second", "second", "second")
    nowhere = Path("/nowhere.mp4")
    docs = [doc_of(one, nowhere, kind) for one, kind in zip(asked, kinds, strict=True)]
    spec = f"lmms:own[include={write_task(tmp_path / 'tasks', 'own', docs)}]"
    replies = [asked[0].answer, asked[1].answer, "nonsense", None]
    records = [
        record(number, reply == one.answer, question_id=one.id, video=str(nowhere), reply=reply,
               groups={"task_type": kind}, gold=one.answer,
               letter=None if reply == "nonsense" else reply,
               status="unparsed" if reply == "nonsense" else "ok")
        for number, (one, kind, reply) in enumerate(zip(asked, kinds, replies, strict=True))
    ]  # fmt: skip
    records[3] = replace(records[3], status="decode_error", error="broken")
    settings = settings_of(spec)
    run = written(tmp_path / "run", records, settings, tasks=[spec])
    pack(run, tmp_path / "e.zip")
    with open_entry(tmp_path / "e.zip", task=spec) as entry:
        assert (entry.differences, entry.unread) == ((), ())
        (cell,) = read_run(entry.folder)
        assert cell.task_scores is not None
        # first: 1 of 1; second: 1 of 3
        assert cell.task_scores.headline == pytest.approx((1 + 1 / 3) / 2)
    with open_entry(tmp_path / "e.zip") as entry:
        assert "task 'lmms:own' is none of the package's own" in entry.unread[0]
