"""How far the agents carry: to longer videos, to questions and to objects they never met.

`python -m benchmarks.generalisation` trains, beside the usual agents, some without a question type
and some without a fifth of the pictograms, tests all of them on the haystack's test split, and
writes results/haystack/generalisation.json and .md. The usual agents are those that
`benchmarks.bar` names. Finished work is kept: the same call resumes.
"""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
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
)
from benchmarks.trials import (
    AGENTS_FOLDER,
    PRESET,
    Experiment,
    Seeds,
    Test,
    Trial,
    agent_sampler,
    commands_run,
    trained,
    write_results,
)
from benchmarks.work import count, names, run, training_parser, work
from tspo_bench.haystack.script import Item, Script
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.haystack.world import HELD_OUT
from tspo_bench.results import describe_environment
from tspo_bench.types import Record

READY_MADE = ("uniform", "clip-topk", "oracle")
USUAL = "usual"
KNOWN = "known-objects"

Asked = Callable[[Record], bool]  # which questions a row is about


@dataclass(frozen=True)
class Plan(Experiment):
    """Trainings that leave something out, and tests of these and of the usual agents.

    Args:
        types: question types, each of which is left out of a training.
        long_videos: how many videos of an hour are tested on.
    """

    name: ClassVar[str] = "generalisation"
    usual_steps: ClassVar[int] = PRESET.steps or 0

    types: tuple[str, ...] = ("after", "ending")
    long_videos: int = 8

    @property
    def is_usual(self) -> bool:
        """Whether all sizes are the usual ones."""
        return super().is_usual and self.long_videos == Plan.long_videos

    @property
    def short(self) -> Test:
        """Videos as long as those of the training, five minutes."""
        return Test("5min", limit=self.limit)

    @property
    def long(self) -> Test:
        """Videos of an hour."""
        return Test("60min", f"haystack[length=60min,videos={self.long_videos}]", limit=self.limit)

    @property
    def trainings(self) -> dict[str, tuple[str, ...]]:
        """Further options of each training."""
        return {
            **{f"without-{kind}": ("--without-type", kind) for kind in self.types},
            KNOWN: ("--task", "haystack[objects=known]"),
        }

    @property
    def ready_made(self) -> Trial:
        """Samplers that are not trained, for comparison."""
        return Trial(self.root / "ready-made", READY_MADE, self.seeds, (self.short, self.long))

    def trial(self, agent: str, training: str) -> Trial:
        """A training and its tests; the usual agents, alone asked about long videos, are there."""
        if training == USUAL:
            samplers = (agent_sampler(AGENTS_FOLDER / agent, agent),)
            return Trial(self.root / agent / USUAL, samplers, self.seeds, (self.short, self.long))
        options = self.training_options(*self.trainings[training])
        return trained(self.root / agent / training, agent, self.seeds, options, (self.short,))

    @property
    def trials(self) -> list[Trial]:
        """All of them."""
        names = (USUAL, *self.trainings)
        pairs = [(agent, training) for agent in self.agents for training in names]
        return [self.ready_made, *(self.trial(*pair) for pair in pairs)]


def rows_of(plan: Plan) -> list[dict[str, Any]]:
    """The figures of all three experiments, as far as their trials are finished."""
    rows: list[dict[str, Any]] = []
    for test in (plan.short, plan.long):
        rows += _rows(plan, "length", test.name, test, lambda _: True, USUAL)
    for kind in plan.types:
        of_type = functools.partial(_is_of_type, kind)
        rows += _rows(plan, "type", kind, plan.short, of_type, f"without-{kind}")
    rows += _rows(plan, "objects", "held out", plan.short, held_out, KNOWN)
    rows += _rows(plan, "objects", "others", plan.short, lambda r: not held_out(r), KNOWN)
    return rows


def _rows(
    plan: Plan, experiment: str, questions: str, test: Test, asked: Asked, training: str
) -> Iterator[dict[str, Any]]:
    """A row for each sampler, each usual agent, and each of another training beside it."""
    what = {"experiment": experiment, "questions": questions}
    for sampler in () if plan.ready_made.pending else READY_MADE:
        seeds = _those(plan.ready_made.records(test, sampler), asked)
        made = commands_run([plan.ready_made])
        yield {**what, "sampler": sampler, "training": None, **figures(seeds), "commands": made}
    for agent in plan.agents:
        usual = plan.trial(agent, USUAL)
        if usual.pending:
            continue
        theirs = _those(usual.records(test, usual.samplers[0]), asked)
        row = {**what, "sampler": agent, "training": USUAL, **figures(theirs)}
        yield row | {"commands": commands_run([usual])}
        trial = plan.trial(agent, training)
        if training == USUAL or trial.pending:
            continue
        ours = _those(trial.records(test, trial.samplers[0]), asked)
        row = {**what, "sampler": agent, "training": training, **figures(ours, theirs)}
        yield row | {"commands": commands_run([trial])}


def _those(seeds: Seeds, asked: Asked) -> Seeds:
    return [[record for record in records if asked(record)] for records in seeds]


def _is_of_type(kind: str, record: Record) -> bool:
    return record.groups["type"] == kind


def held_out(record: Record) -> bool:
    """Whether a question of the five-minute test videos concerns a pictogram of HELD_OUT."""
    script = _script(record.video)
    (item,) = [item for item in script.items if item.kind == record.groups["type"]]
    return bool(concerned(script, item) & HELD_OUT)


@functools.cache
def _script(video: str) -> Script:
    return HaystackTask().script(video)


def concerned(script: Script, item: Item) -> set[str]:
    """The topics of a question: words of its text, its right option, and the evidence's objects."""
    mains = (script.scenes[number].main.name for number in item.evidence)
    return {*item.text.rstrip("?").split(), item.options[item.answer], *mains}


def content(plan: Plan) -> dict[str, Any]:
    """The results, as far as there are any."""
    return {
        "command": shlex.join(["python", "-m", "benchmarks.generalisation", *sys.argv[1:]]),
        "settings": {**asdict(plan), "preset": asdict(PRESET)},
        "environment": describe_environment(),
        "seconds": sum(entry["seconds"] for entry in commands_run(plan.trials)),
        "missing": [
            str(trial.folder.relative_to(plan.root)) for trial in plan.trials if trial.pending
        ],
        "rows": rows_of(plan),
    }


TITLES = {
    "length": (
        "Longer videos",
        "Agents trained on videos of five minutes, tested on others of five minutes and of an "
        "hour, with the same number of frames shown.",
    ),
    "type": (
        "A question type never asked",
        "Accuracy on the questions of one type: agents whose training left that type out beside "
        "agents that were trained on all types.",
    ),
    "objects": (
        "Objects never seen",
        f"Agents trained without a fifth of the pictograms ({len(HELD_OUT)}), on the questions "
        "that concern one of these (named in the text, the right answer, or the main object of "
        "an evidence scene) and on the others. The encoder and the MLLM know them all.",
    ),
}


ABOUT = f"""
They are tested on the haystack's test split, K = {PRESET.frames}, and compared with the usual
agents of their kind.
""".strip()


def markdown(results: dict[str, Any]) -> str:
    """The three tables, with the commands below."""
    parts = [f"# How far the agents carry\n\n{made_by(results)}\n{ABOUT}\n\n{HOW_TO_READ}\n"]
    for experiment, (title, text) in TITLES.items():
        rows = [row for row in results["rows"] if row["experiment"] == experiment]
        parts.append(f"## {title}\n\n{text}\n\n{_table(rows)}\n")
    parts.append(commands_section(results))
    return "\n".join(parts)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    headings = (
        "questions", "sampler", "training", "n", "accuracy", "spread", "difference", "p",
        "evidence recall",
    )  # fmt: skip
    shown = [
        (
            row["questions"],
            row["sampler"],
            row["training"] or "",
            str(row["n"]),
            percent(row["accuracy"]),
            points(row["spread"]),
            difference_text(row["difference"]),
            p_text(row["difference"]),
            percent(row["evidence_recall"]),
        )
        for row in rows
    ]
    return markdown_table(headings, shown, num_texts=3)


def main() -> int:
    """Train and test what is missing; 1 if a command failed."""
    parser = training_parser("benchmarks.generalisation", __doc__)
    parser.add_argument("--types", type=names, default=Plan.types, help="left out, one at a time")
    parser.add_argument("--long-videos", type=count, default=Plan.long_videos, help="of an hour")
    given = vars(parser.parse_args())
    jobs = given.pop("jobs")
    plan = Plan(**{**given, "steps": given["steps"] or Plan.usual_steps})

    def write() -> None:
        results = content(plan)
        write_results(plan.results, results, markdown(results))

    failed = work(plan.trials, plan.root, jobs, finished=write)
    write()
    return bool(failed)


if __name__ == "__main__":
    run(main)
