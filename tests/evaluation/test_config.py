"""The settings of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tspo_bench.errors import UserError
from tspo_bench.evaluation import RunConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": ()}, "no tasks given"),
        ({"samplers": ()}, "no samplers given"),
        ({"models": ()}, "no models given"),
        ({"frames": ()}, "no frames given"),
        ({"frames": (8, 0)}, "0 frames cannot be picked"),
        ({"frames": (8, 16, 8)}, "frames 8, 16, 8: one stands there twice"),
        ({"samplers": ("aks", "aks")}, "samplers aks, aks: one stands there twice"),
        ({"seeds": ()}, "no seeds given"),
        ({"seeds": (0, 1, 0)}, "seeds 0, 1, 0: one stands there twice"),
        ({"seeds": (0, -1)}, "seed -1 is negative"),
        ({"frames": ("8",)}, r"--frames must be a whole number \(got '8'\)"),
        ({"frames": (True,)}, r"--frames must be a whole number \(got True\)"),
        ({"visual_tokens": (1.5,)}, r"--visual-tokens must be a whole number \(got 1.5\)"),
        ({"limit": float("nan")}, r"--limit must be a whole number \(got nan\)"),
        ({"batch_size": 10**20}, "--batch-size must be below"),
        ({"candidate_fps": 0.0}, "candidate rate 0.0"),
        ({"candidate_fps": float("nan")}, "candidate rate nan"),
        ({"limit": 0}, "limit 0 asks nothing"),
        ({"batch_size": 0}, "batch size 0"),
    ],
)
def test_what_cannot_be_run_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RunConfig(**settings)


def test_the_folder_follows_from_what_is_asked() -> None:
    """More samplers, seeds and budgets join the run; another limit or model is another one."""
    plain = RunConfig().folder
    assert plain.parent == Path("runs")
    assert plain.name.startswith("haystack-")
    same: list[dict[str, Any]] = [
        {"samplers": ("aks",)},
        {"frames": (16, 32)},
        {"seeds": (0, 1)},
        {"batch_size": 1},
        {"fresh": True},
        {"limit": 20},
        {"encoder": "other"},
        {"candidate_fps": 2.0},
        {"candidates": "time"},
        {"data_root": Path("data")},
    ]
    assert {RunConfig(**settings).folder for settings in same} == {plain}
    others: list[dict[str, Any]] = [
        {"models": ("other",)},
        {"split": "val"},
        {"subtitles": "full"},
        {"tasks": ("haystack[length=15min]",)},
    ]
    folders = {RunConfig(**settings).folder for settings in others}
    assert len(folders | {plain}) == len(others) + 1
    assert RunConfig(out=Path("x/y")).folder == Path("x/y")
    assert RunConfig(tasks=("films/my.jsonl",)).folder.name.startswith("my-")
