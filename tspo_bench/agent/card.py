"""The model card (README.md) of an agent."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

WHAT = {
    "tspo": "The temporal agent of TSPO (arXiv 2508.04369): window attention over the frames; what "
    "it gives, and the frames themselves, are compared with the question.",
    "tspo-q": "A temporal agent whose every layer is conditioned on the question.",
}


_OF_ANSWERS = ("answer", "answer-released")
_OF_EVIDENCE = ("temporal", "coverage")


def model_card(
    config: Mapping[str, Any], frames: int | None = None, command: Sequence[str] = ()
) -> ModelCard:
    """A card that says what the agent is, what it was made for, and how.

    Args:
        config: the agent's config.json, whose `recipe` says what is known of the training.
        frames: the frame budget K that it was trained with, if the recipe does not say it.
        command: the words of the command line that trained it, likewise.
    """
    kind = config["kind"]
    recipe = config.get("recipe") or {}
    frames, command = recipe.get("frames") or frames, recipe.get("command") or command
    rewards = recipe.get("rewards")
    rows = {
        "kind": kind,
        "encoder": config.get("encoder") or "not known",
        "encoder id": config.get("encoder_id") or "not known",
        "feature width": config["width"],
        "tau": config["tau"],
        "frame budget in training (K)": frames or "not known",
        "preset of the training": recipe.get("preset") or "not known",
        "rewards": rewards or "not known",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    data = ModelCardData(library_name="tspo-bench", tags=["tspo-bench", "frame-sampling", "video"])
    trained = (
        f"```\n{shlex.join(command)}\n```" if command else "The training command is not known."
    )
    return ModelCard(
        f"---\n{data.to_yaml()}\n---\n"
        f"# {kind}: picks the frames of a video to answer a question with\n\n"
        f"{WHAT.get(kind, 'A temporal agent.')}\n\n"
        f"| | |\n|---|---|\n{table}\n\n"
        "It reads features of this encoder only: those of another are refused.\n\n"
        f"## Use\n```\ntspo-bench run --sampler {kind} --agent PATH_OR_HUB_ID\n```\n\n"
        f"## Training\n{trained}\n\n{_rewarded(rewards)}\n"
    )


def _rewarded(rewards: str | None) -> str:
    """What the agent was rewarded with, in a sentence."""
    if rewards is None:
        return "What the agent was rewarded with is not known."
    names = [name.strip() for name in rewards.split(",")]
    evidence = [name for name in names if name in _OF_EVIDENCE]
    custom = [name for name in names if name not in (*_OF_ANSWERS, *_OF_EVIDENCE)]
    said = f"Rewarded with {rewards}"
    if evidence:
        said += f": {' and '.join(evidence)} reads where the evidence of a question lies"
    elif not custom:
        said += ": for right answers alone, with no annotation of frames"
    if custom:
        said += f"; {', '.join(custom)} is custom code"
    return f"{said}."
