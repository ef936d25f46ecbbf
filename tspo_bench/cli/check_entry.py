"""`tspo-bench check-entry`: whether a published result is what its answers come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say, show_json

if TYPE_CHECKING:
    from tspo_bench.report.entries.differences import Checked
    from tspo_bench.report.entries.entry import Entry

_FEW = 10  # cells that are shown, and differences of each
_LONG = 500  # characters of a line


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
    verbose: Annotated[
        bool, typer.Option("--verbose", help="List every cell and every difference.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Check a published entry: its files by their hashes, its scores by reading all replies again.

    Exit code 3: something is not as it says, or could not be checked.
    """
    from tspo_bench.report.entries.entry import open_entry

    with (
        only_results_on_stdout(),
        open_entry(path, task=task, data_root=data_root, annotations=annotations) as entry,
    ):
        result = _result(entry) if json else {}
        lines = [] if json else list(_lines(entry, verbose))
    if json:
        show_json(result)
    else:
        typer.echo("\n".join(lines))
    if entry.differences:
        say("error: the entry's records differ from its answers; what was read again counts")
    if entry.unread:
        say("error: not all answers could be read again: the entry's own letters are taken for it")
    if entry.problems:
        say("error: the entry has other problems than its answers; they are listed")
    if entry.differences or entry.unread or entry.problems:
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
    from tspo_bench.report.entries.differences import COMPARED
    from tspo_bench.report.summary import summarise

    summary, claimed = summarise(checked.cell.records, checked.cell.settings), checked.claimed
    return {
        "cell": checked.cell.folder.name,
        "n": summary.n,
        "num_questions": checked.cell.settings.num_questions,
        "read_again": checked.num_read,
        "failed": summary.num_failed,
        "right_answers": checked.source,
        "unread": checked.unread,
        "problems": list(checked.problems),
        "claimed_accuracy": claimed.accuracy,
        "accuracy": summary.accuracy,
        "ci95": summary.ci95,
        "claimed_evidence_recall": claimed.evidence_recall,
        "evidence_recall": summary.evidence_recall,
        "differences": [
            {
                "question": one.read.question_id,
                **{
                    key: [getattr(one.stored, key), getattr(one.read, key)]
                    for key in (*COMPARED, "correct", "status")
                },
            }
            for one in checked.differences
        ],
    }


def _lines(entry: Entry, verbose: bool) -> Iterator[str]:
    """The same for people; what strangers wrote is made visible."""
    from tspo_bench.report.escape import visible

    yield f"{entry.path}: {visible(entry.name)}, packed by tspo-bench {visible(entry.version)}"
    if entry.description:
        yield visible(entry.description)
    yield _checked_line(entry)
    yield f"questions and right answers: {'; '.join(entry.sources)}"
    reasons = Counter(checked.unread for checked in entry.checked if checked.unread)
    for reason, number in reasons.items():
        yield f"not read again in {_cells(number)}, so that letters are a claim: {visible(reason)}"
    for problem in entry.problems:
        yield f"problem: {visible(problem, _LONG)}"
    told = [one for one in entry.checked if verbose or one.differences]
    for checked in told if verbose else told[:_FEW]:
        yield from _cell_lines(checked, verbose)
    if not verbose and len(told) > _FEW:
        yield f"{_cells(len(told) - _FEW)} more with differences; --verbose lists them"
    if number := len(entry.differences):
        yield f"{number} records in {_cells(sum(bool(one.differences) for one in told))} differ"
    elif all(checked.is_clean for checked in entry.checked):
        yield "all as it says"


def _checked_line(entry: Entry) -> str:
    """What was checked."""
    records = [record for checked in entry.checked for record in checked.cell.records]
    failed = sum(record.failed for record in records)
    read = sum(checked.num_read for checked in entry.checked)
    without = f", {failed:,} failed without one" if failed else ""
    return (
        f"checked: the hash of every file; {_cells(len(entry.checked))}, {len(records):,} records, "
        f"{read:,} answers read again{without}"
    )


def _cell_lines(checked: Checked, verbose: bool) -> Iterator[str]:
    """A cell's figures, as they are and as they were published, and what differs."""
    from tspo_bench.report.escape import visible
    from tspo_bench.report.format import accuracy_text, percent

    figures = _cell(checked)
    planned = figures["num_questions"] or figures["n"]
    text = f"accuracy {accuracy_text(figures['accuracy'], figures['ci95'])}"
    for key in ("accuracy", "evidence_recall"):
        now, claimed = figures[key], figures[f"claimed_{key}"]
        if now != claimed:
            named = "" if key == "accuracy" else f"; evidence recall {percent(now)}"
            text += f"{named}, as published {percent(claimed)}"
    yield (
        f"{visible(figures['cell'])}: {text}; {len(checked.differences)} of {figures['n']} records "
        f"differ, of {planned} questions"
    )
    shown = checked.differences if verbose else checked.differences[:_FEW]
    yield from (f"  {visible(one.text, _LONG)}" for one in shown)
    if more := len(checked.differences) - len(shown):
        yield f"  and {more} more; --verbose lists them"


def _cells(number: int) -> str:
    return f"{number} cell" if number == 1 else f"{number} cells"
