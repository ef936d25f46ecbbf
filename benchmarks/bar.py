"""The gain of the agents over samplers that are not trained, on the haystack's test split.

`python -m benchmarks.bar` asks all samplers about videos of five and of fifteen minutes, with four
frame budgets and agents of several seeds, and writes results/haystack/bar.json, .md and .png. What
is done is kept: the same call resumes. The agents are those of

    tspo-bench train --agent tspo-q --name tspo-q --seeds 0,1,2
    tspo-bench train --agent tspo --name tspo --seeds 0,1,2
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.tables import difference_text, figures, markdown_table, p_text, percent, points
from benchmarks.trials import (
    AGENTS_FOLDER,
    PRESET,
    RESULTS_FOLDER,
    Seeds,
    Test,
    Trial,
    agent_sampler,
    commands_run,
    write_results,
)
from benchmarks.work import parser, run, work
from tspo_bench.report import headroom_recovered, summarise
from tspo_bench.results import describe_environment
from tspo_bench.training.settings import AGENTS

ROOT = AGENTS_FOLDER / "bar"
RESULTS = RESULTS_FOLDER / "bar.json"
UNTRAINED = ("uniform", "clip-topk", "bin-max", "aks")
SAMPLERS = (*UNTRAINED, *AGENTS, "oracle")
SEEDS = (0, 1, 2)
GROUPS = ("type", "length", "depth")
# Both lengths at the budget of the training; the other budgets cost more, so of fewer questions.
LENGTHS = (Test("5min"), Test("15min", "haystack[length=15min,videos=50]"))
BUDGETS = Test("budgets", limit=280, frames=(4, 16, 32))


def trial(sampler: str) -> Trial:
    """A sampler's tests."""
    return Trial(ROOT / sampler, (spec(sampler),), SEEDS, (*LENGTHS, BUDGETS))


def spec(sampler: str) -> str:
    """A sampler's name for `tspo-bench run`."""
    return agent_sampler(AGENTS_FOLDER / sampler, sampler) if sampler in AGENTS else sampler


TRIALS = {sampler: trial(sampler) for sampler in SAMPLERS}


def finished() -> list[str]:
    """The samplers whose answers are all there."""
    return [sampler for sampler in SAMPLERS if not TRIALS[sampler].pending]


def answers(sampler: str) -> Seeds:
    """The records of each seed, of both lengths together."""
    each = [TRIALS[sampler].records(test, spec(sampler)) for test in LENGTHS]
    return [list(chain(*lists)) for lists in zip(*each, strict=True)]


def with_budget(sampler: str, frames: int) -> Seeds:
    """The records of each seed of the questions that all budgets were tried on."""
    one = TRIALS[sampler]
    asked = one.records(BUDGETS, spec(sampler), BUDGETS.frames[0])
    questions = {record.question_id for record in asked[0]}
    test = BUDGETS if frames in BUDGETS.frames else LENGTHS[0]
    found = one.records(test, spec(sampler), frames)
    return [[record for record in records if record.question_id in questions] for records in found]


def best_untrained() -> str:
    """The best of the samplers that are not trained."""
    known = [sampler for sampler in UNTRAINED if sampler in finished()]
    return max(known, key=lambda sampler: figures(answers(sampler))["accuracy"])


def row(sampler: str, rival: str) -> dict[str, Any]:
    """A sampler's figures at the budget of the training."""
    ours, theirs = answers(sampler), answers(rival)
    summary = summarise(list(chain(*ours)))
    bounds = [figures(answers(bound))["accuracy"] for bound in ("uniform", "oracle")]
    compared = sampler != rival
    own = figures(ours, theirs if compared else None)
    return {
        "sampler": sampler,
        **own,
        "ci95": summary.ci95,
        "unparsed": summary.status_counts["unparsed"],
        "headroom_recovered": headroom_recovered(own["accuracy"], *bounds),
        "groups": {name: summary.model_dump()["groups"].get(name, {}) for name in GROUPS},
    }


def budget_rows() -> list[dict[str, Any]]:
    """Accuracy by sampler and budget."""
    return [
        {
            "sampler": sampler,
            "frames": frames,
            "n": own.n,
            "accuracy": own.accuracy,
            "ci95": own.ci95,
        }
        for sampler in finished()
        for frames in sorted({*BUDGETS.frames, PRESET.frames})
        for own in [summarise(list(chain(*with_budget(sampler, frames))))]
    ]


def content() -> dict[str, Any]:
    """The results, as far as there are any."""
    done = finished()
    rival = best_untrained() if {"uniform", "oracle"} <= set(done) else None
    return {
        "command": shlex.join(["python", "-m", "benchmarks.bar", *sys.argv[1:]]),
        "settings": {"seeds": SEEDS, "preset": asdict(PRESET)},
        "environment": describe_environment(),
        "best_untrained": rival,
        "missing": [sampler for sampler in SAMPLERS if sampler not in done],
        "rows": [row(sampler, rival) for sampler in done] if rival else [],
        "budgets": budget_rows(),
        "commands": commands_run(list(TRIALS.values())),
    }


def markdown(results: dict[str, Any]) -> str:
    """All tables."""
    rival = results["best_untrained"] or "(not known yet)"
    shown, budgets = results["rows"], results["budgets"]
    missing = f"Not finished: {', '.join(results['missing'])}.\n\n" if results["missing"] else ""
    commands = "\n".join(entry["command"] for entry in results["commands"])
    parts = [
        "# The agents on the built-in haystack\n",
        "The pictogram world is a diagnostic: it shows what a sampler can find and an agent can "
        "learn, not what either gains on films.\n",
        f"Made by `{results['command']}`; test split, videos of 5 and of 15 minutes together, "
        f"reference encoder and MLLM. Agents: seeds {', '.join(map(str, SEEDS))}, trained on "
        f"5-minute videos with K = {PRESET.frames}.\n",
        f"## K = {PRESET.frames}\n\n{_main_table(shown, rival)}\n",
        f"*Difference*: to {rival}, the best sampler that is not trained; in points with a 95% "
        "interval, paired by question (the mean over the seeds), clustered by video; *p* of the "
        "sign-flip test over videos. As in the accuracy, an unparsed answer is a wrong one. "
        "*Spread*: from the worst seed to the best, in points.\n",
        *(f"## By {name}, K = {PRESET.frames}\n\n{_group_table(shown, name)}\n" for name in GROUPS),
        f"## By frame budget\n\n{BUDGETS.limit} questions of the 5-minute videos (of a fixed "
        f"shuffle).\n\n{_budget_table(budgets)}\n\n![accuracy by frame budget](bar.png)\n",
        f"{missing}## Commands\n\n```\n{commands}\n```\n",
    ]
    return "\n".join(parts)


def _main_table(rows: Sequence[dict[str, Any]], rival: str) -> str:
    headings = (
        "sampler", "n", "accuracy [95%]", "spread", "headroom", f"difference to {rival}", "p",
        "evidence recall", "unparsed",
    )  # fmt: skip
    shown = []
    for row in rows:
        unparsed = row["unparsed"] / (row["n"] * len(row["accuracy_by_seed"]))
        shown.append(
            (
                row["sampler"],
                str(row["n"]),
                f"{percent(row['accuracy'])} [{', '.join(points(end) for end in row['ci95'])}]",
                points(row["spread"]),
                percent(row["headroom_recovered"]),
                difference_text(row["difference"]),
                p_text(row["difference"]),
                percent(row["evidence_recall"]),
                percent(unparsed),
            )
        )
    return markdown_table(headings, shown)


def _group_table(rows: Sequence[dict[str, Any]], group: str) -> str:
    values = list(dict.fromkeys(value for row in rows for value in row["groups"][group]))
    first = rows[0]["groups"][group] if rows else {}
    headings = ("sampler", *(f"{value} (n = {first[value]['n']})" for value in values))
    shown = [
        (row["sampler"], *(percent(row["groups"][group][value]["accuracy"]) for value in values))
        for row in rows
    ]
    return markdown_table(headings, shown)


def _budget_table(rows: Sequence[dict[str, Any]]) -> str:
    found = {(row["sampler"], row["frames"]): row["accuracy"] for row in rows}
    samplers = list(dict.fromkeys(row["sampler"] for row in rows))
    budgets = sorted({row["frames"] for row in rows})
    shown = [(s, *(percent(found[s, frames]) for frames in budgets)) for s in samplers]
    return markdown_table(("sampler", *(f"K = {frames}" for frames in budgets)), shown)


def draw(results: dict[str, Any], path: Path) -> None:
    """Accuracy against frame budget, a line with its interval for each sampler."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    rows = results["budgets"]
    for sampler in dict.fromkeys(row["sampler"] for row in rows):
        own = [row for row in rows if row["sampler"] == sampler]
        budgets = [row["frames"] for row in own]
        means = [100 * row["accuracy"] for row in own]
        style = "--" if sampler == "oracle" else "-"
        (line,) = axes.plot(budgets, means, style, marker="o", markersize=4, label=sampler)
        low, high = ([100 * row["ci95"][end] for row in own] for end in (0, 1))
        axes.fill_between(budgets, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
    axes.set_xscale("log", base=2)
    ticks = sorted({row["frames"] for row in rows})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlabel("frames shown, K")
    axes.set_ylabel("accuracy, %")
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.set_title("Built-in haystack, 5 minutes: 95% intervals clustered by video", fontsize=10)
    figure.savefig(path, dpi=150)


def main() -> int:
    """Ask what is missing; 1 if a command failed."""
    given = parser("benchmarks.bar", __doc__).parse_args()

    def write() -> None:
        results = content()
        write_results(RESULTS, results, markdown(results))
        draw(results, RESULTS.with_suffix(".png"))

    failed = work(list(TRIALS.values()), ROOT, given.jobs, finished=write)
    write()
    return bool(failed)


if __name__ == "__main__":
    run(main)
