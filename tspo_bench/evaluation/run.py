"""Runs the whole grid: opens its cells, answers what is pending, writes summaries."""

from __future__ import annotations

import functools
import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from tspo_bench.evaluation.batch_limit import BatchLimit
from tspo_bench.evaluation.budget import require_visual_token_count
from tspo_bench.evaluation.engine import answer_videos
from tspo_bench.evaluation.named_samplers import reject_equal_labels
from tspo_bench.evaluation.plan import (
    RunCell,
    cell_settings,
    open_cell,
    videos_to_do,
)
from tspo_bench.evaluation.preflight import check_videos, is_finished
from tspo_bench.evaluation.prepare import VideoPreparer
from tspo_bench.evaluation.reference_use import warn_of_reference
from tspo_bench.evaluation.result import EvaluationResult
from tspo_bench.evaluation.settings import BASELINE, RunSettings
from tspo_bench.evaluation.task_plan import (
    TaskPlan,
    check_baseline,
    load_run_encoder,
    load_tasks,
)
from tspo_bench.features import FeatureStore
from tspo_bench.features.base import FrameEncoder
from tspo_bench.mllms import check_asking, check_mllm, check_server, load_mllm
from tspo_bench.mllms.base import MLLM
from tspo_bench.profiling import main_stage, profiled
from tspo_bench.report.summary import summarise
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
from tspo_bench.video import trust_packets
from tspo_bench.video.candidates import rules_said

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Callbacks of a run; the command line draws a bar from them."""

    def started(self, task: str, model: str, pending: int, done: int) -> None:
        """A task and model begin: `done` of `done + pending` records are there already."""

    def stored(self, record: Record, sampler: str, budget: str) -> None:
        """One of the `done` records, after `started`; sampler and budget as in `on_record`."""

    def on_record(self, record: Record, sampler: str, budget: str) -> None:
        """A record is finished, of the cell of a sampler (its label) and frame budget."""


class NullProgress:
    """Ignores all callbacks; see `Progress`."""

    def started(self, *_: object) -> None:
        """Do nothing."""

    stored = on_record = started


def run_grid(
    settings: RunSettings, *, command: Sequence[str] = (), progress: Progress | None = None
) -> EvaluationResult:
    """Evaluate the grid; resumes an earlier call with equal settings.

    Args:
        settings: what to evaluate.
        command: the command line, to be kept with the run.
        progress: its callbacks are called.

    Raises:
        UserError: something that was asked for does not exist. Single questions that fail do not
            raise: they are recorded.
    """
    with profiled() as profile:
        cells_asked, skipped = _run_grid(settings, command, progress or NullProgress())
    return EvaluationResult(cells_asked, skipped, settings.baseline, profile)


def _run_grid(
    settings: RunSettings, command: Sequence[str], progress: Progress
) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    """The cells that were asked for, and the annotations that were left out."""
    trust_packets(settings.trust_packets)
    # Mistakes must come out now, not when the first model has answered for hours.
    plans = load_tasks(settings)
    if settings.baseline != BASELINE:
        check_baseline(settings.baseline, plans, _samplers_in(settings.folder))
    for spec in settings.models:
        if settings.visual_tokens is not None:
            require_visual_token_count(spec, "give --frames")
        if settings.max_batch_tokens is not None:
            require_visual_token_count(spec, "leave out --max-batch-tokens")
    names = [check_mllm(spec, settings.device) for spec in settings.models]
    reject_equal_labels("models", settings.models, [name for name in names if name is not None])
    for spec in settings.models:
        for start in {plan.task.rules.reply_start for plan in plans}:
            check_asking(spec, settings.device, settings.answer, start)
    for plan in plans:
        check_videos(settings, plan, names)
    for spec, name in zip(settings.models, names, strict=True):
        if not is_finished(settings, plans, name):
            check_server(spec, settings.device)
    encoder = load_run_encoder(settings, plans)
    warn_of_reference([plan.task for plan in plans], encoder, settings.models)
    run = RunDirectory(settings.folder, command=command, settings=_recorded(settings, plans))
    grid = _Grid(settings, run, progress, encoder)
    by_model: list[list[list[str]]] = []
    for spec in settings.models:
        if by_model:  # nothing may keep the last model's weights beside those of the next
            gc.collect()
        by_model.append(grid.run_model(spec, plans))
    for line in rules_said(grid.ruled, settings.candidate_fps):
        _log.warning(line)
    slugs = [slug for cells in zip(*by_model, strict=True) for some in cells for slug in some]
    # Another cell of the run may be broken: it is reported when it is opened.
    by_slug = {c.folder.name: c for c in read_cells(run.path) if isinstance(c, Cell)}
    skipped = tuple(f"{s.where}: {s.reason}" for plan in plans for s in plan.task.skipped)
    return tuple(by_slug[slug] for slug in slugs), skipped


def _samplers_in(folder: Path) -> Iterator[str]:
    """The samplers of the cells that a run's folder holds already."""
    if (folder / RUN_FILE).exists():
        yield from (c.settings.sampler for c in read_cells(folder) if isinstance(c, Cell))


def _recorded(settings: RunSettings, plans: Sequence[TaskPlan]) -> dict[str, JSON]:
    """A command's settings as run.json has them, with how many questions it left out."""
    left_out: dict[str, JSON] = {plan.task.label: plan.left_out for plan in plans if plan.left_out}
    return {**settings.resolved, **({"left_out": left_out} if left_out else {})}


class _Grid:
    """The state that the cells of a run share."""

    def __init__(
        self,
        settings: RunSettings,
        run: RunDirectory,
        progress: Progress,
        encoder: FrameEncoder | None,
    ) -> None:
        self.settings = settings
        self.run = run
        self.progress = progress
        self.encoder = encoder
        self.models: list[str] = []
        self.warned: set[str] = set()  # of samplers' faults
        self.ruled: dict[str, CandidateRule] = {}
        self.begun: list[tuple[str, str]] = []  # beside other cells, and why

    def run_model(self, spec: str, plans: Sequence[TaskPlan]) -> list[list[str]]:
        """Run every cell of one model; the cells' slugs, task by task."""
        with main_stage("load model"):
            model = load_mllm(spec, self.settings.device, self.settings.batch_size, reach=False)
        self.models.append(model.name)
        reject_equal_labels("models", self.settings.models, self.models)
        limit = BatchLimit(self.settings.batch_size)  # what a model's memory holds, in every task
        return [self._run_task(plan, model, limit) for plan in plans]

    def _run_task(self, plan: TaskPlan, model: MLLM, limit: BatchLimit) -> list[str]:
        task, questions = plan.task, plan.questions
        with ExitStack() as stack:
            cells = self._open_cells(plan, model, stack)
            done = sum(len(cell.writer.done) for cell in cells)
            pending = len(cells) * len(questions) - done
            for line in reasons_said(self.begun):
                _log.warning(line)
            self.begun.clear()
            self.progress.started(task.label, model.name, pending, done)
            self._report_stored(cells)
            work = list(videos_to_do(questions, cells))
            prepare = self._preparer(plan, model)
            on_record, max_tokens = self.progress.on_record, self.settings.max_batch_tokens
            answer_videos(work, prepare, task, model, limit, on_record, max_tokens)
            with main_stage("summarise"):
                for cell in cells:
                    self._sum_up(cell, task)
            return [cell.slug for cell in cells]

    def _open_cells(self, plan: TaskPlan, model: MLLM, stack: ExitStack) -> list[RunCell]:
        """A task's cells with one model; the stack closes them."""
        cells = []
        for sampler in plan.samplers:
            for budget in self.settings.budgets:
                settings = cell_settings(
                    self.settings,
                    plan.task,
                    len(plan.questions),
                    plan.digest,
                    sampler,
                    model,
                    budget,
                    self.encoder,
                )
                fresh = self.settings.fresh
                cell = open_cell(
                    self.run, settings, sampler.sampler, budget, plan.inputs, fresh=fresh
                )
                stack.enter_context(cell.writer)
                if cell.writer.reason is not None:
                    self.begun.append((cell.slug, cell.writer.reason))
                cells.append(cell)
        return cells

    def _report_stored(self, cells: Sequence[RunCell]) -> None:
        for cell in cells:
            for record in cell.writer.done.values():
                self.progress.stored(record, cell.label, cell.budget.label)

    def _preparer(self, plan: TaskPlan, model: MLLM) -> VideoPreparer:
        rules, cost = plan.task.rules, None
        if self.settings.visual_tokens:
            cost = model.visual_tokens
            if rules.interleaved and rules.subtitles != "none":
                # With words between the frames some classes take them for single images.
                cost = functools.partial(cost, interleaved=True)
        return VideoPreparer(
            plan.task,
            FeatureStore(),
            self.encoder,
            self.settings.candidate_fps,
            model.short_side,
            self.settings.answer,
            cost,
            self.warned,
            self.settings.candidates,
            self.ruled,
            plan.inputs,
        )

    def _sum_up(self, cell: RunCell, task: Task) -> None:
        """Write the figures of a finished cell."""
        records = read_records(cell.writer.folder / RECORDS_FILE)
        own = task.task_scores(records)
        if own is not None:
            cell.writer.write_task_scores(own)
        headline = own.headline if own is not None else None
        cell.writer.write_summary(
            summarise(records, cell.settings, headline).model_dump(mode="json")
        )
