"""tspo-bench: which frames of a long video should a multimodal LLM see?

The public API, imported on first use so that `import tspo_bench` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tspo_bench.agent import TemporalAgent
    from tspo_bench.api import (
        EvaluationResult,
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
    from tspo_bench.report.dataframes import read_records, read_summaries

    __version__: str

__all__ = [
    "EvaluationResult",
    "RecallResult",
    "SelectedFrames",
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


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("tspo-bench")
    if name == "TemporalAgent":
        return importlib.import_module("tspo_bench.agent").TemporalAgent
    if name in ("read_records", "read_summaries"):
        return getattr(importlib.import_module("tspo_bench.report.dataframes"), name)
    if name in __all__:
        return getattr(importlib.import_module("tspo_bench.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
