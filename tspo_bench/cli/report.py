"""`tspo-bench report`: tables of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, say
from tspo_bench.errors import UserError

if TYPE_CHECKING:
    from tspo_bench.report.standings_grid import Prices


def report(
    results: Annotated[
        list[Path],
        typer.Argument(help="Runs, folders of runs, and entries (entry.zip)."),
    ],
    task: Annotated[
        str | None, typer.Option("--task", help="Only this task.", show_default=False)
    ] = None,
    format: Annotated[str, typer.Option("--format", help="md, csv, latex or json.")] = "md",
    layout: Annotated[
        str,
        typer.Option("--layout", help="full, or paper: a row a model and sampler."),
    ] = "full",
    baseline: Annotated[
        str, typer.Option("--baseline", help="The sampler that all others are compared with.")
    ] = "uniform",
    groups: Annotated[bool, typer.Option("--groups", help="Accuracy by group too.")] = False,
    power: Annotated[
        bool,
        typer.Option("--power", help="How many questions a difference of one point needs."),
    ] = False,
    prices: Annotated[
        str | None,
        typer.Option(
            "--prices",
            help="What a server bills per million tokens of prompts and replies: 0.15,0.6.",
        ),
    ] = None,
    data_root: options.DataRoot = None,
    annotations: options.Annotations = None,
) -> None:
    """Compare the samplers of finished runs: tables with intervals and paired tests.

    Exit code 3: something in the folders cannot be read.
    """
    from tspo_bench.report.gather import gather
    from tspo_bench.report.written import ReportOptions, report_text
    from tspo_bench.specs import parse_spec

    parse_spec(baseline)
    asked: dict[str, Any] = {"format": format, "layout": layout}
    chosen = ReportOptions(
        **asked, baseline=baseline, groups=groups, power=power, prices=_prices(prices)
    )
    gathered = gather(results, task, data_root=data_root, annotations=annotations)
    typer.echo(report_text(gathered, chosen), nl=False)
    for note in gathered.notes:
        say(f"note: {note}")
    for error in gathered.errors:
        say(f"error: {' '.join(error.split())}")
    if gathered.errors:
        raise typer.Exit(EXIT_FAILURES)


def _prices(text: str | None) -> Prices | None:
    from tspo_bench.report.standings_grid import Prices

    numbers = options.read_floats("--prices", text, "prompt,reply as in 0.15,0.6")
    if numbers is None:
        return None
    if len(numbers) != 2 or not all(0 <= number < float("inf") for number in numbers):
        raise UserError(f"cannot read --prices {text!r}; write prompt,reply as in 0.15,0.6")
    return Prices(*numbers)
