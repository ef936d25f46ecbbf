"""Settings of a cell, as run.json keeps them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import TypedDict

from tspo_bench.types import JSON
from tspo_bench.validation import MOST

Whole = Annotated[int, Field(gt=-MOST, lt=MOST)]


class Scoring(TypedDict, total=False):
    """How a protocol averages; see `report.headline`."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]

    average: Required[Literal["micro", "macro"]]
    unparsed: Required[Literal["wrong", "dropped"]]
    over: str | None
    values: list[str]


def _has_group(scoring: Scoring) -> Scoring:
    if scoring["average"] == "macro" and scoring.get("over") is None:
        raise ValueError("a macro average needs a group")
    return scoring


class CellSettings(BaseModel):
    """Settings that a cell's records depend on.

    What older runs did not write down has its default. Keys that are not listed here are kept.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="allow",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

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
    """How the model answers: "generate" or "options"."""
    protocol_hash: str | None = None
    """A hash of the protocol's text."""
    scoring: Annotated[Scoring, AfterValidator(_has_group)] | None = None
    """How the protocol averages."""
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
        return self.model_dump(exclude_unset=True)


def bad_setting(settings: dict[str, Any]) -> str | None:
    """Return the first key that `CellSettings` rejects; None where all can be read again."""
    try:
        CellSettings.model_validate(settings)
    except ValidationError as error:
        return str(error.errors()[0]["loc"][0])
    return None
