"""A run directory made of published answers, so that reports and tests work on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.files import user_path
from tspo_bench.imports.answers import REPLY_KEYS, PublishedAnswer, read_answer
from tspo_bench.imports.questions import QuestionFinder
from tspo_bench.imports.rows import read_rows
from tspo_bench.report import summarise
from tspo_bench.results import CellSettings, RunDirectory, cell_slug, evidence_recall
from tspo_bench.tasks import Task, digest_of, load_task
from tspo_bench.tasks.annotations import shortened
from tspo_bench.tasks.protocols import AS_PUBLISHED
from tspo_bench.tasks.strict_extractor import read_answer as strict_letter
from tspo_bench.types import JSON, Question, Record

_FILES_NUMBERS = "frame numbers are those of the published file"
_NO_NUMBERS = "frames are numbered in order: the published file has their times alone"


@dataclass
class Imported:
    """A run made of published answers.

    Attributes:
        folder: the run's.
        records: those written.
        num_asked: questions of the task.
        problems: rows that were left out, each with its place and the reason.
        remarks: rows that were imported although something is odd about them: no option can be
            read, or the file counts the answer otherwise than the annotations.
        counted: whether each answer is right, of those that the file itself counts.
    """

    folder: Path
    records: list[Record] = field(default_factory=list)
    num_asked: int = 0
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    counted: list[bool] = field(default_factory=list)

    @property
    def published_accuracy(self) -> float | None:
        """The share of answers that the file counts as right; None if it does not count any."""
        return sum(self.counted) / len(self.counted) if self.counted else None

    @property
    def accuracy(self) -> float:
        """The share of right answers among the records."""
        return sum(record.correct for record in self.records) / len(self.records)

    @property
    def num_missing(self) -> int:
        """Questions of the task that the file has no answer to."""
        return self.num_asked - len(self.records)

    def to_dict(self) -> dict[str, JSON]:
        """Return what `tspo-bench import --json` prints."""
        return {
            "run": str(self.folder),
            "n": len(self.records),
            "accuracy": self.accuracy,
            "published_accuracy": self.published_accuracy,
            "num_missing": self.num_missing,
            "left_out": list(self.problems),
            "remarks": list(self.remarks),
        }


def import_answers(
    file: str | Path,
    task: str,
    model: str,
    out: str | Path,
    *,
    annotations: Path | None = None,
    data_root: Path | None = None,
    split: str | None = None,
    evidence: Path | None = None,
    sampler: str | None = None,
    frames: int | None = None,
    command: Sequence[str] = (),
) -> Imported:
    """Make a run directory of a file with published answers, with protocol "as-published".

    Right answers are the annotations'; the letter is extracted from the file's answer strictly.

    Args:
        file: see `imports.answers`.
        task, annotations, data_root, split, evidence: as for `evaluate`; videos are not needed.
        model: the name of the model that answered.
        out: the run's folder; another file can be added to it.
        sampler: the name of the frame sampler; None for the file's name.
        frames: the frame budget K; None for the most frames that a question was shown.
        command: the command line, to be kept with the run.

    Raises:
        UserError: the file or the annotations cannot be read, none of its rows can be used, or the
            folder is not a run.
    """
    path = user_path(file)
    loaded = load_task(
        task,
        annotations=annotations,
        data_root=data_root,
        split=split,
        evidence=evidence,
        protocol=AS_PUBLISHED.name,
    )
    made = Imported(user_path(out), num_asked=len(loaded.questions()))
    made.records = list(_records(path, loaded, made))
    if not made.records:
        first = f": {made.problems[0]}" if made.problems else ", which is empty"
        raise UserError(f"result file {path}: no answer can be used{first}")
    label = sampler or path.stem
    settings = _settings(loaded, made.records, label, model, frames)
    where = {"annotations": annotations, "data_root": data_root, "evidence": evidence}
    known = {name: str(place.absolute()) for name, place in where.items() if place is not None}
    run = RunDirectory(
        made.folder,
        command=command,
        settings={"tasks": [task], "models": [model], "out": str(made.folder), **known},
    )
    slug = cell_slug(settings.task, label, model, f"k{settings.frames}")
    kept = {**settings.to_json(), "source": str(path.absolute())}
    with run.open_cell(slug, kept, fresh=True) as writer:
        for record in made.records:
            writer.append(record)
        summary = summarise(made.records, settings)
        writer.write_summary(summary.model_dump(mode="json"))
    return made


def _records(path: Path, task: Task, made: Imported) -> Iterator[Record]:
    finder, seen = QuestionFinder(task), dict[str, str]()
    entries = list(read_rows(path))
    fields = {key for entry in entries for key in entry.record or ()}
    reply_key = next((key for key in REPLY_KEYS if key in fields), None)
    if entries and fields and reply_key is None:
        raise UserError(f"result file {path} has no answers; give one of {', '.join(REPLY_KEYS)}")
    for entry in entries:
        try:
            if entry.record is None or reply_key is None:
                raise ValueError(entry.problem or "empty")
            question = finder.find(entry.record)
            answer = read_answer(entry.record, reply_key)
            if question.id in seen:
                raise ValueError(f"question {question.id!r} is answered at {seen[question.id]} too")
        except ValueError as error:
            made.problems.append(f"{entry.where}: {error}")
            continue
        seen[question.id] = entry.where
        if answer.correct is not None:
            made.counted.append(answer.correct)
        record = _record(task, question, answer)
        made.remarks += [f"{entry.where}: {text}" for text in _remarks(question, answer, record)]
        yield record


def _record(task: Task, question: Question, answer: PublishedAnswer) -> Record:
    letter = None
    if answer.reply is not None:
        letter = task.read_answer(answer.reply, question).letter
    rate = question.frame_rate
    spans = [s for s in question.evidence if s.unit == "seconds" or rate is not None]
    evidence = tuple(span.in_seconds(rate or 1.0) for span in spans)
    found = evidence_recall(
        evidence,
        answer.timestamps,
        tolerance=task.tolerance_seconds,
        duration_seconds=question.duration_seconds,
    )
    return Record(
        question_id=question.id,
        video=question.video,
        status="unparsed" if letter is None else "ok",
        gold=question.answer,
        letter=letter,
        correct=letter is not None and letter == question.answer,
        reply=answer.reply,
        frames=answer.frames or tuple(range(len(answer.timestamps))),
        timestamps=answer.timestamps,
        evidence_recall=found.recall if answer.timestamps else None,
        evidence=evidence,
        duration_seconds=question.duration_seconds,
        groups=question.groups,
        notes=_notes(answer),
        protocol=task.rules.label,
        inputs={"question": digest_of([question])},
    )


def _notes(answer: PublishedAnswer) -> dict[str, str]:
    """What the numbers in `Record.frames` count."""
    if answer.frames:
        return {"frames": _FILES_NUMBERS}
    return {"frames": _NO_NUMBERS} if answer.timestamps else {}


def _remarks(question: Question, answer: PublishedAnswer, record: Record) -> Iterator[str]:
    where = f"question {question.id!r}"
    if answer.reply is None:
        yield f"{where}: no answer; counted as wrong"
    elif record.letter is None:
        reply, letters = shortened(answer.reply), f"A to {question.letters[-1]}"
        yield f"{where}: answer {reply!r} is not an option ({letters}); counted as wrong"
    if answer.gold and question.answer and not _is_right(answer.gold, question):
        yield (
            f"{where}: the file's right answer is {shortened(answer.gold)}, the annotations' "
            f"{question.answer}"
        )
    if answer.correct is not None and question.answer and answer.correct != record.correct:
        said = "right" if answer.correct else "wrong"
        read = f"{record.letter} is read" if record.letter else "no option is read"
        yield (
            f"{where}: the file counts the answer {shortened(str(answer.reply))!r} as {said}; "
            f"{read} in it, and the annotations' right answer is {question.answer}"
        )


def _is_right(gold: str, question: Question) -> bool:
    """Whether a right answer, a letter or an option's text, is the annotations'."""
    right = question.options[question.letters.index(str(question.answer))]
    is_text = gold.strip().lower() == right.strip().lower()
    return is_text or strict_letter(gold, question.options) == question.answer


def _settings(
    task: Task, records: Sequence[Record], sampler: str, model: str, frames: int | None
) -> CellSettings:
    """The settings of the answers' cell."""
    rules = task.rules
    answered = {record.question_id for record in records}
    asked = [question for question in task.questions() if question.id in answered]
    budget = frames or max(len(record.frames) for record in records)
    if not budget:
        raise UserError("the result file does not say how many frames were shown; give --frames K")
    settings = {
        "task": task.label,
        "sampler": sampler,
        "model": model,
        "protocol": rules.title,
        "protocol_hash": rules.digest,
        "frames": budget,
        "num_questions": len(asked),
        "questions": digest_of(asked),
        "scoring": {
            "average": rules.average,
            "over": rules.over,
            "values": list(rules.values),
            "unparsed": rules.unparsed,
        },
        "answer": "generate",
        "macro": task.macro,
    }
    return CellSettings.model_validate({k: v for k, v in settings.items() if v is not None})
