"""`tspo-bench compare-samplers`: all samplers against the frame budget."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say, show, show_json
from tspo_bench.cli.progress import Bar, RunProgress
from tspo_bench.specs import split_specs

if TYPE_CHECKING:
    from tspo_bench.types import CandidateRule

# Frames of a file; and the bounds, which a run adds where the tasks can give them.
_LEFT_OUT = {"file", "blind", "oracle"}


def compare_samplers(
    task: options.Tasks = "haystack",
    frames: Annotated[
        str, typer.Option("--frames", help="The frame budgets K, between commas.")
    ] = "4,8,16,32,64",
    sampler: Annotated[
        str | None,
        typer.Option(
            "--sampler",
            help="Who is compared; commas separate. Default: all that the package has, by their "
            "cards.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", help="Who answers; between commas.")
    ] = "reference",
    base_url: options.BaseUrl = None,
    encoder: options.OptionalEncoder = None,
    agent: options.Agent = None,
    candidate_fps: options.CandidateFps = 1.0,
    candidates: options.Candidates = "auto",
    limit: options.Limit = None,
    only_present: options.OnlyPresent = False,
    split: options.Split = None,
    protocol: options.Protocol = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    annotations: options.Annotations = None,
    device: options.Device = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The run's folder; default: runs/, named by the settings."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Compare all samplers over frame budgets: one table, one figure, maps by depth and length.

    An interrupted comparison goes on where it stopped. Exit code 3: questions failed.
    """
    budgets = options.read_numbers("--frames", frames, "4,8,16")
    with only_results_on_stdout():
        from tspo_bench.api import evaluate
        from tspo_bench.mllms.loading import with_base_url
        from tspo_bench.report.figures.comparison import draw_comparisons

        with Bar() as bar:
            result = evaluate(
                task,
                split_specs(sampler) if sampler else _all(agent),
                with_base_url(split_specs(model), base_url),
                budgets or [],
                encoder=encoder,
                agent=agent,
                candidate_fps=candidate_fps,
                candidates=cast("CandidateRule", candidates),  # checked by the run's settings
                limit=limit,
                only_present=only_present,
                split=split,
                protocol=protocol,
                with_bounds=sampler is None,
                data_root=data_root,
                annotations=annotations,
                device=device,
                out=out,
                command=sys.argv,
                progress=RunProgress(bar),
            )
        drawn = draw_comparisons(result.cells, result.folder)
    if json:
        show_json({**result.to_dict(), "figures": [str(path) for path in drawn]})
    else:
        show(result.table())
        for path in drawn:
            typer.echo(f"drawn: {path}")
        typer.echo(f"records: {result.folder}")
    failed = sum(record.failed for cell in result.cells for record in cell.records)
    if failed:
        say(f"{failed} questions failed; see the records, or: tspo-bench run")
        raise typer.Exit(EXIT_FAILURES)


def _all(agent: str | None) -> list[str]:
    """Every sampler with a card that is a way to choose; of those with an agent `agent`'s kind."""
    from tspo_bench.agent import KINDS, load_agent
    from tspo_bench.evaluation.seeds import any_seed
    from tspo_bench.samplers import registry

    named = any_seed(agent)
    others = set() if named is None else KINDS.keys() - {load_agent(named).kind}
    return [
        name
        for name, card in registry.cards().items()
        if name not in _LEFT_OUT | others and not card.tuned_for
    ]
