"""`tspo-bench select`: pick frames of any one video, or of a whole task's into a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say, show, show_json
from tspo_bench.cli.progress import Bar, PicksMade
from tspo_bench.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from tspo_bench.api import SelectedFrames


_FEW = 3  # reasons that are told


def select(
    video: Annotated[
        Path | None, typer.Argument(help="The video file; leave it out with --task.")
    ] = None,
    question: Annotated[
        str, typer.Option("--question", "-q", help="What the frames should help to answer.")
    ] = "",
    task: Annotated[
        str | None,
        typer.Option("--task", help="In place of a video: pick for all questions of a task."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="With --task: the file to write, sel.json or .parquet."),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="With --task: a shape of others': tspo, aks, wfs-sb, videoitg, toolmerge.",
        ),
    ] = None,
    sampler: Annotated[
        str, typer.Option("--sampler", help="Who picks the frames; see: tspo-bench list samplers.")
    ] = "aks",
    frames: Annotated[int, typer.Option("--frames", help="How many frames to pick.")] = 8,
    encoder: options.OptionalEncoder = None,
    agent: options.Agent = None,
    candidate_fps: options.CandidateFps = 1.0,
    candidates: options.Candidates = "auto",
    seed: options.Seed = 0,
    device: options.Device = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", help="Draw the frames and the score curve: sheet.png, .pdf, .svg."),
    ] = None,
    limit: options.Limit = None,
    only_present: options.OnlyPresent = False,
    split: options.Split = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    annotations: options.Annotations = None,
    json: options.Json = False,
) -> None:
    """Pick frames of one video for a question, or of a whole task's videos into a file.

    Exit code 3: questions of the task failed.
    """
    if (video is None) == (task is None):
        raise UserError("give a video file, or a task with --task, and not both")
    how = {
        "encoder": encoder,
        "agent": agent,
        "candidate_fps": candidate_fps,
        "candidates": candidates,
        "seed": seed,
        "device": device,
    }
    if task is not None:
        where = {"limit": limit, "split": split, "data_root": data_root, "annotations": annotations}
        where["only_present"] = only_present
        _refuse("--task", {"--question": question, "--sheet": sheet})
        if out is None:
            raise UserError("--task needs a file to write; give --out sel.json or sel.parquet")
        _select_task(task, out, sampler, frames, shape, json, {**how, **where})
        return
    assert video is not None
    only = {"--out": out, "--format": shape, "--limit": limit, "--split": split}
    only["--only-present"] = only_present
    _refuse("a video", {**only, "--data-root": data_root, "--annotations": annotations})
    _select_video(video, question, sampler, frames, sheet, json, how)


def _refuse(beside: str, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value:
            raise UserError(f"{option} has no meaning with {beside}; leave it out")


def _select_task(
    task: str,
    out: Path,
    sampler: str,
    frames: int,
    shape: str | None,
    json: bool,
    settings: dict[str, Any],
) -> None:
    with only_results_on_stdout():
        from tspo_bench.api import select_task

        with Bar() as bar:
            progress = PicksMade(bar)
            made = select_task(
                task, out, sampler, frames, shape=shape, progress=progress, **settings
            )
    picks = made.selections.picks.values()
    number, filled = len(picks), sum(one.num_filled for one in picks)
    # A file is converted as it stands, whatever --frames says.
    short = 0 if sampler.startswith("file:") else sum(len(one.indices) < frames for one in picks)
    if json:
        content = {"file": str(made.path), "num_questions": number, "errors": made.errors}
        content |= {"num_short": short, "num_filled": filled}
        show_json({**content, "made_by": dict(made.selections.made_by)})
    else:
        typer.echo(f"{made.path}: frames for {number} questions; --sampler file:{made.path}")
    if short:
        say(f"note: {short} of {number} questions have fewer than {frames} frames")
    if filled:
        say(f"note: {filled} frames were added by the sampler's fill rule, to make K of fewer")
    for question, reason in list(made.errors.items())[:_FEW]:
        say(f"error: question {question!r}: {' '.join(reason.split())}")
    if made.errors:
        say(f"{len(made.errors)} questions have no selection")
        raise typer.Exit(EXIT_FAILURES)


def _select_video(
    video: Path,
    question: str,
    sampler: str,
    frames: int,
    sheet: Path | None,
    json: bool,
    settings: dict[str, Any],
) -> None:
    with only_results_on_stdout():
        from tspo_bench.api import select_frames

        picked = select_frames(video, question, sampler, frames, **settings)
        if sheet is not None:
            picked.draw_sheet(sheet)
    for remark in picked.remarks:
        say(f"note: {remark}")
    if json:
        show_json({**picked.to_dict(), "sheet": str(sheet) if sheet else None})
        return
    show(_table(picked))
    if sheet is not None:
        typer.echo(f"drawn: {sheet}")


def _table(picked: SelectedFrames) -> Table:
    from rich import box
    from rich.table import Table

    from tspo_bench.report.figures.sheet import clock

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("", "frame", "time", "score"):
        table.add_column(heading, justify="right")
    for number, frame in enumerate(picked.to_dict()["frames"], start=1):
        score = "" if frame["score"] is None else f"{frame['score']:.3f}"
        table.add_row(str(number), str(frame["index"]), clock(frame["seconds"], digits=2), score)
    return table
