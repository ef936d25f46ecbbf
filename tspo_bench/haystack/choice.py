"""`haystack` in specs: the built-in world, or the user's own footage."""

from __future__ import annotations

from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.haystack.clips import ClipHaystack
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.tasks import Task


def haystack(
    length: Any = "5min",
    split: str | None = None,
    objects: str | None = None,
    videos: int | None = None,
    language: str | None = None,
    clips: str | None = None,
    needles: str | None = None,
    depths: Any = None,
    clip_seed: int | None = None,
    protocol: str | None = None,
) -> Task:
    """Build `ClipHaystack` where `clips` and `needles` are given, else `HaystackTask`.

    Raises:
        UserError: an option of the other one is given, or see these classes.
    """
    own = {"clips": clips, "needles": needles, "depths": depths, "clip_seed": clip_seed}
    world = {"objects": objects, "videos": videos, "language": language}
    given = {key: value for key, value in own.items() if value is not None}
    if not given:
        if isinstance(length, list | tuple):
            raise UserError(
                f"task 'haystack': length={length!r}: several lengths are for your own footage; "
                "name the task once a length: 'haystack[length=1min],haystack[length=5min]'"
            )
        usual = {key: value for key, value in world.items() if value is not None}
        return HaystackTask(length=length, split=split, protocol=protocol, **usual)  # type: ignore[arg-type]
    for key in ("clips", "needles"):
        if key not in given:
            raise UserError(
                f"task 'haystack': {key} is missing; for your own footage write "
                "haystack[clips=DIR,needles=FILE]"
            )
    for key, value in world.items():
        if value is not None:
            raise UserError(f"task 'haystack': {key}={value!r} is for the built-in world; drop it")
    if split is not None:
        raise UserError(f"task 'haystack' with own clips has no splits; drop --split {split}")
    return ClipHaystack(length=length, protocol=protocol, **given)
