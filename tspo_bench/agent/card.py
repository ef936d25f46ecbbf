"""The model card (README.md) of an agent."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from tspo_bench.files import atomic_write

_KINDS = {
    "tspo": "The temporal agent of TSPO (arXiv 2508.04369): window attention over the frames; its "
    "result, and the frames themselves, are compared with the question.",
    "tspo-q": "A temporal agent whose every layer is conditioned on the question.",
}
_OF_ANSWERS = ("answer", "answer-released")
_OF_EVIDENCE = ("temporal", "coverage")
_VALIDATION = "\n## Validation\n"
_TEMPLATE = """\
---
{metadata}
---
# {kind}: picks the frames of a video to answer a question with

{description}

| | |
|---|---|
{table}

It reads features of this encoder only.

## Use
```
tspo-bench run --sampler {kind} --agent PATH_OR_HUB_ID
```

## Training
{training}

{rewarded}

## Licence
Apache-2.0, as tspo-bench. Change it here and in the first lines if encoder, MLLM or videos require
another.

## Publish
In the agent's folder:
```
hf upload OWNER/NAME . --include README.md --include config.json --include model.safetensors
```
"""


def model_card(config: Mapping[str, Any]) -> ModelCard:
    """The card of an agent: its kind, encoder, training, licence, and how to publish it.

    Args:
        config: the agent's config.json, whose `recipe` describes the training.
    """
    kind = config["kind"]
    recipe = config.get("recipe") or {}
    command, rewards = recipe.get("command"), recipe.get("rewards")
    rows = {
        "kind": kind,
        "encoder": config.get("encoder"),
        "encoder id": config.get("encoder_id"),
        "feature width": config["width"],
        "tau": config["tau"],
        "frame budget in training (K)": recipe.get("frames"),
        "preset of the training": recipe.get("preset"),
        "rewards": rewards,
    }
    data = ModelCardData(
        license="apache-2.0",
        library_name="tspo-bench",
        tags=["tspo-bench", "frame-sampling", "video"],
    )
    return ModelCard(
        _TEMPLATE.format(
            metadata=data.to_yaml(),
            kind=kind,
            description=_KINDS[kind],
            table="\n".join(f"| {name} | {value or 'not known'} |" for name, value in rows.items()),
            training=f"```\n{shlex.join(command)}\n```" if command else "Command: not known.",
            rewarded=_rewarded(rewards),
        )
    )


def add_validation(folder: Path, text: str) -> None:
    """Put validation figures at the end of the card in an agent's folder, in place of earlier ones.

    They are not in config.json, whose content is part of the agent's identity in a run.
    """
    path = folder / "README.md"
    card = path.read_text(encoding="utf-8").partition(_VALIDATION)[0]
    with atomic_write(path) as temporary:
        temporary.write_text(f"{card.rstrip()}\n{_VALIDATION}{text}\n", encoding="utf-8")


def _rewarded(rewards: str | None) -> str:
    """The rewards, in a sentence."""
    if rewards is None:
        return "Rewards: not known."
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
