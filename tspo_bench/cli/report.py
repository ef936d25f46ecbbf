"""`tspo-bench report`: tables of finished runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say
from tspo_bench.cli.page import write_page
from tspo_bench.errors import UserError
from tspo_bench.specs import parse_spec

if TYPE_CHECKING:
    from tspo_bench.report.comparison import Prices
    from tspo_bench.report.loading import LoadedResults


THUMBNAILS = 300
_OF_PAGE = (
    *("title", "curves", "trust_tasks", "thumbnails"),
    *("data_root", "annotations", "trust_packets"),
)
_OF_TABLES = ("format", "layout", "groups", "power", "columns")
_OUTPUTS = ("html", "diff", "by_evidence", "pareto", "published", "submission")
# By output, the options that it does not follow.
_IDLE = {
    "--html": _OF_TABLES,
    "--diff": (*_OF_TABLES, "prices"),
    "--by-evidence": (
        *("layout", "power", "columns", "prices", "baseline", "answers", "budget_curves"),
    ),
    "--pareto": ("layout", "groups", "power", "columns", "prices", "baseline"),
    "--published": (*_OF_TABLES, "prices", "baseline"),
    "--submission": (*_OF_TABLES, "prices", "baseline", "task", "answers", "budget_curves"),
}


def report(
    ctx: typer.Context,
    results: Annotated[
        list[Path], typer.Argument(help="Runs, folders of runs, and bundles (run.zip).")
    ],
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="Only this task: a name or a whole label. Default: all.",
            show_default=False,
        ),
    ] = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    video_timeout: options.VideoTimeout = 300.0,
    annotations: options.Annotations = None,
    format: Annotated[str, typer.Option("--format", help="md, csv, latex or json.")] = "md",
    layout: Annotated[
        str, typer.Option("--layout", help="full, or paper: a row for each model and sampler.")
    ] = "full",
    baseline: options.Baseline = "uniform",
    groups: options.Groups = False,
    power: Annotated[
        bool,
        typer.Option(
            "--power", help="Also show how many questions a difference of one point needs."
        ),
    ] = False,
    prices: Annotated[
        str | None,
        typer.Option(
            "--prices",
            help="A server's prices per million tokens of prompts and of replies: 0.15,0.6.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            help="Columns to show, by their keys in --format csv: accuracy,evidence_recall. "
            "Default: those of the layout.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write a page into this folder instead of printing tables."),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option("--title", help='Title of the page; default "Frame sampler report".'),
    ] = None,
    curves: Annotated[
        str | None,
        typer.Option(
            "--curves",
            help="Folders of trained agents whose curves the page shows; commas separate.",
        ),
    ] = None,
    thumbnails: Annotated[
        int,
        typer.Option(
            "--thumbnails", help="How many questions of each set the page shows frames of."
        ),
    ] = THUMBNAILS,
    trust_tasks: Annotated[
        bool,
        typer.Option(
            "--trust-tasks",
            help="Load any task that a run names, custom classes too: for your own runs.",
        ),
    ] = False,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", help="Also write every answer to this file: .parquet or .csv."),
    ] = None,
    budget_curves: Annotated[
        Path | None,
        typer.Option(
            "--budget-curves",
            help="Also draw accuracy and recall over the frame budget into this folder.",
        ),
    ] = None,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="List the questions on which two rows differ, instead of printing tables: of two "
            "rows, or of each row and the baseline's.",
        ),
    ] = False,
    by_evidence: Annotated[
        bool,
        typer.Option(
            "--by-evidence",
            help="Show accuracy by the evidence that the frames hit, and what a point of evidence "
            "is worth, instead of printing tables.",
        ),
    ] = False,
    evidence: options.Evidence = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure",
            help="With --by-evidence or --pareto: also draw it into this file (png, pdf or svg).",
        ),
    ] = None,
    pareto: Annotated[
        bool,
        typer.Option(
            "--pareto",
            help="Show accuracy against visual tokens and total compute, dominated rows grey, "
            "instead of printing tables.",
        ),
    ] = False,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Compare the uniform rows with published figures, instead of printing tables.",
        ),
    ] = False,
    gate: Annotated[
        bool,
        typer.Option(
            "--gate", help="With --published: exit code 3 if a row disagrees with all of them."
        ),
    ] = False,
    submission: Annotated[
        Path | None,
        typer.Option(
            "--submission",
            help="Write the answers of one cell as its benchmark's server takes them (JSON), "
            "instead of printing tables.",
        ),
    ] = None,
) -> None:
    """Compare the samplers of finished runs: tables with intervals and paired tests.

    Exit code 3: something in the folders cannot be read, or questions of a submission failed.

    Example: tspo-bench report runs/ --groups
    """
    _reject_idle(ctx.params)
    if submission is not None:
        from tspo_bench.cli.papers import write_submission

        if len(results) > 1:
            raise UserError("--submission is of one cell; name its folder, or a run with one cell")
        write_submission(results[0], submission, as_json=format == "json")
        return
    with only_results_on_stdout():
        from tspo_bench.report.loading import load_results

        loaded = load_results(results, task)
        _write_files(loaded, answers, budget_curves)
    if by_evidence or pareto or diff or published:
        from tspo_bench.cli import report_views
        from tspo_bench.cli.papers import show_published

        _say_remarks(loaded)
        as_json = format == "json"
        if by_evidence:
            report_views.show_by_evidence(loaded, evidence, figure, groups=groups, as_json=as_json)
        elif pareto:
            report_views.show_pareto(loaded, figure, as_json=as_json)
        elif diff:
            report_views.show_differences(loaded, baseline, as_json=as_json)
        else:
            show_published(loaded, as_json=as_json, gate=gate)
        return
    with only_results_on_stdout():
        from tspo_bench.report.tables.report_text import ReportOptions, report_text
        from tspo_bench.tasks.evidence_files import read_evidence

        billed = _prices(prices)
        _check_baseline(baseline, loaded)
        if html is None:
            keys = None if columns is None else tuple(key.strip() for key in columns.split(","))
            shown: dict[str, Any] = {"format": format, "layout": layout, "columns": keys}
            shown |= {"baseline": baseline, "groups": groups, "power": power, "prices": billed}
            shown["for_terminal"] = sys.__stdout__ is not None and sys.__stdout__.isatty()
            text = report_text(loaded, ReportOptions(**shown))
        else:
            page: dict[str, Any] = {"baseline": baseline, "prices": billed}
            page |= {"title": title, "thumbnails": thumbnails}
            page |= {"evidence": None if evidence is None else read_evidence(evidence)}
            tasks = {"data_root": data_root, "annotations": annotations, "trust_tasks": trust_tasks}
            text = write_page(loaded, html, curves, tasks, **page)
    typer.echo(text, nl=False)
    _say_remarks(loaded)
    if loaded.errors:
        raise typer.Exit(EXIT_FAILURES)


def _reject_idle(given: Mapping[str, Any]) -> None:
    """Reject options that would change nothing beside the others.

    Args:
        given: the command's parameters by name.
    """
    from tspo_bench.video import trusts_packets

    output = _output(**{name: given[name] for name in _OUTPUTS})
    is_not_default = {
        **given,
        "format": given["format"] in ("csv", "latex")
        or (output == "--html" and given["format"] != "md"),
        "layout": given["layout"] != "full",
        "baseline": given["baseline"] != "uniform",
        "thumbnails": given["thumbnails"] != THUMBNAILS,
        "trust_packets": trusts_packets(),
    }
    idle = [(names, f"with {option}") for option, names in _IDLE.items() if option == output]
    if output != "--html":
        idle.append((_OF_PAGE, "without --html"))
    if output != "--published":
        idle.append((("gate",), "without --published"))
    if output not in ("--by-evidence", "--html"):
        idle.append((("evidence",), "without --by-evidence or --html"))
    if output not in ("--by-evidence", "--pareto"):
        idle.append((("figure",), "without --by-evidence or --pareto"))
    if is_not_default["layout"]:
        idle.append((("groups", "power", "columns"), f"with --layout {given['layout']}"))
    for names, why in idle:
        values = {f"--{name.replace('_', '-')}": is_not_default[name] for name in names}
        options.reject_idle(values, why)


def _output(**given: Any) -> str | None:
    """The option whose output replaces the tables.

    Raises:
        UserError: there are several.
    """
    named = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)} are different outputs; give one of them")
    return named[0] if named else None


def _write_files(loaded: LoadedResults, answers: Path | None, curves: Path | None) -> None:
    """Write the files that are written beside the tables."""
    from tspo_bench.files import make_folder

    if answers is not None:
        from tspo_bench.report.dataframes import write_answers

        write_answers(loaded.cells, answers)
    if curves is not None:
        from tspo_bench.report.figures.comparison import draw_comparisons

        cells = [cell for cell in loaded.cells if cell.settings.frames is not None]
        if not cells:
            raise UserError("--budget-curves needs runs with --frames; these have --visual-tokens")
        for path in draw_comparisons(cells, make_folder(curves, "name another folder")):
            say(f"drawn: {path}")


def _say_remarks(loaded: LoadedResults) -> None:
    for note in loaded.notes:
        say(f"note: {note}")
    for error in loaded.errors:
        say(f"error: {' '.join(error.split())}")


def _check_baseline(given: str, loaded: LoadedResults) -> None:
    """Reject a given baseline that no run has; only note it of the default one."""
    from tspo_bench.report.baselines import BASELINE

    baseline = parse_spec(given).label
    there = {str(cell.settings.sampler) for cell in loaded.cells}
    if baseline in there or any(name.startswith(f"{baseline}[") for name in there):
        return
    if baseline != BASELINE:
        raise UserError(
            f"--baseline {baseline!r} is not one of the samplers: {', '.join(sorted(there))}"
        )
    say(f"note: no run of --baseline {baseline} found, so nothing is compared")


def _prices(text: str | None) -> Prices | None:
    from tspo_bench.report.comparison import Prices

    numbers = options.read_floats("--prices", text, "prompt,reply as in 0.15,0.6")
    if numbers is None:
        return None
    if len(numbers) != 2 or not all(0 <= number < float("inf") for number in numbers):
        raise UserError(f"cannot read --prices {text!r}; write prompt,reply as in 0.15,0.6")
    return Prices(*numbers)
