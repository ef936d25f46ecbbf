"""The columns of a comparison table: every figure is declared here, once.

Terminal, Markdown, CSV, LaTeX, JSON, the page, its charts and `--groups` are views of the frame
that `frame_of` builds from these declarations. To add a figure, add a `Column` to `COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tspo_bench.report.comparison import ComparedRow
from tspo_bench.report.format import (
    COUNT,
    DECIMAL,
    P_VALUE,
    POINTS,
    SHARE,
    SPREAD,
    TEXT,
    UNDEFINED,
    Format,
    percent,
    timed_text,
)
from tspo_bench.report.paired import PairedDifference
from tspo_bench.report.power import Power, power_of
from tspo_bench.report.stats import Interval
from tspo_bench.types import Status

if TYPE_CHECKING:
    from pandas import DataFrame

Layout = Literal["terminal", "paired", "report", "latex", "power", "groups"]
Axis = Literal["score", "cost"]
# A row of the frame: by column key, and "<key>_low" and "<key>_high"; None where undefined.
FrameRow = Mapping[str, Any]

EVERY: tuple[Layout, ...] = ("terminal", "paired", "report", "latex", "power", "groups")
NAMES = ("name", "budget")  # the keys of the first columns of every table
WITHHELD = "withheld"


@dataclass(frozen=True)
class Column:
    """One figure of a comparison table.

    Attributes:
        key: its name in the frame, in CSV and in JSON.
        heading: in tables and charts; "{baseline}" stands for the baseline's name.
        help: its definition in one sentence.
        value: the figure of a row: a number (shares of 1), a text, or None where undefined.
        interval: its 95% confidence interval, (low, high); `key`_low and `key`_high in the frame.
        format: how tables write value and interval.
        text: how tables write the value where that takes more than the value.
        layouts: the tables that show it; CSV and JSON have every column.
        is_narrow: the terminal's table leaves out its interval.
        axis: in charts: a "score" is drawn against the budget, and against each "cost".
        shown: whether a table has the column; by default if any row has a value.
    """

    key: str
    heading: str
    help: str
    value: Callable[[ComparedRow], Any]
    interval: Callable[[ComparedRow], Interval | None] | None = None
    format: Format = TEXT
    text: Callable[[FrameRow], str] | None = None
    layouts: tuple[Layout, ...] = ()
    axis: Axis | None = None
    shown: Callable[[Layout, Sequence[FrameRow]], bool] | None = None
    is_narrow: bool = False

    @property
    def frame_keys(self) -> tuple[str, ...]:
        """Its keys in the frame: its own, and those of its interval's ends."""
        ends = (f"{self.key}_low", f"{self.key}_high")
        return (self.key, *(ends if self.interval is not None else ()))

    def has_interval(self, layout: Layout) -> bool:
        """Whether a table of this layout shows its interval."""
        return self.interval is not None and not (self.is_narrow and layout == "terminal")

    def written(self, row: FrameRow) -> tuple[str, str]:
        """Value and interval of a row of the frame as text; an empty text for no interval."""
        value = row[self.key]
        text = self.format.value(value) if value is not None else UNDEFINED
        if self.text is not None:
            text = self.text(row)
        if self.interval is None or value is None:
            return text, ""
        return text, self.format.interval(row[f"{self.key}_low"], row[f"{self.key}_high"])

    def is_shown(self, layout: Layout, rows: Sequence[FrameRow]) -> bool:
        """Whether a table of this layout and these rows has the column."""
        if layout not in self.layouts:
            return False
        if self.shown is not None:
            return self.shown(layout, rows)
        return any(row[self.key] is not None for row in rows)


def columns_of(layout: Layout, rows: Sequence[FrameRow]) -> list[Column]:
    """The columns that a table of these rows shows."""
    return [column for column in COLUMNS if column.is_shown(layout, rows)]


def columns_by_key() -> dict[str, Column]:
    """All columns by their key."""
    return {column.key: column for column in COLUMNS}


def chart_columns(axis: Axis) -> list[Column]:
    """The columns that charts have on this axis."""
    return [column for column in COLUMNS if column.axis == axis]


def frame_of(rows: Sequence[ComparedRow]) -> DataFrame:
    """Every column of these rows, and the ends of its interval; undefined values are NA."""
    import pandas as pd

    values = [_values(row) for row in rows]
    # Texts stay objects: pyarrow's strings hold no lone surrogates.
    frame = pd.DataFrame(values, dtype=object)
    for key in frame.columns:
        known = {type(row[key]) for row in values if row[key] is not None}
        if known == {int}:  # a missing one would make floats of them
            frame[key] = pd.array([row[key] for row in values], dtype="Int64")
        elif known and known <= {int, float}:
            frame[key] = frame[key].astype(float)
    return frame


def _values(row: ComparedRow) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in COLUMNS:
        values[column.key] = column.value(row)
        if column.interval is not None:
            ends = column.interval(row) or (None, None)
            values |= dict(zip(column.frame_keys[1:], ends, strict=True))
    return values


def frame_rows(frame: DataFrame) -> list[dict[str, Any]]:
    """The frame's rows as plain values, None where undefined."""
    import pandas as pd

    return [
        {str(key): _plain(value, pd.isna) for key, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def _plain(value: Any, is_na: Callable[[Any], Any]) -> Any:
    if isinstance(value, list | tuple | dict):
        return value
    return None if is_na(value) else value


def _always(layout: Layout, rows: Sequence[FrameRow]) -> bool:
    """Show a column in every table."""
    return True


def _setting(key: str) -> Callable[[ComparedRow], Any]:
    return lambda one: getattr(one.row.cells[0].settings, key)


def _summary(key: str) -> Callable[[ComparedRow], Any]:
    return lambda one: getattr(one.row.summary, key)


def _paired(key: str) -> Callable[[ComparedRow], Any]:
    return lambda one: getattr(one.row.paired, key, None)


def _both_answered(key: str) -> Callable[[ComparedRow], Any]:
    return lambda one: getattr(one.row.both_answered, key, None)


def _power(key: str) -> Callable[[ComparedRow], Any]:
    def value(one: ComparedRow) -> Any:
        paired: PairedDifference | None = one.row.paired
        power: Power | None = power_of(paired) if paired else None
        return getattr(power, key, None)

    return value


def _usage(key: str) -> Callable[[ComparedRow], Any]:
    return lambda one: one.row.summary.mean_usage.get(key)


def _status(status: Status) -> Callable[[ComparedRow], int]:
    return lambda one: one.row.summary.status_counts[status]


def _features(source: str) -> Callable[[ComparedRow], int]:
    return lambda one: one.row.summary.feature_sources.get(source, 0)  # type: ignore[call-overload]


def _frames_decoded(one: ComparedRow) -> float | None:
    processed, shown = one.row.summary.mean_frames_processed, one.row.summary.mean_frames
    return None if shown is None else processed.get("decoded", 0.0) + shown


def _runs(one: ComparedRow) -> list[str]:
    return list(dict.fromkeys(str(cell.run_folder) for cell in one.row.cells))


def _task_scores(one: ComparedRow) -> dict[str, float] | None:
    scores = one.row.cells[0].task_scores
    return None if scores is None else dict(scores.figures)


def _budget(one: ComparedRow) -> int:
    settings = one.row.cells[0].settings
    return int(settings.visual_tokens or settings.frames or 0)


def _budget_text(row: FrameRow) -> str:
    return f"v{row['budget']}" if row["visual_tokens"] is not None else str(row["budget"])


def _name_text(row: FrameRow) -> str:
    """The sampler as a row's name: "aks-videomme*", "tspo-q (3 seeds)"."""
    seeds = f" ({len(row['seeds'])} seeds)" if len(row["seeds"]) > 1 else ""
    return f"{row['name']}{'*' if row['tuned_for'] else ''}{seeds}"


def _number_text(row: FrameRow) -> str:
    """The questions; of an unfinished row the answers so far, of all."""
    return str(row["n"]) if row["is_finished"] else f"{row['num_done']} of {row['num_planned']}"


def _share_text(key: str) -> Callable[[FrameRow], str]:
    """An accuracy, or why there is none."""

    def text(row: FrameRow) -> str:
        is_withheld = row[key] is None and 0 < row["n"] == row["num_withheld"]
        return WITHHELD if is_withheld else percent(row[key])

    return text


def _count_text(key: str) -> Callable[[FrameRow], str]:
    """A number of answers; with seeds there are more of them than questions."""

    def text(row: FrameRow) -> str:
        of_seeds = row[key] and len(row["seeds"]) > 1
        return f"{row[key]} of {row['num_done']}" if of_seeds else str(row[key])

    return text


def _seeds_text(row: FrameRow) -> str:
    known = [accuracy for accuracy in row["accuracy_by_seed"] or () if accuracy is not None]
    if len(known) < 2:
        return UNDEFINED
    spread = SPREAD.value(row["seed_std"])
    return f"{100 * min(known):.1f} to {percent(max(known))} (std {spread})"


def _timed_text(row: FrameRow) -> str:
    counts = {"cached": row["num_features_cached"], "unknown": row["num_features_unknown"]}
    counts["computed"] = row["num_features_computed"]
    sources = {key: number for key, number in counts.items() if number}
    return timed_text(row["seconds_per_question"], sources)  # type: ignore[arg-type]


def _tokens_text(row: FrameRow) -> str:
    counts = [row["prompt_tokens"], row["completion_tokens"]]
    if counts == [None, None]:
        return UNDEFINED
    return " + ".join(UNDEFINED if count is None else f"{count:.0f}" for count in counts)


def _has_own_headline(layout: Layout, rows: Sequence[FrameRow]) -> bool:
    return any(row["headline"] not in (row["accuracy"], row["macro"]) for row in rows)


def _has_seeds(layout: Layout, rows: Sequence[FrameRow]) -> bool:
    return any(len(row["seeds"]) > 1 for row in rows)


def _pairs_differ(layout: Layout, rows: Sequence[FrameRow]) -> bool:
    return layout != "report" or any(row["n_paired"] not in (None, row["n"]) for row in rows)


COLUMNS: tuple[Column, ...] = (
    Column(
        "name",
        "sampler",
        "Sampler; followed by its run where several rows have the same name.",
        lambda one: one.name,
        text=_name_text,
        layouts=EVERY,
    ),
    Column(
        "budget",
        "K",
        "Frame budget, or v and the budget of visual tokens.",
        _budget,
        text=_budget_text,
        layouts=EVERY,
    ),
    Column("sampler", "sampler", "Label of the sampler.", _setting("sampler")),
    Column("frames", "K", "Frame budget.", _setting("frames")),
    Column("visual_tokens", "visual tokens", "Budget in place of K.", _setting("visual_tokens")),
    Column("seeds", "seeds", "Seeds of the pooled cells.", lambda one: list(one.row.seeds)),
    Column("runs", "runs", "Folders of the runs whose cells are pooled.", _runs),
    Column(
        "tuned_for",
        "tuned for",
        "Benchmark that the sampler's settings were tuned on.",
        _setting("tuned_for"),
    ),
    Column(
        "n",
        "n",
        "Questions asked.",
        _summary("n"),
        format=COUNT,
        text=_number_text,
        layouts=("terminal", "report"),
        shown=_always,
    ),
    Column("num_videos", "videos", "Videos of these questions.", _summary("num_videos")),
    Column("num_done", "answers", "Answers so far, all seeds together.", lambda one: one.num_done),
    Column(
        "num_planned",
        "answers planned",
        "Answers of the finished run.",
        lambda one: one.num_planned,
    ),
    Column("is_finished", "finished", "Whether all are answered.", lambda one: one.is_finished),
    Column(
        "num_withheld",
        "withheld",
        "Questions without a public answer; they are in no accuracy.",
        _summary("num_withheld"),
    ),
    Column(
        "accuracy",
        "accuracy",
        "Share of correct answers among all questions asked; unparsed and failed count as wrong.",
        _summary("accuracy"),
        _summary("ci95"),
        SHARE,
        _share_text("accuracy"),
        ("terminal", "report", "latex", "groups"),
        "score",
        _always,
    ),
    Column(
        "macro",
        "macro",
        "Mean accuracy over the values of the benchmark's own group.",
        _summary("macro"),
        _summary("macro_ci95"),
        SHARE,
        _share_text("macro"),
        ("terminal", "report", "latex"),
    ),
    Column(
        "headline",
        "headline",
        "The protocol's own average.",
        _summary("headline"),
        _summary("headline_ci95"),
        SHARE,
        _share_text("headline"),
        ("terminal", "report"),
        shown=_has_own_headline,
    ),
    Column(
        "accuracy_answered",
        "accuracy of answered",
        "Accuracy over the questions with a readable answer.",
        _summary("accuracy_answered"),
        format=SHARE,
    ),
    Column(
        "accuracy_by_seed",
        "by seed",
        "Accuracy of each seed, and their sample standard deviation in points.",
        lambda one: list(one.row.accuracies) if one.row.seeds else [],
        text=_seeds_text,
        layouts=("report",),
        shown=_has_seeds,
    ),
    Column(
        "seed_std",
        "seed std",
        "Sample standard deviation of the seeds' accuracies.",
        lambda one: one.row.seed_std,
        format=SPREAD,
        layouts=("terminal",),
    ),
    Column(
        "n_paired",
        "n paired",
        "Questions that both were asked.",
        _paired("num_questions"),
        format=COUNT,
        layouts=("paired", "report", "power"),
        shown=_pairs_differ,
    ),
    Column(
        "num_videos_paired",
        "videos paired",
        "Videos of these questions.",
        _paired("num_videos"),
        format=COUNT,
        layouts=("paired", "power"),
    ),
    Column(
        "difference",
        "minus {baseline}",
        "Paired difference of accuracies to the baseline, over all questions that both were asked.",
        _paired("difference"),
        _paired("ci95"),
        POINTS,
        layouts=("paired", "report", "latex"),
    ),
    Column(
        "p",
        "p",
        "Sign-flip permutation test over videos, two-sided.",
        _paired("p_value"),
        format=P_VALUE,
        layouts=("paired", "report"),
    ),
    Column(
        "p_holm",
        "p (Holm)",
        "The p-value adjusted for all rows of the budget.",
        lambda one: one.p_holm,
        format=P_VALUE,
        layouts=("report", "latex"),
    ),
    Column(
        "p_mcnemar",
        "p (McNemar)",
        "McNemar's exact test, where each video has one question.",
        _paired("mcnemar_p"),
        format=P_VALUE,
        layouts=("report",),
    ),
    Column("num_better", "better", "Questions that only this row got.", _paired("num_better")),
    Column("num_worse", "worse", "Questions that only the baseline got.", _paired("num_worse")),
    Column(
        "standard_error",
        "standard error",
        "Of the paired difference, clustered by video.",
        _paired("standard_error"),
    ),
    Column(
        "difference_both_answered",
        "minus {baseline}, both answered",
        "Paired difference over the questions that both answered readably.",
        _both_answered("difference"),
        _both_answered("ci95"),
        POINTS,
    ),
    Column(
        "n_both_answered",
        "n both answered",
        "Questions that both answered readably.",
        _both_answered("num_questions"),
    ),
    Column(
        "p_both_answered",
        "p, both answered",
        "The test over these questions.",
        _both_answered("p_value"),
    ),
    Column(
        "discordant",
        "discordant",
        "Share of questions on which row and baseline differ.",
        _power("discordant"),
        format=SHARE,
        layouts=("power",),
    ),
    Column(
        "design_effect",
        "design effect",
        "Variance of the difference relative to as many questions of different videos.",
        _power("design_effect"),
        format=DECIMAL,
        layouts=("power",),
    ),
    Column(
        "detectable",
        "detectable, points",
        "Difference that these questions suffice for, at 5% and power 80%.",
        _power("detectable"),
        format=SPREAD,
        layouts=("power",),
    ),
    Column(
        "needed_for_1_point",
        "questions for 1 point",
        "Questions that a difference of one point needs, at 5% and power 80%.",
        _power("needed"),
        format=COUNT,
        layouts=("power",),
    ),
    Column(
        "headroom_recovered",
        "headroom recovered",
        "(accuracy - uniform) / (oracle - uniform).",
        lambda one: one.row.headroom,
        lambda one: one.headroom_ci95,
        SHARE,
        layouts=("terminal", "report"),
        is_narrow=True,
    ),
    Column(
        "evidence_recall",
        "evidence recall",
        "Share of a question's evidence hit by a selected frame, mean over questions.",
        _summary("evidence_recall"),
        format=SHARE,
        layouts=("terminal", "report", "latex"),
        axis="score",
    ),
    Column(
        "num_unparsed",
        "unparsed",
        "Answers without a readable letter.",
        _status("unparsed"),
        text=_count_text("num_unparsed"),
        layouts=("report",),
    ),
    Column(
        "num_failed",
        "failed",
        "Questions whose video, sampler or model failed.",
        _summary("num_failed"),
        text=_count_text("num_failed"),
        layouts=("report",),
    ),
    Column("num_guessed", "guessed", "Letters drawn by the protocol.", _summary("num_guessed")),
    Column("num_truncated", "truncated", "Replies that were cut.", _summary("num_truncated")),
    Column(
        "seconds_per_question",
        "s / question",
        "Seconds per question, all stages; features that were cached cost nothing.",
        _summary("seconds_per_question"),
        format=DECIMAL,
        text=_timed_text,
        layouts=("terminal", "report"),
        axis="cost",
    ),
    Column(
        "num_features_computed",
        "features computed",
        "Answers whose candidate features were computed in the run.",
        _features("computed"),
    ),
    Column(
        "num_features_cached",
        "features cached",
        "Answers whose candidate features were cached.",
        _features("cached"),
    ),
    Column(
        "num_features_unknown",
        "features unknown",
        "Answers of which it is not recorded.",
        _features("unknown"),
    ),
    Column(
        "gpu_seconds_per_question",
        "GPU s / question",
        "Seconds per question spent on answering, where all of it ran on CUDA.",
        lambda one: one.gpu_seconds,
        format=DECIMAL,
        layouts=("report",),
        axis="cost",
    ),
    Column(
        "frames_decoded",
        "frames decoded / question",
        "Frames decoded to choose and to show, as if nothing had been cached.",
        _frames_decoded,
        axis="cost",
    ),
    Column(
        "mean_frames",
        "frames / question",
        "Frames that the model was given, on average.",
        _summary("mean_frames"),
    ),
    Column(
        "mean_visual_tokens",
        "visual tokens / question",
        "Visual tokens of these frames, on average.",
        _summary("mean_visual_tokens"),
        axis="cost",
    ),
    Column(
        "prompt_tokens",
        "tokens billed / question",
        "Prompt and completion tokens that a server counted.",
        _usage("prompt_tokens"),
        text=_tokens_text,
        layouts=("report",),
    ),
    Column(
        "completion_tokens",
        "completion tokens",
        "Completion tokens that a server counted.",
        _usage("completion_tokens"),
    ),
    Column(
        "cost_per_1000",
        "cost / 1000 questions",
        "Price of 1000 questions by --prices.",
        lambda one: None if one.cost_per_question is None else 1000 * one.cost_per_question,
        format=DECIMAL,
        layouts=("report",),
        axis="cost",
    ),
    Column(
        "task_scores",
        "task's own scores",
        "Scores by metric of a task that scores by its own code; of the first seed.",
        _task_scores,
    ),
    Column("mark", "mark", "Best or second best of its budget.", lambda one: one.mark),
)
