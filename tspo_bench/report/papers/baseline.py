"""Whether a finished uniform run agrees with what others published for the same set-up.

The rule: a published figure is *within* if it lies in the run's own 95% interval of the same
figure, widened by 0.05 points, as figures are published to one decimal. The interval is that of
another draw of questions and videos. Published figures are over the same questions, so a rerun that
is set up alike differs by less than that, and no sampling error of theirs is added on top: the rule
is generous already. What lies outside is a difference of set-up, not of chance.

A run passes if each figure for which there is a first-hand published one lies within at least one
of these: papers contradict each other by more than the interval, and agreement with one of them
shows that the set-up is one that others had.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tspo_bench.errors import UserError
from tspo_bench.report.papers.published import Published
from tspo_bench.report.rows import BASELINE
from tspo_bench.report.stats import Interval
from tspo_bench.report.summary import Summary, summarise
from tspo_bench.results import Cell, read_run
from tspo_bench.results.reading import RUN_FILE

# Uniform too: as lmms-eval's `llava_vid` (without `force_sample`) and `qwen2_5_vl` have it.
_VARIANTS = (f"{BASELINE}[short=candidates]", f"{BASELINE}[variant=qwen]")
ROUNDING = 0.05  # points: half of a published figure's last decimal


@dataclass(frozen=True)
class Verdict:
    """One published figure beside the run's own; shares of 1, `outside_by` in points.

    `outside_by` is 0 within, and None where the figures cannot be compared, for which `reason`
    says why.
    """

    published: Published
    accuracy: float | None = None
    ci95: Interval | None = None
    outside_by: float | None = None
    reason: str | None = None

    @property
    def decides(self) -> bool:
        """Whether the run's verdict hangs on it."""
        return self.outside_by is not None and self.published.first_hand

    @property
    def text(self) -> str:
        """The verdict in words."""
        if self.outside_by is None:
            return f"not compared: {self.reason}"
        where = f"outside by {self.outside_by:.1f} points" if self.outside_by else "within"
        return where if self.decides else f"{where} (second-hand, decides nothing)"


@dataclass(frozen=True)
class Check:
    """The verdicts of one cell."""

    cell: Cell
    summary: Summary
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether each figure agrees with at least one first-hand published one."""
        figures: dict[object, list[bool]] = {}
        for one in self.verdicts:
            if one.decides:
                figure = (one.published.metric, one.published.group)
                figures.setdefault(figure, []).append(one.outside_by == 0)
        return all(map(any, figures.values()))

    @property
    def warnings(self) -> list[str]:
        """In what the run is not set up as those whose figures it is compared with."""
        found = []
        protocol, model = (str(getattr(self.cell.settings, key)) for key in ("protocol", "model"))
        if protocol.partition("@")[0] == "strict":
            found.append(
                f"protocol {protocol!r}: published runs asked, read and averaged by "
                "rules of their benchmark's or harness's own; run it with --protocol lmms-eval"
            )
        if "[" in model and not protocol.startswith("tspo-paper@"):
            found.append(f"model {model!r}: the published runs did not have these options")
        return found


def check_newest(
    runs: Path, task: str, model: str, names: Collection[str], rows: Sequence[Published]
) -> tuple[Path, list[Check]]:
    """Compare the newest run that can be compared; its folder, and as `check_baseline`.

    Args:
        runs: the folder that holds the runs' folders.
        task, model, names, rows: as there.

    Raises:
        UserError: none of them can be compared, or there is no figure to compare with.
    """
    budgets = _budgets(_published(rows, task, model))
    found = sorted(runs.glob(f"*/{RUN_FILE}"), key=lambda file: file.stat().st_mtime, reverse=True)
    reasons = []
    for file in found:
        try:
            return file.parent, check_baseline(read_run(file.parent), task, model, names, rows)
        except UserError as error:
            reasons.append(f"; not {file.parent}: {error}")
    raise UserError(
        f"no run under {runs} can be compared with {model} on {task}: make one with "
        f"`tspo-bench run --task {task} --model {model} --sampler uniform --frames {budgets[-1]} "
        f"--protocol lmms-eval --data-root DIR`, or name its folder{''.join(reasons[:3])}"
    )


def check_baseline(
    cells: Sequence[Cell], task: str, model: str, names: Collection[str], rows: Sequence[Published]
) -> list[Check]:
    """Compare the uniform cells of a run with the published figures.

    Args:
        cells: of one run.
        task: the benchmark's name.
        model: the model's name in the published figures.
        names: the names that it may have in the run's cells.
        rows: the published figures.

    Raises:
        UserError: the run has no such cell (another task, sampler, model, or budget), it is not
            finished, not over the whole benchmark or answered by options' letters, or there is no
            figure to compare with.
    """
    own = _published(rows, task, model)
    chosen = _uniform_cells(cells, task, names)
    budgets = _budgets(own)
    with_rows = [cell for cell in chosen if cell.settings.frames in budgets]
    if not with_rows:
        theirs = ", ".join(map(str, budgets))
        ours = ", ".join(str(cell.settings.frames) for cell in chosen)
        raise UserError(
            f"{model} on {task} is published with {theirs} frames; the run has {ours}: run it with "
            f"--frames {budgets[-1]}"
        )
    checks = [
        _check(cell, [r for r in own if r.frames == cell.settings.frames]) for cell in with_rows
    ]
    for check in checks:
        if not any(one.decides for one in check.verdicts):
            reasons = "; ".join(f"{one.published.source}: {one.text}" for one in check.verdicts)
            raise UserError(
                f"nothing published can decide on {model} on {task} with "
                f"{check.cell.settings.frames} frames: {reasons}"
            )
    return checks


def _published(rows: Sequence[Published], task: str, model: str) -> list[Published]:
    """The uniform figures of a model on a benchmark, or which there are."""
    own = [row for row in rows if (row.benchmark, row.model) == (task, model)]
    own = [row for row in own if row.method == BASELINE]
    if not own:
        known = ", ".join(sorted({f"{r.model} on {r.benchmark}" for r in rows if _is_uniform(r)}))
        raise UserError(f"no published uniform figure of {model!r} on {task!r}; there are: {known}")
    return own


def _budgets(rows: Sequence[Published]) -> list[int]:
    return sorted({row.frames for row in rows if row.frames is not None})


def _is_uniform(row: Published) -> bool:
    return row.method == BASELINE and row.first_hand


def _uniform_cells(cells: Sequence[Cell], task: str, names: Collection[str]) -> list[Cell]:
    """The cells of the task, sampler and model, in this order, or which of them is missing."""
    chosen = list(cells)
    for key, wanted in (("task", [task]), ("sampler", [BASELINE]), ("model", names)):
        found = [cell for cell in chosen if _name(cell, key) in wanted]
        if not found:
            there = ", ".join(dict.fromkeys(str(getattr(cell.settings, key)) for cell in chosen))
            raise UserError(
                f"the run has no cell of {key} {' or '.join(map(repr, wanted))}; it has: {there}"
            )
        chosen = found
    return chosen


def _name(cell: Cell, key: str) -> str:
    """A label; a model's without its options, which do not make it another model."""
    label = str(getattr(cell.settings, key))
    if key == "sampler" and label in _VARIANTS:
        return BASELINE
    return label.partition("[")[0] if key == "model" else label


def _check(cell: Cell, rows: Sequence[Published]) -> Check:
    planned, limit = cell.settings.num_questions, cell.settings.limit
    if len(cell.records) < planned:
        raise UserError(
            f"cell {cell.folder} is unfinished: {len(cell.records)} of {planned} questions; run "
            "the same command again, it goes on from there"
        )
    if limit is not None:
        raise UserError(
            f"cell {cell.folder} is over the first {limit} questions alone; run it without --limit"
        )
    if cell.settings.answer == "options":
        raise UserError(
            f"cell {cell.folder} weighs the options' letters, published runs read replies: that "
            "is another figure; run it without --answer options"
        )
    summary = summarise(cell.records, cell.settings)
    return Check(cell, summary, tuple(_verdict(row, cell, summary) for row in rows))


def _verdict(row: Published, cell: Cell, summary: Summary) -> Verdict:
    subtitles = str(cell.settings.protocol).partition("+")[2] or "none"
    if row.subtitles not in (subtitles, "unknown"):
        return Verdict(row, reason=f"subtitles {row.subtitles} there, {subtitles} here")
    if row.metric == "unknown":
        return Verdict(row, reason="macro or micro is not stated")
    accuracy, ci95 = summary.accuracy, summary.ci95
    if row.metric == "macro":
        accuracy, ci95 = summary.macro, summary.macro_ci95
    if row.group is not None:
        group, value = row.group
        entry = summary.groups.get(group, {}).get(value)
        accuracy, ci95 = (entry.accuracy, entry.ci95) if entry else (None, None)
    if accuracy is None or ci95 is None:
        return Verdict(row, reason="the run has no such figure with an interval")
    low, high = 100 * ci95[0] - ROUNDING, 100 * ci95[1] + ROUNDING
    return Verdict(row, accuracy, ci95, max(0.0, low - row.value, row.value - high))
