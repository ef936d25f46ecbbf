"""Multiple-choice video tasks of lmms-eval as our tasks: `--task lmms:NAME`.

Prompts, answer extraction and figures are lmms-eval's; videos, samplers, MLLMs and records ours.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError, VideoError
from tspo_bench.lmms.fields import id_of, question_of
from tspo_bench.lmms.loading import load_lmms_task, version
from tspo_bench.lmms.messages import read_context, read_messages
from tspo_bench.lmms.scoring import figures, is_right, said_letter, score_reply
from tspo_bench.tasks import (
    EvaluationProtocol,
    MultipleChoice,
    Reading,
    TaskScores,
    read_answer,
)
from tspo_bench.types import Prompt, Question, Record

PROTOCOL = "lmms-eval"
_VIDEO_FIELDS = ("video_path", "video", "video_name", "videoID", "video_id", "video_idx", "key")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TaskProtocol(EvaluationProtocol):
    """An lmms-eval task's own protocol: `content` is a hash of its YAML and Python files."""

    content: str

    @property
    def digest(self) -> str:
        """The hash of the task's files."""
        return self.content


class LmmsTask(MultipleChoice):
    """The questions of an lmms-eval task whose documents show one video file each.

    Options, answers, groups and evidence come from the documents' usual fields (`fields`), prompts
    from `doc_to_messages`, or `doc_to_text` with its default arguments. A reply is right if the
    task's first metric counts it (`scoring.is_right`).

    Args:
        path: the task's name.
        include: a folder with custom tasks.
        protocol: "lmms-eval" or None.

    Raises:
        UserError: no such task, one that cannot be loaded or used here, or another protocol.
    """

    tolerance_seconds = 1.0

    def __init__(self, path: str, include: str | None = None, protocol: str | None = None) -> None:
        self.name = self.label = f"lmms:{path}"
        if protocol not in (None, PROTOCOL, f"{PROTOCOL}@{version()}"):
            raise UserError(
                f"task {self.name!r} has no protocol {protocol!r}: it uses lmms-eval {version()} "
                "itself; leave --protocol out"
            )
        self._task, digest = load_lmms_task(path, include)
        self.rules = TaskProtocol(
            name=PROTOCOL, version=version(), prompt="{text}", content=digest, source=self.name
        )
        self._missing: dict[str, str] = {}  # videos, with the reason
        self._without_prompt: dict[str, str] = {}  # ids of questions, with the reason

    def questions(self) -> Sequence[Question]:
        """Return every document as a question, in the dataset's order.

        Raises:
            UserError: the documents show no video file, or the answers are not options.
        """
        return [question for question, _ in self._asked.values()]

    def video_path(self, video: str) -> Path:
        """Return the file that `doc_to_visual` names.

        Raises:
            VideoError: it names none, or the file is missing.
        """
        if video in self._missing:
            raise VideoError(f"task {self.name!r}: video {video}: {self._missing[video]}")
        if not os.path.isfile(video):
            raise VideoError(f"task {self.name!r}: video {video} not found; see HF_HOME")
        return Path(video)

    def prompt(
        self, question: Question, seconds: Sequence[float] = (), frame_rate: float = 1.0
    ) -> Prompt:
        """Return the prompt that lmms-eval would give a model beside the video.

        Raises:
            VideoError: the task's code needs the video for it, which is missing.
        """
        doc = self._asked[question.id][1]
        if question.id in self._without_prompt:
            raise VideoError(self._without_prompt[question.id])
        return self._prompt(doc, question.video)

    def read_answer(self, reply: str, question: Question) -> Reading:
        """Return a letter for the task's score of the reply.

        It is the right option's if and only if the task counts the reply as right; else the letter
        that the task reports, or that the reply states if the task reports none.
        """
        results, guessed = self._results(question.id, reply)
        said = said_letter(results)
        letter = read_answer(reply, question.options) if said is None else said or None
        if is_right(self._task, results):
            letter = question.answer
        elif letter == question.answer:
            letter = None
        return Reading(letter, guessed)

    def task_scores(self, records: Sequence[Record]) -> TaskScores:
        """Return the task's own figures of all records; failed questions have the empty reply.

        The first figure is in percent if a single right reply gives more than 1. Tasks with
        withheld answers have no figures.
        """
        known = [record for record in records if record.gold is not None]
        every = [self._results(record.question_id, record.reply or "")[0] for record in known]
        found = figures(self._task, every)
        first = next(iter(found), None)
        if first is None:
            return TaskScores(None, {})
        right = next((results for results in every if is_right(self._task, results)), None)
        is_percent = right is not None and figures(self._task, [right])[first] > 1
        return TaskScores(found[first] / (100 if is_percent else 1), found)

    @functools.cached_property
    def _asked(self) -> dict[str, tuple[Question, Mapping[str, Any]]]:
        """Questions with their documents, by id."""
        docs = list(self._task.eval_docs_no_media)
        numbered = [f"{self._task.config.task}-{number}" for number in range(len(docs))]
        ids = [id_of(doc, fallback) for doc, fallback in zip(docs, numbered, strict=True)]
        if len(set(ids)) < len(ids):
            ids = numbered
        asked = {}
        for doc, question_id in zip(docs, ids, strict=True):
            video = self._video(doc, question_id)
            try:
                words = self._prompt(doc, video).text
            except VideoError as error:
                self._without_prompt[question_id], words = str(error), ""
            question = question_of(
                doc,
                question_id,
                video,
                words,
                self._task.doc_to_choice(doc) if self._task.config.doc_to_choice else None,
                self._task.doc_to_target(doc),
            )
            asked[question_id] = question, doc
        self._check_kind([question for question, _ in asked.values()], docs)
        return asked

    def _check_kind(self, questions: Sequence[Question], docs: Sequence[Mapping[str, Any]]) -> None:
        targets = [self._task.doc_to_target(doc) for doc in docs]
        stated = [target for target in targets if target not in (None, "", -1, "-1")]
        if stated and all(question.answer is None for question in questions):
            raise UserError(
                f"task {self.name!r} is not a multiple-choice task: its answer "
                f"{str(stated[0])[:60]!r} is not an option: {', '.join(questions[0].options)}"
            )

    def _prompt(self, doc: Mapping[str, Any], video: str) -> Prompt:
        """Return a document's prompt.

        Raises:
            VideoError: the task reads the video for it, which is missing.
        """
        generation = self._task.config.generation_kwargs or {}
        try:
            if callable(self._task.config.doc_to_messages):
                return read_messages(self._task.doc_to_messages(doc), generation).prompt
            return read_context(self._task.doc_to_text(doc), None, generation).prompt
        except (SystemExit, OSError) as error:  # tasks exit if a video is missing
            raise VideoError(f"task {self.name!r}: no prompt: video {video}: {error}") from error

    def _video(self, doc: Mapping[str, Any], fallback: str) -> str:
        """Return the path of a document's video, or a name for a missing one.

        Raises:
            UserError: the document shows something else.
        """
        try:
            visuals = self._task.doc_to_visual(doc)
            shown = read_context("", visuals, {})
        except (SystemExit, OSError) as error:  # tasks exit if a video is missing
            name = next((doc[key] for key in _VIDEO_FIELDS if doc.get(key)), fallback)
            self._missing[str(name)] = f"{error}"
            return str(name)
        except (UserError, KeyError, TypeError) as error:
            raise UserError(f"task {self.name!r} shows no video file: {error}") from error
        if shown.video is None:
            kind = f"{len(shown.images)} images" if shown.images else "nothing"
            raise UserError(
                f"task {self.name!r} shows {kind} where a video file is needed; "
                "`--model tspo_bench` of lmms-eval answers such tasks"
            )
        return str(shown.video)

    def _results(self, question_id: str, reply: str) -> tuple[Mapping[str, Any], bool]:
        """Return the results of `process_results` for a reply; {} if it raises."""
        try:
            scored = score_reply(self._task, self._asked[question_id][1], reply, question_id)
        except Exception as error:  # noqa: BLE001 - a task's code may raise anything over a reply
            _log.warning(
                "task %r cannot score the reply %.60r to question %r, which counts as wrong: %s: "
                "%s",
                self.name,
                reply,
                question_id,
                type(error).__name__,
                error,
            )
            return {}, False
        return scored.results, scored.guessed
