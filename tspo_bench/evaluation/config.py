"""The settings of a run, checked on construction."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from tspo_bench.device import default_device
from tspo_bench.errors import UserError
from tspo_bench.evaluation.all_samplers import expand_all
from tspo_bench.evaluation.budget import Budget
from tspo_bench.evaluation.seeds import any_seed
from tspo_bench.files import user_path
from tspo_bench.results.reading import MOST
from tspo_bench.results.run import DEFAULT_RUNS
from tspo_bench.samplers import AGENTS, takes_agent
from tspo_bench.specs import parse_spec, split_specs
from tspo_bench.types import JSON, AnswerMode, CandidateRule, SubtitleMode
from tspo_bench.video import trusts_packets
from tspo_bench.video.candidates import check_rule

DEFAULT_FRAMES = 8
BASELINE = "uniform"
# What a run's folder is not named after: these add cells to it, of which some may ask what others
# have asked already, or change nothing in them.
_NOT_ASKED = {
    *("out", "fresh", "device", "batch_size", "data_root", "annotations", "trust_packets"),
    *("samplers", "frames", "visual_tokens", "seeds", "with_bounds"),
    *("limit", "encoder", "agent", "candidate_fps", "candidates", "preset", "baseline"),
}


@dataclass(frozen=True)
class RunConfig:
    """What to evaluate: the grid of tasks x samplers x seeds x models x budgets.

    Args:
        tasks: specs ("haystack[length=15min]"), as are samplers and models.
        samplers: who picks the frames.
        models: who answers.
        frames: the budgets K; None for 8.
        visual_tokens: in place of `frames`: the budgets from which K follows, video by video.
        encoder: gives the features that samplers search with.
        agent: that of the samplers tspo and tspo-q where their specs name none; None for those in
            the package.
        candidate_fps: candidates a second.
        candidates: by which rule: see `tspo_bench.video.candidates`.
        limit: ask the first so many questions of a fixed shuffle.
        only_present: ask only questions whose videos are there; `limit` draws among these.
        seeds: of samplers that draw and of agents trained with several, the first of them also of
            tasks that draw; None: 0 for what draws, all that there are of an agent.
        split: the tasks'; None for each task's default.
        protocol: how to ask, read and average; None for "strict".
        subtitles: which of them the model is shown: "none", those "aligned" with the chosen frames,
            or "full", those of the whole video.
        answer: whether the model replies in words or weighs the options' letters.
        with_bounds: add the samplers blind and, where a task has evidence, oracle.
        data_root: the folder with annotations and videos.
        annotations: the annotation file, where it lies elsewhere.
        device: a torch device.
        batch_size: questions that a model answers at once.
        out: the run's folder; None for `runs/<name>`, where the name follows from the settings, so
            that the same call goes on where it stopped.
        fresh: start over.
        baseline: the sampler that the others will be compared with.
        preset: the name of the one that decided some of these, for the record.
        trust_packets: what `video.trust_packets` was set to, for the record.

    Raises:
        UserError: a setting that cannot be used.
    """

    tasks: tuple[str, ...] = ("haystack",)
    samplers: tuple[str, ...] = ("uniform",)
    models: tuple[str, ...] = ("reference",)
    frames: tuple[int, ...] | None = None
    visual_tokens: tuple[int, ...] | None = None
    encoder: str = "reference"
    agent: str | None = None
    candidate_fps: float = 1.0
    candidates: CandidateRule = "auto"
    limit: int | None = None
    only_present: bool = False
    seeds: tuple[int, ...] | None = None
    split: str | None = None
    protocol: str | None = None
    subtitles: SubtitleMode = "none"
    answer: AnswerMode = "generate"
    with_bounds: bool = False
    data_root: Path | None = None
    annotations: Path | None = None
    device: str = "cpu"
    batch_size: int = 8
    out: Path | None = None
    fresh: bool = False
    baseline: str = BASELINE
    preset: str | None = None
    trust_packets: bool = field(default_factory=trusts_packets)

    def __post_init__(self) -> None:
        self._check_bounds()
        for name in ("tasks", "samplers", "models", "frames", "visual_tokens", "seeds"):
            given = getattr(self, name)
            if given is None:
                continue
            if not given:
                raise UserError(f"no {name} given; name at least one")
            if len(set(given)) < len(given):
                listed = ", ".join(map(str, given))
                raise UserError(f"{name} {listed}: one stands there twice; name each once")
        for seed in self.seeds or ():
            if seed < 0:
                raise UserError(f"seed {seed} is negative; give 0 or more")
        if self.answer not in get_args(AnswerMode):
            raise UserError(f"answer {self.answer!r}; use {' or '.join(get_args(AnswerMode))}")
        if self.subtitles not in get_args(SubtitleMode):
            raise UserError(
                f"subtitles {self.subtitles!r}; use {' or '.join(get_args(SubtitleMode))}"
            )
        check_rule(self.candidates)
        self._check_numbers()
        if self.agent is not None and not any(takes_agent(parse_spec(s)) for s in self.samplers):
            raise UserError(
                f"agent {self.agent!r}: none of the samplers {', '.join(self.samplers)} has an "
                f"agent; use {' or '.join(AGENTS)}"
            )

    def _check_numbers(self) -> None:
        if self.frames is not None and self.visual_tokens is not None:
            raise UserError("--frames and --visual-tokens both fix the frames; give one of them")
        for k in self.frames or ():
            if k < 1:
                raise UserError(f"{k} frames cannot be picked; give --frames 1 or more")
        for number in self.visual_tokens or ():
            if number < 1:
                raise UserError(f"{number} visual tokens show nothing; give --visual-tokens more")
        if not 0 < self.candidate_fps < math.inf:
            raise UserError(f"candidate rate {self.candidate_fps} must be above 0 a second")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"limit {self.limit} asks nothing; give 1 or more")
        if self.batch_size < 1:
            raise UserError(f"batch size {self.batch_size} must be 1 or more")

    def _check_bounds(self) -> None:
        """Refuse what is written down and then not read again, or overflows on the way."""
        given = {
            **{name: getattr(self, name) or () for name in ("frames", "visual_tokens", "seeds")},
            "limit": (self.limit or 0,),
            "batch_size": (self.batch_size,),
        }
        for name, numbers in given.items():
            for number in numbers:
                check_count(f"--{name.replace('_', '-')}", number)
        check_bound("--candidate-fps", self.candidate_fps)
        if 0 < self.candidate_fps < 1 / MOST:
            raise UserError(f"--candidate-fps must be above 10^-12 (got {self.candidate_fps:g})")

    @classmethod
    def of(
        cls,
        task: str | Sequence[str],
        sampler: str | Sequence[str],
        model: str | Sequence[str] = "reference",
        *,
        frames: int | Sequence[int] | None = None,
        visual_tokens: int | Sequence[int] | None = None,
        seeds: int | Sequence[int] | None = None,
        encoder: str | None = None,
        agent: str | None = None,
        data_root: str | Path | None = None,
        annotations: str | Path | None = None,
        device: str | None = None,
        out: str | Path | None = None,
        **others: Any,
    ) -> RunConfig:
        """The settings of a call as people write it: one or several, texts with commas, None.

        Raises:
            UserError: a setting that cannot be used.
        """
        from tspo_bench.agent.checkpoint import default_encoder

        return cls(
            tasks=_specs(task),
            samplers=expand_all(_specs(sampler), agent),
            models=_specs(model),
            frames=_numbers(frames),
            visual_tokens=_numbers(visual_tokens),
            seeds=_numbers(seeds),
            encoder=encoder or default_encoder(any_seed(agent)),
            agent=agent,
            data_root=_path(data_root),
            annotations=_path(annotations),
            device=device or default_device(),
            out=_path(out),
            **others,
        )

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """What each question's frames are limited by."""
        if self.visual_tokens is not None:
            return tuple(Budget(visual_tokens=number) for number in self.visual_tokens)
        return tuple(Budget(frames=k) for k in self.frames or (DEFAULT_FRAMES,))

    @property
    def folder(self) -> Path:
        """The run's folder: `out`, or one named after what the run asks."""
        if self.out is not None:
            return self.out
        asked = {key: value for key, value in asdict(self).items() if key not in _NOT_ASKED}
        if not self.only_present:  # folders that were named before there was this setting
            del asked["only_present"]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode())
        name = "+".join(parse_spec(task).label.partition("[")[0] for task in self.tasks)
        return DEFAULT_RUNS / f"{Path(name).stem}-{digest.hexdigest()[:8]}"

    @property
    def resolved(self) -> dict[str, JSON]:
        """All settings as they come into force, for run.json: paths are absolute."""
        paths = {"data_root": self.data_root, "annotations": self.annotations, "out": self.folder}
        given = {name: path and str(Path(path).absolute()) for name, path in paths.items()}
        return {**asdict(self), **given}


def check_count(option: str, number: int) -> None:
    """Check that a number is a whole one that a run may hold.

    Raises:
        UserError: it is something else, or 10^12 or more.
    """
    if isinstance(number, bool) or not isinstance(number, int):
        raise UserError(f"{option} must be a whole number (got {number!r})")
    check_bound(option, number)


def check_bound(option: str, number: float) -> None:
    """Check that a number is one that a run may hold.

    Raises:
        UserError: it is 10^12 or more.
    """
    if number >= MOST:
        got = f"{number}" if number < MOST**2 else "a larger one still"
        raise UserError(f"{option} must be below 10^12 (got {got})")


def _specs(given: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(split_specs(given) if isinstance(given, str) else given)


def _numbers(given: int | Sequence[int] | None) -> tuple[int, ...] | None:
    return None if given is None else tuple(given) if isinstance(given, Sequence) else (given,)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else user_path(given)
