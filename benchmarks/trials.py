"""Agents that are trained and tested side by side, by commands that anyone can give."""

from __future__ import annotations

import functools
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from tspo_bench.features.checkpoint import content_digest, packaged_checkpoint
from tspo_bench.files import atomic_write, make_folder
from tspo_bench.results import read_run
from tspo_bench.results.environment import git_revision
from tspo_bench.specs import parse_spec
from tspo_bench.training.presets import preset
from tspo_bench.types import Record

Command = tuple[str, ...]
Seeds = Sequence[Sequence[Record]]  # the records of each seed

AGENTS_FOLDER = Path("agents")  # where `tspo-bench train` puts what it makes
RESULTS_FOLDER = Path("results/haystack")
PRESET = preset("haystack")
_LEDGER = "done.json"


@dataclass(frozen=True)
class Test:
    """The questions to samplers, by one `tspo-bench run` into a folder of this name."""

    __test__ = False  # pytest would take it for one of its own

    name: str
    task: str = "haystack"
    split: str = "test"
    limit: int | None = None
    frames: tuple[int, ...] = (PRESET.frames,)

    def command(self, samplers: Sequence[str], seeds: Sequence[int], out: Path) -> Command:
        """The command that asks the samplers."""
        limit = () if self.limit is None else ("--limit", str(self.limit))
        return (
            *("tspo-bench", "run", "--task", self.task, "--split", self.split),
            *("--sampler", ",".join(samplers), "--seeds", _listed(seeds)),
            *("--frames", _listed(self.frames), *limit, "--out", str(out)),
        )


@dataclass(frozen=True)
class Trial:
    """Samplers to be tested: ready-made ones, or agents that a command trains first.

    Args:
        folder: keeps everything: agents in seed-N/, runs by their tests' names, logs.
        samplers: specs; an agent's is that of all its seeds.
        seeds: of the agents, and of samplers that draw.
        tests: what each of them is asked.
        training: the command that makes them.
    """

    folder: Path
    samplers: tuple[str, ...]
    seeds: tuple[int, ...]
    tests: tuple[Test, ...]
    training: Command | None = None

    @property
    def commands(self) -> tuple[Command, ...]:
        """All commands of the trial, in order."""
        tests = tuple(
            test.command(self.samplers, self.seeds, self.folder / test.name) for test in self.tests
        )
        return tests if self.training is None else (self.training, *tests)

    @property
    def pending(self) -> tuple[Command, ...]:
        """The commands to be run: agents that are trained again are tested again."""
        done = [tuple(entry["command"]) for entry in self.ledger]
        if self.training is not None and self.training not in done:
            return self.commands
        return tuple(command for command in self.commands if command not in done)

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """The commands that ended well with the preset and the weights that are there now.

        With their seconds and the code's revision.
        """
        return [
            entry
            for entry in self._entries()
            if entry["preset"] == asdict(PRESET)
            and entry.get("weights") == self.weights(entry["command"])
        ]

    def weights(self, command: Sequence[str]) -> dict[str, str]:
        """Digests of the weights that a command reads, a test those of the agents too."""
        specs = () if tuple(command) == self.training else map(parse_spec, self.samplers)
        agents = {spec.options["agent"] for spec in specs if "agent" in spec.options}
        seeds = [Path(agent, f"seed-{seed}") for agent in sorted(agents) for seed in self.seeds]
        found = {str(folder): content_digest(folder) for folder in seeds if folder.is_dir()}
        return _reference_weights() | found

    def begin(self, command: Command) -> bool:
        """Whether a command must start over, because it ended well with other weights.

        It has to until it ends well again, even if the weights change back meanwhile.
        """
        weights = self.weights(command)
        for entry in self._entries():
            if tuple(entry["command"]) == command and entry.get("weights", weights) != weights:
                self._keep({**entry, "weights": None})
                return True
        return False

    def note(self, command: Command, seconds: float) -> None:
        """Keep that a command has ended well."""
        entry = {
            "command": command,
            "seconds": round(seconds, 1),
            "revision": git_revision(),
            "preset": asdict(PRESET),
            "weights": self.weights(command),
        }
        self._keep(entry)

    def _entries(self) -> list[dict[str, Any]]:
        path = self.folder / _LEDGER
        return json.loads(path.read_text()) if path.exists() else []

    def _keep(self, entry: Mapping[str, Any]) -> None:
        """Write an entry of the ledger in place of its command's earlier one."""
        others = [e for e in self._entries() if tuple(e["command"]) != tuple(entry["command"])]
        with atomic_write(self.folder / _LEDGER) as temporary:
            temporary.write_text(json.dumps([*others, entry], indent=1) + "\n")

    def records(self, test: Test, sampler: str, frames: int = PRESET.frames) -> Seeds:
        """A sampler's answers with a frame budget, a list for each seed that it depends on."""
        return [
            cell.records
            for cell in read_run(self.folder / test.name)
            if cell.settings.sampler == parse_spec(sampler).label
            and cell.settings.frames == frames
            and cell.settings.seed in (None, *self.seeds)
        ]


@functools.cache
def _reference_weights() -> dict[str, str]:
    return {name: content_digest(packaged_checkpoint(name)) for name in ("encoder", "mllm")}


@dataclass(frozen=True)
class Experiment:
    """The trainings and tests, and their folders.

    One of other sizes than the usual is a trial run: it has a folder of its own, results included,
    and so leaves what the usual one made as it is.

    Args:
        agents: their kinds.
        seeds: of each training.
        steps: optimizer steps.
        videos: of the training; None for the usual.
        limit: questions of each test; None for all.
    """

    name: ClassVar[str]
    usual_steps: ClassVar[int]

    agents: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int
    videos: int | None = None
    limit: int | None = None

    @property
    def is_usual(self) -> bool:
        """Whether all sizes are the usual ones."""
        return (self.steps, self.videos, self.limit) == (self.usual_steps, None, None)

    @property
    def root(self) -> Path:
        """The folder of all trials."""
        return AGENTS_FOLDER / (self.name if self.is_usual else f"{self.name}-trial")

    @property
    def results(self) -> Path:
        """Where the results are written as JSON."""
        return (RESULTS_FOLDER if self.is_usual else self.root) / f"{self.name}.json"

    def training_options(self, *own: str) -> tuple[str, ...]:
        """A training's own options of `tspo-bench train` with the sizes."""
        videos = () if self.videos is None else ("--videos", str(self.videos))
        return ("--steps", str(self.steps), *own, *videos)


def trained(
    folder: Path,
    agent: str,
    seeds: tuple[int, ...],
    options: Sequence[str],
    tests: tuple[Test, ...],
    selects: Sequence[str] = ("topk",),
) -> Trial:
    """Agents of one kind, one a seed, each tested with all of these rules of selection."""
    # Of one seed alone, `train` puts the agent into the named folder itself.
    name = folder if len(seeds) > 1 else folder / f"seed-{seeds[0]}"
    command = (
        *("tspo-bench", "train", "--agent", agent, "--name", str(name.relative_to(AGENTS_FOLDER))),
        *("--seeds", _listed(seeds), *options, "--no-evaluate"),
    )
    samplers = tuple(agent_sampler(folder, agent, select) for select in selects)
    return Trial(folder, samplers, seeds, tests, command)


def agent_sampler(folder: Path, agent: str, select: str = "topk") -> str:
    """The spec of a folder's agents, one a seed."""
    rule = "" if select == "topk" else f",select={select}"
    return f"{agent}[agent={folder}{rule}]"


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


def commands_run(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Those of the trials' commands that ended well, as one can type them."""
    return [
        {
            "command": shlex.join(entry["command"]),
            "seconds": entry["seconds"],
            "revision": entry["revision"],
        }
        for trial in trials
        for entry in trial.ledger
        if tuple(entry["command"]) in trial.commands
    ]


def write_results(path: Path, content: Mapping[str, Any], markdown: str) -> None:
    """Write results as JSON to `path`, and as Markdown beside it."""
    make_folder(path.parent, hint="run this in the repository's root")
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    with atomic_write(path.with_suffix(".md")) as temporary:
        temporary.write_text(markdown)
