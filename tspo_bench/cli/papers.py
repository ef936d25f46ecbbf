"""`tspo-bench report --published` and `--submission`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tspo_bench.cli.console import EXIT_FAILURES, say, show, show_json

if TYPE_CHECKING:
    from rich.table import Table

    from tspo_bench.report.loading import LoadedResults
    from tspo_bench.report.papers.baseline import Check, Verdict

RULE = (
    "within: the published figure lies in the run's own 95% interval, widened by 0.05 points of "
    "rounding; a run passes if each figure agrees with at least one first-hand published one"
)
_FEW = 10  # ids of questions without an answer


def show_published(loaded: LoadedResults, *, as_json: bool, gate: bool) -> None:
    """Print the uniform cells beside published figures; with `gate` a disagreement exits with 3.

    Raises:
        UserError: not one cell can be compared.
    """
    from tspo_bench.report.papers.baseline import check_published
    from tspo_bench.report.papers.published import read_published

    checks, reasons = check_published(loaded.cells, read_published())
    passed = all(check.passed for check in checks)
    for reason in reasons:
        say(f"note: not compared: {reason}")
    for warning in dict.fromkeys(text for check in checks for text in check.warnings):
        say(f"warning: {warning}")
    if as_json:
        show_json({"rule": RULE, "passed": passed, "cells": [_entry(check) for check in checks]})
    else:
        for check in checks:
            show(_table(check))
        typer.echo(f"{RULE}\n{'passed' if passed else 'not passed'}")
    if gate and not passed:
        raise typer.Exit(EXIT_FAILURES)


def write_submission(folder: Path, out: Path, *, as_json: bool) -> None:
    """Write a cell's answers as its benchmark's evaluation server takes them.

    Raises:
        UserError: the cell is unfinished, or the file cannot be written.
        typer.Exit: with code 3 if questions failed.
    """
    from tspo_bench.files import atomic_write
    from tspo_bench.report.papers.submission import cell_at, submission

    cell = cell_at(folder)
    made = submission(cell)
    text = json.dumps(made.content, indent=2, ensure_ascii=False)
    with atomic_write(out) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    if as_json:
        about: dict[str, Any] = {"file": str(out), "format": made.format, "n": made.num_questions}
        show_json({**about, "unparsed": list(made.unparsed), "failed": list(made.failed)})
    else:
        typer.echo(f"{out}: {made.num_questions} questions, format {made.format}")
    if (limit := cell.settings.limit) is not None:
        say(f"warning: the run has --limit {limit} questions only; servers want all of them")
    if made.unparsed:
        say(f"warning: {len(made.unparsed)} replies gave no letter: {_some(made.unparsed)}")
    if made.failed:
        say(
            f"error: {len(made.failed)} questions failed and have an empty answer: "
            f"{_some(made.failed)}; rerun the run's command to answer them"
        )
        raise typer.Exit(EXIT_FAILURES)


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _FEW} more" if len(ids) > _FEW else ""
    return ", ".join(ids[:_FEW]) + more


def _entry(check: Check) -> dict[str, Any]:
    summary = check.summary
    return {
        **{key: getattr(check.cell.settings, key) for key in ("task", "model", "frames")},
        "cell": str(check.cell.folder),
        "protocol": summary.protocol,
        "answer": summary.answer,
        "n": summary.n,
        "num_failed": summary.num_failed,
        "passed": check.passed,
        "warnings": check.warnings,
        "published": [_verdict(one) for one in check.verdicts],
    }


def _verdict(one: Verdict) -> dict[str, Any]:
    published = one.published
    return {
        "value": published.value,
        "metric": published.metric,
        "group": None if published.group is None else "=".join(published.group),
        "source": published.source,
        "verified": published.verified,
        "note": published.note,
        "accuracy": one.accuracy,
        "ci95": one.ci95,
        "outside_by": one.outside_by,
        "decides": one.decides,
        "verdict": one.text,
    }


def _table(check: Check) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from tspo_bench.report.format import accuracy_text

    settings, summary = check.cell.settings, check.summary
    title = (
        f"{settings.task}, {settings.model}, uniform, K = {settings.frames}, "
        f"protocol {summary.protocol}: {summary.n} questions, {summary.num_failed} failed"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=Text(title), title_justify="left")
    table.add_column("published", justify="right")
    for heading in ("figure", "source"):
        table.add_column(heading)
    table.add_column("this run\n[95% interval]", justify="right", no_wrap=True)
    table.add_column("verdict")
    for one in check.verdicts:
        published = one.published
        figure = " ".join([published.metric, *(published.group or ())[1:]])
        source = f"{published.source} [{published.verified}]"
        figures = [f"{published.value:.1f}", figure, source, accuracy_text(one.accuracy, one.ci95)]
        table.add_row(*map(Text, [*figures, one.text]))
    return table
