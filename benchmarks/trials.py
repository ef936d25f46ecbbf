"""Agents that are trained and tested side by side, by commands that anyone can give."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tspo_bench.files import make_folder, written_whole
from tspo_bench.results import read_run
from tspo_bench.results.environment import git_revision
from tspo_bench.specs import parse_spec
from tspo_bench.training.presets import preset
from tspo_bench.types import Record

Command = tuple[str, ...]
Seeds = Sequence[Sequence[Record]]  # the records of each seed

AGENTS_FOLDER = Path("agents")  # where `tspo-bench train` puts what it makes
PRESET = preset("haystack")
_LEDGER = "done.json"


@dataclass(frozen=True)
class Test:
    """What samplers are asked, by one `tspo-bench run` into a folder of this name."""

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
        """The commands that have not ended well yet, with the preset as it is now."""
        done = [tuple(entry["command"]) for entry in self.ledger]
        return tuple(command for command in self.commands if command not in done)

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """The commands that ended well, with their seconds and the code's revision."""
        path = self.folder / _LEDGER
        entries = json.loads(path.read_text()) if path.exists() else []
        return [entry for entry in entries if entry["preset"] == asdict(PRESET)]

    def note(self, command: Command, seconds: float) -> None:
        """Keep that a command has ended well."""
        entry = {
            "command": command,
            "seconds": round(seconds, 1),
            "revision": git_revision(),
            "preset": asdict(PRESET),
        }
        with written_whole(self.folder / _LEDGER) as temporary:
            temporary.write_text(json.dumps([*self.ledger, entry], indent=1) + "\n")

    def records(self, test: Test, sampler: str, frames: int = PRESET.frames) -> Seeds:
        """What a sampler answered with a frame budget, a list for each seed that it hangs on."""
        return [
            cell.records
            for cell in read_run(self.folder / test.name)
            if cell.settings["sampler"] == parse_spec(sampler).label
            and cell.settings["frames"] == frames
            and cell.settings["seed"] in (None, *self.seeds)
        ]


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
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    with written_whole(path.with_suffix(".md")) as temporary:
        temporary.write_text(markdown)
