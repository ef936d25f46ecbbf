"""The settings of a run."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.support import run
from tspo_bench.cli.run import run as command
from tspo_bench.errors import UserError
from tspo_bench.evaluation import RunSettings
from tspo_bench.results.reading import read_run_file
from tspo_bench.video import trust_packets, trusts_packets


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": ()}, "--task needs at least one value"),
        ({"sampler": ""}, "--sampler needs at least one value"),
        ({"models": ()}, "--model needs at least one value"),
        ({"frames": ()}, "--frames needs at least one value"),
        ({"frames": (8, 0)}, r"--frames must be >= 1 \(got 0\)"),
        ({"frames": "8,many"}, r"--frames must be whole numbers, .* \(got '8,many'\)"),
        ({"frames": True}, r"--frames must be a whole number \(got True\)"),
        ({"frames": 8.5}, r"--frames must be a whole number \(got 8.5\)"),
        ({"frames": (8, 16, 8)}, "--frames: 8 is given twice"),
        ({"samplers": ("aks", "aks")}, "--sampler: aks is given twice"),
        ({"seeds": ()}, "--seeds needs at least one value"),
        ({"seeds": (0, 1, 0)}, "--seeds: 0 is given twice"),
        ({"seeds": (0, -1)}, r"--seeds must be >= 0 \(got -1\)"),
        ({"candidate_fps": 0.0}, r"--candidate-fps must be > 1e-12 \(got 0.0\)"),
        ({"candidate_fps": float("nan")}, r"--candidate-fps must be .* \(got nan\)"),
        ({"limit": 0}, r"--limit must be >= 1 \(got 0\)"),
        ({"limit": "9"}, r"--limit must be a whole number \(got '9'\)"),
        ({"batch_size": 0}, r"--batch-size must be >= 1 \(got 0\)"),
        ({"answer": "song"}, r"--answer must be 'generate' or 'options' \(got 'song'\)"),
        ({"frmes": 8}, "unknown setting 'frmes'; did you mean 'frames'"),
        ({"frames": 8, "visual_tokens": 99}, "--frames and --visual-tokens both set"),
        (
            {"agent": "mine", "encoder": "reference"},
            "--agent mine: none of the samplers uniform has an agent",
        ),
    ],
)
def test_bad_settings_are_rejected(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RunSettings(**settings)


def test_one_will_do_and_texts_have_commas() -> None:
    plain = RunSettings(samplers=("aks[t1=0.8,depth=5]", "uniform"), frames=(8, 16), seeds=(0,))
    assert RunSettings(sampler="aks[t1=0.8,depth=5],uniform", frames="8,16", seeds=0) == plain
    assert RunSettings.of(sampler=plain.samplers, frames=[8, 16], seeds=[0], limit=None) == plain


def test_names_of_folders_stay() -> None:
    """Runs that were begun by earlier versions are resumed."""
    assert RunSettings().folder.name == "haystack-d65ea796"


def test_the_command_has_an_option_for_every_setting() -> None:
    names = {field.alias or name for name, field in RunSettings.model_fields.items()}
    options = set(inspect.signature(command).parameters)
    assert options - {"ctx", "base_url", "groups", "json", "profile", "video_timeout"} == names


def test_trust_packets_is_a_setting_of_the_process(questions: Path, tmp_path: Path) -> None:
    try:
        run(questions, tmp_path / "run", limit=1, trust_packets=True)
        assert trusts_packets()
        assert RunSettings().trust_packets
    finally:
        trust_packets(False)
    (command,) = read_run_file(tmp_path / "run" / "run.json")["commands"]
    assert command["settings"]["trust_packets"]


def test_the_folder_follows_from_what_is_asked() -> None:
    """More samplers, seeds and budgets join the run; another limit or model is another one."""
    plain = RunSettings().folder
    assert plain.parent == Path("runs")
    assert plain.name.startswith("haystack-")
    same: list[dict[str, Any]] = [
        {"samplers": ("aks",)},
        {"frames": (16, 32)},
        {"seeds": (0, 1)},
        {"batch_size": 1, "max_batch_tokens": 4096},
        {"fresh": True},
        {"limit": 20},
        {"encoder": "other"},
        {"candidate_fps": 2.0},
        {"candidates": "time"},
        {"data_root": Path("data")},
    ]
    assert {RunSettings(**settings).folder for settings in same} == {plain}
    others: list[dict[str, Any]] = [
        {"models": ("other",)},
        {"only_present": True},
        {"split": "val"},
        {"subtitles": "full"},
        {"tasks": ("haystack[length=15min]",)},
    ]
    folders = {RunSettings(**settings).folder for settings in others}
    assert len(folders | {plain}) == len(others) + 1
    assert RunSettings(out=Path("x/y")).folder == Path("x/y")
    assert RunSettings(tasks=("films/my.jsonl",)).folder.name.startswith("my-")
    assert RunSettings(tasks=("my_tasks:Films",)).folder.name.startswith("my_tasks-Films-")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sampler": 5}, r"--sampler must be a text \(got 5\)"),
        ({"task": 5}, r"--task must be a text \(got 5\)"),
        ({"frames": 4.5}, r"--frames must be a whole number \(got 4.5\)"),
        ({"seeds": 0.5}, r"--seeds must be a whole number \(got 0.5\)"),
    ],
)
def test_a_single_value_of_another_type_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RunSettings.of(**given)
