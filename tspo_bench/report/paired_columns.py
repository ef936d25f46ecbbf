"""The columns of a row's comparison with its baseline, and of what that comparison can detect."""

from __future__ import annotations

from tspo_bench.report.column import Column
from tspo_bench.report.format import COUNT, DECIMAL, P_VALUE, POINTS, SHARE, SPREAD
from tspo_bench.report.row_text import pairs_differ

PAIRED: tuple[Column, ...] = (
    Column(
        "n_paired",
        "n paired",
        "Questions that both were asked.",
        "row.paired.num_questions",
        format=COUNT,
        layouts=("paired", "report", "power"),
        shown=pairs_differ,
    ),
    Column(
        "num_videos_paired",
        "videos paired",
        "Videos of these questions.",
        "row.paired.num_videos",
        format=COUNT,
        layouts=("paired", "power"),
    ),
    Column(
        "difference",
        "minus {baseline}",
        "Paired difference of accuracies to the baseline, over all questions that both were asked.",
        "row.paired.difference",
        "row.paired.ci95",
        POINTS,
        layouts=("paired", "report", "latex"),
    ),
    Column(
        "p",
        "p",
        "Sign-flip permutation test over videos, two-sided.",
        "row.paired.p_value",
        format=P_VALUE,
        layouts=("paired", "report"),
    ),
    Column(
        "p_holm",
        "p (Holm)",
        "The p-value adjusted for all rows of the budget.",
        "p_holm",
        format=P_VALUE,
        layouts=("report", "latex"),
    ),
    Column(
        "p_mcnemar",
        "p (McNemar)",
        "McNemar's exact test, where each video has one question.",
        "row.paired.mcnemar_p",
        format=P_VALUE,
        layouts=("report",),
    ),
    Column("num_better", "better", "Questions that only this row got.", "row.paired.num_better"),
    Column("num_worse", "worse", "Questions that only the baseline got.", "row.paired.num_worse"),
    Column(
        "standard_error",
        "standard error",
        "Of the paired difference, clustered by video.",
        "row.paired.standard_error",
    ),
    Column(
        "difference_both_answered",
        "minus {baseline}, both answered",
        "Paired difference over the questions that both answered readably.",
        "row.both_answered.difference",
        "row.both_answered.ci95",
        POINTS,
    ),
    Column(
        "n_both_answered",
        "n both answered",
        "Questions that both answered readably.",
        "row.both_answered.num_questions",
    ),
    Column(
        "p_both_answered",
        "p, both answered",
        "The test over these questions.",
        "row.both_answered.p_value",
    ),
    Column(
        "discordant",
        "discordant",
        "Share of questions on which row and baseline differ.",
        "row.power.discordant",
        format=SHARE,
        layouts=("power",),
    ),
    Column(
        "design_effect",
        "design effect",
        "Variance of the difference relative to as many questions of different videos.",
        "row.power.design_effect",
        format=DECIMAL,
        layouts=("power",),
    ),
    Column(
        "detectable",
        "detectable, points",
        "Difference that these questions suffice for, at 5% and power 80%.",
        "row.power.detectable",
        format=SPREAD,
        layouts=("power",),
    ),
    Column(
        "needed_for_1_point",
        "questions for 1 point",
        "Questions that a difference of one point needs, at 5% and power 80%.",
        "row.power.needed",
        format=COUNT,
        layouts=("power",),
    ),
)
