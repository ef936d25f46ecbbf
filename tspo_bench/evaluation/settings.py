"""The settings of a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from tspo_bench.device import default_device
from tspo_bench.errors import UserError
from tspo_bench.evaluation.all_samplers import expand_all
from tspo_bench.evaluation.budget import Budget
from tspo_bench.evaluation.seeds import any_seed
from tspo_bench.files import user_path
from tspo_bench.registry import did_you_mean
from tspo_bench.results.run import DEFAULT_RUNS
from tspo_bench.samplers import AGENTS, takes_agent
from tspo_bench.specs import parse_spec, split_specs
from tspo_bench.types import JSON, AnswerMode, CandidateRule, SubtitleMode
from tspo_bench.validation import MOST, problem
from tspo_bench.video import trusts_packets

DEFAULT_FRAMES = 8
BASELINE = "uniform"
# A run's folder is named after these. The others add cells to it, or change no answer.
_NAMING = ("tasks", "models", "split", "protocol", "subtitles", "answer")
_OPTIONS = {"tasks": "--task", "samplers": "--sampler", "models": "--model"}


def _option(name: Any) -> str:
    """The command's option that sets a field."""
    return _OPTIONS.get(str(name), f"--{name}".replace("_", "-"))


def _several(given: Any) -> Any:
    return given if isinstance(given, Iterable) else (given,)


def _as_specs(given: Any) -> Any:
    """Accept one spec, several, or a text in which commas separate them."""
    return split_specs(given) if isinstance(given, str) else _several(given)


def _as_numbers(given: Any, info: ValidationInfo) -> Any:
    """Accept one number, several, or a text in which commas separate them."""
    if not isinstance(given, str):
        return _several(given)
    try:
        return tuple(int(part) for part in given.split(",") if part.strip())
    except ValueError:
        raise UserError(
            f"{_option(info.field_name)} must be whole numbers, commas between them (got {given!r})"
        ) from None


def _once(given: tuple[Any, ...] | None, info: ValidationInfo) -> tuple[Any, ...] | None:
    for value in given or ():
        if given and given.count(value) > 1:
            raise UserError(f"{_option(info.field_name)}: {value} is given twice")
    return given


def _encoder(settings: dict[str, Any]) -> str:
    from tspo_bench.agent.checkpoint import default_encoder

    return default_encoder(any_seed(settings.get("agent")))


def _count(least: int) -> Any:
    return Field(strict=True, ge=least, lt=MOST)


Specs = Annotated[
    tuple[str, ...], BeforeValidator(_as_specs), Field(min_length=1), AfterValidator(_once)
]
Counts = Annotated[
    tuple[Annotated[int, _count(1)], ...],
    BeforeValidator(_as_numbers),
    Field(min_length=1),
    AfterValidator(_once),
]
Seeds = Annotated[
    tuple[Annotated[int, _count(0)], ...],
    BeforeValidator(_as_numbers),
    Field(min_length=1),
    AfterValidator(_once),
]
UserPath = Annotated[Path, AfterValidator(user_path)]


class RunSettings(BaseModel):
    """Settings of a run: the grid of tasks x samplers x seeds x models x frame budgets.

    They are the keyword arguments of `tspo_bench.evaluate`, the options of `tspo-bench run`, and
    what run.json keeps of each command. `tasks`, `samplers` and `models` may be given as `task`,
    `sampler` and `model`; where several are taken, one will do, or a text with commas.

    Raises:
        UserError: a setting that cannot be used.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    tasks: Specs = Field(("haystack",), alias="task")
    """Benchmark tasks: names ("mlvu", "haystack[length=15min]"), paths of annotation files or
    cards, or "pkg.mod:Name"."""
    samplers: Specs = Field(("uniform",), alias="sampler")
    """Frame samplers to compare ("uniform", "aks[depth=5]", "file:PATH", "pkg.mod:Name")."""
    models: Specs = Field(("reference",), alias="model")
    """MLLMs to evaluate ("reference", a checkpoint's folder or hub id, "openai:NAME",
    "pkg.mod:Name")."""
    frames: Counts | None = None
    """Frame budgets K; None for 8."""
    visual_tokens: Counts | None = None
    """Budgets in visual tokens, in place of `frames`: each question is given as many frames as
    fit, so that models and resolutions cost the same."""
    agent: str | None = None
    """A temporal agent's folder or hub id, for the samplers tspo and tspo-q where their specs name
    none; None for those in the package. A folder with seed-0, seed-1, ... is an agent of each
    seed."""
    encoder: str = Field(default_factory=_encoder)
    """Image-text encoder for samplers: "reference", a folder or a hub id. Default: the agent's
    folder if that holds an encoder too, else "reference"."""
    candidate_fps: Annotated[float, Field(strict=True, gt=1 / MOST, lt=MOST)] = 1.0
    """Candidate frames per second."""
    candidates: CandidateRule = "auto"
    """Which frames are candidates: every n-th ("stride"), those shown at each 1 / `candidate_fps`
    second ("time"), or by time where frames are uneven in time, else by stride ("auto")."""
    limit: Annotated[int, _count(1)] | None = None
    """Ask the first N questions of a fixed shuffle."""
    only_present: bool = False
    """Ask only questions whose videos are there; `limit` draws among these."""
    seeds: Seeds | None = None
    """Seeds of samplers that draw and of agents trained with several; tasks that draw get the
    first. Deterministic samplers run once. None: 0 for what draws, all seeds of an agent."""
    split: str | None = None
    """The tasks' split; None for each task's default."""
    protocol: str | None = None
    """The rules to ask, extract answers and average: "strict" (None), "official", "lmms-eval"."""
    subtitles: SubtitleMode = "none"
    """Subtitles shown to the model: "none", those "aligned" with the selected frames, or "full",
    those of the whole video."""
    shuffle_options: Annotated[int, _count(0)] | None = None
    """A seed by which each question's options are put into another order; None: as annotated."""
    answer: AnswerMode = "generate"
    """"generate": the model replies in words that the protocol reads; "options": the option whose
    letter has the highest log-probability."""
    with_bounds: bool = False
    """Add the samplers blind and, where a task has evidence, oracle."""
    data_root: UserPath | None = None
    """The folder with the tasks' annotations and videos."""
    annotations: UserPath | None = None
    """The annotation file, if it is not under `data_root`."""
    evidence: UserPath | None = None
    """A file with the questions' evidence, in place of the annotations' own."""
    device: str = Field(default_factory=default_device)
    """A torch device. Default: CUDA where torch sees it, else the CPU."""
    batch_size: Annotated[int, _count(1)] = 8
    """Questions that a model answers at once."""
    max_batch_tokens: Annotated[int, _count(1)] | None = None
    """Tokens of a batch, padding included: at most so many, with at most `batch_size` questions of
    similar length. For models that report visual tokens; None for no limit."""
    out: UserPath | None = None
    """The run's folder; None for `runs/<name>`, where the name follows from the settings, so that
    the same call resumes."""
    fresh: bool = False
    """Start the cells over."""
    trust_packets: bool = Field(default_factory=trusts_packets)
    """Read videos that end before their header says, as far as they go, in the whole process.
    Default: as `tspo_bench.video.trust_packets` was last called."""
    baseline: str = BASELINE
    """The sampler that the others are compared with."""
    preset: str | None = None
    """The settings of a published evaluation, "tspo-paper", for what is not given; see `of`."""

    @classmethod
    def of(cls, **given: Any) -> RunSettings:
        """Return the settings of a call: those given, else the preset's, else the defaults.

        Args:
            given: settings by name; None counts as not given.

        Raises:
            UserError: a setting that cannot be used.
        """
        from tspo_bench.evaluation.presets import with_preset

        settings = {name: value for name, value in given.items() if value is not None}
        if "preset" in settings:
            settings = with_preset(**settings)
        for name in {"sampler", "samplers"} & settings.keys():
            settings[name] = expand_all(_as_specs(settings[name]), settings.get("agent"))
        return cls.model_validate(settings)

    @model_validator(mode="wrap")
    @classmethod
    def _in_plain_words(cls, given: Any, check: Callable[[Any], RunSettings]) -> RunSettings:
        try:
            return check(given)
        except ValidationError as error:
            found = error.errors(include_url=False)[0]
            name = str(found["loc"][0])
            if found["type"] == "extra_forbidden":
                known = [field.alias or key for key, field in cls.model_fields.items()]
                hint = f"{did_you_mean(name, known)}known: {', '.join(known)}"
                raise UserError(f"unknown setting {name!r}; {hint}") from None
            raise UserError(f"{_option(name)} {problem(found)}") from None

    @model_validator(mode="after")
    def _fit_together(self) -> RunSettings:
        if self.frames is not None and self.visual_tokens is not None:
            raise UserError("--frames and --visual-tokens both set the frame budget; give one")
        if self.agent is not None and not any(takes_agent(parse_spec(s)) for s in self.samplers):
            raise UserError(
                f"--agent {self.agent}: none of the samplers {', '.join(self.samplers)} has an "
                f"agent; use {' or '.join(AGENTS)}"
            )
        return self

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """The frame budgets, in frames or visual tokens."""
        if self.visual_tokens is not None:
            return tuple(Budget(visual_tokens=number) for number in self.visual_tokens)
        return tuple(Budget(frames=k) for k in self.frames or (DEFAULT_FRAMES,))

    @property
    def folder(self) -> Path:
        """The run's folder: `out`, or one named after the settings that decide what is asked."""
        if self.out is not None:
            return self.out
        naming: dict[str, Any] = {name: getattr(self, name) for name in _NAMING}
        if self.only_present:
            naming["only_present"] = True
        if self.shuffle_options is not None:
            naming["shuffle_options"] = self.shuffle_options
        if self.evidence is not None:
            naming["evidence"] = str(self.evidence.absolute())
        digest = hashlib.sha256(json.dumps(naming, sort_keys=True).encode())
        name = "+".join(parse_spec(task).label.partition("[")[0] for task in self.tasks)
        name = Path(name).stem.replace(":", "-")  # of pkg.mod:Name; some file systems have no ":"
        return DEFAULT_RUNS / f"{name}-{digest.hexdigest()[:8]}"

    @property
    def resolved(self) -> dict[str, JSON]:
        """All settings for run.json, with absolute paths."""
        paths = {name: getattr(self, name) for name in ("data_root", "annotations", "evidence")}
        paths["out"] = self.folder
        absolute = {name: path and str(path.absolute()) for name, path in paths.items()}
        return {**self.model_dump(mode="json"), **absolute}
