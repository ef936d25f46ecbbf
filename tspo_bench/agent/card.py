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


def model_card(
    config: Mapping[str, Any], frames: int | None = None, command: Sequence[str] = ()
) -> ModelCard:
    """A card that says what the agent is, what it was made for, and how.

    Args:
        config: the agent's config.json.
        frames: the frame budget K that it was trained with, if known.
        command: the words of the command line that trained it, if known.
    """
    kind = config["kind"]
    rows = {
        "kind": kind,
        "encoder": config.get("encoder") or "not known",
        "encoder id": config.get("encoder_id") or "not known",
        "feature width": config["width"],
        "tau": config["tau"],
        "frame budget in training (K)": frames or "not known",
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
        f"## Training\n{trained}\n"
    )
