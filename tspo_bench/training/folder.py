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
_WRITTEN_LAST = "trainer_state.json"  # of a checkpoint


def check_folder(config: TrainConfig, *, resume: bool, fresh: bool) -> None:
    """Refuse a folder that this run must not write to. Nothing is changed.

    Raises:
        UserError: it holds another run, or the same one and neither `resume` nor `fresh` is asked
            for, or files that are no run's; or both are asked for.
    """
    if resume and fresh:
        raise UserError("--resume goes on with what is there, --fresh throws it away: give one")
    path = config.out / SETTINGS_FILE
    if not path.exists():
        if config.out.exists() and (not config.out.is_dir() or any(config.out.iterdir())):
            raise UserError(
                f"{config.out} is no training run's folder, and not empty; give another"
            )
    elif resume:
        known = _read_settings(path)
        if changed := sorted(k for k, v in config.settings().items() if known.get(k) != v):
            raise UserError(
                f"{config.out} holds a run with another {', '.join(changed)}; give the same "
                "settings to resume it, or another name"
            )
    elif not fresh:
        raise UserError(
            f"{config.out} holds a training run already; --resume goes on with it, --fresh "
            "throws it away, another name (--name) keeps both"
        )


def prepare_folder(config: TrainConfig, *, fresh: bool) -> None:
    """Make the folder ready for a run that `check_folder` has let pass.

    With `fresh` it is emptied. Checkpoints that a kill left half written are removed.

    Raises:
        UserError: the folder cannot be written.
    """
    path = config.out / SETTINGS_FILE
    if fresh and path.exists():
        shutil.rmtree(config.out)
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


def trained_frames(out: Path) -> int:
    """The frame budget that the agent in a folder was trained with."""
    return int(_read_settings(out / SETTINGS_FILE)["preset"]["frames"])


def _is_whole(checkpoint: Path) -> bool:
    """Whether the Trainer has written a checkpoint to its end: its state comes last."""
    try:
        json.loads((checkpoint / _WRITTEN_LAST).read_text())
    except (OSError, ValueError):
        return False
    return True


def _read_settings(path: Path) -> dict:
    try:
        return dict(json.loads(path.read_text()))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}; --fresh starts over") from error
