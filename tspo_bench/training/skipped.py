"""The questions that a training run leaves out: a file of them all, and one line of counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tspo_bench.training.episode import Skipped


class SkippedFile:
    """JSON lines of what is left out, each once over all epochs and resumptions.

    A line is `{"where": "line 7", "reason": "video a.mp4 not found under /data"}`; "training" is
    where a video turns out to be unreadable.

    Args:
        path: the file; it is made with the first line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        self._known = set(whole.splitlines())
        if whole != text:  # a kill left half a line
            path.write_text(whole, encoding="utf-8")

    def add(self, skipped: Sequence[Skipped]) -> None:
        """Append those that are not there yet."""
        lines = [json.dumps({"where": one.where, "reason": one.reason}) for one in skipped]
        new = [line for line in dict.fromkeys(lines) if line not in self._known]
        self._known.update(new)
        if new:
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in new))

    def add_in_training(self, reason: str) -> None:
        """Append a question whose video turns out to be unreadable."""
        self.add([Skipped("training", reason)])


def summed_up(skipped: Sequence[Skipped], usable: int) -> str:
    """How many questions are left out, by kind: "3 of 10 ... left out (2 video not found, ...)"."""
    kinds = Counter(one.kind for one in skipped).most_common()
    counts = ", ".join(f"{number} {kind}" for kind, number in kinds)
    return f"{len(skipped)} of {usable + len(skipped)} training questions are left out ({counts})"
