"""Evidence recall of selections, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from tspo_bench.report.escape import MOST_OF_NOTE, for_terminal
from tspo_bench.report.format import (
    UNDEFINED,
    accuracy_text,
    cached_notes,
    difference_text,
    percent,
    timed_text,
)
from tspo_bench.report.tables.terminal import FittedTable, wrapped_heading
from tspo_bench.selecting.recall_rows import RecallRow, Subset

_SCENE_HEADINGS = {
    "scene_hit_rate": "scene\nhit rate",
    "key_frame_rate": "key frame\nrate",
    "balanced_scene_recall": "balanced\nscene recall",
    "ukss": "UKSS",
}
_SCENES_COMPARED = ("scene_hit_rate", "ukss")
_SHOWN: tuple[Subset, ...] = ("all", "more_than_k")


def recall_table(rows: Sequence[RecallRow], groups: bool = False) -> Group:
    """The comparison of selections, for `rich.print`: one table a task, tolerance and subset.

    Args:
        rows: as `recall_rows` gives them.
        groups: show evidence recall by group, too.
    """
    parts: list[RenderableType] = []
    for task, tolerance in dict.fromkeys((row.task, row.tolerance) for row in rows):
        for subset in _SHOWN:
            some = [
                row
                for row in rows
                if (row.task, row.tolerance, row.subset) == (task, tolerance, subset)
            ]
            if not some or (subset != "all" and all(row.n == _n_of_all(row, rows) for row in some)):
                continue  # all videos have more than K candidates: the same table again
            of = "" if subset == "all" else ", videos with more than K candidates"
            title = Text(
                f"\n{for_terminal(task)}: evidence within {tolerance:g} s{of}", style="bold"
            )
            parts += [_table(title, some, _recall_columns(some))]
            parts += [Text(for_terminal(note, MOST_OF_NOTE), style="dim") for note in _notes(some)]
            if _has_scenes(some):
                parts += [_table(Text("\nscenes"), some, _scenes(some))]
            if subset == "all":
                title = Text("\nframe placement and cost")
                parts += [_table(title, some, _placement(some))]
                cached = cached_notes([row.feature_sources for row in some])
                parts += [Text(note, style="dim") for note in cached]
                parts += _group_tables(some) if groups else []
    return Group(*parts)


def _n_of_all(row: RecallRow, rows: Sequence[RecallRow]) -> int:
    same = (row.task, row.sampler, row.frames, row.tolerance, "all")
    return next(
        one.n
        for one in rows
        if (one.task, one.sampler, one.frames, one.tolerance, one.subset) == same
    )


def _recall_columns(rows: Sequence[RecallRow]) -> dict[str, list[str]]:
    columns = {
        "n": [str(row.n) for row in rows],
        "evidence recall\n[95% interval]": [
            accuracy_text(row.evidence_recall, row.ci95) for row in rows
        ],
        "pooled": [percent(row.evidence_recall_pooled) for row in rows],
    }
    if any(row.paired for row in rows):
        columns["difference\n[95% interval]"] = [_paired_text(row) for row in rows]
    return columns


def _has_scenes(rows: Sequence[RecallRow]) -> bool:
    """Whether the evidence is more than moments: then recall says little of how much was seen."""
    return any(row.has_spans and row.scenes for row in rows)


def _scenes(rows: Sequence[RecallRow]) -> dict[str, list[str]]:
    columns = {}
    for name, heading in _SCENE_HEADINGS.items():
        figures = [row.scenes.get(name) for row in rows]
        columns[heading] = [accuracy_text(one.value, one.ci95) if one else "" for one in figures]
    if any(row.paired for row in rows):
        for name in _SCENES_COMPARED:
            figures = [row.scenes.get(name) for row in rows]
            columns[f"difference:\n{_SCENE_HEADINGS[name]}"] = [
                difference_text(one.difference, one.difference_ci95) if one and one.n_paired else ""
                for one in figures
            ]
    return columns


def _placement(rows: Sequence[RecallRow]) -> dict[str, list[str]]:
    columns = {
        "in the\nevidence": [percent(row.share_inside) for row in rows],
        "largest\ngap": [_number(row.largest_gap_seconds, "{:.1f} s") for row in rows],
    }
    if any(row.redundancy is not None for row in rows):
        columns["redun-\ndancy"] = [_number(row.redundancy, "{:.3f}") for row in rows]
    for key in ("decoded", "encoded"):
        columns[f"frames\n{key}"] = [_number(row.frames_processed[key], "{:.0f}") for row in rows]
    columns["seconds /\nquestion"] = [
        timed_text(row.seconds_per_question, row.feature_sources, "{:.3f}") for row in rows
    ]
    return columns


def _table(title: Text, rows: Sequence[RecallRow], columns: dict[str, list[str]]) -> RenderableType:
    shown = []
    for number, row in enumerate(rows):
        name = row.sampler + ("*" if row.tuned_for else "")
        shown.append([name, str(row.frames), *(texts[number] for texts in columns.values())])
    headings = tuple(map(Text, ("sampler", "K", *columns)))
    return FittedTable(headings, _texts(shown), num_names=2, title=title)


def _texts(rows: Sequence[Sequence[str]]) -> tuple[tuple[Text, ...], ...]:
    return tuple(tuple(Text(for_terminal(text)) for text in row) for row in rows)


def _paired_text(row: RecallRow) -> str:
    if row.paired is None:
        return ""
    return difference_text(row.paired.difference, row.paired.ci95)


def _number(value: float | None, form: str) -> str:
    return UNDEFINED if value is None else form.format(value)


def _notes(rows: Sequence[RecallRow]) -> list[str]:
    notes = []
    baselines = dict.fromkeys(row.paired.baseline for row in rows if row.paired)
    if baselines:
        notes.append(
            f"difference: points of evidence recall more than {', '.join(baselines)}, on the "
            "questions of both; intervals clustered by video"
        )
    without = max(row.num_without_evidence for row in rows)
    if without:
        notes.append(f"questions without evidence, left out: {without}")
    beyond = max(row.num_beyond_end for row in rows)
    if beyond:
        notes.append(f"{beyond} annotated moments lie behind their video's end; left out")
    unopened = max(row.num_not_opened for row in rows)
    if unopened:
        guessed = max(row.num_guessed_rates for row in rows)
        notes.append(
            f"{unopened} questions on videos that were not opened: lengths from the annotations; "
            f"frame rates: {unopened - guessed} given (--fps, annotations, selection files), "
            f"{guessed} guessed from the frame numbers in selection files"
        )
    short = {f"{row.sampler} K={row.frames}": row.num_short for row in rows if row.num_short}
    if short:
        counts = ", ".join(f"{name}: {number}" for name, number in short.items())
        notes.append(f"questions with fewer frames than K, though there were more: {counts}")
    tuned = {row.sampler: row.tuned_for for row in rows if row.tuned_for}
    if tuned:
        notes.append("* tuned for " + ", ".join(f"{on} ({name})" for name, on in tuned.items()))
    failed = {f"{row.sampler} K={row.frames}": row.num_failed for row in rows if row.num_failed}
    if failed:
        counts = ", ".join(f"{name}: {number}" for name, number in failed.items())
        notes.append(f"questions without a selection, left out: {counts}")
    return notes


def _group_tables(rows: Sequence[RecallRow]) -> list[RenderableType]:
    tables: list[RenderableType] = []
    for group in dict.fromkeys(group for row in rows for group in row.groups):
        names = [f"{row.sampler} K={row.frames}" for row in rows]
        headings = tuple(map(wrapped_heading, (group, "n", *names)))
        shown = []
        for value in dict.fromkeys(v for row in rows for v in row.groups.get(group, {})):
            found = [row.groups.get(group, {}).get(value) for row in rows]
            numbers = sorted({one.n for one in found if one})
            texts = [accuracy_text(one.evidence_recall, one.ci95) if one else "" for one in found]
            shown.append([value, "-".join(map(str, numbers)), *texts])
        tables.append(FittedTable(headings, _texts(shown), num_names=2))
    return tables
