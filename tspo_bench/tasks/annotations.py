"""From annotation files or a hub dataset to the questions of a task."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.tasks.base import Skipped
from tspo_bench.tasks.file_readers import Entry, entries_of, load_hub, read_entries
from tspo_bench.tasks.parsers import Parser
from tspo_bench.tasks.question_groups import warn_of_incomplete
from tspo_bench.tasks.values import is_missing, taken_for_missing
from tspo_bench.types import Question

_log = logging.getLogger(__name__)
_SHOWN = 200  # characters of an annotation's text in a message


def find_files(folders: Iterable[Path], patterns: Sequence[str]) -> list[Path]:
    """Return the files of the first pattern that has any, folder by folder; [] without any."""
    for folder in folders:
        for pattern in patterns:
            if found := sorted(folder.glob(pattern)):
                return found
    return []


def read_files(files: Sequence[Path], nested: str | None) -> Iterator[tuple[Entry, str]]:
    """Yield every annotation of the files, with the id that it gets if it has none."""
    for path in files:
        yield from _with_ids(read_entries(path), path.stem, nested)


def read_hub(
    task: str,
    split: str,
    hub: Mapping[str, Any] | None,
    nested: str | None,
    folders: Sequence[Path],
    patterns: Sequence[str],
) -> Iterator[tuple[Entry, str]]:
    """Yield the annotations of a hub dataset, since `folders` have no file of `patterns`.

    Raises:
        UserError: the split has no hub dataset, or it cannot be loaded.
    """
    tried = f" under {' or '.join(map(str, folders))} (tried {', '.join(patterns)})"
    problem = f"task {task!r}: no annotation file{tried if folders else ''}"
    hint = "set --data-root to the downloaded dataset, or give --annotations FILE"
    if hub is None:
        raise UserError(f"{problem}; {hint}")
    try:
        yield from _with_ids(load_hub(hub), split, nested)
    except UserError as error:
        raise UserError(f"{problem}, and {error}; {hint}") from error


def _with_ids(
    entries: Iterable[Entry], stem: str, nested: str | None
) -> Iterator[tuple[Entry, str]]:
    """Yield entries with default ids; those of the field `nested`, where a record has it."""
    for entry in entries:
        default_id = f"{stem}-{entry.number}"
        if entry.record is None or nested is None or nested not in entry.record:
            yield entry, default_id
            continue
        shared = {key: value for key, value in entry.record.items() if key != nested}
        for item in entries_of(entry.record[nested], f"{entry.where}, {nested}"):
            record = None if item.record is None else {**shared, **item.record}
            yield replace(item, record=record), f"{default_id}-{item.number}"


def parse_all(
    task: str,
    entries: Iterable[tuple[Entry, str]],
    parse: Parser,
    groups: Sequence[str],
    *,
    scored_together: bool = False,
) -> tuple[Question | Skipped, ...]:
    """Parse annotations with their default ids, in order; unusable ones become `Skipped`.

    With `scored_together` the questions of a video are a group, and incomplete ones are reported.

    Raises:
        UserError: an id occurs twice, or no annotation can be used.
    """
    parsed: list[Question | Skipped] = []
    places: dict[str, str] = {}
    odd: list[tuple[str, str]] = []
    for entry, default_id in entries:
        one = _parsed(parse, entry, default_id, groups)
        parsed.append(one)
        if isinstance(one, Skipped):
            continue
        if one.id in places:
            raise UserError(
                f"task {task!r}: id {one.id!r} is used twice, at {places[one.id]} and "
                f"{entry.where}; give every question its own id"
            )
        places[one.id] = entry.where
        text = taken_for_missing(entry.record or {}, one.options)
        if text is not None:
            odd.append((entry.where, text))
    if odd:
        where, text = odd[0]
        _log.warning(
            "task %r: options that read %r, as tables write what is missing, are taken for "
            "missing; questions: %d, the first: %s",
            task,
            text,
            len(odd),
            where,
        )
    if not places:
        skipped = [one for one in parsed if isinstance(one, Skipped)]
        first = f"; {skipped[0].where}: {skipped[0].reason}" if skipped else ""
        raise UserError(f"task {task!r}: none of {len(skipped)} annotations can be used{first}")
    if scored_together:
        questions = [one for one in parsed if isinstance(one, Question)]
        warn_of_incomplete(task, questions, places)
    return tuple(parsed)


def _parsed(
    parse: Parser, entry: Entry, default_id: str, groups: Sequence[str]
) -> Question | Skipped:
    if entry.record is None:
        return Skipped(entry.where, entry.problem or "empty")
    try:
        question = parse(entry.record, default_id)
        if not isinstance(question.video, str):
            raise ValueError(f"video must be a file's name, got {question.video!r}")
        named = {name: entry.record[name] for name in groups}
        found = {name: _joined(value) for name, value in named.items() if not is_missing(value)}
        return replace(question, groups={**question.groups, **found}, record=entry.record)
    except KeyError as error:
        return Skipped(entry.where, f"no field {error}")
    except RecursionError:
        return Skipped(entry.where, "it is nested too deep")
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        return Skipped(entry.where, shortened(str(error)))


def _joined(value: Any) -> str:
    return "|".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def shortened(text: str) -> str:
    """Return a text of annotations as messages show it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
