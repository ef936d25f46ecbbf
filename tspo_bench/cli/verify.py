"""`tspo-bench verify-baseline`: a finished uniform run beside the published figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, say, show, show_json

if TYPE_CHECKING:
    from rich.table import Table

    from tspo_bench.report.papers.baseline import Check, Verdict

RULE = (
    "within: the published figure lies in the run's own 95% interval, widened by 0.05 points of "
    "rounding; a run passes if each figure agrees with at least one first-hand published one"
)


def verify_baseline(
    model: Annotated[str, typer.Argument(help="The model, as published.csv names it.")],
    task: Annotated[str, typer.Option("--task", help="The benchmark.")],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN_FOLDER",
            help="The run's folder; default: the newest under runs/ that can be compared.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Compare a finished uniform run with what others published for it.

    Exit code 3: it disagrees with all of them.
    """
    from tspo_bench.mllms.presets import PRESETS
    from tspo_bench.report.papers.baseline import check_baseline, check_newest
    from tspo_bench.report.papers.published import read_published
    from tspo_bench.results import read_run
    from tspo_bench.results.run import DEFAULT_RUNS

    # A preset's checkpoint that was given as a folder or hub id goes by its last part.
    names = [model, *([PRESETS[model].hub_id.rpartition("/")[2]] if model in PRESETS else [])]
    if folder is None:
        folder, checks = check_newest(DEFAULT_RUNS, task, model, names, read_published())
    else:
        checks = check_baseline(read_run(folder), task, model, names, read_published())
    passed = all(check.passed for check in checks)
    for warning in dict.fromkeys(text for check in checks for text in check.warnings):
        say(f"warning: {warning}")
    if json:
        verdict = {"rule": RULE, "passed": passed, "cells": [_entry(check) for check in checks]}
        show_json({"model": model, "task": task, "run": str(folder), **verdict})
    else:
        typer.echo(f"run {folder}")
        for check in checks:
            show(_table(check))
        typer.echo(f"{RULE}\n{'passed' if passed else 'not passed'}")
    if not passed:
        raise typer.Exit(EXIT_FAILURES)


def _entry(check: Check) -> dict[str, Any]:
    summary = check.summary
    return {
        "frames": check.cell.settings.frames,
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
