"""The comparison on the val split with which `tspo-bench train` ends."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tspo_bench.cli.console import say
from tspo_bench.cli.progress import Bar, RunProgress
from tspo_bench.errors import UserError

if TYPE_CHECKING:
    from rich.console import RenderableType

_SHARED = (
    *("encoder", "model", "device", "batch_size", "data_root"),
    *("candidate_fps", "candidates"),
)


def check_val(task: str, settings: Mapping[str, Any]) -> None:
    """Check that the comparison can be made, before hours of training.

    Raises:
        UserError: the task has no val split, or its file is missing.
    """
    from tspo_bench.tasks import load_task

    if not _has_val(task, settings):
        return
    load_task(task, data_root=settings["data_root"], split="train")  # else nothing can be trained
    try:
        load_task(task, data_root=settings["data_root"], split="val").questions()
    except UserError as error:
        raise UserError(f"{error}; --no-evaluate leaves the comparison on it out") from error


def compare_on_val(
    folder: Path,
    agent: str,
    task: str,
    frames: int,
    fresh: bool,
    settings: Mapping[str, Any],
    bar: Bar,
) -> RenderableType | None:
    """Compare an agent with uniform and clip-topk, with the frame budget of the training."""
    from tspo_bench.api import evaluate
    from tspo_bench.training.validation import write_validation

    if not _has_val(task, settings):
        say(f"no comparison: no val split of {task} is known")
        return None
    say("comparing on the val split; --no-evaluate leaves this out")
    result = evaluate(
        task,
        ["uniform", "clip-topk", agent],
        agent=str(folder),
        frames=frames,
        split="val",
        out=folder / "val",
        fresh=fresh,
        command=sys.argv,
        progress=RunProgress(bar),
        **{name: settings[name] for name in _SHARED},
    )
    write_validation(folder, result)
    return result.table()


def _has_val(task: str, settings: Mapping[str, Any]) -> bool:
    """Whether there is a split to compare on that was not trained on."""
    from tspo_bench.tasks import is_annotation_file

    return not is_annotation_file(task) and settings["split"] is None
