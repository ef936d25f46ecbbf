"""Records into figures: what a cell's summary.json, the table and `--json` show.

A question that was asked with several seeds has a record of each; it counts once in every number of
questions, and its seeds together wherever answers are averaged or counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from tspo_bench.report.groups import by_value
from tspo_bench.report.headline import headline, headline_interval
from tspo_bench.report.stats import Interval, accuracy_interval
from tspo_bench.results import Cell, CellSettings
from tspo_bench.types import Record, Status

STATUSES: tuple[Status, ...] = get_args(Status)
FORMAT_VERSION = 2  # of summary.json, which only people and scripts read
FeatureSource = Literal["computed", "cached", "unknown"]


@dataclass(frozen=True)
class GroupSummary:
    """Accuracy within one value of a group, over its n questions."""

    n: int
    accuracy: float | None
    ci95: Interval | None


@dataclass(frozen=True)
class Summary:
    """The figures of one cell; None is undefined. `docs/metrics.md` defines each of them.

    Shares are of 1. `num_withheld` questions have no public right answer and are in no accuracy.
    `accuracy` is over questions, `macro` the mean over the values of the benchmark's own group;
    `headline` is the protocol's figure, which may be either or neither.
    `num_guessed` letters were drawn by the protocol. `num_truncated` replies were cut at the
    longest length; no letter could be read in `num_unread` (unparsed or drawn), of which
    `num_unread_truncated` were cut. `num_short` answers were given fewer frames
    than asked for, though `mean_frames` were given on average; `mean_frames_processed` counts those
    decoded and encoded to choose them. `feature_sources` counts the answers by where the features
    came from that their sampler searched (`feature_source`). `frame_sizes` counts the answers by
    height x width of their frames as the model's processor made them, the commonest first;
    `mean_usage` is what a server counted.
    """

    protocol: str | None
    protocol_hash: str | None
    answer: str | None
    n: int
    num_videos: int
    num_withheld: int
    accuracy: float | None
    ci95: Interval | None
    headline: float | None
    headline_ci95: Interval | None
    macro: float | None
    macro_ci95: Interval | None
    accuracy_answered: float | None
    evidence_recall: float | None
    num_with_evidence: int
    status_counts: Mapping[Status, int]
    num_guessed: int
    num_truncated: int
    num_unread: int
    num_unread_truncated: int
    seconds_per_question: float | None
    feature_sources: Mapping[FeatureSource, int]
    num_filled: int
    num_short: int
    mean_frames: float | None
    mean_frames_processed: Mapping[str, float]
    mean_visual_tokens: float | None
    frame_sizes: Mapping[str, int]
    mean_usage: Mapping[str, float]
    groups: Mapping[str, Mapping[str, GroupSummary]]

    @property
    def num_failed(self) -> int:
        """Records that never got to an answer: neither ok nor unparsed."""
        counts = self.status_counts.items()
        return sum(number for status, number in counts if status not in ("ok", "unparsed"))


_UNKNOWN = CellSettings(task="", sampler="", model="", protocol="", frames=None)


def summarise(
    records: Sequence[Record],
    settings: CellSettings = _UNKNOWN,
    own_headline: float | None = None,
) -> Summary:
    """The figures of a cell's records, or of those of several cells that differ in the seed alone.

    Args:
        records: one for each question asked, and seed.
        settings: the cell's: of interest are `frames` (K, to count the answers that were given
            fewer), `scoring` (see `report.headline`), `macro` (the group that the benchmark
            averages over), and what says how it was asked.
        own_headline: that of a task which scores by its own code (`results.TaskScores`).
    """
    counts = Counter(record.status for record in records)
    known = [record for record in records if record.gold is not None]
    unread = [record for record in records if record.status == "unparsed" or record.guessed]
    given = [len(record.frames) for record in records if not record.failed]
    recalls = [
        (record.question_id, record.evidence_recall)
        for record in records
        if record.evidence_recall is not None
    ]
    timed = [record.timing for record in records if record.timing]
    seconds = math.fsum(second for timing in timed for second in timing.values())
    scoring: Mapping[str, Any] = settings.scoring or {}
    macro = {"average": "macro", "over": settings.macro} if settings.macro else None
    frames = settings.frames or 0
    return Summary(
        protocol=settings.protocol or None,
        protocol_hash=settings.protocol_hash,
        answer=settings.answer,
        n=_num_questions(records),
        num_videos=len({record.video for record in records}),
        num_withheld=_num_questions([record for record in records if record.gold is None]),
        accuracy=accuracy_of(records),
        ci95=_interval(known),
        headline=headline(records, scoring) if own_headline is None else own_headline,
        headline_ci95=headline_interval(records, scoring) if own_headline is None else None,
        macro=headline(records, macro) if macro else None,
        macro_ci95=headline_interval(records, macro) if macro else None,
        accuracy_answered=_accuracy([record for record in known if record.status == "ok"]),
        evidence_recall=_mean(recall for _, recall in recalls),
        num_with_evidence=len({question for question, _ in recalls}),
        status_counts={status: counts[status] for status in STATUSES},
        num_guessed=sum(record.guessed for record in records),
        num_truncated=sum(record.truncated for record in records),
        num_unread=len(unread),
        num_unread_truncated=sum(record.truncated for record in unread),
        seconds_per_question=seconds / len(records) if timed else None,
        feature_sources=count_sources(timed),
        num_filled=sum(record.num_filled for record in records),
        num_short=sum(number < frames for number in given),
        mean_frames=_mean(given),
        mean_frames_processed=_mean_of([record.frames_processed for record in records]),
        mean_visual_tokens=_mean_of([record.seen for record in records]).get("visual_tokens"),
        frame_sizes=_frame_sizes(records),
        mean_usage=_mean_of([record.usage for record in records]),
        groups=_groups(records),
    )


def feature_source(timing: Mapping[str, float]) -> FeatureSource | None:
    """Where the features came from that a record's sampler searched; None where it searched none.

    "cached": from the store, so that the record's seconds lack a scan; "unknown": the record is
    older than the stage that says so.
    """
    if "stored" in timing:
        return "cached"
    if "text" in timing:
        return "computed"
    return "unknown" if "scan" in timing else None


def count_sources(timings: Iterable[Mapping[str, float]]) -> dict[FeatureSource, int]:
    """How many of these records' features came from where; what none has is left out."""
    return dict(Counter(source for timing in timings if (source := feature_source(timing))))


def summarise_cells(cells: Sequence[Cell]) -> Summary:
    """The figures of cells that differ in the seed alone (mostly one cell), together."""
    records = [record for cell in cells for record in cell.records]
    own = [cell.task_scores.headline for cell in cells if cell.task_scores is not None]
    known = [headline for headline in own if headline is not None]
    mean = _mean(known) if len(known) == len(cells) else None
    return summarise(records, cells[0].settings, mean)


def summary_json(summary: Summary) -> dict[str, Any]:
    """A summary as plain JSON values, for summary.json."""
    figures = {**asdict(summary), "num_failed": summary.num_failed}
    return {"format_version": FORMAT_VERSION, **figures}


def accuracy_of(records: Sequence[Record]) -> float | None:
    """The accuracy over all questions with a known right answer; None without one."""
    return _accuracy([record for record in records if record.gold is not None])


def _groups(records: Sequence[Record]) -> dict[str, dict[str, GroupSummary]]:
    """Accuracy by group and value."""
    return {
        group: {value: _group_summary(some) for value, some in values.items()}
        for group, values in by_value(records).items()
    }


def _group_summary(records: Sequence[Record]) -> GroupSummary:
    known = [record for record in records if record.gold is not None]
    return GroupSummary(_num_questions(records), _accuracy(known), _interval(known))


def _frame_sizes(records: Sequence[Record]) -> dict[str, int]:
    """How many answers were given frames of each height and width: {"384x384": 1337}."""
    sizes = [
        r.seen for r in records if r.seen.get("frames") and {"height", "width"} <= r.seen.keys()
    ]
    counts = Counter(f"{seen['height']}x{seen['width']}" for seen in sizes)
    return dict(counts.most_common())


def _mean_of(counts: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """The mean of each key over those that have it."""
    keys = dict.fromkeys(key for count in counts for key in count)
    means = {key: _mean(count[key] for count in counts if key in count) for key in keys}
    return {key: mean for key, mean in means.items() if mean is not None}


def _num_questions(records: Sequence[Record]) -> int:
    return len({record.question_id for record in records})


def _accuracy(records: Sequence[Record]) -> float | None:
    return _mean(record.correct for record in records)


def _interval(records: Sequence[Record]) -> Interval | None:
    return accuracy_interval([r.correct for r in records], [r.video for r in records])


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers) if numbers else None
