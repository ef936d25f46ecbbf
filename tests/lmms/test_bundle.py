"""Bundles of lmms-eval's tasks: read again by the task's own code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.lmms.local_task import doc_of, write_task
from tests.report.bundles import settings_of, written
from tests.report.support import record
from tspo_bench.report.bundle import write_bundle
from tspo_bench.report.rescore import rescore
from tspo_bench.tasks import load_task

pytest.importorskip("lmms_eval", reason="lmms-eval is an extra")
pytestmark = pytest.mark.slow


def test_replies_are_read_by_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    bundle = write_bundle(run, tmp_path / "e.zip").path
    (one,) = rescore(bundle, task=spec)
    assert (one.num_read, one.differences) == (3, ())
