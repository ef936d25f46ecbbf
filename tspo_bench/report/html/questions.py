"""The question browser's data: a short index of every question, and details in shards.

The index is loaded when the page opens, a shard when one of its questions is looked at.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tspo_bench.errors import UserError
from tspo_bench.report.escape import escape_control, snippet
from tspo_bench.report.format import budget_text
from tspo_bench.report.groups import by_value
from tspo_bench.report.html.folder import PageFolder
from tspo_bench.report.html.source import TaskSource
from tspo_bench.report.html.thumbnails import Thumbnails
from tspo_bench.results import CandidateScores, Cell, read_scores
from tspo_bench.results.cell import SCORES_FILE
from tspo_bench.types import Question, Record

TOLERANCE = 1.0  # seconds, where the task is not there: what tasks have by default
SHARD_BYTES = 300_000  # of a shard's text, if it has more than one question
_SNIPPET = 140  # characters of a question in the list
_LETTER = 20  # characters of a letter: a custom task may use words
_MOST_LEVELS = 800  # scores that are drawn: a lane is not wider
_NO_SCORE = 255
# What cells that are looked at together share, with their budget.
_SETTINGS = ("model", "model_id", "protocol", "protocol_hash", "answer")
# The mark of a record in the index.
_ABSENT, _RIGHT, _WRONG, _UNPARSED, _FAILED, _WITHHELD = "-", "1", "0", "?", "!", "w"


@dataclass(frozen=True)
class QuestionSet:
    """Cells that were asked the same questions.

    Attributes:
        cells: in the order of the runs.
        ids: the questions' ids, in annotation order where the task is there.
        texts: the questions by id, where the task is there.
        problem: why it is not.
        tolerance: how far, in seconds, from an annotated moment a frame counts as evidence.
    """

    cells: tuple[Cell, ...]
    ids: tuple[str, ...]
    texts: Mapping[str, Question]
    problem: str | None
    tolerance: float
    records: tuple[Mapping[str, Record], ...] = field(repr=False)

    @property
    def task(self) -> str:
        """The task's label."""
        return str(self.cells[0].settings.task)


def question_sets(cells: Sequence[Cell], source: TaskSource | None) -> list[QuestionSet]:
    """The cells by task and questions asked."""
    pools: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        key = tuple(getattr(cell.settings, name) for name in ("task", "questions"))
        pools.setdefault(key, []).append(cell)
    return [_question_set(some, source) for some in pools.values()]


def _question_set(cells: Sequence[Cell], source: TaskSource | None) -> QuestionSet:
    texts: dict[str, Question] = {}
    problem, tolerance = None, TOLERANCE
    try:
        if source is not None:
            texts = {question.id: question for question in source.questions(cells[0])}
            tolerance = source.tolerance(cells[0])
    except UserError as error:
        problem = str(error)
    records = tuple({record.question_id: record for record in cell.records} for cell in cells)
    asked = dict.fromkeys(key for some in records for key in some)
    ids = [key for key in texts if key in asked] + [key for key in asked if key not in texts]
    return QuestionSet(tuple(cells), tuple(ids), texts, problem, tolerance, records)


class SetWriter:
    """The data of one question set.

    Args:
        name: what the set's files are called.
        asked: the set.
        thumbnails: the pictures that are there.
        bundles: unpacked folders of bundles, by their zip file.
    """

    def __init__(
        self,
        name: str,
        asked: QuestionSet,
        thumbnails: Thumbnails,
        bundles: Mapping[Path, Path],
    ) -> None:
        self._name = name
        self._set = asked
        self._thumbnails = thumbnails
        folders = [bundles.get(cell.run_folder, cell.run_folder) for cell in asked.cells]
        self._lost: list[str] = []  # why there are no scores
        self._scores = [
            self._read_scores(folder / cell.folder.name / SCORES_FILE)
            for folder, cell in zip(folders, asked.cells, strict=True)
        ]
        self._shard_of: list[int] = []

    def write(self, folder: PageFolder) -> None:
        """Write the shards and the index."""
        for shard, content in self._shards():
            folder.write_data(shard, content)
        folder.write_data(self._name, self._index())

    def _shards(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The names of the shards with the details of their questions by place."""
        shard: dict[str, Any] = {}
        number, size = 0, 0
        for place, question_id in enumerate(self._set.ids):
            details = self._details(question_id)
            num_bytes = len(json.dumps(details))
            if shard and size + num_bytes > SHARD_BYTES:
                yield f"{self._name}-{number}", shard
                shard, number, size = {}, number + 1, 0
            shard[str(place)] = details
            size += num_bytes
            self._shard_of.append(number)
        if shard:
            yield f"{self._name}-{number}", shard

    def _index(self) -> dict[str, Any]:
        """The list of questions; after the shards, as it says in which each of them is."""
        groups = self._groups()
        codes = {name: {value: n for n, value in enumerate(some)} for name, some in groups.items()}
        return {
            "task": escape_control(self._set.task),
            "tolerance": self._set.tolerance,
            "problems": [escape_control(text) for text in (*self._problems(), *self._lost)],
            "columns": [_column(cell) for cell in self._set.cells],
            "groups": [
                [escape_control(name), list(map(escape_control, v))] for name, v in groups.items()
            ],
            "questions": [
                [
                    escape_control(key),
                    snippet(self._set.texts[key].text, _SNIPPET) if key in self._set.texts else "",
                    self._shard_of[place],
                    [codes[name].get(self._group_values(key).get(name, ""), -1) for name in groups],
                ]
                for place, key in enumerate(self._set.ids)
            ],
            "marks": [
                "".join(map(_mark, map(some.get, self._set.ids))) for some in self._set.records
            ],
        }

    def _read_scores(self, path: Path) -> Mapping[str, CandidateScores]:
        """The scores of a file; none of one that is broken, as no figure depends on it."""
        try:
            return read_scores(path)
        except UserError as error:
            self._lost.append(f"Scores are not shown: {error}")
            return {}

    def _problems(self) -> list[str]:
        problem, pictures = self._set.problem, self._thumbnails
        if problem is None:
            return list(pictures.problems)
        if pictures.videos:
            return [f"Texts are not shown: {problem}", *pictures.problems]
        return [f"Texts and pictures are not shown: {problem}"]

    def _group_values(self, key: str) -> Mapping[str, str]:
        return next(some[key].groups for some in self._set.records if key in some)

    def _groups(self) -> dict[str, list[str]]:
        """Each group with its values as the questions have them."""
        first = {key: record for some in self._set.records for key, record in some.items()}
        return {
            name: list(dict.fromkeys(r.groups[name] for r in first.values() if name in r.groups))
            for name in by_value(first.values())
        }

    def _details(self, key: str) -> dict[str, Any]:
        question = self._set.texts.get(key)
        records = [(n, some[key]) for n, some in enumerate(self._set.records) if key in some]
        evidence = next((record.evidence for _, record in records if record.evidence), ())
        durations = (record.duration_seconds for _, record in records)
        length = next((seconds for seconds in durations if seconds is not None), None)
        if length is None and question is not None:
            length = question.duration_seconds
        first = records[0][1]
        curves: dict[str, int] = {}  # equal scores of several budgets are written once
        answers = [self._answer(n, record, curves) for n, record in records]
        return {
            "text": escape_control(question.text) if question else None,
            "options": [escape_control(text) for text in question.options] if question else [],
            "gold": _letter(first.gold),
            "video": escape_control(first.video),
            "seconds": length,
            "evidence": evidence,
            "groups": [[escape_control(k), escape_control(v)] for k, v in first.groups.items()],
            "curves": [json.loads(text) for text in curves],
            "answers": answers,
            "thumbs": self._thumbnails.of_video(first.video),
        }

    def _answer(self, column: int, record: Record, curves: dict[str, int]) -> dict[str, Any]:
        scores = self._scores[column].get(record.question_id)
        curve = None
        if scores is not None:
            text = json.dumps(curve_of(scores))
            curve = curves.setdefault(text, len(curves))
        answer = {
            "column": column,
            "mark": _mark(record),
            "letter": _letter(record.letter),
            "reply": None if record.reply is None else escape_control(record.reply),
            "error": None if record.error is None else escape_control(record.error),
            "frames": record.frames,
            "seconds": [round(second, 2) for second in record.timestamps],
            "recall": record.evidence_recall,
            "guessed": record.guessed,
            "filled": record.num_filled,
            "curve": curve,
        }
        # What is not there takes no room; a 0 is there.
        return {name: value for name, value in answer.items() if value is not None and value != ()}


def curve_of(scores: CandidateScores) -> dict[str, Any]:
    """Scores as a page draws them: of very many, the highest of each few neighbours."""
    levels = scores.levels
    together = -(-len(levels) // _MOST_LEVELS)
    if together > 1:
        padded = np.full(-(-len(levels) // together) * together, _NO_SCORE, np.uint8)
        padded[: len(levels)] = levels
        known = np.where(padded == _NO_SCORE, -1, padded.astype(np.int16))
        highest = known.reshape(-1, together).max(axis=1)
        levels = np.where(highest < 0, _NO_SCORE, highest).astype(np.uint8)
    return {
        "interval": round(scores.seconds_per_candidate * together, 6),
        "low": float(f"{scores.low:.6g}"),
        "high": float(f"{scores.high:.6g}"),
        "levels": base64.b64encode(levels.tobytes()).decode("ascii"),
    }


def _column(cell: Cell) -> dict[str, Any]:
    settings = cell.settings
    return {
        "sampler": escape_control(str(settings.sampler)),
        "budget": budget_text(settings),
        **{key: escape_control(str(getattr(settings, key))) for key in _SETTINGS},
        "seed": settings.seed,
        "unfinished": _unfinished(cell),
        "run": escape_control(cell.run_folder.name),
    }


def _unfinished(cell: Cell) -> str | None:
    """How many answers are there, of how many: "4 of 14"; None where all are."""
    done, planned = len(cell.records), cell.settings.num_questions or 0
    return f"{done} of {planned}" if done < planned else None


def _letter(text: str | None) -> str | None:
    return None if text is None else snippet(text, _LETTER)


def _mark(record: Record | None) -> str:
    if record is None:
        return _ABSENT
    if record.failed:
        return _FAILED
    if record.status == "unparsed":
        return _UNPARSED
    if record.gold is None:
        return _WITHHELD
    return _RIGHT if record.correct else _WRONG
