"""Notes below a table: how its questions were asked, and caveats of its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    if not is_macro and not drops:
        return None
    over = f"the mean over {scoring['over']}" if is_macro else "over questions"
    return over + (", without the unparsed" if drops else "")


def footnotes(rows: Sequence[Row], *, counted: bool = True) -> list[str]:
    """Caveats of the figures; a note that not all rows share names its rows.

    With `counted` also the answers that count as wrong, for a table without columns for them.
    """
    notes = []
    for make in _NOTES:
        if make is _status_note and not counted:
            continue
        holders: dict[str, list[str]] = {}
        for name, row in zip(_names(rows), rows, strict=True):
            if note := make(row):
                holders.setdefault(note, []).append(name)
        for note, names in holders.items():
            notes.append(note if len(names) == len(rows) else f"{', '.join(names)}: {note}")
    return notes


def _names(rows: Sequence[Row]) -> list[str]:
    """The sampler of each row, and its budget if the table has several."""
    several = len({row.budget for row in rows}) > 1
    return [row.settings.sampler + (f" K={row.budget}" if several else "") for row in rows]


def _asked(row: Row) -> str:
    """The noun for what is counted: a question asked with three seeds has three answers."""
    return "answers" if len(row.cells) > 1 else "questions"


def _limit_note(row: Row) -> str | None:
    limit = row.settings.limit
    return f"--limit {limit}: the first {limit} questions of a fixed shuffle" if limit else None


def _missing_note(row: Row) -> str | None:
    """Questions of missing videos; of pooled or resumed runs that differ in it each number."""
    counts = sorted({count for cell in row.cells for count in cell.left_out})
    if not any(counts):
        return None
    number = " or ".join(map(str, counts))
    return f"--only-present: {number} questions of missing videos were left out"


def _unfinished_note(row: Row) -> str | None:
    if row.is_finished:
        return None
    return f"unfinished: {row.num_done} of {row.num_planned} {_asked(row)}"


def _status_note(row: Row) -> str | None:
    counts = row.summary.status_counts
    wrong = [f"{number} {status}" for status, number in counts.items() if number and status != "ok"]
    if not wrong:
        return None
    answered = percent(row.summary.accuracy_answered)
    return f"counted as wrong: {', '.join(wrong)} (accuracy of the answered: {answered})"


def _withheld_note(row: Row) -> str | None:
    number = row.summary.num_withheld
    return f"{number} questions without a public answer are in no accuracy" if number else None


def _guess_note(row: Row) -> str | None:
    number = row.summary.num_guessed
    return f"{number} letters were drawn by the protocol: no reply gave one" if number else None


def _truncated_note(row: Row) -> str | None:
    """Replies that were cut; the remedy where that may be why more than 1% were not read."""
    number, unread = row.summary.num_truncated, row.summary.num_unread
    if not number:
        return None
    note = f"{number} replies were cut at the longest length"
    lost = row.summary.num_unread_truncated
    if lost > _CUT_SHARE * unread:
        note += (
            f", {lost} of the {unread} without a readable letter: raise max_new_tokens (as in "
            "--model 'NAME[max_new_tokens=512]'; a protocol's own limit stays)"
        )
    return note


def _visual_tokens_note(row: Row) -> str | None:
    if row.settings.visual_tokens is None:
        return None
    frames, tokens = row.summary.mean_frames, row.summary.mean_visual_tokens
    shown = [f"{frames:.1f} frames"] if frames is not None else []
    shown += [f"{tokens:.0f} visual tokens"] if tokens is not None else []
    return f"a question was shown {' and '.join(shown)} on average" if shown else None


def _short_note(row: Row) -> str | None:
    if not row.summary.num_short or not row.summary.mean_frames:  # no frame at all: a blind sampler
        return None
    return (
        f"{row.summary.num_short} {_asked(row)} were given fewer than {row.settings.frames} frames"
    )


def _filled_note(row: Row) -> str | None:
    number = row.summary.num_filled
    return f"{number} frames were added by the fill rule, to make K of fewer" if number else None


def _tuned_note(row: Row) -> str | None:
    task = row.settings.tuned_for
    return f"settings tuned for {task} (*)" if task else None


def _replaced_note(row: Row) -> str | None:
    if not row.replaced:
        return None
    videos = ", ".join(row.replaced[:3]) + (", ..." if len(row.replaced) > 3 else "")
    return (
        f"not compared with the baseline: {len(row.replaced)} videos were replaced by other files "
        f"between the two ({videos}); run the baseline again"
    )


_NOTES: tuple[Callable[[Row], str | None], ...] = (
    _limit_note,
    _missing_note,
    _unfinished_note,
    _status_note,
    _guess_note,
    _truncated_note,
    _withheld_note,
    _visual_tokens_note,
    _short_note,
    _filled_note,
    _tuned_note,
    _replaced_note,
)
