"""Settings by name: where each goes, and what is said of one that there is not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import tspo_bench
from tspo_bench.errors import UserError
from tspo_bench.training.presets import PRESETS
from tspo_bench.training.settings import train_config
from tspo_bench.training.train import keep_to_one_gpu, training_arguments


def test_each_setting_goes_where_it_belongs(tmp_path: Path) -> None:
    config = train_config(
        "tspo-q", str(tmp_path), data_root="~/videos", without="film,echo", hidden=32, steps=5,
        without_types=["after"], seed=3, num_videos=None, tau=0.5, window=None, device="cpu",
    )  # fmt: skip
    assert config.options == {"without": ["film", "echo"], "hidden": 32}
    assert (config.preset.steps, config.preset.tau) == (5, 0.5)
    assert config.preset.rollouts == PRESETS["haystack"].rollouts
    assert (config.seed, config.num_videos, config.without_types) == (3, None, ("after",))
    assert (config.out, config.data_root) == (tmp_path, Path.home() / "videos")


def test_nothing_given_is_the_preset(tmp_path: Path) -> None:
    nothing = train_config("tspo-q", tmp_path, steps=None, without=(), window=None)
    assert (nothing.preset, nothing.options) == (PRESETS["haystack"], {})
    papers = train_config("tspo", tmp_path, data="items.jsonl", video_root="videos")
    assert papers.preset == PRESETS["paper"]


@pytest.mark.parametrize(
    ("agent", "name", "nearest"),
    [
        ("tspo-q", "stpes", "steps"),
        ("tspo-q", "learning_rat", "learning_rate"),
        ("tspo", "windw", "window"),
        ("tspo-q", "nm_videos", "num_videos"),
        ("tspo-q", "Window", "window"),
    ],
)
def test_an_unknown_setting_is_an_error_and_the_nearest_is_offered(
    agent: str, name: str, nearest: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        tspo_bench.train(agent, out=tmp_path / "agent", **{name: 1})
    said = str(caught.value)
    assert f"no setting '{name}'; did you mean '{nearest}'" in said
    known = said.partition("there are: ")[2].split(", ")
    assert known == sorted(known)
    assert {nearest, "rollouts"} <= set(known)
    assert not (tmp_path / "agent").exists()


def test_an_option_of_another_agent_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'tspo': no setting 'without'; tspo-q has it; there are: "):
        train_config("tspo", tmp_path, without="film")
    with pytest.raises(UserError, match="'tspo': no setting 'colour'; there are: accumulation, "):
        train_config("tspo", tmp_path, colour="red")


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "8"])
def test_what_counts_is_a_whole_number(value: object, tmp_path: Path) -> None:
    for name in ("frames", "steps", "questions", "accumulation", "num_videos"):
        with pytest.raises(UserError, match=f"{name}={value!r}; give a whole number, 1 or more"):
            train_config("tspo", tmp_path, **{name: value})


@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan, True, "1"])
def test_rates_are_numbers_above_0(value: object, tmp_path: Path) -> None:
    for name in ("candidate_fps", "anneal", "learning_rate"):
        with pytest.raises(UserError, match=f"{name}={value!r}; give a number above 0"):
            train_config("tspo", tmp_path, **{name: value})


def test_the_gpu_asked_for_is_the_one_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[torch.device] = []
    monkeypatch.setattr("torch.cuda.set_device", chosen.append)
    arguments = training_arguments(train_config("tspo", tmp_path, device="cpu"), 1.0)
    arguments._n_gpu = 4
    keep_to_one_gpu(arguments, torch.device("cuda"))  # the library's choice: the first
    assert (arguments.device.type, chosen) == ("cpu", [])
    keep_to_one_gpu(arguments, torch.device("cuda:1"))
    assert (arguments.device, arguments.n_gpu) == (torch.device("cuda:1"), 1)
    assert chosen == [torch.device("cuda:1")]


def test_a_device_is_one_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown device 'foo'; use cpu, cuda or cuda:N"):
        train_config("tspo", tmp_path, device="foo")
    with pytest.raises(UserError, match="device 'cuda:99': no CUDA device found"):
        train_config("tspo", tmp_path, device="cuda:99")


@pytest.mark.parametrize("name", ["frames", "steps", "questions", "accumulation"])
def test_absurd_sizes_are_named(name: str) -> None:
    with pytest.raises(UserError, match=rf"--{name} must be < 10\^12"):
        train_config("tspo-q", "agents/x", **{name: 10**20})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"data": "a.jsonl", "video_root": ".", "candidates": "time"}, "candidates"),
        ({"data": "a.jsonl", "video_root": ".", "task": "mlvu", "num_videos": 5}, "task, num_vid"),
        ({"data": "a.jsonl", "video_root": ".", "only_present": True}, "only_present"),
        ({"video_root": "."}, "video_root"),
    ],
)
def test_settings_without_effect_are_an_error(
    settings: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"leave {said}"):
        train_config("tspo", tmp_path, **settings)
