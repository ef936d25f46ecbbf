"""`tspo-bench import`: published answers as a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say, show_json

_FEW = 20  # rows that are named


def import_run(
    file: Annotated[
        Path,
        typer.Argument(
            help="Published answers: ToolMerge's JSON, lmms-eval's sample log (.jsonl), "
            "VLMEvalKit's .xlsx or .tsv, or a .csv of id and answer."
        ),
    ],
    task: Annotated[str, typer.Option("--task", metavar="TASK", help="Benchmark task.")],
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="Model that answered.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Run folder.")],
    annotations: options.Annotations = None,
    data_root: options.DataRoot = None,
    evidence: options.Evidence = None,
    split: options.Split = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            "--sampler", metavar="NAME", help="Frame sampler's name. Default: the file's name."
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option("--frames", metavar="K", min=1, help="Frame budget. Default: as in the file."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Make a run of published answers, for tables, paired tests and the page. No videos are needed.

    Exit code 3: rows were left out.

    Example: tspo-bench import keyframes.json --task longvideobench --annotations lvb_val.json
    --model Qwen3-VL-8B -o runs/toolmerge
    """
    with only_results_on_stdout():
        from tspo_bench.imports import import_answers

        made = import_answers(
            file,
            task,
            model,
            out,
            annotations=annotations,
            data_root=data_root,
            split=split,
            evidence=evidence,
            sampler=sampler,
            frames=frames,
            command=sys.argv,
        )
    for title, lines in (("left out", made.problems), ("odd", made.remarks)):
        for line in lines[:_FEW]:
            say(f"{title}: {line}")
        if len(lines) > _FEW:
            say(f"{title}: {len(lines) - _FEW} more rows (--json names all)")
    if json:
        show_json(made.to_dict())
    else:
        missing = f"; questions without an answer: {made.num_missing}" if made.num_missing else ""
        count = len(made.records)
        own = made.published_accuracy
        said = "" if own is None else f" (as the file counts: {100 * own:.2f}%)"
        accuracy = f"accuracy {100 * made.accuracy:.2f}%{said}"
        typer.echo(f"{made.folder}: {count} answers, {accuracy}{missing}")
    if made.problems:
        raise typer.Exit(EXIT_FAILURES)
