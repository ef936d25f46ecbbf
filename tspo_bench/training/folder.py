"""The folder of an agent in training: whose it is, and where training goes on from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, get_last_checkpoint

from tspo_bench.errors import UserError
from tspo_bench.files import make_folder, written_whole
from tspo_bench.training.settings import TrainConfig

SETTINGS_FILE = "training.json"
CHECKPOINTS = "checkpoints"
_STATE = "trainer_state.json"  # of a checkpoint; written last
_AGENT_FILE = "config.json"
_OWN_FILES = (
    *(SETTINGS_FILE, _AGENT_FILE, "model.safetensors", "README.md", "log.jsonl"),
    *("toy.png", "toy.gif"),
)
_OWN_FOLDERS = (CHECKPOINTS, "tensorboard", "val")
_SEEDS = "seed-*"  # the agents of a folder that several seeds are trained into


def check_folder(config: TrainConfig, *, resume: bool, fresh: bool) -> None:
    """Refuse a folder that this run must not write to. Nothing is changed.

    Raises:
        UserError: it holds another run, or the same one and neither `resume` nor `fresh` is asked
            for, or files that are no run's; it would be an agent that holds agents of several
            seeds, or lie in one; or both are asked for.
    """
    if resume and fresh:
        raise UserError("--resume goes on with what is there, --fresh throws it away: give one")
    _check_not_mixed(config.out)
    path = config.out / SETTINGS_FILE
    if not path.exists():
        if config.out.exists() and (not config.out.is_dir() or any(config.out.iterdir())):
            raise UserError(
                f"{config.out} is no training run's folder, and not empty; give another"
            )
    elif resume:
        known = _read_settings(path)
        if changed := sorted(k for k, v in config.settings().items() if known.get(k) != v):
            hint = " (the --device's)" if "precision" in changed else ""
            raise UserError(
                f"{config.out} holds a run with another {', '.join(changed)}{hint}; give the same "
                "settings to resume it, or another name"
            )
    elif not fresh:
        raise UserError(
            f"{config.out} holds a training run already; --resume goes on with it, --fresh "
            "throws it away, another name (--name) keeps both"
        )


def prepare_folder(config: TrainConfig, *, fresh: bool) -> None:
    """Make the folder ready for a run that `check_folder` has let pass.

    With `fresh` what an earlier run wrote is removed, and no other file. So are checkpoints that a
    kill left half written.

    Raises:
        UserError: the folder cannot be written.
    """
    path = config.out / SETTINGS_FILE
    if fresh and path.exists():
        _remove_run(config.out)
    make_folder(config.out, hint="give another with --name")
    for checkpoint in (config.out / CHECKPOINTS).glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        if not _is_whole(checkpoint):
            shutil.rmtree(checkpoint)
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(config.settings(), indent=1) + "\n")


def last_checkpoint(out: Path) -> str | None:
    """The newest checkpoint in an agent's folder, None where there is none yet."""
    folder = out / CHECKPOINTS
    return get_last_checkpoint(str(folder)) if folder.is_dir() else None


def is_complete(checkpoint: str) -> bool:
    """Whether a checkpoint is of a run's last step: there is nothing left to train."""
    state = json.loads((Path(checkpoint) / _STATE).read_text())
    return bool(state["global_step"] >= state["max_steps"])


def _check_not_mixed(out: Path) -> None:
    """Refuse to make a folder both an agent and a holder of one agent a seed."""
    if seeds := sorted(path.name for path in out.glob(_SEEDS) if path.is_dir()):
        raise UserError(
            f"{out} holds an agent of each seed: {', '.join(seeds)}; give another --name, or one "
            f"like {out.name}/seed-3 for one more seed"
        )
    holder = out.parent
    if out.match(_SEEDS) and any((holder / name).exists() for name in (_AGENT_FILE, SETTINGS_FILE)):
        raise UserError(
            f"{holder} is an agent itself and cannot hold one of each seed; give another --name"
        )


def _remove_run(out: Path) -> None:
    for name in _OWN_FILES:
        (out / name).unlink(missing_ok=True)
    for name in _OWN_FOLDERS:
        if (out / name).exists():
            shutil.rmtree(out / name)


def _is_whole(checkpoint: Path) -> bool:
    """Whether the Trainer has written a checkpoint to its end: its state comes last."""
    try:
        json.loads((checkpoint / _STATE).read_text())
    except (OSError, ValueError):
        return False
    return True


def _read_settings(path: Path) -> dict:
    try:
        return dict(json.loads(path.read_text()))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}; --fresh starts over") from error
