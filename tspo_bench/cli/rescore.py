"""`tspo-bench rescore`: whether a run's letters and scores follow from its replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, show_json

if TYPE_CHECKING:
    from tspo_bench.report.rescore import Rescored

_FEW = 10  # cells that are shown, and differences of each
_LONG = 500  # characters of a line


def rescore(
    run: Annotated[Path, typer.Argument(help="The run's folder, or its bundle (run.zip).")],
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            help="The protocol that reads the replies: NAME or NAME@VERSION. Default: the run's.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="The task's card, annotation file or pkg.mod:Name, if it is not in the package. "
            "Default: as the run names it.",
            show_default=False,
        ),
    ] = None,
    data_root: options.DataRoot = None,
    annotations: options.Annotations = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="List every cell and every difference.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Read every reply of a run again, and compare letters and scores with the records.

    Exit code 3: records differ.

    Example: tspo-bench rescore films.zip --protocol strict
    """
    from tspo_bench.report.rescore import as_dict
    from tspo_bench.report.rescore import rescore as rescore_run

    with only_results_on_stdout():
        results = rescore_run(
            run, protocol, task=task, data_root=data_root, annotations=annotations
        )
    if json:
        show_json({"run": str(run), "cells": [as_dict(one) for one in results]})
    else:
        typer.echo("\n".join(_lines(run, results, verbose)))
    if any(one.differences for one in results):
        raise typer.Exit(EXIT_FAILURES)


def _lines(run: Path, results: Sequence[Rescored], verbose: bool) -> Iterator[str]:
    from tspo_bench.report.escape import for_terminal

    num_records = sum(len(one.records) for one in results)
    num_read = sum(one.num_read for one in results)
    yield f"{run}: {len(results)} cells, {num_records} records, {num_read} replies read again"
    sources = Counter(
        (one.protocol, "the task's" if one.from_task else "the bundle's own") for one in results
    )
    for (protocol, source), number in sources.items():
        yield f"{number} cells by {for_terminal(protocol)}; questions and right answers: {source}"
    shown = [one for one in results if verbose or one.differences]
    for one in shown if verbose else shown[:_FEW]:
        yield from (for_terminal(line, _LONG) for line in _cell_lines(one, verbose))
    if not verbose and len(shown) > _FEW:
        yield f"{len(shown) - _FEW} more cells differ; --verbose lists them"
    differing = sum(len(one.differences) for one in results)
    if differing:
        yield f"{differing} of {num_records} records differ"
    else:
        yield f"OK: all {num_records} records match"


def _cell_lines(one: Rescored, verbose: bool) -> Iterator[str]:
    from tspo_bench.report.format import percent

    stored, now = one.stored_summary.accuracy, one.summary.accuracy
    change = percent(now) if now == stored else f"{percent(stored)}, now {percent(now)}"
    differences = one.differences
    yield (
        f"{one.cell.folder.name}: {len(differences)} of {len(one.records)} records differ; "
        f"accuracy {change}"
    )
    listed = differences if verbose else differences[:_FEW]
    yield from (f"  {difference.text}" for difference in listed)
    if len(listed) < len(differences):
        yield f"  {len(differences) - len(listed)} more; --verbose lists them"
