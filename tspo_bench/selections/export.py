"""Selections written in the shapes that others read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write
from tspo_bench.selections import native
from tspo_bench.selections.file_selection import FileSelection, SelectionFile
from tspo_bench.selections.read import ID_KEYS
from tspo_bench.types import Question

Pair = tuple[Question, FileSelection]
# Numbers that count fewer a second are taken for a grid's, such as ToolMerge's of 2 a second.
_LEAST_VIDEO_RATE = 5.0


def write_selections(
    path: Path,
    selections: SelectionFile,
    questions: Sequence[Question],
    shape: str | None = None,
    *,
    annotation_ids: Sequence[str | None] | None = None,
) -> None:
    """Write a selection file.

    Args:
        path: its suffix names the form where `shape` is None: .json or .parquet, ours.
        selections: what to write.
        questions: those that were asked, for the shapes that hold annotations.
        shape: one of `SHAPES`.
        annotation_ids: the ids of all the task's annotations in their order (None for one that is
            no question), for the shapes without ids; by default those of `questions`.

    Raises:
        UserError: an unknown shape or suffix, questions without a selection, selections whose
            meaning the shape cannot hold, or a file that cannot be written.
    """
    picks = {key: _with_whole_numbers(picked) for key, picked in selections.picks.items()}
    selections = replace(selections, picks=picks)
    if shape is None:
        if path.suffix == ".parquet":
            native.write_parquet(path, selections)
        elif path.suffix == ".json":
            native.write_json(path, selections)
        else:
            raise UserError(f"frame selections {path}: give a name that ends in .json or .parquet")
        return
    if shape not in SHAPES:
        raise UserError(f"shape {shape!r} of frame selections; use one of: {', '.join(SHAPES)}")
    places: list[str | None] = [question.id for question in questions]
    if shape in _BY_PLACE and annotation_ids is not None:
        places = list(annotation_ids)
    _check_whole(path, selections, places, may_lack=shape == "videoitg")
    in_order = [None if key is None else picks.get(key) for key in places]
    for picked in in_order:
        if picked is not None:
            _check_meaning(path, shape, picked)
    if shape in _BY_PLACE:
        text = _BY_PLACE[shape](in_order)
    else:
        text = _BY_ID[shape]([(question, picks[question.id]) for question in questions])
    with atomic_write(path, "give another file") as temporary:
        temporary.write_text(text, encoding="utf-8")


def _with_whole_numbers(picked: FileSelection) -> FileSelection:
    """Frame numbers such as 30.0, which pandas makes of 30, as whole numbers."""
    whole = (
        int(entry) if isinstance(entry, float) and entry.is_integer() else entry
        for entry in picked.indices
    )
    return replace(picked, indices=tuple(whole))


def _check_meaning(path: Path, shape: str, picked: FileSelection) -> None:
    """Reject what the shape's readers would take for other frames."""
    where = f"frame selections {path}, question {picked.question_id!r}"
    if shape != "toolmerge" and not _counts_video_frames(picked):
        raise UserError(
            f"{where}: its numbers count {picked.counted_rate():.3g} frames a second by the "
            f"seconds beside them, but {shape} holds the video's own frame numbers; select again "
            "from the videos, or write our own form or toolmerge"
        )
    if not picked.ranked:
        return
    if shape != "videoitg":
        raise UserError(
            f"{where}: it ranks more frames than are shown, and {shape} cannot say so; write our "
            "own form or videoitg"
        )
    if picked.scores is None or None in picked.scores:
        raise UserError(
            f"{where}: it ranks its frames, but not all have the score that {shape} ranks by; "
            "write our own form"
        )


def _counts_video_frames(picked: FileSelection) -> bool:
    """Whether its numbers are the video's own, as far as is known."""
    if picked.frame_rate is not None or picked.num_frames is not None:
        return True
    rate = picked.counted_rate()
    return rate is None or rate >= _LEAST_VIDEO_RATE


def _check_whole(
    path: Path, selections: SelectionFile, ids: Sequence[str | None], *, may_lack: bool
) -> None:
    """Reject questions without a selection; where some may lack one, a file without any."""
    asked = [key for key in ids if key is not None]
    missing = [key for key in asked if key not in selections.picks]
    if missing and not (may_lack and len(missing) < len(asked)):
        raise UserError(
            f"frame selections {path}: {len(missing)} of {len(asked)} questions have none, the "
            f"first is {missing[0]!r}; only our own form and videoitg can leave questions out"
        )


def _annotations(frames_key: str) -> Callable[[Sequence[Pair]], str]:
    """The annotations with one more key, as TSPO and WFS-SB publish theirs."""

    def write(pairs: Sequence[Pair]) -> str:
        rows = [{**_record(q), frames_key: list(picked.indices)} for q, picked in pairs]
        return json.dumps(rows, indent=1)

    return write


def _record(question: Question) -> dict[str, Any]:
    """A question's annotation with its id, without what JSON cannot hold."""
    record = {key: value for key, value in question.record.items() if native.is_json(value)}
    if not any(key in record and str(record[key]) == question.id for key in ID_KEYS):
        record = {"question_id": question.id, **record}
        record["question_id"] = question.id
    return record


def _lists(places: Sequence[FileSelection | None]) -> str:
    return json.dumps([[] if picked is None else list(picked.indices) for picked in places])


def _videoitg(places: Sequence[FileSelection | None]) -> str:
    rows = [
        {
            "doc_id": place,
            "index": list(picked.indices),
            **({"logits": list(picked.scores)} if picked.ranked and picked.scores else {}),
        }
        for place, picked in enumerate(places)
        if picked is not None
    ]
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


_BY_ID: dict[str, Callable[[Sequence[Pair]], str]] = {
    "tspo": _annotations("frame_idx"),
    "wfs-sb": _annotations("keyframe_indices"),
    "toolmerge": _toolmerge,
}
# These know a question by its annotation's place alone; None is one that is not picked for.
_BY_PLACE: dict[str, Callable[[Sequence[FileSelection | None]], str]] = {
    "aks": _lists,
    "videoitg": _videoitg,
}
SHAPES = (*_BY_ID, *_BY_PLACE)
