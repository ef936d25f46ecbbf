"""Composes sampler x MLLM x task x frame budget into records on disk."""

from tspo_bench.evaluation.result import EvaluationResult
from tspo_bench.evaluation.run import Progress, run_grid
from tspo_bench.evaluation.settings import RunSettings

__all__ = ["EvaluationResult", "Progress", "RunSettings", "run_grid"]
