"""`tspo-bench run`: evaluate a grid and print the comparison."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import (
    EXIT_FAILURES,
    only_results_on_stdout,
    say,
    show,
    show_json,
)
from tspo_bench.cli.progress import Bar, RunProgress
from tspo_bench.specs import split_specs

if TYPE_CHECKING:
    from tspo_bench.api import EvaluationResult
    from tspo_bench.types import AnswerMode, CandidateRule, SubtitleMode

_FEW = 3  # examples of what was left out


def run(
    task: options.Tasks = "haystack",
    sampler: Annotated[
        str | None,
        typer.Option(
            "--sampler",
            help="Frame sampler(s) to compare; commas separate: uniform, aks[depth=5], file:PATH, "
            "pkg.mod:Name; all: every sampler of the package. Default: uniform.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="Who answers: reference, a checkpoint's folder or hub id, openai:NAME (a server), "
            "pkg.mod:Name; commas separate.",
        ),
    ] = "reference",
    base_url: options.BaseUrl = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            help="All settings of a published evaluation: tspo-paper. Options given beside it "
            "override it.",
        ),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option("--frames", help="The frame budget K; commas separate several. Default: 8."),
    ] = None,
    visual_tokens: Annotated[
        str | None,
        typer.Option(
            "--visual-tokens",
            help="In place of --frames: as many frames as take so many of the model's tokens; "
            "commas separate several.",
        ),
    ] = None,
    encoder: options.OptionalEncoder = None,
    agent: options.Agent = None,
    candidate_fps: options.CandidateFps = 1.0,
    candidates: options.OptionalCandidates = None,
    limit: options.Limit = None,
    only_present: options.OnlyPresent = False,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds",
            help="Of samplers that draw, and of an --agent trained with several; commas separate: "
            "0,1,2. Default: "
            "all of the agent's, 0 for what draws.",
        ),
    ] = None,
    split: options.Split = None,
    protocol: options.Protocol = None,
    subtitles: Annotated[
        str,
        typer.Option(
            "--subtitles",
            help="none; aligned: those of the frames that the sampler chose; full: the whole "
            "video's.",
        ),
    ] = "none",
    answer: Annotated[
        str,
        typer.Option(
            "--answer",
            help="generate: the model replies, the protocol reads; options: the option whose "
            "letter is likeliest, in one forward pass.",
        ),
    ] = "generate",
    with_bounds: Annotated[
        bool,
        typer.Option(
            "--with-bounds", help="Add blind (no frames) and, where there is evidence, oracle."
        ),
    ] = False,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    annotations: options.Annotations = None,
    device: options.Device = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Questions that the model answers at once.")
    ] = 8,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The run's folder; default: runs/, named by the settings."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start the cells over.")] = False,
    groups: Annotated[
        bool, typer.Option("--groups", help="Show accuracy by group too: type, duration, ...")
    ] = False,
    baseline: Annotated[
        str, typer.Option("--baseline", help="The sampler that all others are compared with.")
    ] = "uniform",
    json: options.Json = False,
) -> None:
    """Compare frame samplers on tasks, with models and frame budgets.

    An interrupted run goes on where it stopped. Exit code 3: questions failed.
    """
    budgets = options.read_numbers("--frames", frames, "8 or 8,16,32")
    tokens = options.read_numbers("--visual-tokens", visual_tokens, "4096 or 4096,8192")
    numbers = options.read_numbers("--seeds", seeds, "0 or 0,1,2")
    with only_results_on_stdout():
        from tspo_bench.api import evaluate
        from tspo_bench.mllms.loading import with_base_url

        models = with_base_url(split_specs(model), base_url)
        with Bar() as bar, _telling_how_to_go_on(fresh=fresh):
            result = evaluate(
                task,
                sampler,
                models,
                budgets,
                preset=preset,
                visual_tokens=tokens,
                encoder=encoder,
                agent=agent,
                candidate_fps=candidate_fps,
                candidates=cast("CandidateRule | None", candidates),  # checked likewise
                limit=limit,
                only_present=only_present,
                seeds=numbers,
                split=split,
                protocol=protocol,
                subtitles=cast("SubtitleMode", subtitles),  # checked by the run's settings
                answer=cast("AnswerMode", answer),  # checked by the run's settings
                with_bounds=with_bounds,
                data_root=data_root,
                annotations=annotations,
                device=device,
                batch_size=batch_size,
                out=out,
                fresh=fresh,
                baseline=baseline,
                command=sys.argv,
                progress=RunProgress(bar),
            )
    if json:
        show_json(result.to_dict())
    else:
        show(result.table(), *([result.groups_table()] if groups else []))
        typer.echo(_files(result))
    _tell_what_is_missing(result)


@contextlib.contextmanager
def _telling_how_to_go_on(*, fresh: bool) -> Iterator[None]:
    """Have an interruption with --fresh say that it is not to be repeated."""
    try:
        yield
    except KeyboardInterrupt:
        if not fresh:
            raise
        raise KeyboardInterrupt(
            "records that were there before are kept until the new ones are complete; the same "
            "command without --fresh resumes"
        ) from None


def _files(result: EvaluationResult) -> str:
    """The run's folder with what is in it."""
    cells = [f"    {cell.folder.name}/" for cell in result.cells]
    inside = "records.jsonl (one line a question), summary.json"
    return "\n".join(
        [
            f"\n{result.folder}/",
            "  run.json  settings, commands, versions",
            f"  in each of these folders: {inside}",
            *cells,
        ]
    )


def _tell_what_is_missing(result: EvaluationResult) -> None:
    """Name the annotations left out and the records that failed; exit if there are some.

    Raises:
        typer.Exit: with code 3, if a record has no answer.
    """
    if result.skipped:
        lines = "annotation line" + "s" * (len(result.skipped) > 1)
        first = "; ".join(result.skipped[:_FEW])
        say(f"warning: {len(result.skipped)} {lines} skipped: {first}")
    _tell_of_missing_subtitles(result)
    failed = [record for cell in result.cells for record in cell.records if record.failed]
    if failed:
        total = sum(len(cell.records) for cell in result.cells)
        kinds = Counter(record.status for record in failed)
        counts = ", ".join(f"{number} {status}" for status, number in kinds.items())
        first = " ".join(f"{failed[0].error}".split())
        say(
            f"error: {len(failed)} of {total} records failed ({counts}); the same command asks "
            f"them again. First: {first}"
        )
        raise typer.Exit(EXIT_FAILURES)


def _tell_of_missing_subtitles(result: EvaluationResult) -> None:
    has_some: dict[tuple[str, str], bool] = {}
    for cell in result.cells:
        for record in cell.records:
            key = (cell.settings["task"], record.question_id)
            has_some[key] = record.notes.get("subtitles") != "missing"
    if missing := list(has_some.values()).count(False):
        say(
            f"warning: {missing} of {len(has_some)} questions were asked without subtitles: their "
            "videos have no subtitle file"
        )
