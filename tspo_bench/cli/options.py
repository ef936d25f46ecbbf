"""The options that several commands have, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tspo_bench.errors import UserError

Tasks = Annotated[
    str,
    typer.Option(
        "--task",
        help="What to ask: names, annotation files (.json, .jsonl, .csv, .tsv), cards or "
        "pkg.mod:Name; commas separate. Options in brackets: haystack[length=15min].",
    ),
]
Split = Annotated[str | None, typer.Option("--split", help="The split; default: the task's own.")]
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        help="How to ask, read and average: strict (default), official, lmms-eval, tspo-paper, as "
        "the task's card has them.",
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option("--data-root", help="The folder with the task's annotations and videos."),
]
Annotations = Annotated[
    Path | None,
    typer.Option("--annotations", help="The annotation file, where it lies elsewhere."),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", help="Ask the first N questions of a fixed shuffle."),
]
OnlyPresent = Annotated[
    bool,
    typer.Option(
        "--only-present",
        help="Only questions whose videos are there; --limit draws among these.",
    ),
]
Encoder = Annotated[
    str,
    typer.Option(
        "--encoder",
        help="What samplers search with: reference, or CLIP's or SigLIP's folder or hub id.",
    ),
]
Agent = Annotated[
    str | None,
    typer.Option(
        "--agent",
        help="The agent of the samplers tspo and tspo-q: a folder or hub id; a published "
        "checkpoint is the encoder too. Default: the package's own.",
    ),
]
OptionalEncoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="What samplers search with: CLIP's or SigLIP's folder or hub id. Default: reference, "
        "or a published --agent's own.",
    ),
]
CandidateFps = Annotated[
    float, typer.Option("--candidate-fps", help="Candidate frames per second.")
]
_CANDIDATES = (
    "stride: every n-th frame; time: the frame shown at each 1/fps second; auto: stride where the "
    "frames' times are even, else time."
)
Candidates = Annotated[str, typer.Option("--candidates", help=_CANDIDATES)]
OptionalCandidates = Annotated[
    str | None, typer.Option("--candidates", help=f"{_CANDIDATES} Default: auto.")
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of samplers and tasks that draw.")]
Device = Annotated[
    str | None,
    typer.Option("--device", help="A torch device; default: cuda if there is one, else cpu."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        help="Where the server of --model openai:NAME is: http://HOST:PORT/v1. Default: "
        "$OPENAI_BASE_URL.",
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
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def read_numbers(option: str, text: str | None, example: str) -> list[int] | None:
    """The whole numbers of an option, between commas; None where it is not given.

    Raises:
        UserError: it holds something else.
    """
    numbers = read_floats(option, text, example)
    if numbers is None:
        return None
    if not all(number.is_integer() for number in numbers):
        raise UserError(f"cannot read {option} {text!r}; write {example}")
    return [int(number) for number in numbers]


def read_floats(option: str, text: str | None, example: str) -> list[float] | None:
    """The numbers of an option, between commas; None where it is not given.

    Raises:
        UserError: it holds something else.
    """
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UserError(f"cannot read {option} {text!r}; write {example}") from None
