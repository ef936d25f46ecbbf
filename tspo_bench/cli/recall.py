"""`tspo-bench recall`: evidence recall of frame selections, without an MLLM."""

from __future__ import annotations

from typing import Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say, show, show_json
from tspo_bench.cli.progress import Bar, PicksMade

_FEW = 2  # reasons that are shown of each sampler and budget


def recall(
    task: options.Tasks = "haystack",
    limit: options.Limit = None,
    only_present: options.OnlyPresent = False,
    split: options.Split = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    video_timeout: options.VideoTimeout = 300.0,
    annotations: options.Annotations = None,
    evidence: options.Evidence = None,
    fps: Annotated[
        float | None,
        typer.Option(
            "--fps",
            help="The videos' frame rate, if the videos are missing. Default: the annotations', "
            "or as selection files imply.",
            show_default=False,
        ),
    ] = None,
    sampler: options.Samplers = None,
    frames: options.Budgets = None,
    encoder: options.OptionalEncoder = None,
    agent: options.Agent = None,
    candidate_fps: options.CandidateFps = 1.0,
    candidates: options.Candidates = "auto",
    seed: options.Seed = 0,
    device: options.Device = None,
    tolerance: Annotated[
        str | None,
        typer.Option(
            "--tolerance",
            help="Seconds around an annotated moment within which a frame finds it; commas "
            "separate several. Default: the task's.",
            show_default=False,
        ),
    ] = None,
    baseline: options.Baseline = "uniform",
    groups: options.Groups = False,
    json: options.Json = False,
) -> None:
    """Measure evidence recall of frame selections, without an MLLM.

    Selection files, uniform, random and oracle need no videos. Exit code 3: questions failed.

    Example: tspo-bench recall --task haystack --sampler uniform,aks --frames 8,16
    """
    settings = dict(locals())
    for name in ("trust_packets", "video_timeout", "groups", "json"):  # not of `recall`
        del settings[name]
    settings["tolerance"] = options.read_floats("--tolerance", tolerance, "1 or 1,2,5")
    with only_results_on_stdout():
        from tspo_bench.selecting import recall as recall_of
        from tspo_bench.selecting.recall_table import recall_table

        with Bar() as bar:
            result = recall_of(**settings, progress=PicksMade(bar))
    if json:
        show_json(result.to_dict())
    else:
        show(recall_table(result.rows, groups))
    for cell, reasons in result.errors_by_cell.items():
        for reason in reasons[:_FEW]:
            say(f"error: {cell}: {' '.join(reason.split())}")
    if result.errors:
        counts = ", ".join(f"{cell}: {len(some)}" for cell, some in result.errors_by_cell.items())
        say(f"{len(result.errors)} questions have no selection ({counts})")
        raise typer.Exit(EXIT_FAILURES)
