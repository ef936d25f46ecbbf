"""Which of lmms-eval's own models answer about a video with the installed versions.

docs/lmms-eval.md has the list; a case that changes is news for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lmms.local_task import YAML, write_task
from tests.mllms.conftest import checkpoint  # noqa: F401
from tests.support import make_video

pytest.importorskip("lmms_eval", reason="lmms-eval is an extra")
pytestmark = pytest.mark.slow

SMALL = "max_pixels=6272,min_pixels=784,max_num_frames=4"


WORDS = ("What is in the pan?", "Which thing shows first?", "Which option shows the second thing?")


def answers(folder: Path, model: str, given: str, *, simple: bool) -> list[str]:
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    make_video(folder / "film.mp4", 30)
    same = {"video": str(folder / "film.mp4"), "options": ["A", "B"], "answer": "A"}
    docs = [
        {**same, "question_id": str(number), "question": words, "task_type": "films"}
        for number, words in enumerate(WORDS)
    ]
    chat = "" if simple else "doc_to_messages: !function utils.messages\n"
    tasks = write_task(folder / "tasks", "own", docs, YAML + chat)
    found: dict[str, Any] = simple_evaluate(
        model=model,
        model_args=f"{given},attn_implementation=eager,device_map=cpu",
        tasks=["own"],
        task_manager=TaskManager("ERROR", str(tasks), include_defaults=False, model_name=model),
        batch_size=1,
        device="cpu",
        bootstrap_iters=0,
        force_simple=simple,
    )
    return [sample["filtered_resps"][0] for sample in found["samples"]["own"]]


@pytest.fixture
def _own_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path / "datasets"))


@pytest.mark.usefixtures("_own_datasets")
@pytest.mark.parametrize(
    ("model", "simple"), [("qwen2_5_vl", False), ("qwen2_5_vl", True), ("qwen3_vl", False)]
)
def test_models_that_answer(
    model: str,
    simple: bool,
    tmp_path: Path,
    checkpoint: Callable[[str], Path],  # noqa: F811
) -> None:
    # Random weights may end a reply at once.
    assert any(answers(tmp_path, model, f"pretrained={checkpoint(model)},{SMALL}", simple=simple))


@pytest.mark.usefixtures("_own_datasets")
@pytest.mark.parametrize(
    ("model", "simple", "error", "reason"),
    [
        ("llava_hf", False, IndexError, "list index out of range"),  # images=[]
        ("llava_hf", True, ValueError, "Found total 0 <video> tokens"),
        ("huggingface", False, ValueError, "`audios` which is deprecated"),
    ],
)
def test_models_that_do_not(
    model: str,
    simple: bool,
    error: type[Exception],
    reason: str,
    tmp_path: Path,
    checkpoint: Callable[[str], Path],  # noqa: F811
) -> None:
    given = f"pretrained={checkpoint('llava_onevision')}"
    with pytest.raises(error, match=reason):
        answers(tmp_path, model, given, simple=simple)
