"""How agents were trained: the curves of their logs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tspo_bench.errors import UserError

LOG_FILE = "log.jsonl"
# The figures of a log that are drawn, in this order; the rest is about the machine.
MEASURES = {
    "reward": "reward",
    "reward_answer": "reward: answer",
    "reward_coverage": "reward: coverage",
    "entropy": "entropy of the policy",
    "without_signal": "share of groups without a signal",
    "grad_norm": "norm of the gradient",
}


@dataclass(frozen=True)
class Curves:
    """The log of one training run: by measure, (step, value) in the order of the steps."""

    name: str
    curves: Mapping[str, tuple[tuple[int, float], ...]]


def read_curves(agent: Path) -> list[Curves]:
    """The curves of an agent's folder, or of the agents of each seed in it.

    Raises:
        UserError: no training log is there, or it is broken.
    """
    logs = (agent / LOG_FILE, *sorted(agent.glob(f"seed-*/{LOG_FILE}")))
    found = [path for path in logs if path.is_file()]
    if not found:
        raise UserError(
            f"agent {agent} has no {LOG_FILE}; name the folder of a training run, or of its seeds"
        )
    return [_read(path, agent) for path in found]


def _read(path: Path, agent: Path) -> Curves:
    points: dict[str, dict[int, float]] = {measure: {} for measure in MEASURES}
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
            step = int(content["step"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}, line {number} is not a line of a training log: {error}; remove it"
            ) from error
        for measure, some in points.items():
            value = content.get(measure)
            if isinstance(value, int | float) and math.isfinite(value):
                some[step] = float(value)
    if not any(points.values()):
        raise UserError(f"{path} holds no figures yet; leave the agent out, or train it")
    name = agent.name if path.parent == agent else f"{agent.name}/{path.parent.name}"
    return Curves(name, {key: tuple(sorted(some.items())) for key, some in points.items() if some})
