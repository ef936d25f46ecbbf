"""The columns of a comparison table: every figure is declared here, once.

Terminal, Markdown, CSV, LaTeX, JSON, the page, its charts and `--groups` are views of the frame
that `report.frame` builds from these declarations. To add a figure, add a `Column` to `COLUMNS` and
rewrite docs/columns.csv and the golden files: `python -m tests.write_columns`.
"""

from __future__ import annotations

from collections.abc import Callable

from tspo_bench.report.column import Column, Layout
from tspo_bench.report.comparison import ComparedRow
from tspo_bench.report.format import COUNT, DECIMAL, SHARE, SPREAD
from tspo_bench.report.paired_columns import PAIRED
from tspo_bench.report.row_text import (
    always,
    has_own_headline,
    has_seeds,
    row_budget,
    row_count,
    row_name,
    row_number,
    row_seconds,
    row_seeds,
    row_share,
    row_tokens,
)

EVERY: tuple[Layout, ...] = ("terminal", "paired", "report", "latex", "power", "groups")


def _features(source: str) -> Callable[[ComparedRow], int]:
    return lambda one: one.row.summary.feature_sources.get(source, 0)  # type: ignore[call-overload]


def _frames_decoded(one: ComparedRow) -> float | None:
    processed, shown = one.row.summary.mean_frames_processed, one.row.summary.mean_frames
    return None if shown is None else processed.get("decoded", 0.0) + shown


def _tera(part: str) -> Callable[[ComparedRow], float | None]:
    """A part's mean FLOPs in units of 10^12."""

    def value(one: ComparedRow) -> float | None:
        flops = one.row.summary.mean_flops.get(part)
        return None if flops is None else flops / 1e12

    return value


def _total_tera(one: ComparedRow) -> float | None:
    parts = [_tera("encoder")(one), _tera("mllm")(one)]
    return None if None in parts else sum(part for part in parts if part is not None)


def _runs(one: ComparedRow) -> list[str]:
    return list(dict.fromkeys(str(cell.run_folder) for cell in one.row.cells))


def _task_scores(one: ComparedRow) -> dict[str, float] | None:
    scores = one.row.cells[0].task_scores
    return None if scores is None else dict(scores.figures)


def _budget(one: ComparedRow) -> int:
    settings = one.row.settings
    return int(settings.visual_tokens or settings.frames or 0)


COLUMNS: tuple[Column, ...] = (
    Column(
        "name",
        "sampler",
        "Sampler; followed by its run where several rows have the same name.",
        "name",
        text=row_name,
        layouts=EVERY,
    ),
    Column(
        "budget",
        "K",
        "Frame budget, or v and the budget of visual tokens.",
        _budget,
        text=row_budget,
        layouts=EVERY,
    ),
    Column("sampler", "sampler", "Label of the sampler.", "row.settings.sampler"),
    Column("frames", "K", "Frame budget.", "row.settings.frames"),
    Column("visual_tokens", "visual tokens", "Budget in place of K.", "row.settings.visual_tokens"),
    Column("seeds", "seeds", "Seeds of the pooled cells.", lambda one: list(one.row.seeds)),
    Column("runs", "runs", "Folders of the runs whose cells are pooled.", _runs),
    Column(
        "tuned_for",
        "tuned for",
        "Benchmark that the sampler's settings were tuned on.",
        "row.settings.tuned_for",
    ),
    Column(
        "n",
        "n",
        "Questions asked.",
        "row.summary.n",
        format=COUNT,
        text=row_number,
        layouts=("terminal", "report"),
        shown=always,
    ),
    Column("num_videos", "videos", "Videos of these questions.", "row.summary.num_videos"),
    Column("num_done", "answers", "Answers so far, all seeds together.", "row.num_done"),
    Column("num_planned", "answers planned", "Answers of the finished run.", "row.num_planned"),
    Column("is_finished", "finished", "Whether all are answered.", "row.is_finished"),
    Column(
        "num_withheld",
        "withheld",
        "Questions without a public answer; they are in no accuracy.",
        "row.summary.num_withheld",
    ),
    Column(
        "accuracy",
        "accuracy",
        "Share of correct answers among all questions asked; unparsed and failed count as wrong.",
        "row.summary.accuracy",
        "row.summary.ci95",
        SHARE,
        row_share("accuracy"),
        ("terminal", "report", "latex", "groups"),
        "score",
        always,
    ),
    Column(
        "macro",
        "macro",
        "Mean accuracy over the values of the benchmark's own group.",
        "row.summary.macro",
        "row.summary.macro_ci95",
        SHARE,
        row_share("macro"),
        ("terminal", "report", "latex"),
    ),
    Column(
        "headline",
        "headline",
        "The protocol's own average.",
        "row.summary.headline",
        "row.summary.headline_ci95",
        SHARE,
        row_share("headline"),
        ("terminal", "report"),
        shown=has_own_headline,
    ),
    Column(
        "accuracy_answered",
        "accuracy of answered",
        "Accuracy over the questions with a readable answer.",
        "row.summary.accuracy_answered",
        format=SHARE,
    ),
    Column(
        "accuracy_by_seed",
        "by seed",
        "Accuracy of each seed, and their sample standard deviation in points.",
        lambda one: list(one.row.accuracies) if one.row.seeds else [],
        text=row_seeds,
        layouts=("report",),
        shown=has_seeds,
    ),
    Column(
        "seed_std",
        "seed std",
        "Sample standard deviation of the seeds' accuracies.",
        "row.seed_std",
        format=SPREAD,
        layouts=("terminal",),
    ),
    *PAIRED,
    Column(
        "headroom_recovered",
        "headroom recovered",
        "(accuracy - uniform) / (oracle - uniform).",
        "row.headroom",
        "headroom_ci95",
        SHARE,
        layouts=("terminal", "report"),
        is_narrow=True,
    ),
    Column(
        "evidence_recall",
        "evidence recall",
        "Share of a question's evidence hit by a selected frame, mean over questions.",
        "row.summary.evidence_recall",
        format=SHARE,
        layouts=("terminal", "report", "latex"),
        axis="score",
    ),
    Column(
        "num_unparsed",
        "unparsed",
        "Answers without a readable letter.",
        lambda one: one.row.summary.status_counts["unparsed"],
        text=row_count("num_unparsed"),
        layouts=("report",),
    ),
    Column(
        "num_failed",
        "failed",
        "Questions whose video, sampler or model failed.",
        "row.summary.num_failed",
        text=row_count("num_failed"),
        layouts=("report",),
    ),
    Column("num_guessed", "guessed", "Letters drawn by the protocol.", "row.summary.num_guessed"),
    Column("num_truncated", "truncated", "Replies that were cut.", "row.summary.num_truncated"),
    Column(
        "seconds_per_question",
        "s / question",
        "Seconds per question, all stages; features that were cached cost nothing.",
        "row.summary.seconds_per_question",
        format=DECIMAL,
        text=row_seconds,
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
        "gpu_seconds",
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
        "row.summary.mean_frames",
    ),
    Column(
        "mean_visual_tokens",
        "visual tokens / question",
        "Visual tokens of these frames, on average.",
        "row.summary.mean_visual_tokens",
        axis="cost",
    ),
    Column(
        "frames_encoded",
        "frames encoded / question",
        "Frames encoded to choose, as if nothing had been cached.",
        lambda one: one.row.summary.mean_frames_processed.get("encoded"),
    ),
    Column(
        "encoder_tflops",
        "encoder TFLOPs / question",
        "10^12 floating-point operations of the encoder on these frames.",
        _tera("encoder"),
    ),
    Column(
        "mllm_tflops",
        "MLLM TFLOPs / question",
        "10^12 floating-point operations of the MLLM: vision tower and language model.",
        _tera("mllm"),
    ),
    Column(
        "total_tflops",
        "TFLOPs / question",
        "Encoder and MLLM together: the total compute.",
        _total_tera,
        axis="cost",
    ),
    Column(
        "prompt_tokens",
        "tokens / question",
        "Prompt (visual ones included) and completion tokens.",
        lambda one: one.row.summary.mean_usage.get("prompt_tokens"),
        text=row_tokens,
        layouts=("report",),
    ),
    Column(
        "completion_tokens",
        "completion tokens",
        "Tokens of the reply, those of reasoning included.",
        lambda one: one.row.summary.mean_usage.get("completion_tokens"),
    ),
    Column(
        "thinking_tokens",
        "thinking tokens",
        "Those of them that are reasoning.",
        lambda one: one.row.summary.mean_usage.get("thinking_tokens"),
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
    Column("mark", "mark", "Best or second best of its budget.", "mark"),
)
