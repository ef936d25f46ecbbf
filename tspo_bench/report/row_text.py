"""Texts of a row's figures that take more than the value, and which rows show a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tspo_bench.report.column import FrameRow, Layout
from tspo_bench.report.format import SPREAD, UNDEFINED, percent, timed_text

WITHHELD = "withheld"


def row_budget(row: FrameRow) -> str:
    """The budget: "64", "v4096"."""
    return f"v{row['budget']}" if row["visual_tokens"] is not None else str(row["budget"])


def row_name(row: FrameRow) -> str:
    """The sampler as a row's name: "aks-videomme*", "tspo-q (3 seeds)"."""
    seeds = f" ({len(row['seeds'])} seeds)" if len(row["seeds"]) > 1 else ""
    return f"{row['name']}{'*' if row['tuned_for'] else ''}{seeds}"


def row_number(row: FrameRow) -> str:
    """The questions; of an unfinished row the answers so far, of all."""
    return str(row["n"]) if row["is_finished"] else f"{row['num_done']} of {row['num_planned']}"


def row_share(key: str) -> Callable[[FrameRow], str]:
    """An accuracy, or why there is none."""

    def text(row: FrameRow) -> str:
        is_withheld = row[key] is None and 0 < row["n"] == row["num_withheld"]
        return WITHHELD if is_withheld else percent(row[key])

    return text


def row_count(key: str) -> Callable[[FrameRow], str]:
    """A number of answers; with seeds there are more of them than questions."""

    def text(row: FrameRow) -> str:
        of_seeds = row[key] and len(row["seeds"]) > 1
        return f"{row[key]} of {row['num_done']}" if of_seeds else str(row[key])

    return text


def row_seeds(row: FrameRow) -> str:
    """The range and spread of the seeds' accuracies."""
    known = [accuracy for accuracy in row["accuracy_by_seed"] or () if accuracy is not None]
    if len(known) < 2:
        return UNDEFINED
    spread = SPREAD.value(row["seed_std"])
    return f"{100 * min(known):.1f} to {percent(max(known))} (std {spread})"


def row_seconds(row: FrameRow) -> str:
    """The seconds per question, marked where features were or may have been cached."""
    counts = {"cached": row["num_features_cached"], "unknown": row["num_features_unknown"]}
    counts["computed"] = row["num_features_computed"]
    sources = {key: number for key, number in counts.items() if number}
    return timed_text(row["seconds_per_question"], sources)  # type: ignore[arg-type]


def row_tokens(row: FrameRow) -> str:
    """The tokens of prompt and completion: "2000 + 10"."""
    counts = [row["prompt_tokens"], row["completion_tokens"]]
    if counts == [None, None]:
        return UNDEFINED
    return " + ".join(UNDEFINED if count is None else f"{count:.0f}" for count in counts)


def always(layout: Layout, rows: Sequence[FrameRow]) -> bool:
    """Show a column in every table."""
    return True


def has_own_headline(layout: Layout, rows: Sequence[FrameRow]) -> bool:
    """Show a headline that is neither the accuracy nor the macro average."""
    return any(row["headline"] not in (row["accuracy"], row["macro"]) for row in rows)


def has_seeds(layout: Layout, rows: Sequence[FrameRow]) -> bool:
    """Show a column where a row has several seeds."""
    return any(len(row["seeds"]) > 1 for row in rows)


def pairs_differ(layout: Layout, rows: Sequence[FrameRow]) -> bool:
    """Show the number of pairs in the report only where it is not that of the questions."""
    return layout != "report" or any(row["n_paired"] not in (None, row["n"]) for row in rows)
