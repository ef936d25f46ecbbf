"""tspo-bench: which frames of a long video should a multimodal LLM see?

The public API, imported on first use so that `import tspo_bench` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tspo_bench.agent import TemporalAgent
    from tspo_bench.api import (
        RecallResult,
        SelectedFrames,
        TaskSelections,
        evaluate,
        recall,
        register_model,
        register_sampler,
        register_task,
        select_frames,
        select_task,
        train,
    )
    from tspo_bench.evaluation import EvaluationResult, RunSettings
    from tspo_bench.mllms import MLLM
    from tspo_bench.report.dataframes import read_records, read_summaries
    from tspo_bench.tasks import Task

    __version__: str

__all__ = [
    "MLLM",
    "EvaluationResult",
    "RecallResult",
    "RunSettings",
    "SelectedFrames",
    "Task",
    "TaskSelections",
    "TemporalAgent",
    "__version__",
    "evaluate",
    "read_records",
    "read_summaries",
    "recall",
    "register_model",
    "register_sampler",
    "register_task",
    "select_frames",
    "select_task",
    "train",
]

_HOMES = {  # of names that are not in `api`
    "EvaluationResult": "tspo_bench.evaluation",
    "MLLM": "tspo_bench.mllms",
    "RunSettings": "tspo_bench.evaluation",
    "Task": "tspo_bench.tasks",
    "TemporalAgent": "tspo_bench.agent",
    "read_records": "tspo_bench.report.dataframes",
    "read_summaries": "tspo_bench.report.dataframes",
}


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("tspo-bench")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in __all__:
        return getattr(importlib.import_module("tspo_bench.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
