"""`tspo-bench export-submission`: a cell's answers as an evaluation server takes them."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, say, show_json

_FEW = 10  # ids of questions without an answer


def export_submission(
    folder: Annotated[
        Path, typer.Argument(help="A cell's folder, or a run's that has a single cell.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The file to write (JSON).")],
    json: options.Json = False,
) -> None:
    """Write a cell's answers as its benchmark's evaluation server takes them.

    Questions without an answer have an empty one. Exit code 3: some of them failed.
    """
    from tspo_bench.files import written_whole
    from tspo_bench.report.papers.submission import cell_at, submission

    cell = cell_at(folder)
    made = submission(cell)
    text = json_module.dumps(made.content, indent=2, ensure_ascii=False)
    with written_whole(out) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    if json:
        show_json(
            {
                "file": str(out),
                "format": made.format,
                "n": made.num_questions,
                "unparsed": list(made.unparsed),
                "failed": list(made.failed),
            }
        )
    else:
        typer.echo(f"{out}: {made.num_questions} questions, format {made.format}")
    if (limit := cell.settings.limit) is not None:
        say(f"warning: the run asked no more than --limit {limit} questions: servers want them all")
    if made.unparsed:
        say(f"warning: {len(made.unparsed)} replies gave no letter: {_some(made.unparsed)}")
    if made.failed:
        say(
            f"error: {len(made.failed)} questions failed and have an empty answer: "
            f"{_some(made.failed)}; the run's command asks them again"
        )
        raise typer.Exit(EXIT_FAILURES)


def _some(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _FEW} more" if len(ids) > _FEW else ""
    return ", ".join(ids[:_FEW]) + more
