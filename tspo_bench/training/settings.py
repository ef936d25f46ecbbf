"""The settings of a training run, by name."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tspo_bench.agent import KINDS, agent_class
from tspo_bench.agent.base import TemporalAgent
from tspo_bench.device import default_device
from tspo_bench.errors import UserError
from tspo_bench.features.checkpoint import precision
from tspo_bench.files import user_path
from tspo_bench.mllms import registry as models
from tspo_bench.registry import did_you_mean, import_object, parse_spec
from tspo_bench.sources import sources_of
from tspo_bench.specs import is_card_path, is_import_path
from tspo_bench.tasks import registry as tasks
from tspo_bench.training.presets import Preset, check_positive, check_whole_number
from tspo_bench.training.presets import preset as named_preset
from tspo_bench.training.rewards import load_rewards
from tspo_bench.types import CandidateRule
from tspo_bench.video.candidates import check_rule

AGENTS = {kind: agent_class(kind) for kind in KINDS}
# The settings that choose the questions of a task.
OF_A_TASK = ("task", "split", "data_root", "num_videos", "only_present", "without_types")
_PATHS = ("data", "video_root", "data_root")
_LARGEST_SEED = 2**32 - 1  # numpy's


@dataclass(frozen=True)
class TrainConfig:
    """A training run: the agent, its data, its models, its folder.

    Args:
        agent: "tspo", the paper's, or "tspo-q", the query-conditioned one.
        out: the agent's folder.
        preset: settings of the training itself.
        data: TSPO-10K's JSON lines; None for `task`.
        video_root: the folder that the lines' videos are relative to.
        task: a task's spec, whose questions are trained on where there is no `data`.
        split: of the task; None for "train", or all of an annotation file.
        data_root: the folder with the task's annotations and videos.
        num_videos: use the task's first so many videos; None for all.
        only_present: only questions whose videos are there; `num_videos` counts these.
        without_types: question types (group `type`) left out.
        encoder: gives the features; the agent is bound to it.
        model: the frozen MLLM whose answers are rewarded.
        candidate_fps: candidates a second.
        candidates: by which rule: see `tspo_bench.video.candidates`.
        options: of the agent's constructor (window, ...).
        seed: of the agent's first weights, the order, the haystacks and the rollouts.
        device: a torch device.
        batch_size: requests that the MLLM answers at once.

    Raises:
        UserError: an unknown agent, data without a video root, a number out of range, or a device
            that is not there.
    """

    agent: str
    out: Path
    preset: Preset
    data: Path | None = None
    video_root: Path | None = None
    task: str = "haystack"
    split: str | None = None
    data_root: Path | None = None
    num_videos: int | None = 100
    only_present: bool = False
    without_types: tuple[str, ...] = ()
    encoder: str = "reference"
    model: str = "reference"
    candidate_fps: float = 1.0
    candidates: CandidateRule = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    batch_size: int = 32

    def __post_init__(self) -> None:
        check_agent(self.agent)
        self._check_idle()
        if self.data is not None and self.video_root is None:
            raise UserError(f"--data {self.data}: say where its videos are with --video-root")
        if self.num_videos is not None:
            check_whole_number("num_videos", self.num_videos)
        check_whole_number("batch_size", self.batch_size)
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise UserError(f"seed={self.seed}; give 0 to {_LARGEST_SEED}")
        check_rule(self.candidates)
        check_positive("candidate_fps", self.candidate_fps)
        precision(self.device)  # rejects an unusable device

    def _check_idle(self) -> None:
        """Reject settings that would change nothing beside the others."""
        idle = (*OF_A_TASK, "candidates") if self.data is not None else ("video_root",)
        defaults = {each.name: each.default for each in fields(TrainConfig)}
        if given := [name for name in idle if getattr(self, name) != defaults[name]]:
            reason = "there is no data" if self.data is None else "data is trained on, not a task"
            raise UserError(f"{reason}; leave {', '.join(given)} out")

    def settings(self) -> dict[str, Any]:
        """The settings that decide the trained weights, as JSON: of the device its precision."""
        kept = asdict(self)
        for name in ("out", "device", "batch_size"):
            del kept[name]
        kept["precision"] = str(precision(self.device)).removeprefix("torch.")
        if code := self._code():
            kept["code"] = code
        return json.loads(json.dumps(kept, default=str))

    def recipe(self) -> dict[str, Any]:
        """The training as an agent's config.json and model card state it."""
        preset = self.preset
        return {"preset": preset.name, "rewards": preset.rewards, "frames": preset.frames}

    def _code(self) -> dict[str, str]:
        """Source hashes of custom rewards, model and task, by module."""
        found: dict[str, str] = {}
        for reward in load_rewards(self.preset.rewards).values():
            found |= sources_of(reward)
        for kind, registry, text in (("model", models, self.model), ("task", tasks, self.task)):
            spec = parse_spec(text)
            if is_import_path(spec.name) or is_card_path(spec.name):
                found |= sources_of(import_object(kind, registry.card(spec).target))
        return dict(sorted(found.items()))


def train_config(
    agent: str, out: str | Path, preset: str | None = None, **settings: Any
) -> TrainConfig:
    """The configuration that settings, each by its name, add up to.

    Args:
        agent: "tspo" or "tspo-q".
        out: the agent's folder.
        preset: "haystack" or "paper"; None for "paper" with `data`, else "haystack".
        settings: fields of `TrainConfig`, of `Preset`, or arguments of the agent's constructor
            (`window`, `without`). None leaves one of the latter two as it is; lists of names may be
            one text in which commas separate them.

    Raises:
        UserError: a name is unknown (near matches are offered, all known ones listed), or a value
            is out of range.
    """
    check_agent(agent)
    own = {each.name for each in fields(TrainConfig)} - {"agent", "out", "preset", "options"}
    trained = {each.name for each in fields(Preset)} - {"name", "init_std"}
    options = agent_options(agent)
    given = {name: _converted(name, value) for name, value in settings.items()}
    given = {name: value for name, value in given.items() if name in own or value is not None}
    for name in given:
        if name not in own | trained | options:
            raise UserError(_unknown(agent, name, own | trained | options))
    chosen = named_preset(preset or ("paper" if given.get("data") else "haystack"))
    given["device"] = given.get("device") or default_device()
    return TrainConfig(
        agent=agent,
        out=user_path(out),
        preset=chosen.changed(**{name: given[name] for name in given if name in trained}),
        options={name: given[name] for name in given if name in options},
        **{name: given[name] for name in given if name in own},
    )


def check_agent(name: str) -> None:
    """Check the kind of an agent.

    Raises:
        UserError: it is none of AGENTS.
    """
    if name not in AGENTS:
        raise UserError(f"no agent {name!r}; there are: {', '.join(AGENTS)}")


def agent_options(name: str) -> set[str]:
    """The arguments of an agent's constructor that are not every agent's."""
    common = inspect.signature(TemporalAgent).parameters
    return set(inspect.signature(AGENTS[name]).parameters) - set(common)


def _converted(name: str, value: Any) -> Any:
    """Paths from text, and lists of names from text with commas."""
    if name in _PATHS and value is not None:
        return user_path(value)
    if name == "without_types":
        return tuple(_names(value or ()))
    if name == "without":
        return _names(value or ()) or None
    return value


def _names(given: str | Sequence[str]) -> list[str]:
    parts = given.split(",") if isinstance(given, str) else given
    return [part.strip() for part in parts if part.strip()]


def _unknown(agent: str, name: str, known: set[str]) -> str:
    others = [kind for kind in AGENTS if name in agent_options(kind)]
    hint = f"{', '.join(others)} has it; " if others else did_you_mean(name, known)
    return f"agent {agent!r}: no setting {name!r}; {hint}there are: {', '.join(sorted(known))}"
