"""`tspo-bench bundle`: a run as one file that others can check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import only_results_on_stdout, say, show_json


def bundle(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The zip file to write.")],
    data_root: options.DataRoot = None,
    annotations: options.Annotations = None,
    json: options.Json = False,
) -> None:
    """Write a run as one zip file: settings, records and their hashes.

    report and rescore take the file in place of the folder.

    It holds the run's command lines and paths as they are in run.json.

    Example: tspo-bench bundle runs/films -o films.zip
    """
    from tspo_bench.report.bundle import write_bundle

    with only_results_on_stdout():
        made = write_bundle(run, out, data_root=data_root, annotations=annotations)
    if json:
        content = {"file": str(made.path), "sha256": made.sha256, "bytes": made.num_bytes}
        counts = {"cells": made.num_cells, "records": made.num_records}
        show_json({**content, **counts, "warnings": list(made.warnings)})
    else:
        size = f"{made.num_bytes / 1e3:,.0f} kB"
        typer.echo(f"{made.path}: {made.num_cells} cells, {made.num_records} records, {size}")
        typer.echo(f"SHA-256 {made.sha256}")
    for warning in made.warnings:
        say(f"warning: {warning}")
