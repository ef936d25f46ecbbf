"""The pipeline of a run without its files: requests of any harness for our samplers and MLLMs.

A video is scanned once for all its requests, and the requests of all videos share batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tspo_bench.agent.checkpoint import default_encoder
from tspo_bench.evaluation.batch_limit import BatchLimit
from tspo_bench.evaluation.budget import Budget
from tspo_bench.evaluation.checks import check_encoder
from tspo_bench.evaluation.engine import answer_requests, answer_videos
from tspo_bench.evaluation.plan import OpenCell, VideoWork
from tspo_bench.evaluation.prepare import VideoPreparer
from tspo_bench.evaluation.reference_use import warn_of_reference
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.lmms.messages import Shown
from tspo_bench.mllms import load_mllm
from tspo_bench.results import CandidateScores
from tspo_bench.samplers import load_sampler
from tspo_bench.specs import parse_spec
from tspo_bench.tasks import MultipleChoice, Reading
from tspo_bench.types import (
    SEARCHING,
    CandidateRule,
    Failed,
    Frames,
    Prompt,
    Question,
    Record,
    Request,
)
from tspo_bench.video.candidates import check_rule

_PROMPT = "prompt"


@dataclass(frozen=True)
class HarnessRequest:
    """A question with its prompt and media; `question.video` is not used."""

    question: Question
    shown: Shown


@dataclass(frozen=True)
class Reply:
    """The MLLM's reply, or the error in its place."""

    text: str = ""
    error: str | None = None


class Answerer:
    """A sampler and an MLLM, loaded.

    The arguments are those of `lmms.model.TspoBench`, all of them resolved.

    Raises:
        UserError: an argument names something that does not exist, or they do not fit together.
    """

    def __init__(
        self,
        model: str,
        sampler: str,
        frames: int,
        *,
        encoder: str | None,
        agent: str | None,
        candidate_fps: float,
        candidates: CandidateRule = "auto",
        batch_size: int,
        device: str,
        seed: int,
    ) -> None:
        label = parse_spec(sampler).label
        chosen = load_sampler(sampler, seed=seed, agent=agent, device=device)
        self._encoder = None
        if SEARCHING & chosen.needs:
            self._encoder = load_encoder(encoder or default_encoder(agent), device)
            check_encoder(label, chosen, self._encoder)
        self._model = load_mllm(model, device, batch_size)
        self._task = _HarnessTask()
        warn_of_reference([self._task], self._encoder, [model])
        self._limit = BatchLimit(batch_size)
        self._candidate_fps, self._rule = candidate_fps, check_rule(candidates)
        self._sink = _ListSink()
        self._cell = OpenCell(label, chosen, Budget(frames=frames), self._sink)

    def answer(self, asked: Iterable[HarnessRequest]) -> list[Reply]:
        """Return the reply to each request, in order; errors are replies too."""
        replies: dict[int, Reply] = {}
        videos: dict[Path, list[tuple[int, Question]]] = {}
        others: list[tuple[int, Request]] = []
        count = 0
        for place, one in enumerate(asked):
            count += 1
            if one.shown.video is not None:
                videos.setdefault(one.shown.video, []).append((place, _with_prompt(one)))
                continue
            others.append((place, _request_of_images(one.shown)))
            if len(others) == self._limit.most:  # images are not kept beyond their batch
                replies |= self._answer_images(others)
                others = []
        replies |= self._answer_images(others) | self._answer_videos(videos)
        return [replies[place] for place in range(count)]

    def _answer_images(self, placed: Sequence[tuple[int, Request]]) -> dict[int, Reply]:
        answers = answer_requests(self._model, [request for _, request in placed], self._limit)
        return {
            place: Reply(error=answer.error) if isinstance(answer, Failed) else Reply(answer.text)
            for (place, _), (answer, _) in zip(placed, answers, strict=True)
        }

    def _answer_videos(self, videos: dict[Path, list[tuple[int, Question]]]) -> dict[int, Reply]:
        prepare = VideoPreparer(
            self._task,
            FeatureStore(),
            self._encoder,
            self._candidate_fps,
            self._model.short_side,
            rule=self._rule,
        )
        work = [
            VideoWork(str(path), tuple((self._cell, question) for _, question in questions))
            for path, questions in videos.items()
        ]
        self._sink.records.clear()
        answer_videos(work, prepare, self._task, self._model, self._limit, lambda *_: None)
        places = [place for questions in videos.values() for place, _ in questions]
        return {
            place: Reply(record.reply or "", record.error)
            for place, record in zip(places, self._sink.records, strict=True)
        }


@dataclass
class _ListSink:
    """Keeps records in a list, in the order of the work."""

    records: list[Record] = field(default_factory=list)

    def append(self, record: Record, scores: CandidateScores | None = None) -> None:
        self.records.append(record)


class _HarnessTask(MultipleChoice):
    """A task whose questions hold their prompts; the harness extracts and scores answers."""

    name = label = "lmms-eval"
    tolerance_seconds = 0.0

    def questions(self) -> Sequence[Question]:
        return ()

    def video_path(self, video: str) -> Path:
        return Path(video)

    def prompt(
        self, question: Question, seconds: Sequence[float] = (), frame_rate: float = 1.0
    ) -> Prompt:
        prompt: Prompt = question.record[_PROMPT]
        return prompt

    def read_answer(self, reply: str, question: Question) -> Reading:
        return Reading(None)


def _with_prompt(asked: HarnessRequest) -> Question:
    return replace(
        asked.question, video=str(asked.shown.video), record={_PROMPT: asked.shown.prompt}
    )


def _request_of_images(shown: Shown) -> Request:
    """Return images as frames one second apart, since their times are unknown."""
    number = len(shown.images)
    indices = np.arange(number, dtype=np.int64)
    return Request(
        frames=Frames(indices, indices.astype(np.float64), _stacked(shown.images)),
        prompt=shown.prompt,
        frame_rate=1.0,
        letters="",
        num_frames=number or None,
    )


def _stacked(images: Sequence[Image.Image]) -> Any:
    """Stack images to [n, h, w, 3]; smaller ones get black margins at the right and bottom."""
    if not images:
        return np.empty((0, 1, 1, 3), np.uint8)
    arrays = [np.asarray(image.convert("RGB")) for image in images]
    height, width = (max(array.shape[axis] for array in arrays) for axis in (0, 1))
    pixels = np.zeros((len(arrays), height, width, 3), np.uint8)
    for place, array in zip(pixels, arrays, strict=True):
        place[: array.shape[0], : array.shape[1]] = array
    return pixels
