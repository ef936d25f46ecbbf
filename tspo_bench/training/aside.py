"""The agent that `--fresh` replaces: kept until the new one is complete, put back if none comes.

    agents/NAME/previous/    the files of the agent that was there, itself an agent's folder

Files are moved into a hidden folder first, which then gets its name in one step: a kill in the
middle leaves that hidden folder, and `recover` puts back what is in it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from transformers.trainer_utils import get_last_checkpoint

from tspo_bench.errors import UserError

SETTINGS_FILE = "training.json"
SKIPPED_FILE = "skipped.jsonl"
CHECKPOINTS = "checkpoints"
AGENT_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
PREVIOUS = "previous"
_MOVING = ".previous"  # the same, while files are moved into it or out of it
_DROPPED = ".dropped"  # the same, while it is removed
_OWN_FILES = (
    *(SETTINGS_FILE, AGENT_FILE, WEIGHTS_FILE, "README.md", "log.jsonl", SKIPPED_FILE),
    *("toy.png", "toy.gif"),
)
_OWN_FOLDERS = (CHECKPOINTS, "tensorboard", "val")


def last_checkpoint(out: Path) -> str | None:
    """The newest checkpoint in an agent's folder, None where there is none yet."""
    folder = out / CHECKPOINTS
    return get_last_checkpoint(str(folder)) if folder.is_dir() else None


def is_agent(out: Path) -> bool:
    """Whether a folder holds an agent that was trained to the end."""
    return (out / AGENT_FILE).is_file() and (out / WEIGHTS_FILE).is_file()


def has_previous(out: Path) -> bool:
    """Whether a folder holds a run that was put aside."""
    return (out / PREVIOUS / SETTINGS_FILE).is_file()


def check_previous(out: Path) -> None:
    """Check that a run can be put aside.

    Raises:
        UserError: something that no run wrote has that name.
    """
    if (out / PREVIOUS).exists() and not has_previous(out):
        raise UserError(
            f"{out / PREVIOUS} is where --fresh keeps the run that it replaces, but no run wrote "
            "it: rename it, or give another --name"
        )


@contextlib.contextmanager
def undone_without_a_checkpoint(out: Path, *, fresh: bool) -> Iterator[None]:
    """Prepare a folder for a run; leave it as it was if the block fails before a checkpoint.

    With `fresh` what an earlier run wrote is put aside, and removed when the block ends well. What
    no run writes stays where it is.

    Raises:
        UserError: files cannot be moved.
    """
    is_new = not (out / SETTINGS_FILE).exists()
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        if fresh and not is_new:
            _put_aside(out)
        yield
    except BaseException:
        _undo(out, is_new=is_new, fresh=fresh)
        _remove_empty(made)
        raise
    _drop_previous(out)


def _undo(out: Path, *, is_new: bool, fresh: bool) -> None:
    """Undo what a run did that ends with no checkpoint; one that has some can be resumed."""
    if (out / _MOVING).exists():  # stopped while files were put aside
        finish_moving(out)
    elif is_agent(out) or last_checkpoint(out) is not None:
        return
    elif fresh and has_previous(out):
        remove_run(out)
        put_back(out)
    elif is_new:
        remove_run(out)


def put_back(out: Path) -> None:
    """Put what was put aside back into its place."""
    with _moving(out):
        (out / PREVIOUS).rename(out / _MOVING)
    finish_moving(out)


def recover(out: Path) -> None:
    """Put back what a kill left half moved, or moved with nothing begun in its place."""
    finish_moving(out)
    if has_previous(out) and not (out / SETTINGS_FILE).exists():
        put_back(out)


def finish_moving(out: Path) -> None:
    """Put back what a kill left half moved; there is nothing to do otherwise."""
    moving = out / _MOVING
    if not moving.is_dir():
        return
    with _moving(out):
        for path in list(moving.iterdir()):
            _remove(out / path.name)
            path.rename(out / path.name)
        moving.rmdir()


def remove_run(out: Path) -> None:
    """Remove what a run wrote into a folder, and nothing else; not what was put aside."""
    for name in (*_OWN_FILES, *_OWN_FOLDERS):
        _remove(out / name)


def _put_aside(out: Path) -> None:
    """Move what a run wrote to `previous`.

    Where a finished agent lies there, put aside for a run that was never finished, it stays, and
    that run is removed.
    """
    if has_previous(out):
        if not is_agent(out):
            remove_run(out)
            return
        _drop_previous(out)
    moving = out / _MOVING
    with _moving(out):
        moving.mkdir()
        for name in (*_OWN_FILES, *_OWN_FOLDERS):
            if (out / name).exists():
                (out / name).rename(moving / name)
        moving.rename(out / PREVIOUS)


def _drop_previous(out: Path) -> None:
    _remove(out / _DROPPED)  # what a kill left of it
    if has_previous(out):
        with _moving(out):
            (out / PREVIOUS).rename(out / _DROPPED)
        _remove(out / _DROPPED)


@contextlib.contextmanager
def _moving(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot move files of {out}: {error.strerror}; give another --name"
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders, the innermost first, as far as they are empty."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()
