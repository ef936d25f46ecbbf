"""`tspo-bench check-entry`: whether a published result is what its answers come to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say, show_json

if TYPE_CHECKING:
    from tspo_bench.report.entries.entry import Entry
    from tspo_bench.report.entries.rescoring import Checked

_FEW = 20  # differences that are listed


def check_entry(
    path: Annotated[Path, typer.Argument(help="The entry, as tspo-bench submit writes it.")],
    task: Annotated[
        str | None,
        typer.Option(
            "--task", help="Its task's card, annotation file or class, if none of the package's."
        ),
    ] = None,
    data_root: options.DataRoot = None,
    annotations: options.Annotations = None,
    json: options.Json = False,
) -> None:
    """Check a published entry: its files by their hashes, its scores by reading all replies again.

    Exit code 3: questions differ, or could not be read again.
    """
    from tspo_bench.report.entries.entry import open_entry

    with (
        only_results_on_stdout(),
        open_entry(path, task=task, data_root=data_root, annotations=annotations) as entry,
    ):
        result = _result(entry)
        lines = list(_lines(entry))
        different, unread = bool(entry.differences), bool(entry.unread)
    if json:
        show_json(result)
    else:
        typer.echo("\n".join(lines))
    if different:
        say("error: the entry's records differ from its answers; what was read again counts")
    if unread:
        say("error: not all answers could be read again: the entry's own letters are taken for it")
    if different or unread:
        raise typer.Exit(EXIT_FAILURES)


def _result(entry: Entry) -> dict[str, Any]:
    return {
        "file": str(entry.path),
        "name": entry.name,
        "description": entry.description,
        "tspo_bench": entry.version,
        "cells": [_cell(checked) for checked in entry.checked],
    }


def _cell(checked: Checked) -> dict[str, Any]:
    from tspo_bench.report.summary import summarise

    summary = summarise(checked.cell.records, checked.cell.settings)
    return {
        "cell": checked.cell.folder.name,
        "n": summary.n,
        "num_questions": checked.cell.settings.get("num_questions"),
        "read_again": checked.num_read,
        "failed": summary.num_failed,
        "right_answers": checked.source,
        "unread": checked.unread,
        "claimed_accuracy": checked.claimed_accuracy,
        "accuracy": summary.accuracy,
        "ci95": summary.ci95,
        "differences": [
            {
                "question": one.read.question_id,
                **{
                    key: [getattr(one.stored, key), getattr(one.read, key)]
                    for key in ("letter", "gold", "correct", "status", "video", "groups")
                },
            }
            for one in checked.differences
        ],
    }


def _lines(entry: Entry) -> Iterator[str]:
    """The same for people; what strangers wrote is made visible."""
    from tspo_bench.report.escape import visible
    from tspo_bench.report.texts import accuracy_text, percent

    yield f"{entry.path}: {visible(entry.name)}, packed by tspo-bench {visible(entry.version)}"
    if entry.description:
        yield visible(entry.description)
    yield "every file has the hash that the manifest says"
    yield f"options and right answers: {'; '.join(entry.sources)}"
    for checked in entry.checked:
        figures = _cell(checked)
        planned = figures["num_questions"] or figures["n"]
        yield (
            f"{visible(figures['cell'])}: {figures['n']} of {planned} questions, "
            f"{figures['read_again']} answers read again, {len(checked.differences)} differ; "
            f"accuracy {accuracy_text(figures['accuracy'], figures['ci95'])}, "
            f"as published {percent(figures['claimed_accuracy'])}"
        )
        if checked.unread:
            yield f"  not read again, so that the stored letters count: {visible(checked.unread)}"
        yield from (f"  {visible(one.text)}" for one in checked.differences[:_FEW])
        if (more := len(checked.differences) - _FEW) > 0:
            yield f"  and {more} more; --json has all"
    number = sum(len(checked.differences) for checked in entry.checked)
    yield f"{number} answers differ from what they are said to be" if number else "all as it says"
