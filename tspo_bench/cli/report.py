"""`tspo-bench report`: tables of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say
from tspo_bench.cli.progress import Bar
from tspo_bench.errors import UserError
from tspo_bench.specs import split_specs

if TYPE_CHECKING:
    from tspo_bench.report.comparison import Prices
    from tspo_bench.report.loading import LoadedResults


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
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            help="Figures to show, by the keys of --format csv: accuracy,evidence_recall,p_holm.",
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", help="Write every answer to this file, too: .parquet or .csv."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write a page into this folder in place of the tables."),
    ] = None,
    curves: Annotated[
        str | None,
        typer.Option(
            "--curves", help="Folders of agents whose training it shows; commas separate."
        ),
    ] = None,
    thumbnails: Annotated[
        int, typer.Option("--thumbnails", help="Questions of each set whose frames it shows.")
    ] = 300,
    trust_tasks: Annotated[
        bool,
        typer.Option(
            "--trust-tasks",
            help="Load tasks that a run's own settings name, their classes too: for your own runs.",
        ),
    ] = False,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    annotations: options.Annotations = None,
) -> None:
    """Compare the samplers of finished runs: tables with intervals and paired tests.

    Exit code 3: something in the folders cannot be read.
    """
    with only_results_on_stdout():
        from tspo_bench.files import user_path
        from tspo_bench.report.loading import load_results
        from tspo_bench.report.tables.report_text import ReportOptions, report_text
        from tspo_bench.specs import parse_spec

        parse_spec(baseline)
        if html is None:
            _only_of_page(curves is not None, trust_tasks)
        else:
            _only_of_tables(format != "md", layout != "full", groups, power, columns is not None)
        billed = _prices(prices)
        keys = None if columns is None else tuple(key.strip() for key in columns.split(","))
        asked: dict[str, Any] = {"format": format, "layout": layout, "columns": keys}
        chosen = ReportOptions(
            **asked, baseline=baseline, groups=groups, power=power, prices=billed
        )
        loaded = load_results(results, task, data_root=data_root, annotations=annotations)
        _check_baseline(parse_spec(baseline).label, loaded)
        if answers is not None:
            from tspo_bench.report.dataframes import write_answers

            write_answers(loaded.cells, user_path(answers))
        if html is None:
            text = report_text(loaded, chosen)
        else:
            from tspo_bench.reporting import write_report

            with Bar() as bar:
                page = write_report(
                    loaded.cells,
                    html,
                    baseline=baseline,
                    prices=billed,
                    agents=[user_path(part) for part in split_specs(curves or "")],
                    thumbnails=thumbnails,
                    data_root=data_root,
                    annotations=annotations,
                    trust_tasks=trust_tasks,
                    told=_Pictures(bar).told,
                    notes=loaded.notes,
                    errors=loaded.errors,
                )
            text = f"{page}\n"
    typer.echo(text, nl=False)
    for note in loaded.notes:
        say(f"note: {note}")
    for error in loaded.errors:
        say(f"error: {' '.join(error.split())}")
    if loaded.errors:
        raise typer.Exit(EXIT_FAILURES)


def _check_baseline(baseline: str, loaded: LoadedResults) -> None:
    """Refuse a baseline that was asked for and is not there; say so of the default one."""
    from tspo_bench.report.rows import BASELINE

    there = {str(cell.settings.sampler) for cell in loaded.cells}
    if baseline in there or any(name.startswith(f"{baseline}[") for name in there):
        return
    if baseline != BASELINE:
        raise UserError(
            f"--baseline {baseline!r} is none of the samplers: {', '.join(sorted(there))}"
        )
    say(f"note: no run of --baseline {baseline} is there, so nothing is compared")


def _only_of_tables(*given: bool) -> None:
    """Refuse what the page does not follow."""
    names = ("--format", "--layout", "--groups", "--power", "--columns")
    ignored = [name for name, is_given in zip(names, given, strict=True) if is_given]
    if ignored:
        named = ", ".join(ignored)
        raise UserError(f"--html writes a page in place of tables: leave out {named}, or --html")


def _only_of_page(*given: bool) -> None:
    """Refuse what no table shows."""
    for name, is_given in zip(("--curves", "--trust-tasks"), given, strict=True):
        if is_given:
            raise UserError(f"{name} is of the page alone: add --html DIR, or leave it out")


class _Pictures:
    """Shows how many videos' pictures are there, of one question set after the other."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._done = 0

    def told(self, done: int, total: int) -> None:
        """So many videos are done."""
        if done <= self._done or self._done == 0:
            self._bar.start("pictures", total)
            self._done = 0
        while self._done < done:
            self._bar.advance()
            self._done += 1


def _prices(text: str | None) -> Prices | None:
    from tspo_bench.report.comparison import Prices

    numbers = options.read_floats("--prices", text, "prompt,reply as in 0.15,0.6")
    if numbers is None:
        return None
    if len(numbers) != 2 or not all(0 <= number < float("inf") for number in numbers):
        raise UserError(f"cannot read --prices {text!r}; write prompt,reply as in 0.15,0.6")
    return Prices(*numbers)
