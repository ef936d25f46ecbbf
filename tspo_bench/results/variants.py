"""Cells of equal labels and different settings, beside each other; valid records are taken over.

A cell's folder is named after its labels. The first cell of those labels has that name, another one
the name with a hash of its settings behind it. So records of two settings are never mixed, and
none is thrown away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.results.cell import RECORDS_FILE, SCORES_FILE
from tspo_bench.results.reading import RUN_FILE, read_run_file
from tspo_bench.results.records import read_records
from tspo_bench.results.scores import CandidateScores, read_scores
from tspo_bench.types import JSON, Record

REPLACED = "replaced"  # the setting that names videos whose file is another one by now
_WHICH = ("limit", "num_questions", "questions")  # settings that say which questions are asked
_DERIVED = ("code",)  # settings that others say in more words

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Inputs:
    """The questions and videos that records are made of, as they are now.

    Attributes:
        questions: a hash of each question that is asked, by its id.
        video: a hash of a video's file; None where it is not there to be looked at.
    """

    questions: Mapping[str, str]
    video: Callable[[str], str | None]

    def is_of_question(self, record: Record) -> bool:
        """Whether a record answers one of the questions as it is now."""
        known = self.questions.get(record.question_id)
        return known is not None and record.inputs.get("question") == known

    def replacement(self, record: Record) -> str | None:
        """The hash of a record's video, if that is another file now than the record was made of."""
        before = record.inputs.get("video")
        now = None if before is None else self.video(record.video)
        return None if now == before else now

    def hold(self, record: Record) -> bool:
        """Whether a record is an answer to a question that is asked, and about the same video."""
        return (
            not record.failed and self.is_of_question(record) and self.replacement(record) is None
        )


@dataclass(frozen=True)
class Place:
    """Where a cell's records go: its folder's name, the settings kept with it, and why there.

    `reason` says what differs from the most similar of the cells beside which this one is begun
    (of several the newest), None for one that resumes, has no cell beside it, or asks other
    questions than one of these by its limit alone.
    """

    slug: str
    settings: dict[str, JSON]
    reason: str | None = None


def find_place(
    run: Path,
    cells: Mapping[str, Settings],
    slug: str,
    asked: dict[str, JSON],
    inputs: Inputs | None,
    *,
    fresh: bool,
) -> Place:
    """The place of a cell among those of a run: that of equal settings, else a new one.

    Args:
        run: the run's folder.
        cells: the settings of its cells by folder.
        slug: the name that the cell's labels give it.
        asked: its settings, as JSON.
        inputs: what its records would be made of; None if that is not to be checked.
        fresh: start over the cell of equal settings, even if its videos were replaced.

    Raises:
        UserError: the records of a cell of equal settings are broken.
    """
    variants = _variants(cells, slug)
    replaced: dict[str, JSON] = {}
    for name in reversed(variants):
        if _without(cells[name], REPLACED) != asked:
            continue
        found = {} if fresh else _replaced(run / name, inputs)
        if not found:
            return Place(name, dict(cells[name]))
        replaced |= found
    settings = {**asked, REPLACED: replaced} if replaced else asked
    if slug not in cells or not _has_records(run / slug):
        return Place(slug, settings)
    nearest = min(reversed(variants), key=lambda name: len(_differing(cells[name], settings)))
    return Place(_variant(slug, settings), settings, _difference(cells[nearest], settings))


def records_that_hold(
    run: Path, cells: Mapping[str, Settings], slug: str, asked: Settings, inputs: Inputs
) -> Iterator[tuple[Record, CandidateScores | None]]:
    """The records that cells of these labels have of the questions asked, the newest cell first.

    Args:
        run: the run's folder.
        cells: the settings of its cells by folder.
        slug: the name that the labels give a cell.
        asked: settings that must be the same, but for those that say which questions are asked; a
            cell may have more than these.
        inputs: what the records must be made of.
    """
    same = _without(asked, REPLACED, *_WHICH)
    taken: set[str] = set()
    for name in reversed(_variants(cells, slug)):
        if any(cells[name].get(key) != value for key, value in same.items()):
            continue
        try:
            records = read_records(run / name / RECORDS_FILE)
            scores = read_scores(run / name / SCORES_FILE)
        except UserError:  # reported when that cell is opened
            continue
        for record in records:
            if record.question_id not in taken and inputs.hold(record):
                taken.add(record.question_id)
                yield record, scores.get(record.question_id)


def stored_records(run: Path, slug: str, known: Settings, inputs: Inputs) -> dict[str, Record]:
    """The records that a run has for a cell with these settings; see `records_that_hold`.

    Raises:
        UserError: its run.json is broken.
    """
    if not (run / RUN_FILE).is_file():
        return {}
    cells = read_run_file(run / RUN_FILE)["cells"]
    held = records_that_hold(run, cells, slug, known, inputs)
    return {record.question_id: record for record, _ in held}


def _variants(cells: Mapping[str, Settings], slug: str) -> list[str]:
    """The cells of these labels, in the order in which they were begun."""
    return [name for name, its in cells.items() if name in (slug, _variant(slug, its))]


def _variant(slug: str, settings: Settings) -> str:
    text = json.dumps(settings, sort_keys=True)
    return f"{slug}--{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _without(settings: Settings, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def _has_records(folder: Path) -> bool:
    path = folder / RECORDS_FILE
    return path.is_file() and path.stat().st_size > 0


def _replaced(folder: Path, inputs: Inputs | None) -> dict[str, JSON]:
    """The videos of a cell's records that are other files by now, and the hash of each."""
    if inputs is None or not _has_records(folder):
        return {}
    found: dict[str, JSON] = {}
    for record in read_records(folder / RECORDS_FILE):
        if not record.failed and (now := inputs.replacement(record)) is not None:
            found[record.video] = now
    return found


def _difference(before: Settings, now: Settings) -> str | None:
    differing = _differing(before, now)
    if "limit" in differing or not differing.keys() <= set(_WHICH):  # the limit decides the others
        differing = _without(differing, *_WHICH)
    return (
        "; ".join(f"{key}: {then} then, {new} now" for key, (then, new) in differing.items())
        or None
    )


def _differing(before: Settings, now: Settings) -> dict[str, tuple[str, str]]:
    """The settings that differ, with both values."""
    old, new = (_flat(_without(one, *_DERIVED)) for one in (before, now))
    both = {key: (_shown(old, key), _shown(new, key)) for key in sorted(old.keys() | new.keys())}
    return {key: (then, now) for key, (then, now) in both.items() if then != now}


def _shown(flat: Settings, key: str) -> str:
    return json.dumps(flat[key], ensure_ascii=False) if key in flat else "absent"


def _flat(mapping: Settings, prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted keys, so that a difference names the innermost one."""
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def reasons_said(places: Sequence[tuple[str, str]]) -> list[str]:
    """Messages about cells begun beside others, by reason."""
    by_reason: dict[str, list[str]] = {}
    for slug, reason in places:
        by_reason.setdefault(reason, []).append(slug)
    return [
        f"{'a cell is' if len(slugs) == 1 else f'{len(slugs)} cells are'} begun beside the "
        f"earlier one{'s' * (len(slugs) > 1)} ({reason}): {slugs[0]}{', ...' * (len(slugs) > 1)}; "
        "the earlier records stay as they are"
        for reason, slugs in by_reason.items()
    ]
