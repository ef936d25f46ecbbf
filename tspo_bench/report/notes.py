"""Notes below a table: how its questions were asked, and caveats of its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tspo_bench.report.format import UNDEFINED, percent
from tspo_bench.report.rows import Row

_CUT_SHARE = 0.01  # of the replies without a letter


def caption(rows: Sequence[Row]) -> list[str]:
    """Protocol and answering mode of a table's rows, and what its averages are over.

    What older runs did not write down is n/a; rows of runs that wrote no scoring have no caption.
    """
    settings = rows[0].settings
    if settings.scoring is None:
        return []
    digest = settings.protocol_hash or UNDEFINED
    said = [f"protocol {settings.protocol}#{digest}"]
    said += [f"--answer {settings.answer or UNDEFINED}"]
    if settings.macro:
        said += [f"macro: the mean over {settings.macro}"]
    own = _own_average(settings.scoring)
    return [", ".join(said) + (f"; its headline: {own}" if own else "")]


def _own_average(scoring: Mapping[str, Any]) -> str | None:
    """The average that a protocol's headline is; None for the accuracy."""
    is_macro, drops = scoring["average"] == "macro", scoring["unparsed"] == "dropped"
    if scoring["average"] == "groups":
        return "the mean score of the groups of questions, one a video"
    if not is_macro and not drops:
        return None
    over = f"the mean over {scoring['over']}" if is_macro else "over questions"
    return over + (", without the unparsed" if drops else "")


def footnotes(rows: Sequence[Row], *, counted: bool = True) -> list[str]:
    """Caveats of the figures; a note that not all rows share names its rows.

    With `counted` also the answers that count as wrong, for a table without columns for them.
    """
    several = len({row.budget for row in rows}) > 1
    names = [row.settings.sampler + (f" K={row.budget}" if several else "") for row in rows]
    notes = []
    for of_one_kind in zip(*(_caveats(row, counted) for row in rows), strict=True):
        holders: dict[str, list[str]] = {}
        for name, note in zip(names, of_one_kind, strict=True):
            if note:
                holders.setdefault(note, []).append(name)
        for note, some in holders.items():
            notes.append(note if len(some) == len(rows) else f"{', '.join(some)}: {note}")
    return notes


def _caveats(row: Row, counted: bool) -> list[str | None]:
    """Every kind of caveat of a row in the same order, None where it has none."""
    settings, summary = row.settings, row.summary
    limit, tuned_for = settings.limit, settings.tuned_for
    # A question asked with three seeds has three answers.
    asked = "answers" if len(row.cells) > 1 else "questions"
    return [
        _where(limit, f"--limit {limit}: the first {limit} questions of a fixed shuffle"),
        _missing_videos(row),
        _where(not row.is_finished, f"unfinished: {row.num_done} of {row.num_planned} {asked}"),
        _counted_as_wrong(row) if counted else None,
        _where(
            summary.num_guessed,
            f"{summary.num_guessed} letters were drawn by the protocol: no reply gave one",
        ),
        _truncated(row),
        _where(
            summary.num_withheld,
            f"{summary.num_withheld} questions without a public answer are in no accuracy",
        ),
        _visual_tokens(row),
        _where(
            summary.num_short and summary.mean_frames,  # no frame at all: a blind sampler
            f"{summary.num_short} {asked} were given fewer than {settings.frames} frames",
        ),
        _where(
            summary.num_filled,
            f"the fill rule added {summary.num_filled} frames to reach K",
        ),
        _where(tuned_for, f"settings tuned for {tuned_for} (*)"),
        _replaced(row),
    ]


def _where(holds: object, note: str) -> str | None:
    return note if holds else None


def _missing_videos(row: Row) -> str | None:
    """Questions that --only-present left out; several numbers where commands or runs differ."""
    counts = sorted({count for cell in row.cells for count in cell.left_out})
    number = " or ".join(map(str, counts))
    return _where(
        any(counts), f"--only-present: {number} questions of missing videos were left out"
    )


def _counted_as_wrong(row: Row) -> str | None:
    counts = row.summary.status_counts
    wrong = [f"{number} {status}" for status, number in counts.items() if number and status != "ok"]
    answered = percent(row.summary.accuracy_answered)
    note = f"counted as wrong: {', '.join(wrong)} (accuracy of the answered: {answered})"
    return _where(wrong, note)


def _truncated(row: Row) -> str | None:
    """Replies that were cut; the remedy where that may be why more than 1% were not read."""
    number, unread = row.summary.num_truncated, row.summary.num_unread
    lost = row.summary.num_unread_truncated
    note = f"{number} replies were cut at the longest length"
    if lost > _CUT_SHARE * unread:
        note += (
            f", {lost} of the {unread} without a readable letter: raise max_new_tokens (as in "
            "--model 'NAME[max_new_tokens=512]'; a protocol's own limit stays)"
        )
    return _where(number, note)


def _visual_tokens(row: Row) -> str | None:
    if row.settings.visual_tokens is None:
        return None
    frames, tokens = row.summary.mean_frames, row.summary.mean_visual_tokens
    shown = [f"{frames:.1f} frames"] if frames is not None else []
    shown += [f"{tokens:.0f} visual tokens"] if tokens is not None else []
    return _where(shown, f"a question was shown {' and '.join(shown)} on average")


def _replaced(row: Row) -> str | None:
    videos = ", ".join(row.replaced[:3]) + (", ..." if len(row.replaced) > 3 else "")
    return _where(
        row.replaced,
        f"not compared with the baseline: {len(row.replaced)} videos were replaced by other files "
        f"between the two ({videos}); run the baseline again",
    )
