"""`tspo-bench select`: pick frames of any one video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import only_results_on_stdout, say, show, show_json

if TYPE_CHECKING:
    from rich.table import Table

    from tspo_bench.api import SelectedFrames


def select(
    video: Annotated[Path, typer.Argument(help="The video file.")],
    question: Annotated[
        str, typer.Option("--question", "-q", help="What the frames should help to answer.")
    ] = "",
    sampler: Annotated[
        str, typer.Option("--sampler", help="Who picks the frames; see: tspo-bench list samplers.")
    ] = "aks",
    frames: Annotated[int, typer.Option("--frames", help="How many frames to pick.")] = 8,
    encoder: options.OptionalEncoder = None,
    agent: options.Agent = None,
    candidate_fps: options.CandidateFps = 1.0,
    seed: options.Seed = 0,
    device: options.Device = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", help="Draw the frames and the score curve: sheet.png, .pdf, .svg."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Pick frames of one video for a question, and draw them."""
    with only_results_on_stdout():
        from tspo_bench.agent.checkpoint import default_encoder
        from tspo_bench.api import select_frames

        encoder = encoder or default_encoder(agent)
        picked = select_frames(
            video,
            question,
            sampler,
            frames,
            encoder=encoder,
            agent=agent,
            candidate_fps=candidate_fps,
            seed=seed,
            device=device,
        )
        if sheet is not None:
            picked.draw_sheet(sheet)
    if encoder == "reference" and picked.scores is not None:
        say(
            "warning: the reference encoder knows the built-in pictogram world alone; "
            "for other videos give a CLIP or SigLIP with --encoder"
        )
    if json:
        show_json({**picked.to_dict(), "sheet": str(sheet) if sheet else None})
        return
    show(_table(picked))
    if sheet is not None:
        typer.echo(f"drawn: {sheet}")


def _table(picked: SelectedFrames) -> Table:
    from rich import box
    from rich.table import Table

    from tspo_bench.report.sheet import clock

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("", "frame", "time", "score"):
        table.add_column(heading, justify="right")
    for number, frame in enumerate(picked.to_dict()["frames"], start=1):
        score = "" if frame["score"] is None else f"{frame['score']:.3f}"
        table.add_row(str(number), str(frame["index"]), clock(frame["seconds"], digits=2), score)
    return table
