"""The tables of `tspo-bench report` as texts: the comparison, by group, and the power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tspo_bench.report.notes import caption, foot_notes
from tspo_bench.report.power import Power, power_of
from tspo_bench.report.standings import Standing, Standings
from tspo_bench.report.summary import GroupSummary
from tspo_bench.report.texts import (
    UNDEFINED,
    accuracy_text,
    budget,
    cached_notes,
    difference_text,
    p_text,
    percent,
    seconds_text,
    timed_text,
)
from tspo_bench.report.written.grid import Grid, parts_of

_LABELS = ("sampler", "K")
_VALUES_A_GRID = 5


@dataclass(frozen=True)
class Prices:
    """What a server bills, in money per million tokens."""

    prompt: float
    completion: float


def cost_per_question(standing: Standing, prices: Prices | None) -> float | None:
    """What a question cost on average; None without prices, and where no tokens were billed."""
    usage = standing.row.summary.mean_usage
    if prices is None or not {"prompt_tokens", "completion_tokens"} <= usage.keys():
        return None
    prompt = usage["prompt_tokens"] * prices.prompt
    return (prompt + usage["completion_tokens"] * prices.completion) / 1e6


def comparison_grid(table: Standings, prices: Prices | None = None) -> Grid:
    """The rows of a table with all their figures; a figure that no row has is no column."""
    standings = table.standings
    columns = {
        heading: texts
        for heading, texts in _columns(table, prices).items()
        if heading in _ALWAYS or set(texts) != {UNDEFINED}
    }
    rows = [row.row for row in standings]
    names = _labels(standings)
    place = len(_LABELS) + list(columns).index(_ACCURACY)
    return Grid(
        title=title_of(table),
        labels=_LABELS,
        figures=tuple(columns),
        rows=tuple(
            (*name, *texts)
            for name, texts in zip(names, zip(*columns.values(), strict=True), strict=True)
        ),
        marks={(n, place): one.mark for n, one in enumerate(standings) if one.mark is not None},
        parts=parts_of([name[1] for name in names]),
        notes=(
            *_asked(table),
            *caption(rows),
            *_paired_note(table),
            *foot_notes(rows, counted=False),
            *cached_notes([row.summary.feature_sources for row in rows]),
        ),
    )


def title_of(table: Standings) -> str:
    """What a table is over."""
    return f"{table.shared['task']}, {table.shared['model']}"


def _asked(table: Standings) -> list[str]:
    said = {"questions": "question set", "model_id": "model", "code": "code"}
    known = [f"{what} {table.shared[key]}" for key, what in said.items() if table.shared[key]]
    return [", ".join(known)] if known else []


def _paired_note(table: Standings) -> list[str]:
    """What the differences are over; nothing where no question is compared."""
    compared = [one for one in table.standings if one.row.paired and one.row.paired.num_questions]
    if not compared:
        return []
    note = (
        f"minus {table.baseline}: over all questions that both were asked, unparsed and failed "
        "counted as wrong; p (Holm) is for all rows of a budget, oracle and blind among them"
    )
    chosen = dict.fromkeys(one.baseline_run for one in compared if one.baseline_run)
    runs = [
        f"of several runs with {table.baseline}, {run} is taken where one has none"
        for run in chosen
    ]
    return [note, *runs]


def _labels(standings: Sequence[Standing]) -> list[tuple[str, str]]:
    return [(one.name, budget(one.row)) for one in standings]


_ACCURACY = "accuracy, 95% CI"
_ALWAYS = ("n", _ACCURACY)


def _columns(table: Standings, prices: Prices | None) -> dict[str, list[str]]:
    ones = table.standings
    sums = [one.row.summary for one in ones]
    paired = [one.row.paired for one in ones]
    own = any(s.headline not in (s.accuracy, s.macro) for s in sums)
    costs = [cost_per_question(one, prices) for one in ones]
    return {
        "n": [_number_text(one) for one in ones],
        _ACCURACY: [accuracy_text(s.accuracy, s.ci95) for s in sums],
        "macro, 95% CI": [accuracy_text(s.macro, s.macro_ci95) for s in sums],
        "headline, 95% CI": [
            accuracy_text(s.headline, s.headline_ci95) if own else UNDEFINED for s in sums
        ],
        "by seed (std)": [_seeds_text(one) for one in ones],
        f"minus {table.baseline}, 95% CI": [
            difference_text(p.difference, p.ci95) if p else UNDEFINED for p in paired
        ],
        "n paired": _pairs_texts(table),
        "p": [p_text(p.p_value if p else None) for p in paired],
        "p (Holm)": [p_text(one.p_holm) for one in ones],
        "p (McNemar)": [p_text(p.mcnemar_p if p else None) for p in paired],
        "headroom recovered, 95% CI": [
            accuracy_text(one.row.headroom, one.headroom_ci95) for one in ones
        ],
        "evidence recall": [percent(s.evidence_recall) for s in sums],
        "unparsed": [_count_text(one, one.row.summary.status_counts["unparsed"]) for one in ones],
        "failed": [_count_text(one, one.row.summary.num_failed) for one in ones],
        "s / question": [timed_text(s.seconds_per_question, s.feature_sources) for s in sums],
        "GPU s / question": [seconds_text(one.gpu_seconds) for one in ones],
        "tokens billed / question": [_tokens_text(one) for one in ones],
        "cost / 1000 questions": [
            UNDEFINED if cost is None else f"{1000 * cost:.2f}" for cost in costs
        ],
    }


def _number_text(one: Standing) -> str:
    """The questions; of an unfinished row the answers that are there, of all."""
    return str(one.row.summary.n) if one.is_finished else f"{one.num_done} of {one.num_planned}"


def _pairs_texts(table: Standings) -> list[str]:
    """How many questions each row is compared on, where some row was asked others too."""
    compared = [(one.row.summary.n, one.row.paired) for one in table.standings]
    if all(paired is None or paired.num_questions == n for n, paired in compared):
        return [UNDEFINED] * len(compared)
    return [str(paired.num_questions) if paired else UNDEFINED for _, paired in compared]


def _count_text(one: Standing, number: int) -> str:
    """How many answers; with seeds there are more of them than questions."""
    return f"{number} of {one.num_done}" if number and len(one.row.seeds) > 1 else str(number)


def _seeds_text(one: Standing) -> str:
    if len(one.row.seeds) < 2:
        return UNDEFINED
    figures = ", ".join(percent(accuracy) for accuracy in one.row.accuracies)
    spread = one.row.seed_std
    return f"{figures} ({UNDEFINED if spread is None else f'{100 * spread:.1f}'})"


def _tokens_text(one: Standing) -> str:
    usage = one.row.summary.mean_usage
    counts = [usage.get(key) for key in ("prompt_tokens", "completion_tokens")]
    if counts == [None, None]:
        return UNDEFINED
    return " + ".join(UNDEFINED if count is None else f"{count:.0f}" for count in counts)


def group_grids(table: Standings) -> list[Grid]:
    """Accuracy by group: a table for each group, a column for each of its values."""
    sums = [one.row.summary for one in table.standings]
    grids = []
    for group in dict.fromkeys(group for s in sums for group in s.groups):
        values = list(dict.fromkeys(value for s in sums for value in s.groups.get(group, {})))
        for start in range(0, len(values), _VALUES_A_GRID):
            grids.append(_group_grid(table, group, values[start : start + _VALUES_A_GRID]))
    return grids


def _group_grid(table: Standings, group: str, values: Sequence[str]) -> Grid:
    found = [
        [one.row.summary.groups.get(group, {}).get(v) for v in values] for one in table.standings
    ]
    sizes = [max(entry.n for entry in column if entry) for column in zip(*found, strict=True)]
    names = _labels(table.standings)
    return Grid(
        title=f"{title_of(table)}: by {group}",
        labels=_LABELS,
        figures=tuple(f"{value} (n = {n})" for value, n in zip(values, sizes, strict=True)),
        rows=tuple(
            (*name, *map(_entry_text, entries)) for name, entries in zip(names, found, strict=True)
        ),
        marks={},
        parts=parts_of([name[1] for name in names]),
    )


def _entry_text(entry: GroupSummary | None) -> str:
    return accuracy_text(entry.accuracy, entry.ci95) if entry else UNDEFINED


def power_grid(table: Standings) -> Grid | None:
    """How many questions a difference of one point needs; None where nothing is compared."""
    known = [(one, power_of(one.row.paired)) for one in table.standings if one.row.paired]
    rows = [(one, power) for one, power in known if power is not None]
    if not rows:
        return None
    return Grid(
        title=f"{title_of(table)}: power of the comparison with {table.baseline}",
        labels=_LABELS,
        figures=(
            *("n", "videos", "discordant", "design effect"),
            *("detectable, points", "questions for 1 point"),
        ),
        rows=tuple((one.name, budget(one.row), *_power_texts(power)) for one, power in rows),
        marks={},
        parts=parts_of([budget(one.row) for one, _ in rows]),
        notes=("two-sided test at 5%, power 80%; videos with as many questions each as here",),
    )


def _power_texts(power: Power) -> list[str]:
    effect, least, needed = power.design_effect, power.detectable, power.needed
    return [
        str(power.num_questions),
        str(power.num_videos),
        percent(power.discordant),
        UNDEFINED if effect is None else f"{effect:.2f}",
        UNDEFINED if least is None else f"{100 * least:.1f}",
        UNDEFINED if needed is None else str(needed),
    ]
