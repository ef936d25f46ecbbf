"""Selections written in the shapes that others read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.files import written_whole
from tspo_bench.selections import own
from tspo_bench.selections.picked import Picked, SelectionFile
from tspo_bench.selections.read import ID_KEYS
from tspo_bench.types import Question

Pair = tuple[Question, Picked]


def write_selections(
    path: Path, selections: SelectionFile, questions: Sequence[Question], shape: str | None = None
) -> None:
    """Write a selection file.

    Args:
        path: its suffix names the form where `shape` is None: .json or .parquet, ours.
        selections: what to write.
        questions: the task's, in annotation order, for the shapes that hold annotations.
        shape: one of `SHAPES`.

    Raises:
        UserError: an unknown shape or suffix, questions without a selection, or a file that cannot
            be written.
    """
    if shape is None:
        if path.suffix == ".parquet":
            own.write_parquet(path, selections)
        elif path.suffix == ".json":
            own.write_json(path, selections)
        else:
            raise UserError(f"frame selections {path}: give a name that ends in .json or .parquet")
        return
    if shape not in SHAPES:
        raise UserError(f"shape {shape!r} of frame selections; use one of: {', '.join(SHAPES)}")
    missing = [question.id for question in questions if question.id not in selections.picks]
    if missing:
        raise UserError(
            f"frame selections {path}: {len(missing)} of {len(questions)} questions have none, the "
            f"first is {missing[0]!r}; only our own form can leave questions out"
        )
    pairs = [(question, selections.picks[question.id]) for question in questions]
    with written_whole(path, "give another file") as temporary:
        temporary.write_text(SHAPES[shape](pairs), encoding="utf-8")


def _annotations(frames_key: str) -> Callable[[Sequence[Pair]], str]:
    """The annotations with one more key, as TSPO and WFS-SB publish theirs."""

    def write(pairs: Sequence[Pair]) -> str:
        rows = [{**_record(q), frames_key: list(picked.indices)} for q, picked in pairs]
        return json.dumps(rows, indent=1, default=lambda value: type(value).__name__)

    return write


def _record(question: Question) -> dict[str, Any]:
    """A question's annotation, with its id."""
    record = dict(question.record)
    if not any(key in record and str(record[key]) == question.id for key in ID_KEYS):
        record = {"question_id": question.id, **record}
        record["question_id"] = question.id
    return record


def _lists(pairs: Sequence[Pair]) -> str:
    return json.dumps([list(picked.indices) for _, picked in pairs])


def _videoitg(pairs: Sequence[Pair]) -> str:
    rows = ({"doc_id": n, "index": list(picked.indices)} for n, (_, picked) in enumerate(pairs))
    return "".join(json.dumps(row) + "\n" for row in rows)


def _toolmerge(pairs: Sequence[Pair]) -> str:
    rows = []
    for question, picked in pairs:
        if picked.seconds is None:
            raise UserError(
                f"question {question.id!r}: its selection has no times, as ToolMerge's files have"
            )
        rows.append(
            {
                "uid": question.id,
                "video_id": question.video,
                "question": question.text,
                "options": dict(zip(question.letters, question.options, strict=True)),
                "ground_truth": question.answer,
                "frames_used": list(picked.indices),
                "timestamps_used": list(picked.seconds),
            }
        )
    return json.dumps(rows, indent=1)


SHAPES: dict[str, Callable[[Sequence[Pair]], str]] = {
    "tspo": _annotations("frame_idx"),
    "aks": _lists,
    "wfs-sb": _annotations("keyframe_indices"),
    "videoitg": _videoitg,
    "toolmerge": _toolmerge,
}
