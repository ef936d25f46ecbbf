"""Hay: stretches of other clips from a folder, around a needle."""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from tspo_bench.errors import UserError, VideoError
from tspo_bench.features import FeatureStore
from tspo_bench.tasks.video_files import VIDEO_SUFFIXES
from tspo_bench.video.edit_list import Part
from tspo_bench.video.edit_reader import clip_facts

_log = logging.getLogger(__name__)


class Footage:
    """The clips of a folder and its subfolders, drawn in an order that depends on a seed.

    Clips are cut to whole seconds, so that their candidates at 1 fps are the same frames wherever
    they stand. One that cannot be read is passed over, with a warning.

    Args:
        folder: where the clips are.
        needles: files that are never drawn, nor copies of them.
        seed: of the order.

    Raises:
        UserError: the folder is missing, or has no clips but needles.
    """

    def __init__(self, folder: Path, needles: Collection[Path], seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._store = FeatureStore()
        self._needles = tuple(needles)
        taken = {path.resolve() for path in needles}
        self._clips = {
            str(path.relative_to(folder).as_posix()): path.resolve()
            for path in _videos_in(folder)
            if path.resolve() not in taken
        }
        if not self._clips:
            raise UserError(
                f"clips={folder} has no videos{' but the needles' if taken else ''}; give a folder "
                f"with other videos ({', '.join(VIDEO_SUFFIXES[:4])}, ...)"
            )
        self._bad: dict[str, str] = {}
        self._said_repeats = False

    def around(self, needle: Path, needle_seconds: int, seconds: int, depth: float) -> list[Part]:
        """The parts of a video of `seconds`, with the needle whole at a depth of 0 to 1.

        The clips and their order do not depend on the depth. A clip may be split by the needle.

        Raises:
            VideoError: none of the clips can be used, or the needle cannot be read.
        """
        hay = list(self._hay(needle, seconds - needle_seconds))
        before = round(depth * (seconds - needle_seconds))
        middle = Part(path=needle, sha256=self._id(needle), start=0.0, seconds=needle_seconds)
        return [*_stretch(hay, 0, before), middle, *_stretch(hay, before, seconds)]

    def _hay(self, needle: Path, seconds: int) -> Iterator[Part]:
        """Clips one after the other, the last one cut: any stretch of a clip that is longer."""
        for round_ in itertools.count():
            drawn = 0
            for name in self._order(f"{self._id(needle)}/{round_}"):
                if (length := self._usable(name)) is None:
                    continue
                if drawn == 0 and round_ == 1:
                    self._say_repeats(seconds)
                drawn, taken = drawn + length, min(length, seconds)
                start = _hash(f"{self._seed}/{name}/{seconds}") % (length - taken + 1)
                path = self._clips[name]
                yield Part(path=path, sha256=self._id(path), start=start, seconds=taken)
                seconds -= taken
                if not seconds:
                    return
            if not drawn:
                name, reason = next(iter(self._bad.items()))
                raise VideoError(
                    f"clips={self._folder}: none of {len(self._clips)} clips can be used; {name}: "
                    f"{reason}"
                )

    def _order(self, label: str) -> list[str]:
        return sorted(self._clips, key=lambda name: (_hash(f"{self._seed}/{label}/{name}"), name))

    def _usable(self, name: str) -> int | None:
        """The whole seconds of a clip; None, said once, where it cannot be used."""
        if name in self._bad:
            return None
        path = self._clips[name]
        try:
            length = int(clip_facts(path).info.duration_seconds + 1e-6)
            if length == 0:
                raise VideoError("it is shorter than a second")
            if self._id(path) in {self._id(needle) for needle in self._needles}:
                raise VideoError("it is a copy of a needle")
        except VideoError as error:
            self._bad[name] = str(error)
            _log.warning("haystack: clip %s is passed over: %s", name, error)
            return None
        return length

    def _id(self, path: Path) -> str:
        return self._store.video_id(path)

    def _say_repeats(self, missing: int) -> None:
        if not self._said_repeats:
            self._said_repeats = True
            _log.warning(
                "haystack: the usable clips of %s are shorter together than a haystack, by %d s "
                "or more: they repeat; add clips or use a shorter length",
                self._folder,
                missing,
            )


def _stretch(parts: Sequence[Part], start: float, end: float) -> Iterator[Part]:
    """What of the parts lies between two times of the whole, cut there."""
    begins = 0.0
    for part in parts:
        first, last = max(start, begins), min(end, begins + part.seconds)
        if first < last:
            cut = {"start": part.start + first - begins, "seconds": last - first}
            yield part.model_copy(update=cut)
        begins += part.seconds


def _videos_in(folder: Path) -> list[Path]:
    """Videos of a folder and its subfolders, by their suffix; hidden ones are left out."""
    if not folder.is_dir():
        kind = "is a file" if folder.exists() else "not found"
        raise UserError(f"clips={folder}: {kind}; give a folder of videos")
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(root, name)
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES
        ]
    return found


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:8])
