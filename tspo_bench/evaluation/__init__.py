"""Composes sampler x MLLM x task x frame budget into records on disk."""

from tspo_bench.evaluation.config import RunConfig
from tspo_bench.evaluation.run import Progress, RunResult, run_grid

__all__ = ["Progress", "RunConfig", "RunResult", "run_grid"]
