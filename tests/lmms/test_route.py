"""`python -m lmms_eval --model tspo_bench` on a short film: a release that breaks it shows at once.

The command ends with exit code 0 whatever is raised inside, so the call behind it is tested.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lmms.local_task import write_task
from tests.support import make_video

pytest.importorskip("lmms_eval", reason="lmms-eval is an extra")


def test_lmms_eval_gets_answers_from_the_model_tspo_bench(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path / "datasets"))
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    make_video(tmp_path / "film.mp4", 30)
    question = {"question_id": "pan", "question": "What is in the pan?", "options": ["egg", "soup"]}
    doc = {**question, "video": str(tmp_path / "film.mp4"), "answer": "A", "task_type": "films"}
    folder = write_task(tmp_path / "tasks", "route", [doc])
    found = simple_evaluate(
        model="tspo_bench",
        model_args="model=reference,sampler=uniform,frames=2,device=cpu",
        tasks=["route"],
        task_manager=TaskManager("ERROR", str(folder), include_defaults=False),
        device="cpu",
        bootstrap_iters=0,
    )
    (sample,) = found["samples"]["route"]
    assert sample["filtered_resps"][0]
    assert found["results"]["route"]["plain,none"] in (0.0, 1.0)
