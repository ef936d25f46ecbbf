"""Agents on disk: our own, and those that TSPO's authors published.

In the published layout one folder holds both: CLIP's checkpoint (weights, config.json, processor),
and among its weights the agent's, their names under a prefix. What their trainer writes has the
agent among the weights of the MLLM, and no CLIP.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from torch import Tensor

from tspo_bench.agent import KINDS, agent_class
from tspo_bench.agent.base import KIND_KEY, TemporalAgent
from tspo_bench.errors import UserError
from tspo_bench.features.checkpoint import WEIGHTS, checkpoint_id, find_checkpoint, precision
from tspo_bench.files import user_path

AGENT = "agent"
PACKAGED = Path(__file__).parent / "weights"
PREFIXES = ("selector.", "multiModal_align.")  # published; while its authors train
_CLIP = "text_model."  # begins names of CLIP's and SigLIP's weights
_HUB = ("revision", "cache_dir", "force_download", "local_files_only", "token")
_Agent = TypeVar("_Agent", bound=TemporalAgent)


def load_agent(name: str, device: str = "cpu") -> TemporalAgent:
    """The agent of that name, in evaluation mode, in float32.

    Args:
        name: "tspo" or "tspo-q" (those in the package), or a folder or hub id: an agent of ours, or
            a checkpoint in the published layout.
        device: a torch device.

    Raises:
        UserError: the agent does not exist, is of an unknown layout, or its weights are incomplete.
    """
    precision(device)  # rejects an unusable device
    agent = load_pretrained(TemporalAgent, name)  # type: ignore[type-abstract]
    return agent.to(device).eval()


def load_pretrained(cls: type[_Agent], name: str, **arguments: Any) -> _Agent:
    """See `TemporalAgent.from_pretrained`, with `cls` as its class.

    Raises:
        UserError: there is no such agent, it is not a `cls`, or it cannot be loaded.
    """
    hub = {key: arguments.pop(key) for key in _HUB if key in arguments}
    folder = find_agent(name, **hub)
    load = _published if is_published(folder) else _own
    try:
        agent: TemporalAgent = load(name, folder, arguments)
    except (TypeError, OSError, SafetensorError) as error:
        raise UserError(f"agent {name!r} in {folder} cannot be loaded: {error}") from error
    if not isinstance(agent, cls):
        raise UserError(
            f"agent {name!r} is of kind {agent.kind!r}, not a {cls.__name__}; load it with "
            f"{type(agent).__name__}.from_pretrained or TemporalAgent.from_pretrained"
        )
    return agent


def find_agent(name: str, **hub: Any) -> Path:
    """The folder of an agent, fetched from the hub if need be; see `load_agent`.

    `hub` are arguments of huggingface_hub's `snapshot_download`.

    Raises:
        UserError: there is no such agent.
    """
    if name not in KINDS:
        own = user_path(name)
        seeds = sorted(path.name for path in own.glob("seed-*") if path.is_dir())
        if seeds and not (own / "config.json").is_file():
            raise UserError(
                f"agent {name!r} holds one of each seed: {', '.join(seeds)}; name one of them, "
                f"as in {own / seeds[0]}"
            )
        _check_finished(name, own)
        return find_checkpoint(AGENT, name, **hub)
    folder = PACKAGED / name
    if not any(folder.glob(WEIGHTS)):
        raise UserError(
            f"agent {name!r} is not in this installation; `tspo-bench train --agent {name}` makes "
            "one: give its folder with --agent"
        )
    return folder


def _check_finished(name: str, folder: Path) -> None:
    """Check that a folder is not one that an agent is still trained into.

    Raises:
        UserError: it is.
    """
    if (folder / "training.json").is_file() and not (folder / "config.json").is_file():
        previous = folder / "previous"
        kept = f"; the agent that was there before is {previous}" if previous.is_dir() else ""
        raise UserError(f"agent {name!r} is not finished: train with --resume resumes it{kept}")


def is_published(folder: Path) -> bool:
    """Whether a checkpoint's folder has the published layout: an agent among CLIP's weights.

    Raises:
        UserError: the weights cannot be read.
    """
    return any(_prefix(_names(path)) for path in folder.glob(WEIGHTS))


def default_encoder(agent: str | None, without: str | None = None) -> str:
    """The encoder to use where none is named: the agent's folder if that holds both.

    Else it is `without`, or, if that is None or the agent is one of the package, the reference.

    Raises:
        UserError: there is no such agent, or its folder should hold CLIP and does not.
    """
    if agent in KINDS:
        return "reference"
    if agent is None or not is_published(folder := find_agent(agent)):
        return without or "reference"
    if not _holds_clip(folder):
        if without is not None:
            return without
        raise UserError(
            f"agent {agent!r} has no CLIP beside the agent's weights, as what TSPO's trainer "
            "writes; give the encoder that it was trained with: --encoder "
            "openai/clip-vit-large-patch14 is its authors'"
        )
    return agent


def _own(name: str, folder: Path, arguments: dict[str, Any]) -> TemporalAgent:
    path = folder / "config.json"
    config = _read_config(name, path)
    kind = config.get(KIND_KEY) if isinstance(config, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(
            f"agent {name!r}: {path} is not an agent's ({KIND_KEY}: {kind!r}), and its weights "
            f"hold no {' or '.join(f'{prefix}*' for prefix in PREFIXES)}; give a folder that "
            "`tspo-bench train` wrote, or a published checkpoint"
        )
    agent: TemporalAgent = agent_class(kind).from_own_folder(folder, **arguments)
    return agent


def _read_config(name: str, path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"agent {name!r}: cannot read {path}: {error.strerror}") from error
    except RecursionError as error:
        raise UserError(f"agent {name!r}: {path} is nested too deeply") from error
    except ValueError as error:  # numbers of thousands of digits too
        raise UserError(f"agent {name!r}: {path} is not valid JSON: {error}") from error


def _published(name: str, folder: Path, arguments: dict[str, Any]) -> TemporalAgent:
    """The paper's agent, with its authors' settings: only the width shows in the weights.

    Without CLIP beside it nothing says whose features it reads, but for their width.
    """
    from tspo_bench.agent.paper_agent import PaperAgent

    weights = _agent_weights(folder)
    if "mlp.0.weight" not in weights:
        raise UserError(f"agent {name!r}: no mlp.0.weight among the agent's weights in {folder}")
    width = len(weights["mlp.0.weight"])
    where = arguments.pop("map_location", "cpu")
    known = {"encoder": name, "encoder_id": checkpoint_id(folder)} if _holds_clip(folder) else {}
    agent = PaperAgent(**{"width": width, **known, **arguments})
    agent.load_weights(weights, str(folder))
    return agent.to(where).eval()


def _holds_clip(folder: Path) -> bool:
    return any(name.startswith(_CLIP) for path in folder.glob(WEIGHTS) for name in _names(path))


def _agent_weights(folder: Path) -> dict[str, Tensor]:
    """The agent's own weights out of all those in a folder, without their prefix."""
    found: dict[str, Tensor] = {}
    for path in sorted(folder.glob(WEIGHTS)):
        names = _names(path)
        prefix = _prefix(names)
        if prefix is None:
            continue
        with safe_open(path, framework="pt") as file:
            for name in names:
                if name.startswith(prefix):
                    found[name.removeprefix(prefix)] = file.get_tensor(name)
    return found


def _names(path: Path) -> list[str]:
    try:
        with safe_open(path, framework="pt") as file:
            return list(file.keys())
    except (OSError, SafetensorError) as error:
        raise UserError(f"agent weights {path} cannot be read: {error}") from error


def _prefix(names: list[str]) -> str | None:
    return next((p for p in PREFIXES if any(name.startswith(p) for name in names)), None)
