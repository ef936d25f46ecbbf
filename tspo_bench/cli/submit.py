"""`tspo-bench submit`: a run as one file that others can check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import only_results_on_stdout, say, show_json

if TYPE_CHECKING:
    from tspo_bench.report.entries.packing import Packed


def submit(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write (zip).")],
    name: Annotated[
        str | None, typer.Option("--name", help="What reports call it; default: the folder's name.")
    ] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="What to say of it.")
    ] = None,
    with_frames: Annotated[
        bool, typer.Option("--with-frames", help="Add the pictures that the models were shown.")
    ] = False,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    annotations: options.Annotations = None,
    json: options.Json = False,
) -> None:
    """Pack a run's settings and records into one file that anybody can check without the videos.

    Folders, keys and queries of URLs stay behind. Check it with tspo-bench check-entry.
    """
    from tspo_bench.report.entries.packing import pack

    with only_results_on_stdout():
        packed = pack(
            run,
            out,
            name=name,
            description=description,
            with_frames=with_frames,
            data_root=data_root,
            annotations=annotations,
        )
    if json:
        show_json(_result(packed))
    else:
        typer.echo(_text(packed))
    for warning in packed.warnings:
        say(f"warning: {warning}")


def _result(packed: Packed) -> dict[str, Any]:
    return {
        "file": str(packed.path),
        "sha256": packed.sha256,
        "bytes": packed.num_bytes,
        "cells": packed.num_cells,
        "records": packed.num_records,
        "pictures": packed.num_pictures,
        "warnings": list(packed.warnings),
    }


def _text(packed: Packed) -> str:
    size = f"{packed.num_bytes / 1e3:,.0f} kB"
    pictures = f", {packed.num_pictures} pictures" if packed.num_pictures else ""
    return (
        f"{packed.path}: {packed.num_cells} cells, {packed.num_records} records{pictures}, {size}\n"
        f"SHA-256 {packed.sha256}"
    )
