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

from collections.abc import Sequence
from dataclasses import dataclass

from tspo_bench.errors import UserError
from tspo_bench.mllms.presets import PRESETS, TSPO_PAPER_OPTIONS, TSPO_PAPER_TASKS
from tspo_bench.report.baselines import BASELINE
from tspo_bench.report.papers.published import Published
from tspo_bench.report.stats import Interval
from tspo_bench.report.summary import Summary, summarise
from tspo_bench.results import Cell
from tspo_bench.specs import parse_spec

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
        """Whether the run's verdict depends on it."""
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
        """Differences of the run's set-up from that of the published runs."""
        found = []
        protocol, model = (str(getattr(self.cell.settings, key)) for key in ("protocol", "model"))
        if protocol.partition("@")[0] == "strict":
            found.append(
                f"protocol {protocol!r}: published runs asked, read and averaged by "
                "rules of their benchmark's or harness's own; run it with --protocol lmms-eval"
            )
        if "[" in model and not _is_set_by_preset(self.cell):
            found.append(f"model {model!r}: the published runs did not have these options")
        return found


def _is_set_by_preset(cell: Cell) -> bool:
    """Whether a model's options are those of `--preset tspo-paper`, which has them on any task."""
    if cell.settings.protocol.startswith("tspo-paper@"):
        return True
    options = parse_spec(cell.settings.model).options.items()
    return cell.settings.task not in TSPO_PAPER_TASKS and any(
        options <= of_preset.items() for of_preset in TSPO_PAPER_OPTIONS.values()
    )


def check_published(
    cells: Sequence[Cell], rows: Sequence[Published]
) -> tuple[list[Check], list[str]]:
    """Compare uniform cells with the published figures of their task, model and frame budget.

    Args:
        cells: of any number of runs; those of other samplers are passed over.
        rows: the published figures.

    Returns:
        What was compared; and why each other uniform cell was not.

    Raises:
        UserError: not one cell can be compared.
    """
    checks, reasons = [], []
    for cell in cells:
        if cell.settings.sampler not in (BASELINE, *_VARIANTS):
            continue
        try:
            checks.append(_check(cell, _published(cell, rows)))
        except UserError as error:
            reasons.append(f"{cell.folder}: {error}")
    if not checks:
        known = ", ".join(sorted({f"{r.model} on {r.benchmark}" for r in rows if _is_uniform(r)}))
        raise UserError(
            f"nothing to compare: {'; '.join(reasons) or f'no cell of sampler {BASELINE!r}'}. "
            f"Published with uniform frames: {known}"
        )
    return checks, reasons


def _published(cell: Cell, rows: Sequence[Published]) -> list[Published]:
    """Return the uniform figures of a cell's model, task and frame budget."""
    task, model, frames = (getattr(cell.settings, key) for key in ("task", "model", "frames"))
    names = _model_names(str(model).partition("[")[0])
    of_model = [
        row
        for row in rows
        if row.method == BASELINE and row.benchmark == task and row.model in names
    ]
    found = [row for row in of_model if row.frames == frames]
    if not found:
        budgets = sorted({row.frames for row in of_model if row.frames is not None})
        published = f"with {', '.join(map(str, budgets))} frames" if budgets else "not at all"
        raise UserError(f"{model} on {task} is published {published}, not with {frames} frames")
    return found


def _model_names(model: str) -> set[str]:
    """Return the names of a model in the published figures: a preset goes by its checkpoint too."""
    checkpoints = {name: one.hub_id.rpartition("/")[2] for name, one in PRESETS.items()}
    return {model, *(name for name, checkpoint in checkpoints.items() if checkpoint == model)}


def _is_uniform(row: Published) -> bool:
    return row.method == BASELINE and row.first_hand


def _check(cell: Cell, rows: Sequence[Published]) -> Check:
    planned, limit = cell.settings.num_questions, cell.settings.limit
    if len(cell.records) < planned:
        raise UserError(
            f"it is unfinished: {len(cell.records)} of {planned} questions; rerun its command to "
            "resume"
        )
    if limit is not None:
        raise UserError(f"it has the first {limit} questions only; run it without --limit")
    if cell.settings.answer == "options":
        raise UserError(
            "it weighs the options' letters, and published runs read replies; run it without "
            "--answer options"
        )
    summary = summarise(cell.records, cell.settings)
    verdicts = tuple(_verdict(row, cell, summary) for row in rows)
    if not any(one.decides for one in verdicts):
        said = "; ".join(f"{one.published.source}: {one.text}" for one in verdicts)
        raise UserError(f"no published figure decides: {said}")
    return Check(cell, summary, verdicts)


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
