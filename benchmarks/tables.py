"""Figures of a table's rows, and how Markdown shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain, pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.trials import Seeds
from tspo_bench.report import paired_difference, summarise

_END = 0.2  # share of the training that counts as its end


def figures(ours: Seeds, theirs: Seeds | None = None) -> dict[str, Any]:
    """A table's figures of samplers that differ in the seed alone.

    Args:
        ours: the records of each seed.
        theirs: those of what it is compared with, question by question; see `paired_difference`.

    Returns:
        The mean accuracy, that of each seed and the `spread` from the lowest to the highest (None
        of one seed), the mean evidence recall, and the `difference`, also over the questions that
        both answered with a letter (both None without `theirs`).
    """
    summaries = [summarise(records) for records in ours]
    accuracies = [summary.accuracy for summary in summaries if summary.accuracy is not None]
    recalls = [s.evidence_recall for s in summaries if s.evidence_recall is not None]
    difference, both_answered = None, None
    if theirs is not None:
        records = [list(chain(*seeds)) for seeds in (ours, theirs)]
        difference = asdict(paired_difference(*records))
        both_answered = asdict(paired_difference(*records, both_answered=True))
    return {
        "n": summaries[0].n,
        "accuracy": mean(accuracies) if accuracies else None,
        "accuracy_by_seed": accuracies,
        "spread": max(accuracies) - min(accuracies) if len(accuracies) > 1 else None,
        "evidence_recall": mean(recalls) if recalls else None,
        "difference": difference,
        "difference_both_answered": both_answered,
    }


def training_figures(folder: Path, seeds: Sequence[int]) -> dict[str, float]:
    """How the training of a folder's agents went, each figure the mean over the seeds.

    See `log_figures`.
    """
    logs = [(folder / f"seed-{seed}" / "log.jsonl").read_text().splitlines() for seed in seeds]
    each = [log_figures([json.loads(line) for line in log]) for log in logs]
    return {name: mean(one[name] for one in each) for name in each[0]}


def log_figures(log: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Figures of one training's log.

    Returns:
        The share of groups `without_signal` and the policy's `entropy` over the last fifth of the
        log, and the `training_seconds` spent on drawing, answering and judging: those of all steps,
        however often the training was interrupted, without loading models or encoding videos.
    """
    lines = [line for line in log if "entropy" in line]
    steps = [0, *(line["step"] for line in lines)]
    last = lines[-max(1, round(len(lines) * _END)) :]
    return {
        **{name: mean(line[name] for line in last) for name in ("without_signal", "entropy")},
        "training_seconds": sum(
            line["seconds_per_step"] * (after - before)
            for line, (before, after) in zip(lines, pairwise(steps), strict=True)
        ),
    }


def percent(share: float | None) -> str:
    """A share of 1 as "62.3%"."""
    return "" if share is None else f"{100 * share:.1f}%"


def difference_text(difference: Mapping[str, Any] | None) -> str:
    """A difference of accuracies in points with its interval: "-4.2 [-7.9, -0.5]"."""
    if difference is None or difference["difference"] is None:
        return ""
    ends = [f"{100 * end:+.1f}" for end in difference["ci95"] or ()]
    interval = f" [{', '.join(ends)}]" if ends else ""
    return f"{100 * difference['difference']:+.1f}{interval}"


def p_text(difference: Mapping[str, Any] | None) -> str:
    """The p-value of a difference."""
    if difference is None or difference["p_value"] is None:
        return ""
    return "< 0.001" if difference["p_value"] < 0.001 else f"{difference['p_value']:.3f}"


def points(share: float | None) -> str:
    """A spread of accuracies in points."""
    return "" if share is None else f"{100 * share:.1f}"


def markdown_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], num_texts: int = 1
) -> str:
    """A table whose first columns are text and whose others are figures."""
    rules = ["---"] * num_texts + ["---:"] * (len(headings) - num_texts)
    return "\n".join("| " + " | ".join(row) + " |" for row in (headings, rules, *rows))


def made_by(results: Mapping[str, Any]) -> str:
    """Under which conditions results were made."""
    settings, environment = results["settings"], results["environment"]
    seeds = ", ".join(map(str, settings["seeds"]))
    return (
        f"Made by `{results['command']}`: {results['seconds'] / 3600:.1f} hours of commands, "
        f"{environment['num_cores']} cores ({environment['cpu']}). Agents of the seeds {seeds}, "
        f"{settings['steps']} steps each."
    )


HOW_TO_READ = """
*Difference*: in points, paired by question (the mean over the seeds), with a 95% interval clustered
by video, and *p* of the sign-flip test over videos. As in the *accuracy*, an answer without a
letter counts as wrong. *Spread*: from the worst seed to the best, in points.
""".strip()


def commands_section(results: Mapping[str, Any]) -> str:
    """The commands of all rows, each once."""
    commands = [entry["command"] for row in results["rows"] for entry in row["commands"]]
    lines = "\n".join(dict.fromkeys(commands))
    missing = results["missing"]
    rest = f"Not finished: {', '.join(missing)}.\n\n" if missing else ""
    return f"{rest}## Commands\n\n```\n{lines}\n```\n"
