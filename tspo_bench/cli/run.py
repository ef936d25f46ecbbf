"""`tspo-bench run`: evaluate a grid and print the comparison."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say, show, show_json
from tspo_bench.cli.profile import profile_table, waiting_line
from tspo_bench.cli.progress import Bar, RunProgress
from tspo_bench.specs import split_specs

if TYPE_CHECKING:
    from tspo_bench.evaluation import EvaluationResult

_FEW = 3  # examples of what was left out
# Parameters that are not of RunSettings, or not as they are given.
_NOT_SETTINGS = ("model", "base_url", "groups", "profile", "json")


EXAMPLE = (
    "Example: tspo-bench run --task mlvu --data-root MLVU --sampler uniform,aks,tspo-q "
    "--frames 8,16,32 --model qwen2.5-vl-7b --with-bounds"
)


def run(
    ctx: typer.Context,
    task: options.Tasks = "haystack",
    split: options.Split = None,
    data_root: options.DataRoot = None,
    annotations: options.Annotations = None,
    evidence: options.Evidence = None,
    limit: options.Limit = None,
    only_present: options.OnlyPresent = False,
    trust_packets: options.TrustPackets = False,
    video_timeout: options.VideoTimeout = 300.0,
    sampler: options.Samplers = None,
    frames: options.Budgets = None,
    visual_tokens: Annotated[
        str | None,
        typer.Option(
            "--visual-tokens",
            metavar="N,...",
            help="Budget(s) in the model's visual tokens instead of --frames, commas between "
            "several: as many frames as fit.",
        ),
    ] = None,
    with_bounds: Annotated[
        bool,
        typer.Option(
            "--with-bounds",
            help="Add the samplers blind (no frames) and, if the task has evidence, oracle.",
        ),
    ] = False,
    baseline: options.Baseline = "uniform",
    encoder: options.OptionalEncoder = None,
    agent: options.Agent = None,
    candidate_fps: options.CandidateFps = 1.0,
    candidates: options.OptionalCandidates = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds",
            metavar="N,...",
            help="Seed(s) of samplers that draw and of an --agent trained with several, commas "
            "between several: 0,1,2. Default: 0, or all of the agent's.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="MODEL,...",
            help="MLLM(s) to evaluate, commas between several: reference, a checkpoint's folder or "
            "hub id, openai:NAME (a server), pkg.mod:Name.",
        ),
    ] = "reference",
    base_url: options.BaseUrl = None,
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", metavar="N", help="Questions that the model answers at once."),
    ] = 8,
    max_batch_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-batch-tokens",
            metavar="N",
            help="Most tokens of a batch, padding included: up to --batch-size questions of "
            "similar length. For models that report visual tokens.",
        ),
    ] = None,
    protocol: options.Protocol = None,
    subtitles: Annotated[
        str,
        typer.Option(
            "--subtitles",
            metavar="MODE",
            help="Subtitles shown to the model: none; aligned, those of the selected frames; full, "
            "those of the whole video.",
        ),
    ] = "none",
    shuffle_options: Annotated[
        int | None,
        typer.Option(
            "--shuffle-options",
            metavar="SEED",
            help="Put each question's options into another order, by this seed; records keep it.",
        ),
    ] = None,
    answer: Annotated[
        str,
        typer.Option(
            "--answer",
            metavar="MODE",
            help="generate: the model replies and the protocol extracts the answer; options: the "
            "option with the likeliest letter, in one forward pass.",
        ),
    ] = "generate",
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            help="All settings of a published evaluation: tspo-paper. Options given beside it "
            "override it.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The run's folder. Default: under runs/, named after the settings.",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start the cells over.")] = False,
    device: options.Device = None,
    groups: options.Groups = False,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Also print seconds, frames, bytes and tokens of each stage of the run.",
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """Compare frame samplers on tasks, with models and frame budgets.

    An interrupted run resumes. Exit code 3: questions failed.
    """
    settings = {name: value for name, value in ctx.params.items() if name not in _NOT_SETTINGS}
    with only_results_on_stdout():
        from tspo_bench.api import evaluate
        from tspo_bench.mllms.loading import with_base_url

        models = with_base_url(split_specs(model), base_url)
        with Bar() as bar, _explain_resume(fresh=fresh):
            result = evaluate(model=models, command=sys.argv, progress=RunProgress(bar), **settings)
    if json:
        show_json(result.to_dict())
    else:
        show(result.table(), *([result.groups_table()] if groups else []))
        typer.echo(_files(result))
    _say_profile(result, whole=profile)
    _warn_missing_videos(result)


@contextlib.contextmanager
def _explain_resume(*, fresh: bool) -> Iterator[None]:
    """Say after an interruption with --fresh that the rerun must leave it out."""
    try:
        yield
    except KeyboardInterrupt:
        if not fresh:
            raise
        raise KeyboardInterrupt(
            "records that were there before are kept until the new ones are complete; the same "
            "command without --fresh resumes"
        ) from None


def _say_profile(result: EvaluationResult, *, whole: bool) -> None:
    """Print to standard error how long the model waited for frames, or the whole profile."""
    assert result.profile is not None
    if whole:
        show(profile_table(result.profile), on_stderr=True)
    if line := waiting_line(result.profile):
        say(line)


def _files(result: EvaluationResult) -> str:
    """List the run's folder and its files."""
    cells = [f"    {cell.folder.name}/" for cell in result.cells]
    inside = "records.jsonl (one line per question), summary.json"
    return "\n".join(
        [
            f"\n{result.folder}/",
            "  run.json  settings, commands, versions",
            f"  in each of these folders: {inside}",
            *cells,
        ]
    )


def _warn_missing_videos(result: EvaluationResult) -> None:
    """Report annotations that were left out and records that failed.

    Raises:
        typer.Exit: with code 3 if a record has no answer.
    """
    if result.skipped:
        lines = "annotation line" + "s" * (len(result.skipped) > 1)
        first = "; ".join(result.skipped[:_FEW])
        say(f"warning: {len(result.skipped)} {lines} skipped: {first}")
    _warn_missing_subtitles(result)
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


def _warn_missing_subtitles(result: EvaluationResult) -> None:
    has_some: dict[tuple[str, str], bool] = {}
    for cell in result.cells:
        for record in cell.records:
            key = (cell.settings.task, record.question_id)
            has_some[key] = record.notes.get("subtitles") != "missing"
    if missing := list(has_some.values()).count(False):
        say(
            f"warning: {missing} of {len(has_some)} questions were asked without subtitles: their "
            "videos have no subtitle file"
        )
