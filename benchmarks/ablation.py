"""The contribution of each part of the agents and of their training.

`python -m benchmarks.ablation` trains one agent a seed of each variant, for a quarter of the usual
steps, tests it on the haystack's val split (5-minute videos), and writes
results/haystack/ablation.json and .md. Finished work is kept: the same call resumes.
"""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.tables import (
    HOW_TO_READ,
    commands_section,
    difference_text,
    figures,
    made_by,
    markdown_table,
    p_text,
    percent,
    points,
    training_figures,
)
from benchmarks.trials import (
    PRESET,
    Experiment,
    Test,
    Trial,
    agent_sampler,
    commands_run,
    trained,
    write_results,
)
from benchmarks.work import names, run, training_parser, work
from tspo_bench.agent.query_agent import PARTS
from tspo_bench.errors import UserError
from tspo_bench.results import describe_environment
from tspo_bench.training.settings import AGENTS

SHARE = 4  # of the usual steps: one in four
READY_MADE = ("uniform", "clip-topk", "aks", "oracle")
REWARDS = ("answer", "answer,temporal", "answer,coverage")
SHORT = "haystack[length=1min]"
SELECTS = ("bin-max", "aks", "inverse-transform")


@dataclass(frozen=True)
class Variant:
    """One row: options of `tspo-bench train` beside the defaults.

    `select` is the rule that makes frames of scores; other rules than topk are those of the
    default's agents, and need no training.
    """

    name: str
    change: str
    options: tuple[str, ...] = ()
    select: str = "topk"


DEFAULT = Variant("default", "as shipped")


def variants(agent: str) -> list[Variant]:
    """All rows of an agent, the default first; what equals the default is left out."""
    rows = [DEFAULT]
    rows += [
        Variant(f"rewards-{rewards.replace(',', '-')}", _sum(rewards), ("--rewards", rewards))
        for rewards in REWARDS
        if set(rewards.split(",")) != set(PRESET.rewards.split(","))
    ]
    # As many questions as the default's videos have: a minute has one, five minutes have seven.
    options = ("--task", SHORT, "--videos", "700", "--rewards", "answer")
    change = "two things: one-minute videos, and the reward R_A alone (no needles are given)"
    rows.append(Variant("no-haystacks", change, options))
    if agent == "tspo":
        change = "window 1: no attention between frames, but the learned map of each frame stays"
        rows.append(Variant("window-1", change, ("--window", "1")))
    else:
        rows += [Variant(f"without-{part}", f"no {part}", ("--without", part)) for part in PARTS]
    rows += _others("window", (4, 12, 24), _window(agent), "window {}")
    rows += _others("rollouts", (4, 8, 16), PRESET.rollouts, "{} rollouts a question")
    rows += _others("anneal", (0.4, 1.0), PRESET.anneal, "tau falls to its {}-fold")
    rows += _others(
        "log-prob", ("independent", "plackett-luce"), PRESET.log_prob, "log-probability: {}"
    )
    return rows + [Variant(f"select-{s}", f"frames by {s}", select=s) for s in SELECTS]


def _window(agent: str) -> int:
    """The default of its constructor."""
    return inspect.signature(AGENTS[agent]).parameters["window"].default


def _others(option: str, values: Sequence[Any], default: Any, change: str) -> list[Variant]:
    return [
        Variant(f"{option}-{value}", change.format(value), (f"--{option}", str(value)))
        for value in values
        if value != default
    ]


def _sum(rewards: str) -> str:
    names = {"answer": "R_A", "temporal": "R_T", "coverage": "coverage"}
    return "reward: " + " + ".join(names[name] for name in rewards.split(","))


@dataclass(frozen=True)
class Plan(Experiment):
    """The variants of each agent."""

    name: ClassVar[str] = "ablation"
    usual_steps: ClassVar[int] = (PRESET.steps or 0) // SHARE

    @property
    def test(self) -> Test:
        """The haystack's val split."""
        return Test("val", split="val", limit=self.limit)

    @property
    def ready_made(self) -> Trial:
        """Samplers that are not trained, for comparison."""
        return Trial(self.root / "ready-made", READY_MADE, self.seeds, (self.test,))

    def folder(self, agent: str, variant: Variant) -> Path:
        """Where a variant's agents lie."""
        return self.root / agent / (variant.name if variant.select == "topk" else DEFAULT.name)

    def trial(self, agent: str, variant: Variant) -> Trial:
        """The training and the test that a variant needs."""
        trains = variant if variant.select == "topk" else DEFAULT
        options = self.training_options(*trains.options)
        selects = ("topk", *SELECTS) if trains == DEFAULT else ("topk",)
        folder = self.folder(agent, trains)
        return trained(folder, agent, self.seeds, options, (self.test,), selects)

    def sampler(self, agent: str, variant: Variant) -> str:
        """The spec of a variant's agents."""
        return agent_sampler(self.folder(agent, variant), agent, variant.select)

    def trials(self, only: Sequence[str] = ()) -> list[Trial]:
        """All trials, or those of the named variants and of what they are compared with.

        Raises:
            UserError: a name is no variant's.
        """
        rows = [(agent, variant) for agent in self.agents for variant in variants(agent)]
        known = dict.fromkeys(variant.name for _, variant in rows)
        if unknown := [name for name in only if name not in known]:
            raise UserError(f"no variant {unknown[0]!r}; there are: {', '.join(known)}")
        chosen = {DEFAULT.name, *(only or known)}
        trials = [self.trial(agent, variant) for agent, variant in rows if variant.name in chosen]
        return [self.ready_made, *dict.fromkeys(trials)]


def rows_of(plan: Plan, agent: str) -> list[dict[str, Any]]:
    """The figures of each variant that is finished; none before the default is."""
    default = plan.trial(agent, DEFAULT)
    if default.pending:
        return []
    theirs = default.records(plan.test, plan.sampler(agent, DEFAULT))
    rows = []
    for variant in variants(agent):
        trial = plan.trial(agent, variant)
        if trial.pending:
            continue
        ours = trial.records(plan.test, plan.sampler(agent, variant))
        row: dict[str, Any] = {"agent": agent, "variant": variant.name, "change": variant.change}
        row |= figures(ours, None if variant == DEFAULT else theirs)
        row |= training_figures(trial.folder, plan.seeds)
        rows.append(row | {"commands": commands_run([trial])})
    return rows


def content(plan: Plan) -> dict[str, Any]:
    """The results, as far as there are any."""
    rows = [row for agent in plan.agents for row in rows_of(plan, agent)]
    done = {(row["agent"], row["variant"]) for row in rows}
    ready_made = []
    if not plan.ready_made.pending:
        for name in READY_MADE:
            records = plan.ready_made.records(plan.test, name)
            ready_made.append({"sampler": name, **figures(records)})
    return {
        "command": shlex.join(["python", "-m", "benchmarks.ablation", *sys.argv[1:]]),
        "settings": {
            **asdict(plan),
            "preset": asdict(PRESET),
            "window": {agent: _window(agent) for agent in plan.agents},
        },
        "environment": describe_environment(),
        "seconds": sum(entry["seconds"] for entry in commands_run(plan.trials())),
        "missing": [
            f"{agent} {variant.name}"
            for agent in plan.agents
            for variant in variants(agent)
            if (agent, variant.name) not in done
        ],
        "rows": rows,
        "ready_made": ready_made,
    }


ABOUT = f"""
They are tested on the haystack's val split (videos of five minutes, K = {PRESET.frames}). Each row
changes the default in one thing (`no-haystacks` in two), and is compared with it. *No signal*:
share of questions whose rollouts all got the same reward, and *entropy*: of the policy, in nats;
both over the last fifth of the training. *Seconds*: of one training's steps. The ways of turning
scores into frames (`select-`) are tried with the default's agents.
""".strip()


def markdown(results: dict[str, Any]) -> str:
    """The tables, with the commands below."""
    settings = results["settings"]
    parts = [f"# What each part gives\n\n{made_by(results)}\n{ABOUT}\n\n{HOW_TO_READ}\n"]
    for agent in settings["agents"]:
        rows = [row for row in results["rows"] if row["agent"] == agent]
        parts.append(f"## {agent}\n\n{_default_text(settings, agent)}\n\n{_table(rows)}\n")
    headings = ("sampler", "accuracy", "evidence recall")
    shown = [
        (row["sampler"], percent(row["accuracy"]), percent(row["evidence_recall"]))
        for row in results["ready_made"]
    ]
    parts.append(f"## Not trained\n\n{markdown_table(headings, shown)}\n")
    parts.append(commands_section(results))
    return "\n".join(parts)


def _default_text(settings: dict[str, Any], agent: str) -> str:
    preset = settings["preset"]
    return (
        f"The default: window {settings['window'][agent]}, {preset['rollouts']} rollouts, "
        f"{_sum(preset['rewards'])}, tau at the end {preset['anneal']} of that at the start, "
        f"log-probability {preset['log_prob']}, the {preset['frames']} best frames are shown."
    )


def _table(rows: Sequence[dict[str, Any]]) -> str:
    headings = (
        "variant", "change", "accuracy", "spread", "difference", "p", "evidence recall",
        "no signal", "entropy", "seconds",
    )  # fmt: skip
    shown = [
        (
            row["variant"],
            row["change"],
            percent(row["accuracy"]),
            points(row["spread"]),
            difference_text(row["difference"]),
            p_text(row["difference"]),
            percent(row["evidence_recall"]),
            percent(row["without_signal"]),
            f"{row['entropy']:.2f}",
            f"{row['training_seconds']:.0f}",
        )
        for row in rows
    ]
    return markdown_table(headings, shown, num_texts=2)


def main() -> int:
    """Train and test what is missing; 1 if a command failed."""
    parser = training_parser("benchmarks.ablation", __doc__)
    parser.add_argument("--only", type=names, default=(), help="these variants and the default")
    given = parser.parse_args()
    plan = Plan(
        agents=given.agents,
        seeds=given.seeds,
        steps=given.steps or Plan.usual_steps,
        videos=given.videos,
        limit=given.limit,
    )

    def write() -> None:
        results = content(plan)
        write_results(plan.results, results, markdown(results))

    failed = work(plan.trials(given.only), plan.root, given.jobs, finished=write)
    write()
    return bool(failed)


if __name__ == "__main__":
    run(main)
