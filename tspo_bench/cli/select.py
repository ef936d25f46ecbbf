"""`tspo-bench select`: frames of one video, or of a task's videos into a file."""

from __future__ import annotations

import json as json_format
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


_FEW = 3  # reasons that are shown


def select(
    video: Annotated[
        Path | None, typer.Argument(help="The video file. With --task: none.", show_default=False)
    ] = None,
    question: Annotated[str, typer.Option("--question", "-q", help="The question's text.")] = "",
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="Benchmark task whose questions to select for, instead of one video's.",
            show_default=False,
        ),
    ] = None,
    limit: options.Limit = None,
    only_present: options.OnlyPresent = False,
    split: options.Split = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    video_timeout: options.VideoTimeout = 300.0,
    annotations: options.Annotations = None,
    evidence: options.Evidence = None,
    sampler: Annotated[
        str,
        typer.Option(
            "--sampler",
            help="The frame sampler: a name (tspo-bench list samplers), file:PATH, pkg.mod:Name.",
        ),
    ] = "aks",
    frames: Annotated[int, typer.Option("--frames", help="The frame budget K.")] = 8,
    encoder: options.OptionalEncoder = None,
    agent: options.Agent = None,
    candidate_fps: options.CandidateFps = 1.0,
    candidates: options.Candidates = "auto",
    seed: options.Seed = 0,
    device: options.Device = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet", help="Draw the frames and the score curve: sheet.png, .jpg, .pdf or .svg."
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            help="Write the frames as pictures into this folder, with their times in the names.",
        ),
    ] = None,
    image_format: Annotated[
        str, typer.Option("--image-format", help="With --save: jpg or png.")
    ] = "jpg",
    messages: Annotated[
        bool,
        typer.Option(
            "--messages",
            help="Print frames and question as the messages of an OpenAI-style chat request, JSON.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="With --task: the file to write, .json or .parquet."),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="With --task: another project's format: tspo, aks, wfs-sb, videoitg, toolmerge.",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Select frames of one video for a question, or of a task's videos into a file.

    Exit code 3: questions of the task failed.

    Example: tspo-bench select film.mp4 -q "What is in the pan?" --frames 16 --save frames/
    """
    if (video is None) == (task is None):
        raise UserError("give a video file, or a task with --task, and not both")
    how: dict[str, Any] = {"encoder": encoder, "agent": agent, "candidate_fps": candidate_fps}
    how |= {"candidates": candidates, "seed": seed, "device": device}
    of_task = {"limit": limit, "split": split, "data_root": data_root, "annotations": annotations}
    of_task |= {"evidence": evidence, "only_present": only_present}
    if video is None:
        of_video = {"--question": question, "--sheet": sheet, "--save": save}
        options.reject_idle({**of_video, "--messages": messages}, "with --task")
        if out is None:
            raise UserError("--task needs a file to write; give --out sel.json or sel.parquet")
        _select_task(str(task), out, sampler, frames, shape, json, {**how, **of_task})
        return
    named = {f"--{name.replace('_', '-')}": value for name, value in of_task.items()}
    options.reject_idle({"--out": out, "--format": shape, **named}, "with a video")
    if json and messages:
        raise UserError("--json and --messages are different outputs; give one of them")
    with only_results_on_stdout():
        from tspo_bench.api import select_frames

        _check_files(sheet, save, image_format)
        picked = select_frames(video, question, sampler, frames, **how)
        if sheet is not None:
            picked.draw_sheet(sheet)
        saved = [] if save is None else picked.save(save, image_format)
    for remark in picked.remarks:
        say(f"note: {remark}")
    if messages:
        typer.echo(json_format.dumps(picked.to_messages()))
    elif json:
        files = {"sheet": str(sheet) if sheet else None, "saved": [str(path) for path in saved]}
        show_json({**picked.to_dict(), **files})
    else:
        show(_table(picked))
        if sheet is not None:
            typer.echo(f"drawn: {sheet}")
        if save is not None:
            typer.echo(f"saved: {len(saved)} pictures in {save}")


def _check_files(sheet: Path | None, save: Path | None, image_format: str) -> None:
    """Check what is to be written before anything is selected."""
    from tspo_bench.report.figures.sheet import sheet_format
    from tspo_bench.selecting.selected_frames import check_pictures

    if sheet is not None:
        sheet_format(sheet)
    if save is not None:
        check_pictures(save, image_format)


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
    # A file is converted as it is; --frames does not count.
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
        say(f"note: the sampler's fill rule added {filled} frames to reach K")
    for question, reason in list(made.errors.items())[:_FEW]:
        say(f"error: question {question!r}: {' '.join(reason.split())}")
    if made.errors:
        say(f"{len(made.errors)} questions have no selection")
        raise typer.Exit(EXIT_FAILURES)


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
