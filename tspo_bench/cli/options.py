"""Options that several commands have, each written once, and the panels of `--help`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from tspo_bench.errors import UserError

Tasks = Annotated[
    str,
    typer.Option(
        "--task",
        metavar="TASK,...",
        help="Benchmark task(s), commas between several: names, annotation files (.json, .jsonl, "
        ".csv, .tsv, .parquet), cards or pkg.mod:Name; options in brackets: "
        "haystack[length=15min].",
    ),
]
Split = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="Split. Default: the task's own.")
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root", metavar="DIR", help="Folder with the task's annotations and videos."
    ),
]
Annotations = Annotated[
    Path | None,
    typer.Option(
        "--annotations", metavar="FILE", help="Annotation file, if it is not under --data-root."
    ),
]
Evidence = Annotated[
    Path | None,
    typer.Option(
        "--evidence",
        metavar="FILE",
        help="File with the questions' evidence, in place of the annotations' own: KFS-Bench, "
        "CG-Bench, ExtremeWhenBench, LVBench or {id, evidence} lines.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="N", help="Ask the first N questions of a fixed shuffle. Default: all."
    ),
]
OnlyPresent = Annotated[
    bool,
    typer.Option(
        "--only-present", help="Ask only questions whose videos exist; --limit draws among these."
    ),
]
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        metavar="NAME",
        help="How to ask, extract answers and average: strict, official, lmms-eval or tspo-paper, "
        "if the task's card has it. Default: strict.",
    ),
]
Samplers = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        metavar="SAMPLER,...",
        help="Frame sampler(s) to compare, commas between several: names, aks[depth=5], "
        "file:PATH, pkg.mod:Name; all: every sampler of the package. Default: uniform.",
    ),
]
Budgets = Annotated[
    str | None,
    typer.Option(
        "--frames", metavar="K,...", help="Frame budget(s) K, commas between several. Default: 8."
    ),
]
Baseline = Annotated[
    str,
    typer.Option(
        "--baseline", metavar="SAMPLER", help="Sampler that the others are compared with."
    ),
]
Groups = Annotated[
    bool, typer.Option("--groups", help="Also show figures by group: type, duration, ...")
]
_ENCODER = "Image-text encoder for samplers: reference, or a CLIP or SigLIP folder or hub id."
Encoder = Annotated[str, typer.Option("--encoder", metavar="NAME", help=_ENCODER)]
OptionalEncoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="NAME",
        help=f"{_ENCODER} Default: the encoder in --agent's folder, else reference.",
    ),
]
Agent = Annotated[
    str | None,
    typer.Option(
        "--agent",
        metavar="NAME",
        help="Temporal agent of the samplers tspo and tspo-q: a folder or hub id. Default: the "
        "agents in the package.",
    ),
]
CandidateFps = Annotated[
    float, typer.Option("--candidate-fps", metavar="RATE", help="Candidate frames per second.")
]
_CANDIDATES = (
    "Which frames are candidates: stride, every n-th frame; time, the frame shown at each 1/fps "
    "second; keyframe, the keyframe nearest to it (faster); auto, stride if frame times are "
    "even, else time."
)
Candidates = Annotated[str, typer.Option("--candidates", metavar="RULE", help=_CANDIDATES)]
OptionalCandidates = Annotated[
    str | None, typer.Option("--candidates", metavar="RULE", help=f"{_CANDIDATES} Default: auto.")
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Seed of samplers and tasks that draw.")
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Torch device: cuda, cuda:1, cpu. Default: cuda if available, else cpu.",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="Server of --model openai:NAME: http://HOST:PORT/v1. Default: $OPENAI_BASE_URL.",
    ),
]


def _trust_packets(trust: bool) -> bool:
    from tspo_bench.video import trust_packets

    trust_packets(trust)
    return trust


TrustPackets = Annotated[
    bool,
    typer.Option(
        "--trust-packets",
        callback=_trust_packets,
        expose_value=False,
        help="Read videos that end before their header says, as far as they go.",
    ),
]


def _video_timeout(seconds: float) -> float:
    from tspo_bench.video import settings

    if not seconds > 0:
        raise UserError(f"--video-timeout must be > 0 seconds (got {seconds:g})")
    settings.timeout_seconds = seconds
    return seconds


VideoTimeout = Annotated[
    float,
    typer.Option(
        "--video-timeout",
        metavar="SECONDS",
        callback=_video_timeout,
        expose_value=False,
        help="Give a video up when opening it, or decoding a few of its frames, takes longer.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def reject_idle(given: Mapping[str, object], why: str) -> None:
    """Reject options that would change nothing.

    Args:
        given: the options' values; None, False and "" are not given.
        why: "with --task".
    """
    if named := [
        name
        for name, value in given.items()
        if not (value is None or value == "" or value is False)
    ]:
        raise UserError(f"{', '.join(named)}: no effect {why}")


def read_floats(option: str, text: str | None, example: str) -> list[float] | None:
    """Return an option's numbers, commas between them; None if it is not given.

    Raises:
        UserError: it holds something else.
    """
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UserError(f"cannot read {option} {text!r}; write {example}") from None
