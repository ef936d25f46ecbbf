"""`tspo-bench show`: a question's prompt, and the answer extracted from a reply."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import only_results_on_stdout
from tspo_bench.errors import UserError, VideoError
from tspo_bench.registry import did_you_mean

if TYPE_CHECKING:
    from tspo_bench.tasks import Task
    from tspo_bench.types import Question, SubtitleMode

_FRAMES = 8


def show(
    task: Annotated[
        str,
        typer.Option(
            "--task", help="Benchmark task: a name, an annotation file, a card or pkg.mod:Name."
        ),
    ],
    question_id: Annotated[
        str | None,
        typer.Option("--id", help="The question's id. Default: all questions.", show_default=False),
    ] = None,
    protocol: options.Protocol = None,
    subtitles: Annotated[
        str,
        typer.Option(
            "--subtitles",
            help="Subtitles in the prompt: none, aligned or full, as in `run`; aligned to --frames "
            "uniform frames, as no sampler is used here.",
        ),
    ] = "none",
    frames: Annotated[
        int, typer.Option("--frames", help="How many frames --subtitles assumes.")
    ] = _FRAMES,
    split: options.Split = None,
    data_root: options.DataRoot = None,
    annotations: options.Annotations = None,
    evidence: options.Evidence = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            help="The first N questions of a fixed shuffle. Default: all.",
            show_default=False,
        ),
    ] = None,
    reply: Annotated[
        str | None,
        typer.Option(
            "--reply",
            help="A model's reply: show which answer the protocol extracts from it.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a question, each on its line.")
    ] = False,
) -> None:
    """Show a task's prompts, and the answer that is extracted from a reply. No videos are needed.

    Example: tspo-bench show --task haystack --limit 1 --reply "The answer is B."
    """
    with only_results_on_stdout():
        from tspo_bench.tasks import load_task

        loaded = load_task(
            task,
            data_root=data_root,
            annotations=annotations,
            evidence=evidence,
            split=split,
            protocol=protocol,
            subtitles=cast("SubtitleMode", subtitles),  # checked by the task
        )
        questions = _chosen(loaded, question_id, limit)
        assumed = [_assumed(loaded, question, frames) for question in questions]
    for number, (question, seconds) in enumerate(zip(questions, assumed, strict=True)):
        shown = _shown(loaded, question, seconds, reply)
        if json:
            typer.echo(json_format.dumps(shown, allow_nan=False))
        else:
            typer.echo("\n" * (number > 0) + "\n".join(_lines(shown)))


def _chosen(task: Task, question_id: str | None, limit: int | None) -> list[Question]:
    from tspo_bench.tasks import limit_questions

    questions = list(task.questions())
    if question_id is not None:
        found = [question for question in questions if question.id == question_id]
        if not found:
            near = did_you_mean(question_id, [question.id for question in questions])
            raise UserError(
                f"task {task.label!r} has no question {question_id!r}: {near}it has "
                f"{len(questions)}, the first is {questions[0].id!r}"
            )
        return found
    return questions if limit is None else limit_questions(questions, limit)


def _assumed(task: Task, question: Question, frames: int) -> list[float]:
    """Seconds of uniform frames, both ends included; [] if the prompt does not depend on them.

    Raises:
        UserError: the question's annotation lacks the video's length.
    """
    mode, length = task.rules.subtitles, question.duration_seconds
    if frames < 1:
        raise UserError(f"--frames must be >= 1 (got {frames})")
    if mode == "none" or (mode == "full" and (length is None or not task.rules.interleaved)):
        return []
    if length is None:
        raise UserError(
            f"question {question.id!r}: its annotation lacks the video's length, so no "
            "frames can be assumed; use --subtitles full"
        )
    return [round(length * i / max(1, frames - 1), 3) for i in range(frames)]


def _shown(
    task: Task, question: Question, seconds: list[float], reply: str | None
) -> dict[str, Any]:
    """The prompt, the question's annotation, and the answer extracted from a reply."""
    prompt, error = None, None
    try:
        prompt = task.prompt(question, seconds)
    except VideoError as lost:  # a task of another harness may need the video to ask
        error = str(lost)
    shown: dict[str, Any] = {
        "id": question.id,
        "video": question.video,
        "protocol": task.rules.label,
        "prompt": prompt.text if prompt else None,
        "options": list(question.options),
        "answer": question.answer,
        "groups": dict(question.groups),
        "evidence": [asdict(span) for span in question.evidence],
    }
    if error is not None:
        shown["error"] = error
    if prompt and seconds:
        shown |= {"seconds": seconds, "before": list(prompt.before)}
    if prompt and prompt.notes:
        shown["notes"] = dict(prompt.notes)
    if prompt and prompt.system is not None:
        shown["system"] = prompt.system
    if prompt and prompt.reply_start:
        shown["reply_start"] = prompt.reply_start
    if reply is not None:
        reading = task.read_answer(reply, question)
        right = None if question.answer is None else reading.letter == question.answer
        shown |= {"letter": reading.letter, "guessed": reading.guessed, "correct": right}
    return shown


def _lines(shown: dict[str, Any]) -> Iterator[str]:
    """The same for people: the prompt between rules."""
    yield f"{shown['id']}  video {shown['video']}  protocol {shown['protocol']}"
    if "system" in shown:
        yield f"system message: {shown['system']}"
    asked = f"failed: {shown['error']}" if "error" in shown else shown["prompt"]
    frames = [f"<frame at {second:g} s>" for second in shown.get("seconds", ())]
    words = shown.get("before") or [""] * len(frames)
    between = "".join(map("".join, zip(words, frames, strict=True)))
    yield from ("-" * 60, between + asked, "-" * 60)
    if "notes" in shown:
        yield ", ".join(f"{name}: {value}" for name, value in shown["notes"].items())
    if "reply_start" in shown:
        yield f"the reply continues: {shown['reply_start']}"
    yield f"answer: {shown['answer'] or 'withheld'}"
    if shown["groups"]:
        yield "groups: " + ", ".join(f"{name} {value}" for name, value in shown["groups"].items())
    if shown["evidence"]:
        spans = (
            f"{span['start']:g}"
            if span["start"] == span["end"]
            else f"{span['start']:g} to {span['end']:g}"
            for span in shown["evidence"]
        )
        yield f"evidence: {', '.join(spans)} {shown['evidence'][0]['unit']}"
    if "letter" in shown:
        letter = shown["letter"] or "nothing"
        drawn = ", drawn at random" if shown["guessed"] else ""
        result = {True: " (right)", False: " (wrong)", None: ""}[shown["correct"]]
        yield f"extracted from the reply: {letter}{drawn}{result}"
