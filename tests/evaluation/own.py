"""Models and custom samplers, with known behaviour: found as tests.evaluation.own:Name."""

from __future__ import annotations

import json
import re
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tests.support import read_number
from tspo_bench import MLLM
from tspo_bench.types import Answer, Candidates, Query, Request, Selection

NEAR = 10  # an option's frame counts as shown if one at most so many frames away is


def shown_letters(prompt: str, numbers: Sequence[int]) -> list[str]:
    """The options ("B. frame 120") whose frame is among the numbers, or near one of them."""
    options = re.findall(r"^([A-J])\. frame (\d+)$", prompt, re.MULTILINE)
    near = [
        letter
        for letter, frame in options
        if any(abs(int(frame) - number) <= NEAR for number in numbers)
    ]
    return near


class FrameReader(MLLM):
    """Reads the numbers drawn into the frames, states them, and answers what they show.

    With `log` each question's text goes to that file as it is asked; `seconds` is how long each
    takes; after `stop_after` questions the user presses Ctrl-C.
    """

    def __init__(
        self,
        short_side: int | None = None,
        log: str | None = None,
        seconds: float = 0.0,
        stop_after: int | None = None,
        name: str = "reader",
        weights: str = "1",
    ) -> None:
        self.name, self.id, self.short_side = name, f"reader-{weights}", short_side
        self.log, self.seconds, self.stop_after = log, seconds, stop_after
        self.batches: list[int] = []

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self.batches.append(len(requests))
        return [Answer(self.reply(request)) for request in requests]

    def reply(self, request: Request) -> str:
        if self.stop_after is not None:
            if self.stop_after == 0:
                raise KeyboardInterrupt
            self.stop_after -= 1
        if self.log is not None:
            with Path(self.log).open("a") as file:
                file.write(request.prompt.text.splitlines()[0] + "\n")
        time.sleep(self.seconds)
        numbers = [read_number(picture) for picture in request.frames.pixels]
        letters = shown_letters(request.prompt.text, numbers)
        said = f"The answer is {letters[0]}." if len(letters) == 1 else "Not shown."
        seen = [
            f"{number}@{second:.6f}"
            for number, second in zip(numbers, request.frames.seconds, strict=True)
        ]
        size = request.frames.pixels.shape[1:3] if numbers else None
        return f"{said} {json.dumps([seen, size, request.num_frames, request.frame_rate])}"


class Alone(FrameReader):
    """Notes how many others of its kind are in memory when it is built; holds itself in a cycle."""

    alive: ClassVar[weakref.WeakSet[Alone]] = weakref.WeakSet()
    others: ClassVar[list[int]] = []

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.others.append(len(self.alive))
        self.alive.add(self)
        self.itself = self


class Moody(FrameReader):
    """Fails on the questions whose text holds "poison", alone or in a batch, until `cured`."""

    cured: ClassVar[bool] = False

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        if not self.cured and any("poison" in request.prompt.text for request in requests):
            raise RuntimeError("out of memory, say")
        return super().answer(requests)


class Forgetful(FrameReader):
    """Leaves out the answer to the last request of a batch."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return super().answer(requests)[:-1]


class Texts(FrameReader):
    """Gives bare texts in the place of answers."""

    def answer(self, requests: Sequence[Request]) -> Any:
        return ["A" for _ in requests]


class Babbler(FrameReader):
    """Replies nonsense: nothing, a letter that only occurs, two letters, broken Unicode."""

    replies = ("", "A man opens the door", "A or B", "\ud83d \x00\n\u2028 ?!", "Z")

    def reply(self, request: Request) -> str:
        digits = re.findall(r"\d+", request.prompt.text.splitlines()[0])
        return self.replies[int(digits[0]) % len(self.replies)]


class Picks:
    """Gives what `case` names; every third question only, so that the others show no harm."""

    needs = frozenset({"probe"})

    def __init__(self, case: str) -> None:
        self.case = case

    def select(self, query: Query, candidates: Candidates, k: int) -> Any:
        if int(query.question_id.rpartition("-")[2]) % 3:
            return Selection(np.arange(k, dtype=np.int64))
        return self.bad(candidates, k)

    def bad(self, candidates: Candidates, k: int) -> Any:
        last = candidates.num_frames - 1
        cases = {
            "raises": lambda: 1 / 0,
            "too-many": lambda: Selection(np.arange(k + 1)),
            "nan-notes": lambda: Selection(np.arange(k), notes={"score": float("nan")}),
            "object-notes": lambda: Selection(np.arange(k), notes={"score": object()}),  # type: ignore[dict-item]
            "behind-the-end": lambda: Selection(np.array([0, last + 1])),
            "negative": lambda: Selection(np.array([-1, 0])),
            "fractions": lambda: Selection(np.array([0.2, 0.7])),
            "nan": lambda: Selection(np.array([np.nan])),
            "table": lambda: Selection(np.array([[0, 1]])),
            "unsorted": lambda: Selection(np.array([5, 3])),
            "an-array": lambda: np.arange(k),
            "nothing": lambda: None,
        }
        return cases[self.case]()


class NumpyCounts(Picks):
    """Counts in numpy's numbers, as one easily does."""

    def __init__(self) -> None:
        super().__init__("none")

    def bad(self, candidates: Candidates, k: int) -> Selection:
        return Selection(np.arange(k, dtype=np.int32), num_filled=np.int64(2))  # type: ignore[arg-type]


class Unseeing:
    """Says that it needs nothing of the video and picks frames all the same."""

    needs: ClassVar[frozenset[str]] = frozenset()

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        return Selection(np.arange(k))


class Farthest:
    """The k candidates with the lowest cosine to the question; `seed` shifts them."""

    needs = frozenset({"features"})

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        assert candidates.features is not None
        assert query.text_features is not None
        scores = candidates.features @ query.text_features[0]
        order = np.roll(np.argsort(scores, kind="stable"), -self.seed)
        return Selection(np.sort(candidates.indices[order[:k]]), scores, notes={"seed": self.seed})


class Peeking:
    """The best of every `step`-th candidate: asks for the scores of no others."""

    needs = frozenset({"lazy_scores"})

    def __init__(self, step: int = 3) -> None:
        self.step = step

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        assert candidates.score is not None
        asked = np.arange(0, len(candidates), self.step)
        first, rest = asked[:1], asked[1:]
        scores = np.concatenate([candidates.score(first), candidates.score(rest)])
        assert np.array_equal(scores, candidates.score(asked))  # asked for twice, encoded once
        best = asked[np.argsort(-scores, kind="stable")[:k]]
        return Selection(np.sort(candidates.indices[best]), notes={"scores": scores.tolist()})


class Brightest:
    """The k brightest of the frames at 2 a second, looked at once for all questions of a video."""

    needs = frozenset({"pixels"})

    def __init__(self) -> None:
        self._seen: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        assert candidates.scan is not None
        if candidates.scan not in self._seen:
            batches = list(candidates.scan(2.0, 16))
            indices = np.concatenate([batch.indices for batch in batches])
            light = np.concatenate([batch.pixels.mean(axis=(1, 2, 3)) for batch in batches])
            self._seen[candidates.scan] = indices[np.argsort(-light, kind="stable")]
        return Selection(np.sort(self._seen[candidates.scan][:k]))


class Curious:
    """Picks the first frame and notes what it was given, beside `needs`."""

    def __init__(self, needs: str) -> None:
        self.needs = frozenset(needs.split("+"))

    def select(self, query: Query, candidates: Candidates, k: int) -> Selection:
        given = {
            "features": candidates.features is not None,
            "text": query.text_features is not None,
            "evidence": len(query.evidence) > 0,
            "score": candidates.score is not None,
            "scan": candidates.scan is not None,
            "answer": hasattr(query, "answer"),
        }
        return Selection(np.zeros(1, np.int64), notes=given)
