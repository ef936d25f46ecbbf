"""The forms of a run's files: what is checked when they are read.

Their JSON schemas are in docs/schemas.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import TypedDict

from tspo_bench.types import JSON
from tspo_bench.validation import MOST

Whole = Annotated[int, Field(gt=-MOST, lt=MOST)]


class OnDisk(BaseModel):
    """A form on disk: values are taken as they are, unknown keys are kept."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="allow",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


class Scoring(TypedDict, total=False):
    """The average of a protocol; see `report.headline`."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]

    average: Required[Literal["micro", "macro", "groups"]]
    unparsed: Required[Literal["wrong", "dropped"]]
    over: str | None
    values: list[str]


def _has_group(scoring: Scoring) -> Scoring:
    if scoring["average"] != "micro" and scoring.get("over") is None:
        raise ValueError(f"average {scoring['average']!r} needs a group")
    return scoring


class CellSettings(OnDisk):
    """Settings that a cell's records depend on.

    What older runs did not write down has its default. Keys that are not listed here are kept.
    """

    task: str
    """The task's label."""
    sampler: str
    """The sampler's label."""
    model: str
    """The model's name."""
    protocol: str
    """The protocol with its version, and the subtitles shown: "strict@2+aligned"."""
    frames: Whole | None
    """The frame budget K; null where `visual_tokens` is the budget."""
    visual_tokens: Whole | None = None
    """The budget in visual tokens."""
    seed: Whole | None = None
    """The seed of sampler or agent; null for deterministic samplers."""
    limit: Whole | None = None
    """Only so many questions are asked."""
    num_questions: Whole = 0
    """The number of questions asked; 0 if unknown."""
    questions: str | None = None
    """A hash of the questions asked."""
    answer: str | None = None
    """The answering mode: "generate" or "options"."""
    protocol_hash: str | None = None
    """A hash of the protocol's text."""
    scoring: Annotated[Scoring, AfterValidator(_has_group)] | None = None
    """The protocol's average."""
    macro: str | None = None
    """The group over whose values the benchmark averages."""
    model_id: str | None = None
    """The model's weights and settings."""
    encoder_id: str | None = None
    """The encoder's weights; null for samplers that use none."""
    sampler_settings: dict[str, Any] = {}
    """The sampler's class, options, and hashes of its weights, files and source."""
    tuned_for: str | None = None
    """The benchmark that the sampler's options were tuned on."""
    candidate_fps: int | float | None = None
    """Candidate frames per second; null for samplers that see no video."""
    candidates: str | None = None
    """The rule for candidates: "auto", "stride" or "time"."""
    reader: Whole | None = None
    """The version of the video reader."""
    task_code: dict[str, Any] = {}
    """Hashes of a custom task's source."""
    model_code: dict[str, Any] = {}
    """Hashes of a custom model's source."""
    code: str | None = None
    """A hash of `task_code` and `model_code`."""
    replaced: dict[str, Any] = {}
    """Videos whose file was replaced since the cell beside this one was begun."""

    def to_json(self) -> dict[str, JSON]:
        """Return what run.json holds: the keys that were given, with the values as they were."""
        return self.model_dump(exclude_unset=True, warnings=False)


class CommandSettings(OnDisk):
    """Settings of a command that are read again; the rest is for people."""

    tasks: list[str] = []
    """Specs of the tasks."""
    models: list[str] = []
    """Specs of the models."""
    data_root: str | None = None
    """The folder with annotations and videos."""
    annotations: str | None = None
    """The annotation file."""
    evidence: str | None = None
    """The file with the questions' evidence."""
    out: str | None = None
    """The run's folder."""
    split: str | None = None
    """The tasks' split."""
    device: str | None = None
    """The torch device."""
    seeds: list[Whole] | None = None
    """Seeds of samplers and agents."""
    only_present: bool = False
    """Whether questions whose video is missing were left out."""
    left_out: dict[str, Whole] = {}
    """The number of those, by the task's label."""


class Command(OnDisk):
    """A command that added to a run."""

    command: list[str] = []
    """The words of the command line."""
    settings: CommandSettings = CommandSettings()
    """Its settings, resolved."""
    environment: dict[str, Any] = {}
    """Versions and hardware."""


class RunFile(OnDisk):
    """The content of run.json."""

    format: int
    """The version of the format."""
    commands: list[Command]
    """The commands that made the run, oldest first."""
    cells: dict[str, Any]
    """The settings of each cell, by folder; see `CellSettings`."""


class TaskScoresFile(OnDisk):
    """The content of task_scores.json."""

    model_config = ConfigDict(extra="forbid")

    headline: float | None
    """The first of the figures as a share of 1, or null."""
    figures: dict[str, float]
    """Every metric of the task, each in its own unit."""


def bad_setting(settings: dict[str, Any]) -> str | None:
    """Return the first key that `CellSettings` rejects; None where all can be read again."""
    try:
        checked = CellSettings.model_validate(settings)
    except ValidationError as error:
        return str(error.errors()[0]["loc"][0])
    return "frames" if checked.frames is None and checked.visual_tokens is None else None
