"""Validation figures for the cards of trained agents."""

from __future__ import annotations

from pathlib import Path

from tspo_bench.agent.card import add_validation
from tspo_bench.evaluation import EvaluationResult


def write_validation(folder: Path, result: EvaluationResult) -> None:
    """Add the figures of a comparison to the card of each agent in it.

    Args:
        folder: of the agent, or of one agent for each seed.
        result: the comparison: samplers without an agent, and the agent with each of its seeds.
    """
    summaries = list(zip(result.cells, result.summaries, strict=True))
    for out in sorted(folder.glob("seed-*")) or [folder]:
        rows = [
            f"| {cell.settings.sampler} | {_percent(one.accuracy)} | {_interval(one.ci95)} | "
            f"{_percent(one.evidence_recall)} |"
            for cell, one in summaries
            if cell.settings.seed is None or out.name == f"seed-{cell.settings.seed}"
        ]
        cell, one = summaries[0]
        known = cell.settings
        text = (
            f"`{known.task}`, split val: {one.n} questions, K = {known.frames}, answered by "
            f"`{known.model}`.\n\n"
            "| sampler | accuracy (%) | 95% interval | evidence recall (%) |\n|---|---|---|---|\n"
        )
        add_validation(out, text + "\n".join(rows))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _interval(bounds: tuple[float, float] | None) -> str:
    return "–" if bounds is None else f"{_percent(bounds[0])} to {_percent(bounds[1])}"
