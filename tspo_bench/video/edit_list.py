"""Edit lists: small files that join stretches of videos to one, without re-encoding."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tspo_bench.errors import VideoError
from tspo_bench.files import CACHE_HINT, atomic_write
from tspo_bench.validation import plain

SUFFIX = ".edl.json"


class Part(BaseModel):
    """A stretch of a video: the frames that are on show from `start` on, for `seconds`.

    Attributes:
        path: the video file, absolute.
        sha256: of its bytes, so that an edit list's content names all that it shows.
        start: seconds of the video at which the part begins.
        seconds: how long it lasts, up to a second beyond the video's end: the last frame stays.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    sha256: str
    start: float = Field(ge=0, allow_inf_nan=False)
    seconds: float = Field(gt=0, allow_inf_nan=False)


class EditList(BaseModel):
    """Parts in the order in which they are shown, on a canvas of `width` x `height` pixels.

    A part of another size is scaled to fit, keeping its aspect, and centred on black.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(1, ge=1, le=1)
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    parts: tuple[Part, ...] = Field(min_length=1)

    @property
    def sha256(self) -> str:
        """A hash of all that is shown; the same wherever the clips' folder is."""
        parts = [(p.sha256 or str(p.path), p.start, p.seconds) for p in self.parts]
        shown = json.dumps([self.version, self.width, self.height, parts])
        return hashlib.sha256(shown.encode()).hexdigest()

    def write(self, folder: Path) -> Path:
        """Write the list into a folder, named by its content, unless it is there; return its path.

        Raises:
            UserError: it cannot be written.
        """
        text = self.model_dump_json(indent=1)
        path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}{SUFFIX}"
        if not path.exists():
            with atomic_write(path, CACHE_HINT) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return path


def is_edit_list(path: Path) -> bool:
    """Whether a video's path is that of an edit list, by its suffix."""
    return path.name.endswith(SUFFIX)


def read_edit_list(path: Path) -> EditList:
    """Read an edit list.

    Raises:
        VideoError: the file is missing or is not an edit list.
    """
    try:
        return EditList.model_validate_json(path.read_bytes())
    except OSError as error:
        raise VideoError(f"edit list {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise VideoError(
            f"edit list {path}: {plain(error)}; remove it, it is then made again"
        ) from error
