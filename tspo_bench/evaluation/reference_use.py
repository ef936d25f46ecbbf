"""A warning where the reference models, made for the built-in world, are used on films."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from tspo_bench.errors import warn
from tspo_bench.features.base import FrameEncoder
from tspo_bench.features.checkpoint import (
    checkpoint_id,
    packaged_checkpoint,
    without_precision,
)
from tspo_bench.files import cache_folder
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import Task


def warn_of_reference(
    tasks: Sequence[Task], encoder: FrameEncoder | None, models: Sequence[str] = ()
) -> None:
    """Warn if a reference model is used on a task that it was not trained for.

    It was trained for the built-in one in its plain language.

    Args:
        tasks: what is asked.
        encoder: whose features samplers search with; None where none does.
        models: specs of the MLLMs that answer.
    """
    others = [task.label for task in tasks if not _is_plain_haystack(task)]
    if others:
        warn_of_reference_on(", ".join(others), encoder, models)


def _is_plain_haystack(task: Task) -> bool:
    return isinstance(task, HaystackTask) and task.language == "plain"


def warn_of_reference_video(video: Path, encoder: FrameEncoder | None) -> None:
    """Warn if a video that the built-in task did not render is searched with its encoder."""
    if video.resolve().parent != cache_folder("haystack").resolve():
        warn_of_reference_on(video.name, encoder)


def warn_of_reference_on(
    films: str, encoder: FrameEncoder | None, models: Sequence[str] = ()
) -> None:
    """Warn if films, named so, are seen by a reference model; see `warn_of_reference`."""
    used = ["model"] * any(map(_is_reference_model, models))
    used += ["encoder"] * (encoder is not None and _is_reference_encoder(encoder))
    if not used:
        return
    knows = "knows" if len(used) == 1 else "know"
    warn(
        f"the reference {' and '.join(used)} {knows} the built-in pictogram world alone: on "
        f"{films} scores are meaningless; "
        f"set {' and '.join(f'--{name}' for name in used)} "
        f"(in Python {', '.join(f'{name}=' for name in used)})"
    )


def _is_reference_model(spec: str) -> bool:
    name = parse_spec(spec).name
    return name == "reference" or Path(name).resolve() == packaged_checkpoint("mllm").resolve()


def _is_reference_encoder(encoder: FrameEncoder) -> bool:
    return without_precision(encoder.id) == _reference_encoder_id()


@functools.cache
def _reference_encoder_id() -> str:
    return checkpoint_id(packaged_checkpoint("encoder"))
