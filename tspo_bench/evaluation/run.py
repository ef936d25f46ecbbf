"""Runs the whole grid: opens its cells, answers what is pending, writes summaries."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from tspo_bench.evaluation.asked import Asked, check_baseline, load_asked, load_run_encoder
from tspo_bench.evaluation.budget import cost_of, require_visual_token_count
from tspo_bench.evaluation.config import BASELINE, RunConfig
from tspo_bench.evaluation.engine import answer_videos
from tspo_bench.evaluation.plan import (
    RunCell,
    cell_settings,
    open_cell,
    refuse_equal_labels,
    videos_to_do,
)
from tspo_bench.evaluation.preflight import check_videos, is_finished
from tspo_bench.evaluation.prepare import VideoPreparer
from tspo_bench.evaluation.reference_use import warn_of_reference
from tspo_bench.features import FeatureStore
from tspo_bench.features.base import FrameEncoder
from tspo_bench.mllms import check_asking, check_mllm, check_server, load_mllm
from tspo_bench.mllms.base import MLLM
from tspo_bench.report.summary import summarise, summary_json
from tspo_bench.results import (
    Cell,
    RunDirectory,
    read_cells,
    read_records,
    reasons_said,
)
from tspo_bench.results.cell import RECORDS_FILE
from tspo_bench.results.reading import RUN_FILE
from tspo_bench.tasks import Task
from tspo_bench.types import JSON, CandidateRule, Record
from tspo_bench.video.candidates import rules_said

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Told what a run does; the command line draws it."""

    def started(self, task: str, model: str, pending: int, done: int) -> None:
        """A task and model begin: `done` of `done + pending` records are there already."""
        ...

    def finished(self, record: Record, sampler: str, budget: str) -> None:
        """One more record is there, of the cell of a sampler (its label) and frame budget."""
        ...


@runtime_checkable
class CountsStored(Protocol):
    """A `Progress` that counts stored records too."""

    def stored(self, record: Record, sampler: str, budget: str) -> None:
        """One of the `done` records, after `started`; sampler and budget as in `finished`."""
        ...


class Silent:
    """Shows nothing."""

    def started(self, task: str, model: str, pending: int, done: int) -> None:
        """See `Progress`."""

    def finished(self, record: Record, sampler: str, budget: str) -> None:
        """See `Progress`."""


@dataclass(frozen=True)
class RunResult:
    """The cells of the grid that was asked for, as they stand on disk, and broken annotations."""

    cells: tuple[Cell, ...]
    skipped: tuple[str, ...]

    @property
    def num_failed(self) -> int:
        """Records without an answer: video, sampler or model failed."""
        return sum(record.failed for cell in self.cells for record in cell.records)


def run_grid(
    config: RunConfig, *, command: Sequence[str] = (), progress: Progress | None = None
) -> RunResult:
    """Evaluate the grid; goes on where an earlier call with equal settings stopped.

    Args:
        config: what to evaluate.
        command: the command line, to be kept with the run.
        progress: is told of each record.

    Raises:
        UserError: something that was asked for does not exist. Single questions that fail do not
            raise: they are recorded.
    """
    # What is wrong must come out now, not when the first model has answered for hours.
    asked = load_asked(config)
    if config.baseline != BASELINE:
        check_baseline(config.baseline, asked, _samplers_in(config.folder))
    if config.visual_tokens is not None:
        for spec in config.models:
            require_visual_token_count(spec)
    names = [check_mllm(spec, config.device) for spec in config.models]
    refuse_equal_labels("models", config.models, [name for name in names if name is not None])
    for spec in config.models:
        for start in {one.task.rules.reply_start for one in asked}:
            check_asking(spec, config.device, config.answer, start)
    for one in asked:
        check_videos(config, one, names)
    for spec, name in zip(config.models, names, strict=True):
        if not is_finished(config, asked, name):
            check_server(spec, config.device)
    encoder = load_run_encoder(config, asked)
    warn_of_reference([one.task for one in asked], encoder, config.models)
    run = RunDirectory(config.folder, command=command, settings=_recorded(config, asked))
    grid = _Grid(config, run, progress or Silent(), encoder)
    by_model = []
    for spec in config.models:
        by_model.append(grid.run_model(spec, asked))
        gc.collect()  # nothing may keep a model's weights beside those of the next
    for line in rules_said(grid.ruled, config.candidate_fps):
        _log.warning(line)
    slugs = [slug for cells in zip(*by_model, strict=True) for some in cells for slug in some]
    # Another cell of the run may be broken: that is for whoever opens it.
    by_slug = {c.folder.name: c for c in read_cells(run.path) if isinstance(c, Cell)}
    skipped = [f"{s.where}: {s.reason}" for one in asked for s in one.task.skipped]
    return RunResult(tuple(by_slug[slug] for slug in slugs), tuple(skipped))


def _samplers_in(folder: Path) -> Iterator[str]:
    """The samplers of the cells that a run's folder holds already."""
    if (folder / RUN_FILE).exists():
        yield from (c.settings["sampler"] for c in read_cells(folder) if isinstance(c, Cell))


def _recorded(config: RunConfig, asked: Sequence[Asked]) -> dict[str, JSON]:
    """A command's settings as run.json has them, with how many questions it left out."""
    left_out: dict[str, JSON] = {one.task.label: one.left_out for one in asked if one.left_out}
    return {**config.resolved, **({"left_out": left_out} if left_out else {})}


class _Grid:
    """What the cells of a run share."""

    def __init__(
        self,
        config: RunConfig,
        run: RunDirectory,
        progress: Progress,
        encoder: FrameEncoder | None,
    ) -> None:
        self.config = config
        self.run = run
        self.progress = progress
        self.encoder = encoder
        self.models: list[str] = []
        self.warned: set[str] = set()  # of samplers' faults
        self.ruled: dict[str, CandidateRule] = {}
        self.begun: list[tuple[str, str]] = []  # beside other cells, and why

    def run_model(self, spec: str, asked: Sequence[Asked]) -> list[list[str]]:
        """Run every cell of one model; the cells' slugs, task by task."""
        model = load_mllm(spec, self.config.device, self.config.batch_size, reach=False)
        self.models.append(model.name)
        refuse_equal_labels("models", self.config.models, self.models)
        return [self._run_task(one, model) for one in asked]

    def _run_task(self, asked: Asked, model: MLLM) -> list[str]:
        task, questions = asked.task, asked.questions
        with ExitStack() as stack:
            cells = self._open_cells(asked, model, stack)
            done = sum(len(cell.writer.done) for cell in cells)
            pending = len(cells) * len(questions) - done
            for line in reasons_said(self.begun):
                _log.warning(line)
            self.begun.clear()
            self.progress.started(task.label, model.name, pending, done)
            self._tell_stored(cells)
            work = list(videos_to_do(questions, cells))
            prepare = self._preparer(asked, model)
            answer_videos(
                work, prepare, task, model, self.config.batch_size, self.progress.finished
            )
            for cell in cells:
                self._sum_up(cell, task)
            return [cell.slug for cell in cells]

    def _open_cells(self, asked: Asked, model: MLLM, stack: ExitStack) -> list[RunCell]:
        """A task's cells with one model; the stack closes them."""
        cells = []
        for sampler in asked.samplers:
            for budget in self.config.budgets:
                settings = cell_settings(
                    self.config,
                    asked.task,
                    len(asked.questions),
                    asked.digest,
                    sampler,
                    model,
                    budget,
                    self.encoder,
                )
                fresh = self.config.fresh
                cell = open_cell(
                    self.run, settings, sampler.sampler, budget, asked.inputs, fresh=fresh
                )
                stack.enter_context(cell.writer)
                if cell.writer.reason is not None:
                    self.begun.append((cell.slug, cell.writer.reason))
                cells.append(cell)
        return cells

    def _tell_stored(self, cells: Sequence[RunCell]) -> None:
        if isinstance(self.progress, CountsStored):
            for cell in cells:
                for record in cell.writer.done.values():
                    self.progress.stored(record, cell.label, cell.budget.label)

    def _preparer(self, asked: Asked, model: MLLM) -> VideoPreparer:
        task, cost = asked.task, None
        rules = task.rules
        if self.config.visual_tokens:
            interleaved = rules.interleaved and rules.subtitles != "none"
            cost = cost_of(model, interleaved=interleaved)
        return VideoPreparer(
            task,
            FeatureStore(),
            self.encoder,
            self.config.candidate_fps,
            model.short_side,
            self.config.answer,
            cost,
            self.warned,
            self.config.candidates,
            self.ruled,
            asked.inputs,
        )

    def _sum_up(self, cell: RunCell, task: Task) -> None:
        """Write the figures of a finished cell."""
        records = read_records(cell.writer.folder / RECORDS_FILE)
        own = task.task_scores(records)
        if own is not None:
            cell.writer.write_task_scores(own)
        headline = own.headline if own is not None else None
        cell.writer.write_summary(summary_json(summarise(records, cell.settings, headline)))
