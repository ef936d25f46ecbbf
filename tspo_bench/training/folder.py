"""The folder of an agent in training: who may write to it, and the state of its checkpoints."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write, make_folder
from tspo_bench.training.aside import (
    AGENT_FILE,
    CHECKPOINTS,
    SETTINGS_FILE,
    check_previous,
    recover,
    undone_without_a_checkpoint,
)
from tspo_bench.training.presets import Preset
from tspo_bench.training.settings import TrainConfig

_STATE = "trainer_state.json"  # of a checkpoint; written last
_OPTION = {"precision": "precision (the --device's)", "num_videos": "videos"}
_SEEDS = "seed-*"  # the agents of a folder that several seeds are trained into


def check_folder(config: TrainConfig, *, resume: bool, fresh: bool) -> None:
    """Check that this run may write to its folder. Nothing is changed.

    (But for what a kill left moved away, which is put back.)

    Raises:
        UserError: it holds another run, or the same one and neither `resume` nor `fresh` is asked
            for, or files of no run; it would be an agent that holds agents of several
            seeds, or lie in one; or both are asked for.
    """
    if resume and fresh:
        raise UserError("--resume continues what is there, --fresh throws it away: give one")
    recover(config.out)
    _check_not_mixed(config.out)
    if fresh:
        check_previous(config.out)
    path = config.out / SETTINGS_FILE
    if not path.exists():
        if config.out.exists() and (not config.out.is_dir() or any(config.out.iterdir())):
            raise UserError(
                f"{config.out} is not a training run's folder, and not empty; give another"
            )
    elif resume:
        _check_same_settings(config, _read_settings(path))
    elif not fresh:
        raise UserError(
            f"{config.out} holds a training run already; --resume resumes it, --fresh "
            "throws it away, another name (--name) keeps both"
        )


@contextlib.contextmanager
def prepared_folder(config: TrainConfig, *, fresh: bool) -> Iterator[None]:
    """Make the folder ready for a run that `check_folder` has let pass, while the run lasts.

    With `fresh` what an earlier run wrote is put aside until the run is complete, and no other
    file; a run that fails before its first checkpoint leaves the folder as it was. Checkpoints
    that a kill left half written are removed.

    Raises:
        UserError: the folder cannot be written.
    """
    with undone_without_a_checkpoint(config.out, fresh=fresh):
        make_folder(config.out, hint="give another with --name")
        for checkpoint in (config.out / CHECKPOINTS).glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
            if not _is_whole(checkpoint):
                shutil.rmtree(checkpoint)
        with atomic_write(config.out / SETTINGS_FILE) as temporary:
            temporary.write_text(json.dumps(config.settings(), indent=1) + "\n")
        yield


def is_complete(checkpoint: str, steps: int) -> bool:
    """Whether a checkpoint is of the last step.

    Args:
        checkpoint: its folder.
        steps: of the run; 0 or less for those that the checkpoint itself plans.
    """
    done, planned = _steps(Path(checkpoint)) or (0, 1)
    return done >= (steps if steps > 0 else planned)


def _check_not_mixed(out: Path) -> None:
    """Reject to make a folder both an agent and a holder of one agent a seed."""
    if seeds := sorted(path.name for path in out.glob(_SEEDS) if path.is_dir()):
        raise UserError(
            f"{out} holds an agent of each seed: {', '.join(seeds)}; give another --name, or one "
            f"like {out.name}/seed-3 for one more seed"
        )
    holder = out.parent
    if out.match(_SEEDS) and any((holder / name).exists() for name in (AGENT_FILE, SETTINGS_FILE)):
        raise UserError(
            f"{holder} is an agent itself and cannot hold one of each seed; give another --name"
        )


def _is_whole(checkpoint: Path) -> bool:
    """Whether the Trainer has finished writing a checkpoint: its state comes last."""
    return _steps(checkpoint) is not None


def _steps(checkpoint: Path) -> tuple[int, int] | None:
    """The steps done and planned by a checkpoint's state; None if it is broken."""
    try:
        state = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
        return int(state["global_step"]), int(state.get("max_steps", 0))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _check_same_settings(config: TrainConfig, known: Mapping[str, Any]) -> None:
    """Check that a run is resumed with the settings that it began with, or with more steps.

    Raises:
        UserError: the settings that differ, by their options' names, with both values.
    """
    then, now = _flat(known), _flat(config.settings())
    # What a preset had no setting for when the run began was as it is without one.
    defaults = {each.name: each.default for each in fields(Preset) if each.default is not MISSING}
    changed = {
        key: (then.get(key, defaults.get(key)), value)
        for key, value in now.items()
        if key != "name" and then.get(key, defaults.get(key)) != value
    }
    before, steps = changed.get("steps", (None, None))
    if before and steps and steps > before:
        del changed["steps"]
    if changed:
        listed = [f"{_OPTION.get(k, k)}: {a} then, {b} now" for k, (a, b) in changed.items()]
        raise UserError(
            f"{config.out} was begun with other settings ({'; '.join(listed)}); give the same (or "
            "more --steps) to resume it, --fresh to replace it, or another --name"
        )


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with those of the preset among them."""
    preset = settings.get("preset")
    inner = preset if isinstance(preset, dict) else {}
    return {key: value for key, value in settings.items() if key != "preset"} | inner


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; --fresh starts over") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}; --fresh starts over") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is not an object of settings; --fresh starts over")
    return content
